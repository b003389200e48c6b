//! Calls: signals in order, each once, and those that were missed.

use eim_client::{Client, Event, Events};
use eim_codec::id::CallId;
use eim_codec::payload::{
    self, CallEvent, CallSignalKind as Kind, CallSignalsResponse, CallsResponse, request, response,
};
use eim_codec::registry::{ErrorCode, EventNumber};
use prost::Message as _;

use crate::peer::{BOB, GROUP, ME, Peer, World};

const CALL: [u8; 16] = [4; 16];

async fn start(world: &mut World) -> (Client, Events, Peer) {
    let mut options = world.options();
    options.calls = true;
    let (client, events) = world.start_with(options).await;
    let peer = world.accept(0).await;
    (client, events, peer)
}

fn signal(call_seq: u64, kind: Kind, from: [u8; 16]) -> payload::CallSignal {
    payload::CallSignal {
        call: CALL.to_vec().into(),
        call_seq,
        kind: kind.into(),
        user: from.to_vec().into(),
        device: [9; 16].to_vec().into(),
        ..payload::CallSignal::default()
    }
}

fn info(call_seq: u64) -> payload::Call {
    payload::Call {
        call: CALL.to_vec().into(),
        conversation: GROUP.to_vec().into(),
        state: payload::CallState::Ringing.into(),
        call_seq,
        caller: BOB.to_vec().into(),
        ..payload::Call::default()
    }
}

fn tell(peer: &mut Peer, signal: payload::CallSignal) {
    let signal = Some(signal);
    let body = CallEvent { signal }.encode_to_vec().into();
    let event = EventNumber::CALL.0;
    let event = payload::Event { event, body };
    peer.driver.endpoint_mut().event(&event);
}

/// The next request is CALLS; these are the answer.
async fn list(peer: &mut Peer, calls: Vec<payload::Call>) {
    let request = peer.request().await;
    assert!(matches!(request.body, Some(request::Body::Calls(_))));
    peer.respond(&request, response::Body::Calls(CallsResponse { calls }));
}

/// The next request is CALL_SIGNALS after a number; these are the answer.
async fn signals(peer: &mut Peer, after: u64, signals: Vec<payload::CallSignal>, more: bool) {
    let request = peer.request().await;
    let Some(request::Body::CallSignals(ask)) = &request.body else {
        panic!("not for signals: {request:?}");
    };
    assert_eq!(ask.after, after);
    let call = Some(info(9));
    let page = CallSignalsResponse {
        call,
        signals,
        more,
    };
    peer.respond(&request, response::Body::CallSignals(page));
}

