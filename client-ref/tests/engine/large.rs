//! Conversations that are read from their logs.

use bytes::Bytes;
use eim_client::store::{Backlog, Batch, ConversationRecord, Store};
use eim_codec::payload::{
    self, ConversationKind, FanOut, MembershipBody, MembershipChange, ModeBody, Role,
};
use eim_codec::registry::FrameType;
use prost::Message as _;

use crate::peer::{BOB, EPOCH, GROUP, ME, World, entry, heads, large, listed, messages};
use crate::sync::{cursor, page, store, stored};

/// An entry of another type with a body.
fn change(conv_seq: u64, frame_type: FrameType, body: Vec<u8>) -> payload::Entry {
    payload::Entry {
        r#type: u32::from(frame_type.0),
        client_msg_id: Bytes::new(),
        body: body.into(),
        ..entry(conv_seq)
    }
}

fn membership(
    conv_seq: u64,
    change_: MembershipChange,
    user: [u8; 16],
    role: Role,
) -> payload::Entry {
    let body = MembershipBody {
        change: change_.into(),
        users: vec![Bytes::copy_from_slice(&user)],
        role: role.into(),
        ..MembershipBody::default()
    };
    change(conv_seq, FrameType::MEMBERSHIP, body.encode_to_vec())
}

fn record(conv_seq: u64, fan_out: FanOut) -> ConversationRecord {
    ConversationRecord {
        conversation: GROUP.into(),
        kind: ConversationKind::Group,
        name: "team".to_owned(),
        conv_seq,
        visible_from: 1,
        visible_through: 0,
        role: Role::Member,
        peer: None,
        time_ms: 1,
        members: 2,
        fan_out,
        backlog: Backlog::None,
    }
}

/// A device that holds a large group through this number.
async fn holding(through: u64) -> World {
    let world = World::at(1).await;
    store(
        &world,
        (1..=through).map(|seq| stored(seq, EPOCH, BOB)).collect(),
    )
    .await;
    let batch = Batch {
        conversations: vec![record(through, FanOut::Read)],
        ..Batch::default()
    };
    world.store.commit(batch).await.unwrap();
    world
}

async fn kept(world: &World) -> ConversationRecord {
    world.store.conversations().await.unwrap().remove(0)
}

// test[EIM-LGR-010]
#[tokio::test(start_paused = true)]
async fn a_login_reads_what_was_written_meanwhile() {
    let mut world = holding(2).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(4)];
    peer.open(EPOCH, 1, None).await;
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (3, 4));
    peer.respond(&request, page(vec![entry(3), entry(4)], 4, false));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3), (0, 4)]);
    let kept = kept(&world).await;
    assert_eq!((kept.conv_seq, kept.backlog), (4, Backlog::None));
}

#[tokio::test(start_paused = true)]
async fn what_was_being_read_is_read_on_after_a_restart() {
    let mut world = holding(2).await;
    let (client, _events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(4)];
    peer.open(EPOCH, 1, None).await;
    peer.history().await;
    // The process ends before the answer.
    drop((client, peer));
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(4)];
    peer.open(EPOCH, 1, None).await;
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (3, 4));
    peer.respond(&request, page(vec![entry(3), entry(4)], 4, false));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3), (0, 4)]);
}

// test[EIM-LGR-011]
#[tokio::test(start_paused = true)]
async fn pushes_in_order_ask_nothing_and_a_head_beyond_them_is_read() {
    let mut world = holding(2).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(2)];
    peer.open(EPOCH, 1, None).await;
    peer.quiet().await;
    peer.push(0, entry(3));
    peer.push(0, entry(4));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3), (0, 4)]);
    peer.changed = vec![(GROUP.into(), 4)];
    peer.quiet_for(std::time::Duration::from_secs(15)).await;
    assert!(peer.changed.is_empty(), "PONG said what is known");
    // The push of number 5 was lost.
    peer.changed = vec![(GROUP.into(), 5)];
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (5, 5));
    peer.respond(&request, page(vec![entry(5)], 5, false));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 5)]);
}

