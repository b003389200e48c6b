//! One contract for every store.

mod fixtures;
mod on_disk;
mod operations;
mod search;
#[macro_use]
mod stories;

use std::sync::Arc;

use eim_client::environment::Environment;
use eim_client::store::{MemoryStore, SqliteStore, Store};

/// A store in a folder that lives as long.
fn sqlite() -> (Arc<dyn Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), &Environment::default()).unwrap();
    (Arc::new(store), folder)
}

on_store!(
    memory,
    tokio::test,
    (std::sync::Arc::new(super::MemoryStore::new()), ())
);
on_store!(sqlite, tokio::test, super::sqlite());