async fn heard(events: &mut Events) -> (u64, bool) {
    loop {
        match events.next().await {
            Some(Event::Call { signal, rings }) => return (signal.call_seq, rings),
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
}

// test[EIM-CAL-028, EIM-CAL-029]
#[tokio::test(start_paused = true)]
async fn what_was_missed_is_read_again_and_taken_up_in_order() {
    let mut world = World::at(0).await;
    let (_client, mut events, mut peer) = start(&mut world).await;
    list(&mut peer, vec![info(1)]).await;
    signals(&mut peer, 0, vec![signal(1, Kind::Offer, BOB)], false).await;
    peer.quiet().await;
    assert_eq!(heard(&mut events).await, (1, true));
    tell(&mut peer, signal(4, Kind::Candidate, BOB));
    let missed = vec![signal(2, Kind::Ringing, ME), signal(3, Kind::Answer, ME)];
    signals(&mut peer, 1, missed, true).await;
    signals(&mut peer, 3, vec![signal(4, Kind::Candidate, BOB)], false).await;
    tell(&mut peer, signal(4, Kind::Candidate, BOB));
    tell(&mut peer, signal(5, Kind::Candidate, BOB));
    peer.quiet().await;
    let mut all = Vec::new();
    for _ in 2..=5 {
        all.push(heard(&mut events).await);
    }
    assert_eq!(all, [(2, true), (3, false), (4, false), (5, false)]);
    drop(peer);
    let mut peer = world.accept(0).await;
    list(&mut peer, vec![info(6)]).await;
    signals(&mut peer, 5, vec![signal(6, Kind::Update, BOB)], false).await;
    peer.quiet().await;
    assert_eq!(heard(&mut events).await, (6, false));
    let event = EventNumber::CALLS_STALE.0;
    let body = bytes::Bytes::new();
    let stale = payload::Event { event, body };
    peer.driver.endpoint_mut().event(&stale);
    list(&mut peer, vec![info(7)]).await;
    signals(&mut peer, 6, vec![signal(7, Kind::End, BOB)], false).await;
    peer.quiet().await;
    assert_eq!(heard(&mut events).await, (7, false));
}

/// What an application hears of calls: numbers of signals, 0 for a call that is gone.
async fn told(events: &mut Events, count: usize) -> Vec<u64> {
    let mut told = Vec::new();
    while told.len() < count {
        match events.next().await {
            Some(Event::Call { signal, .. }) => told.push(signal.call_seq),
            Some(Event::CallGone(_)) => told.push(0),
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
    told
}

// test[EIM-CAL-030]
#[tokio::test(start_paused = true)]
async fn a_call_that_was_started_once_more_is_heard_from_its_beginning() {
    let offer = |time_ms| payload::CallSignal {
        time_ms,
        ..signal(1, Kind::Offer, BOB)
    };
    let since = |started_ms, call_seq| payload::Call {
        started_ms,
        ..info(call_seq)
    };
    let mut world = World::at(0).await;
    let (_client, mut events, mut peer) = start(&mut world).await;
    list(&mut peer, vec![]).await;
    tell(&mut peer, offer(5));
    tell(&mut peer, signal(2, Kind::Ringing, ME));
    peer.quiet().await;
    assert_eq!(told(&mut events, 2).await, [1, 2]);

    // The list tells of it, and the numbers say nothing.
    drop(peer);
    let mut peer = world.accept(0).await;
    list(&mut peer, vec![since(6, 2)]).await;
    let both = vec![offer(6), signal(2, Kind::Ringing, ME)];
    signals(&mut peer, 0, both, false).await;
    peer.quiet().await;
    assert_eq!(told(&mut events, 3).await, [0, 1, 2]);

    // It is over already, and only whoever asks for its signals learns of it.
    drop(peer);
    let mut peer = world.accept(0).await;
    list(&mut peer, vec![]).await;
    let request = peer.request().await;
    let page = CallSignalsResponse {
        call: Some(since(7, 2)),
        ..CallSignalsResponse::default()
    };
    peer.respond(&request, response::Body::CallSignals(page));
    let request = peer.request().await;
    let page = CallSignalsResponse {
        call: Some(since(7, 2)),
        signals: vec![offer(7), signal(2, Kind::End, BOB)],
        more: false,
    };
    peer.respond(&request, response::Body::CallSignals(page));
    peer.quiet().await;
    assert_eq!(told(&mut events, 3).await, [0, 1, 2]);

    // An event says so first.
    drop(peer);
    let mut peer = world.accept(0).await;
    list(&mut peer, vec![]).await;
    tell(&mut peer, offer(8));
    peer.quiet().await;
    assert_eq!(told(&mut events, 1).await, [1]);
}

// test[EIM-CAL-027]
#[tokio::test(start_paused = true)]
async fn a_call_that_the_server_does_not_know_any_more_is_over() {
    let mut world = World::at(0).await;
    let (_client, mut events, mut peer) = start(&mut world).await;
    list(&mut peer, vec![]).await;
    tell(&mut peer, signal(1, Kind::Offer, BOB));
    peer.quiet().await;
    assert_eq!(heard(&mut events).await, (1, true));
    drop(peer);
    let mut peer = world.accept(0).await;
    list(&mut peer, vec![]).await;
    let request = peer.request().await;
    assert!(matches!(request.body, Some(request::Body::CallSignals(_))));
    peer.refuse(&request, ErrorCode::NOT_FOUND);
    peer.quiet().await;
    loop {
        match events.next().await {
            Some(Event::CallGone(call)) => {
                assert_eq!(call, CallId::from(CALL));
                return;
            }
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
}
