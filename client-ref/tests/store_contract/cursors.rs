//! The cursor that all programs of a device share: a program that was replaced may still be writing.

use std::sync::Arc;

use eim_client::store::CursorChange::{Advance, Reset};
use eim_client::store::{Batch, Cursor, CursorChange, Store};

use crate::fixtures::{arrival, message};

const fn at(log_epoch: u64, user_seq: u64) -> Cursor {
    Cursor {
        log_epoch,
        user_seq,
    }
}

/// Commits each change and expects the cursor after it, as it is told and as it is loaded.
async fn expect(store: &Arc<dyn Store>, changes: &[(CursorChange, Cursor)]) {
    for (change, expected) in changes {
        let batch = Batch {
            cursor: Some(*change),
            ..Batch::default()
        };
        let applied = store.commit(batch).await.unwrap();
        assert_eq!(applied.cursor, Some(*expected), "told after {change:?}");
        let loaded = store.load(false).await.unwrap();
        assert_eq!(loaded.cursor, *expected, "loaded after {change:?}");
    }
}

pub(crate) async fn the_cursor_goes_back_only_on_purpose(store: Arc<dyn Store>) {
    let changes = [
        (Reset(at(7, 0)), at(7, 0)),
        (Advance(at(7, 6)), at(7, 6)),
        // The program before it.
        (Advance(at(7, 5)), at(7, 6)),
        (Advance(at(7, 6)), at(7, 6)),
        (Advance(at(7, 7)), at(7, 7)),
        (Reset(at(7, 2)), at(7, 2)),
        (Advance(at(7, 3)), at(7, 3)),
    ];
    expect(&store, &changes).await;
    let late = Batch {
        arrivals: vec![arrival(message(1, 1))],
        cursor: Some(Advance(at(7, 1))),
        ..Batch::default()
    };
    let applied = store.commit(late).await.unwrap();
    assert_eq!(applied.cursor, Some(at(7, 3)));
    assert_eq!(applied.arrivals.len(), 1, "the rest of the batch applies");
    let stored = store.latest(message(1, 1).conversation, 9).await.unwrap();
    assert_eq!(stored, [message(1, 1)]);
    let applied = store.commit(Batch::default()).await.unwrap();
    assert_eq!(applied.cursor, None, "no change, nothing told");
}

pub(crate) async fn the_cursor_goes_on_in_its_own_epoch(store: Arc<dyn Store>) {
    let changes = [
        // The first epoch begins without a reset, by the first of two programs.
        (Advance(at(7, 0)), at(7, 0)),
        (Advance(at(7, 9)), at(7, 9)),
        (Advance(at(7, 0)), at(7, 9)),
        (Reset(at(8, 4)), at(8, 4)),
        // A program that has not heard of the new epoch, and one that missed that it ended.
        (Advance(at(7, 10)), at(8, 4)),
        (Advance(at(9, 5)), at(8, 4)),
        (Advance(at(8, 5)), at(8, 5)),
        (Reset(at(7, 3)), at(7, 3)),
        (Advance(at(8, 6)), at(7, 3)),
    ];
    expect(&store, &changes).await;
}
