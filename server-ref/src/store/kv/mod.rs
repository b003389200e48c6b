//! What the store means, written once over any ordered engine.
//!
//! Writes are commands to one commit loop ([`Committing`]); reads go straight to the engine and
//! see committed batches only. Keys are in `keys`, what stands behind them in `record`.

mod accounts;
mod append;
mod blob_reads;
mod blobs;
mod bot_reads;
mod bots;
mod cache;
mod command;
mod committer;
mod contact_list;
mod contacts;
mod content;
mod conversations;
mod cursors;
mod deliver;
mod department_groups;
mod devices;
mod directory;
mod govern;
mod group_log;
mod group_reads;
mod groups;
mod guarded;
mod history;
pub mod inspect;
mod join;
mod keys;
mod load;
mod login;
mod marks;
mod member_index;
mod mentions;
mod meta;
mod modified;
mod modify;
mod notices;
mod notifications;
mod notify;
mod octets;
mod options;
mod owed;
mod pending;
mod people;
mod profiles;
mod recent;
mod record;
mod store;
mod sweep;
mod timeline;
mod unread;
mod users;

pub use self::committer::Committing;
pub use self::meta::raise_log_epoch;
pub use self::options::{Environment, Options};
pub use self::store::KvStore;
