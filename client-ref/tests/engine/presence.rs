//! Presence and typing: asked again on every connection, and forgotten with it.

use std::time::Duration;

use eim_client::{Event, Events, Presence};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    self, PresenceEvent, PresenceResponse, PresenceSetRequest, PresenceSetResponse, PresenceState,
    TypingEvent, TypingResponse, request, response,
};
use eim_codec::registry::EventNumber;

use crate::peer::{Peer, World, entry};

const BOB: [u8; 16] = [8; 16];

fn bob(state: PresenceState) -> payload::Presence {
    payload::Presence {
        user: BOB.to_vec().into(),
        state: state.into(),
        ..payload::Presence::default()
    }
}

fn answer(state: PresenceState) -> response::Body {
    let presences = vec![bob(state)];
    response::Body::Presence(PresenceResponse { presences })
}

fn tell(peer: &mut Peer, event: EventNumber, body: &impl prost::Message) {
    let event = event.0;
    let body = body.encode_to_vec().into();
    let event = payload::Event { event, body };
    peer.driver.endpoint_mut().event(&event);
}

async fn presence(events: &mut Events) -> Vec<(UserId, PresenceState)> {
    loop {
        match events.next().await {
            Some(Event::Presence(told)) => {
                let state = |it: &Presence| (it.user, it.state);
                return told.iter().map(state).collect();
            }
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
}

async fn typing(events: &mut Events) -> (ConversationId, UserId, bool) {
    loop {
        match events.next().await {
            Some(Event::Typing {
                conversation,
                user,
                typing,
            }) => return (conversation, user, typing),
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
}

// test[EIM-PRS-026]
// test[EIM-PRS-027]
#[tokio::test(start_paused = true)]
async fn what_was_asked_is_asked_again_and_what_was_told_is_unknown_meanwhile() {
    let mut world = World::at(0).await;
    let (client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    let bobs = UserId::from(BOB);
    let asking = client.clone();
    let watched = tokio::spawn(async move { asking.watch(&[bobs]).await });
    let request = peer.request().await;
    peer.respond(&request, answer(PresenceState::Offline));
    let found = peer.until(watched).await.unwrap();
    assert_eq!(found[0].state, PresenceState::Offline);
    // In its place among the events too: what came first would be nobody's guess otherwise.
    let offline = presence(&mut events).await;
    assert_eq!(offline, [(bobs, PresenceState::Offline)]);
    let asking = client.clone();
    let said = tokio::spawn(async move { asking.set_presence(true, "lunch").await });
    let request = peer.request().await;
    let set = response::Body::PresenceSet(PresenceSetResponse {});
    peer.respond(&request, set.clone());
    peer.until(said).await.unwrap();
    let presences = vec![bob(PresenceState::Online)];
    tell(
        &mut peer,
        EventNumber::PRESENCE,
        &PresenceEvent { presences },
    );
    peer.quiet().await;
    let online = presence(&mut events).await;
    assert_eq!(online, [(bobs, PresenceState::Online)]);
    drop(peer);
    let unknown = presence(&mut events).await;
    assert_eq!(unknown, [(bobs, PresenceState::Unspecified)]);
    let mut peer = world.accept(0).await;
    let request = peer.request().await;
    let again = PresenceSetRequest {
        away: true,
        status: "lunch".to_owned(),
    };
    assert_eq!(request.body, Some(request::Body::PresenceSet(again)));
    peer.respond(&request, set);
    let request = peer.request().await;
    let Some(request::Body::PresenceSubscribe(ask)) = &request.body else {
        panic!("not a subscription: {request:?}");
    };
    assert_eq!(ask.users, [bobs.to_bytes()]);
    peer.respond(&request, answer(PresenceState::Away));
    peer.quiet().await;
    let away = presence(&mut events).await;
    assert_eq!(away, [(bobs, PresenceState::Away)]);
}

// test[EIM-PRS-024]
#[tokio::test(start_paused = true)]
async fn typing_ends_by_itself_with_a_message_and_with_the_connection() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    let sent = entry(1);
    let conversation = ConversationId::from_slice(&sent.conversation).unwrap();
    let user = UserId::from_slice(&sent.sender).unwrap();
    let types = TypingEvent {
        conversation: conversation.to_bytes(),
        user: user.to_bytes(),
        typing: true,
    };
    tell(&mut peer, EventNumber::TYPING, &types);
    peer.quiet_for(Duration::from_millis(5_900)).await;
    assert_eq!(typing(&mut events).await, (conversation, user, true));
    peer.quiet_for(Duration::from_millis(200)).await;
    assert_eq!(typing(&mut events).await, (conversation, user, false));
    tell(&mut peer, EventNumber::TYPING, &types);
    peer.quiet().await;
    assert_eq!(typing(&mut events).await, (conversation, user, true));
    peer.push(1, sent);
    peer.quiet().await;
    assert_eq!(typing(&mut events).await, (conversation, user, false));
    tell(&mut peer, EventNumber::TYPING, &types);
    peer.quiet().await;
    assert_eq!(typing(&mut events).await, (conversation, user, true));
    drop(peer);
    assert_eq!(typing(&mut events).await, (conversation, user, false));
}

// test[EIM-PRS-025]
#[tokio::test(start_paused = true)]
async fn every_key_is_told_to_the_client_and_few_of_them_to_the_server() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    let conversation = ConversationId::from([3; 16]);
    let mut told = Vec::new();
    for typing in [true, true, true, false, false, true] {
        client.typing(conversation, typing).await.unwrap();
    }
    for _ in 0..3 {
        let request = peer.request().await;
        match &request.body {
            Some(request::Body::Typing(ask)) => told.push(ask.typing),
            other => panic!("TYPING, not {other:?}"),
        }
        peer.respond(&request, response::Body::Typing(TypingResponse {}));
    }
    assert_eq!(told, [true, false, true]);
    peer.quiet().await;
}
