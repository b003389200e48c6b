//! How far this device has come: the timeline, and what snapshots left behind.

mod backlog;
mod entry;
mod marks;
mod timeline;

pub(crate) use self::backlog::{Backlogs, Look};
pub(crate) use self::entry::{conversation_record, message};
pub(crate) use self::marks::Marks;
pub(crate) use self::timeline::{Pull, Push, Timeline};