// test[EIM-LGR-011]
#[tokio::test(start_paused = true)]
async fn heads_of_lagged_and_an_overflow_are_looked_into() {
    let mut world = holding(2).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(2)];
    peer.open(EPOCH, 1, None).await;
    peer.quiet().await;
    peer.driver.endpoint_mut().lagged(payload::Lagged {
        log_epoch: EPOCH,
        user_seq: 1,
        heads: heads(&[(GROUP.into(), 3)]),
        heads_overflow: false,
    });
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (3, 3));
    peer.respond(&request, page(vec![entry(3)], 3, false));
    peer.quiet().await;
    peer.heads.conversations = vec![large(4)];
    peer.overflow = true;
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (4, 4));
    peer.respond(&request, page(vec![entry(4)], 4, false));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3), (0, 4)]);
}

/// A head of a log of which this user saw the end: it is a member again, and reads from there on.
// test[EIM-LGR-011]
#[tokio::test(start_paused = true)]
async fn a_head_of_a_group_that_this_user_had_left_is_asked_about() {
    let mut world = holding(2).await;
    let former = ConversationRecord {
        visible_through: 2,
        role: Role::Unspecified,
        ..record(2, FanOut::Read)
    };
    let batch = Batch {
        conversations: vec![former],
        ..Batch::default()
    };
    world.store.commit(batch).await.unwrap();
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![payload::Conversation {
        visible_through: 2,
        role: Role::Unspecified.into(),
        ..large(2)
    }];
    peer.open(EPOCH, 1, None).await;
    peer.quiet().await;
    peer.heads.conversations = vec![payload::Conversation {
        visible_from: 3,
        ..large(5)
    }];
    peer.driver.endpoint_mut().lagged(payload::Lagged {
        log_epoch: EPOCH,
        user_seq: 1,
        heads: heads(&[(GROUP.into(), 5)]),
        heads_overflow: false,
    });
    let minute = std::time::Duration::from_secs(60);
    let asked = tokio::time::timeout(minute, peer.history()).await;
    let (request, asked) = asked.expect("what is missing is asked for");
    assert_eq!((asked.first, asked.last), (3, 5));
    peer.respond(&request, page(vec![entry(3), entry(4), entry(5)], 5, false));
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(0, 3), (0, 4), (0, 5)]
    );
}

/// What concerns this user comes by the timeline, and says how far the log has come.
#[tokio::test(start_paused = true)]
async fn an_entry_of_the_timeline_shows_what_is_missing_of_the_log() {
    let mut world = holding(2).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(2)];
    peer.open(EPOCH, 1, None).await;
    peer.quiet().await;
    peer.push(2, membership(5, MembershipChange::Role, ME, Role::Admin));
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (3, 4));
    peer.respond(&request, page(vec![entry(3), entry(4)], 5, false));
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(2, 5), (0, 3), (0, 4)]
    );
}

// test[EIM-LGR-012]
#[tokio::test(start_paused = true)]
async fn a_group_that_grows_large_loses_nothing() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![listed(0)];
    peer.open(EPOCH, 0, None).await;
    peer.quiet().await;
    peer.push(1, entry(1));
    let mode = ModeBody {
        fan_out: FanOut::Read.into(),
    };
    peer.push(2, change(2, FrameType::MODE, mode.encode_to_vec()));
    peer.push(0, entry(3));
    cursor(&mut peer, 2).await;
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(1, 1), (2, 2), (0, 3)]
    );
    // An answer from before it changes nothing any more.
    peer.push(3, membership(4, MembershipChange::Role, ME, Role::Admin));
    peer.quiet().await;
    assert_eq!(kept(&world).await.fan_out, FanOut::Read);
    peer.changed = vec![(GROUP.into(), 6)];
    let (_request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (5, 6));
}

/// Too many hear of a change for each of them to ask about it.
#[tokio::test(start_paused = true)]
async fn changes_of_a_large_group_are_taken_from_the_entry() {
    let mut world = holding(2).await;
    let (_client, _events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.heads.conversations = vec![large(2)];
    peer.open(EPOCH, 1, None).await;
    peer.quiet().await;
    // Asked again, HEADS would say so.
    peer.heads.conversations.clear();
    peer.push(0, membership(3, MembershipChange::Added, BOB, Role::Member));
    let settings = payload::SettingsBody {
        name: "crowd".to_owned(),
        ..payload::SettingsBody::default()
    };
    peer.push(0, change(4, FrameType::SETTINGS, settings.encode_to_vec()));
    peer.quiet().await;
    let kept = kept(&world).await;
    assert_eq!((kept.members, kept.name.as_str()), (3, "crowd"));
    assert_eq!(kept.conv_seq, 4);
}
