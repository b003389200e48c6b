//! Beyond the contract: what only a store on disk promises.

use eim_client::environment::Environment;
use eim_client::store::{Batch, SqliteStore, Store};

use crate::fixtures::{arrival, identity, item, message};

#[tokio::test]
async fn survives_being_closed() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::default();
    {
        let store = SqliteStore::open(folder.path(), &environment).unwrap();
        let batch = Batch {
            identity: Some(identity()),
            outbox: vec![item(1), item(2)],
            arrivals: vec![arrival(message(1, 1))],
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
    }
    let store = SqliteStore::open(folder.path(), &environment).unwrap();
    assert!(
        store.load(false).await.unwrap().outbox.is_empty(),
        "not adopted"
    );
    let loaded = store.load(true).await.unwrap();
    assert_eq!(loaded.identity, Some(identity()));
    assert_eq!(loaded.outbox.len(), 2);
    assert_eq!(
        store
            .latest(message(1, 1).conversation, 9)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn leaves_the_outbox_of_a_living_process_alone() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::default();
    let first = SqliteStore::open(folder.path(), &environment).unwrap();
    let second = SqliteStore::open(folder.path(), &environment).unwrap();
    first
        .commit(Batch {
            outbox: vec![item(1)],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert!(second.load(true).await.unwrap().outbox.is_empty());
    assert_eq!(second.outbox_len().await.unwrap(), 1);
    drop(first);
    assert_eq!(second.load(true).await.unwrap().outbox.len(), 1);
}

/// `eim status` looks while a sender of the device is in the middle of a commit, or stands still.
#[tokio::test]
async fn readers_do_not_wait_for_the_writer_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::default();
    let writer = SqliteStore::open(folder.path(), &environment).unwrap();
    writer
        .commit(Batch {
            outbox: vec![item(1)],
            ..Batch::default()
        })
        .await
        .unwrap();
    let other = rusqlite::Connection::open(folder.path().join("messages.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let reader = SqliteStore::open(folder.path(), &environment).unwrap();
    assert_eq!(reader.outbox_len().await.unwrap(), 1);
    reader.load(false).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn is_private() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    let _store = SqliteStore::open(&profile, &Environment::default()).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&profile), 0o700);
    assert_eq!(mode(&profile.join("messages.sqlite")), 0o600);
}
