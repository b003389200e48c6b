//! Two programs of a device over one store: the one behind leaves the cursor to the other.

use eim_client::store::CursorChange::{self, Advance, Reset};
use eim_client::store::{Batch, Cursor, Store};
use eim_codec::connection::ServerEvent;

use crate::peer::{EPOCH, Peer, World, entry, messages};

const fn at(log_epoch: u64, user_seq: u64) -> Cursor {
    Cursor {
        log_epoch,
        user_seq,
    }
}

/// What another program of the device does meanwhile.
async fn meanwhile(world: &World, cursor: CursorChange) {
    let batch = Batch {
        cursor: Some(cursor),
        ..Batch::default()
    };
    world.store.commit(batch).await.unwrap();
}

async fn told(peer: &mut Peer, expected: Cursor) {
    loop {
        if let ServerEvent::Cursor {
            log_epoch,
            user_seq,
        } = peer.next().await
            && at(log_epoch, user_seq) == expected
        {
            return;
        }
    }
}

// Found by the simulation: a program that was replaced while its line was slow wrote its cursor over
// the higher one of its successor, which never asked again.
#[tokio::test(start_paused = true)]
async fn a_program_that_is_behind_does_not_put_the_cursor_back() {
    let mut world = World::at(4).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(4).await;
    peer.quiet().await;
    meanwhile(&world, Advance(at(EPOCH, 6))).await;
    peer.push(5, entry(5));
    // It knows what is stored, and goes on by itself.
    told(&mut peer, at(EPOCH, 6)).await;
    assert_eq!(
        world.store.load(false).await.unwrap().cursor,
        at(EPOCH, 6),
        "after 5"
    );
    peer.push(6, entry(6));
    peer.push(7, entry(7));
    told(&mut peer, at(EPOCH, 7)).await;
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(5, 5), (6, 6), (7, 7)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_program_of_an_epoch_that_is_over_leaves_the_new_one_alone() {
    let mut world = World::at(4).await;
    let (_client, _events) = world.start().await;
    let mut peer = world.accept(4).await;
    peer.quiet().await;
    meanwhile(&world, Reset(at(EPOCH + 1, 2))).await;
    peer.push(5, entry(5));
    peer.quiet().await;
    let held = world.store.load(false).await.unwrap().cursor;
    assert_eq!(held, at(EPOCH + 1, 2));
    drop(peer);
    // The next connection is of the new epoch, and the snapshot of it.
    let mut peer = world.dialled().await;
    peer.open(EPOCH + 1, 3, None).await;
    told(&mut peer, at(EPOCH + 1, 3)).await;
    let held = world.store.load(false).await.unwrap().cursor;
    assert_eq!(held, at(EPOCH + 1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_was_put_into_an_older_epoch_is_begun_anew() {
    let mut world = World::at(4).await;
    let (_client, _events) = world.start().await;
    let mut peer = world.accept(4).await;
    peer.quiet().await;
    meanwhile(&world, Reset(at(EPOCH - 1, 9))).await;
    peer.heads.user_seq = 5;
    peer.push(5, entry(5));
    told(&mut peer, at(EPOCH, 5)).await;
    let held = world.store.load(false).await.unwrap().cursor;
    assert_eq!(held, at(EPOCH, 5));
}
