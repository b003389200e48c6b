//! Records: what stands behind the keys. Each begins with the version of its layout.
//!
//! Records that every message writes are packed by hand; the others are Protobuf messages.

pub(super) mod act;
pub(super) mod blob;
pub(super) mod bot;
pub(super) mod entry;
pub(super) mod modified;
pub(super) mod notify;
pub(super) mod state;
pub(super) mod timeline;
