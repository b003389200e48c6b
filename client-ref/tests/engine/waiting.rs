//! Who waits to join: what HEADS and WAITING tell, the last number once.

use eim_client::{Event, Events};
use eim_codec::id::ConversationId;
use eim_codec::payload::{self, Conversation, ConversationKind, Role, WaitingEvent};
use eim_codec::registry::EventNumber;
use prost::Message as _;

use crate::peer::{GROUP, Peer, World};

fn group(waiting: u32) -> Conversation {
    Conversation {
        conversation: GROUP.to_vec().into(),
        kind: ConversationKind::Group.into(),
        name: "team".to_owned(),
        conv_seq: 1,
        visible_from: 1,
        role: Role::Owner.into(),
        members: 1,
        waiting,
        ..Conversation::default()
    }
}

fn tell(peer: &mut Peer, conversation: &[u8], waiting: u32) {
    let body = WaitingEvent {
        conversation: conversation.to_vec().into(),
        waiting,
    };
    let event = payload::Event {
        event: EventNumber::WAITING.0,
        body: body.encode_to_vec().into(),
    };
    peer.driver.endpoint_mut().event(&event);
}

/// What the application was told so far.
fn told(events: &mut Events) -> Vec<(ConversationId, u32)> {
    let mut told = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Waiting { group, waiting } = event {
            told.push((group, waiting));
        }
    }
    told
}

// test[EIM-GPO-041]
#[tokio::test(start_paused = true)]
async fn the_last_number_counts_and_what_was_left_out_is_asked_for() {
    let team = ConversationId::from(GROUP);
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.heads.conversations = vec![group(2)];
    peer.quiet().await;
    assert_eq!(told(&mut events), [(team, 2)]);
    tell(&mut peer, &GROUP, 3);
    tell(&mut peer, &GROUP, 3);
    tell(&mut peer, &[9; 16], 1);
    peer.quiet().await;
    assert_eq!(told(&mut events), [(team, 3)], "once, and of known groups");
    peer.heads.conversations = vec![group(1)];
    tell(&mut peer, &[], 0);
    peer.quiet().await;
    assert_eq!(
        told(&mut events),
        [(team, 1)],
        "HEADS tells what was left out"
    );
    // What was true on an earlier connection is told anew by the next one.
    drop(peer);
    let mut peer = world.accept(0).await;
    peer.heads.conversations = vec![group(0)];
    peer.quiet().await;
    assert_eq!(told(&mut events), [(team, 0)]);
}
