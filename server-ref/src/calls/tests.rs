//! Calls: who hears what, who may what, and when a call is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use eim_codec::id::{DeviceId, RequestId};
use eim_codec::payload::{CallEnd, CallSignalKind as Kind, CallState};

use super::*;
use crate::hub::{Mail, Mailbox, Owner, QueueLimits, Receives, Room};

const TENANT: TenantId = TenantId(1);
const CALL: [u8; 16] = [9; 16];
const ROOM: Room = Room {
    frames: 100,
    octets: 1 << 20,
    quiet: true,
};

#[derive(Debug, Default)]
struct Time(AtomicU64);

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Place {
    hub: Arc<Hub>,
    calls: Calls,
    time: Arc<Time>,
    keys: AtomicU64,
}

fn party(user: u8, device: u8) -> Party {
    Party {
        user: [user; 16].into(),
        device: DeviceId::from([device; 16]),
    }
}

impl Place {
    fn new(rules: Rules) -> Self {
        let limits = QueueLimits {
            frames: 8,
            octets: 1 << 20,
        };
        let hub = Arc::new(Hub::new(limits, 1 << 20));
        let time = Arc::new(Time::default());
        time.0.store(1_000, Ordering::Relaxed);
        let clock = Arc::clone(&time) as _;
        Self {
            calls: Calls::new(Arc::clone(&hub), clock, rules),
            hub,
            time,
            keys: AtomicU64::new(1),
        }
    }

    fn comes(&self, party: Party) -> Arc<Mailbox> {
        let owner = Owner {
            tenant: TENANT,
            user: party.user,
            device: party.device,
        };
        self.hub.register(owner, Receives::Pushes)
    }

    fn key(&self) -> RequestId {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        RequestId::from(u128::from(number).to_be_bytes())
    }

    fn wanted(&self, from: Party, kind: Kind) -> Wanted {
        Wanted {
            from,
            key: self.key(),
            kind,
            body: Bytes::from_static(b"sdp"),
        }
    }

    /// User 1 calls users 1 to `members`.
    fn start(&self, members: u8) {
        let offer = self.wanted(party(1, 1), Kind::Offer);
        let members = (1..=members).map(|user| [user; 16].into()).collect();
        let conversation = [7; 16].into();
        let place = (TENANT, CALL.into());
        self.calls
            .start(place, conversation, members, offer)
            .unwrap();
    }

    fn signal(&self, from: Party, kind: Kind) -> Result<u64, NotSignalled> {
        let wanted = self.wanted(from, kind);
        let added = self.calls.signal(TENANT, CALL.into(), wanted)?;
        Ok(added.call_seq)
    }

    fn passes(&self, ms: u64) {
        self.time.0.fetch_add(ms, Ordering::Relaxed);
        self.calls.tick();
    }

    fn signals(&self) -> (CallView, Vec<(Kind, CallEnd)>) {
        let found = self
            .calls
            .after(TENANT, CALL.into(), party(1, 1).user, 0)
            .unwrap();
        (found.0, kinds(found.1.iter()))
    }
}

fn kinds<'a>(signals: impl Iterator<Item = &'a Arc<Signal>>) -> Vec<(Kind, CallEnd)> {
    signals.map(|it| (it.kind, it.reason)).collect()
}

fn heard(mailbox: &Mailbox) -> Vec<u64> {
    let cx = Context::from_waker(Waker::noop());
    match mailbox.poll(&cx, ROOM) {
        Poll::Ready(Mail::Rings(rings)) => rings.signals.iter().map(|it| it.call_seq).collect(),
        _ => Vec::new(),
    }
}

const CONFLICT: fn(&NotSignalled) -> bool =
    |refused| matches!(refused, NotSignalled::NotAdded(NotAdded::Conflict(_)));

#[test]
fn every_device_but_the_sender_hears_every_signal_in_order() {
    let place = Place::new(Rules::default());
    let caller = place.comes(party(1, 1));
    let also_callers = place.comes(party(1, 2));
    let phone = place.comes(party(2, 1));
    let desktop = place.comes(party(2, 2));
    let stranger = place.comes(party(3, 1));
    place.start(2);
    assert_eq!(place.signal(party(2, 1), Kind::Ringing), Ok(2));
    assert_eq!(place.signal(party(2, 2), Kind::Answer), Ok(3));
    assert_eq!(place.signal(party(1, 1), Kind::Candidate), Ok(4));
    assert_eq!(heard(&caller), [2, 3]);
    assert_eq!(heard(&also_callers), [1, 2, 3, 4]);
    assert_eq!(heard(&phone), [1, 3, 4]);
    assert_eq!(heard(&desktop), [1, 2, 4]);
    assert!(heard(&stranger).is_empty());
    let (view, _) = place.signals();
    assert_eq!(view.state, CallState::Active);
    assert_eq!(view.devices, [party(1, 1), party(2, 2)]);
}

#[test]
fn one_device_of_a_user_takes_part() {
    let place = Place::new(Rules::default());
    place.start(3);
    assert!(
        place
            .signal(party(2, 1), Kind::Candidate)
            .is_err_and(|it| CONFLICT(&it))
    );
    assert!(
        place
            .signal(party(1, 2), Kind::Answer)
            .is_err_and(|it| CONFLICT(&it))
    );
    place.signal(party(2, 1), Kind::Answer).unwrap();
    for kind in [Kind::Answer, Kind::Ringing, Kind::Decline, Kind::Hangup] {
        let refused = place.signal(party(2, 2), kind);
        assert!(refused.is_err_and(|it| CONFLICT(&it)), "{kind:?}");
    }
    // Who hung up may come back while others talk.
    place.signal(party(3, 1), Kind::Answer).unwrap();
    place.signal(party(2, 1), Kind::Hangup).unwrap();
    place.signal(party(2, 2), Kind::Answer).unwrap();
    assert_eq!(
        place.signal(party(4, 1), Kind::Answer),
        Err(NotSignalled::Unknown)
    );
}

#[test]
fn a_call_ends_for_one_reason_and_nothing_follows() {
    let end = |steps: &[(Party, Kind)], members| {
        let place = Place::new(Rules::default());
        place.start(members);
        for (from, kind) in steps {
            place.signal(*from, *kind).unwrap();
        }
        let (view, kinds) = place.signals();
        assert_eq!(view.state, CallState::Ended, "{steps:?}");
        let late = place.signal(party(2, 1), Kind::Answer);
        assert!(late.is_err_and(|it| CONFLICT(&it)));
        assert!(place.calls.list(TENANT, [1; 16].into()).is_empty());
        kinds.last().copied()
    };
    let (a, b, c) = (party(1, 1), party(2, 1), party(3, 1));
    let because = |reason| Some((Kind::End, reason));
    assert_eq!(end(&[(a, Kind::Hangup)], 2), because(CallEnd::Cancelled));
    assert_eq!(end(&[(b, Kind::Decline)], 2), because(CallEnd::Declined));
    let both = [(b, Kind::Decline), (c, Kind::Decline)];
    assert_eq!(end(&both, 3), because(CallEnd::Declined));
    let talk = [(b, Kind::Answer), (b, Kind::Hangup)];
    assert_eq!(end(&talk, 2), because(CallEnd::Hangup));
}

#[test]
fn unanswered_calls_end_and_are_forgotten() {
    let rules = Rules::default();
    let place = Place::new(rules);
    let callee = place.comes(party(2, 1));
    let _caller = place.comes(party(1, 1));
    place.start(2);
    place.passes(rules.ring_ms - 1);
    assert_eq!(place.signals().0.state, CallState::Ringing);
    place.passes(1);
    assert_eq!(
        place.signals().1.last(),
        Some(&(Kind::End, CallEnd::NoAnswer))
    );
    assert_eq!(heard(&callee), [1, 2]);
    place.passes(rules.mailbox_ms);
    assert_eq!(place.calls.load(), 1);
    place.passes(1);
    assert_eq!(place.calls.load(), 0);
    assert_eq!(
        place.signal(party(1, 1), Kind::Hangup),
        Err(NotSignalled::Unknown)
    );
}

#[test]
fn a_device_without_a_connection_hangs_up() {
    let rules = Rules::default();
    let place = Place::new(rules);
    let caller = place.comes(party(1, 1));
    let callee = place.comes(party(2, 1));
    place.start(2);
    place.signal(party(2, 1), Kind::Answer).unwrap();
    place.passes(rules.absent_ms);
    assert_eq!(place.signals().0.state, CallState::Active);
    place.hub.unregister(&callee);
    place.passes(rules.absent_ms - 1);
    assert_eq!(place.signals().0.state, CallState::Active);
    place.passes(1);
    let hung_up = [
        (Kind::Hangup, CallEnd::Unspecified),
        (Kind::End, CallEnd::Hangup),
    ];
    assert!(place.signals().1.ends_with(&hung_up));
    assert_eq!(heard(&caller), [2, 3, 4]);
}

#[test]
fn the_same_request_adds_one_signal() {
    let place = Place::new(Rules::default());
    place.start(2);
    let wanted = place.wanted(party(2, 1), Kind::Ringing);
    let add = |wanted| place.calls.signal(TENANT, CALL.into(), wanted).unwrap();
    let (first, again) = (add(wanted.clone()), add(wanted));
    assert_eq!(first, again);
    assert_eq!(place.signals().0.call_seq, 2);
}

// test[EIM-CAL-013, EIM-CAL-023]
#[test]
fn signals_are_bounded_and_old_ones_leave() {
    let rules = Rules {
        signals: 4,
        ..Rules::default()
    };
    let place = Place::new(rules);
    let _there = [place.comes(party(1, 1)), place.comes(party(2, 1))];
    place.start(2);
    place.signal(party(2, 1), Kind::Answer).unwrap();
    place.signal(party(1, 1), Kind::Candidate).unwrap();
    place.signal(party(1, 1), Kind::Candidate).unwrap();
    let full = NotSignalled::NotAdded(NotAdded::Full);
    assert_eq!(place.signal(party(1, 1), Kind::Update), Err(full));
    place.passes(rules.mailbox_ms + 1);
    assert_eq!(place.signal(party(1, 1), Kind::Update), Ok(5));
    let after = |after| {
        place
            .calls
            .after(TENANT, CALL.into(), [2; 16].into(), after)
    };
    assert_eq!(after(2).err(), Some(NotSignalled::TooOld));
    let (view, signals) = after(3).unwrap();
    assert_eq!((view.floor, view.call_seq), (3, 5));
    assert_eq!(signals.len(), 2);
    for _ in 0..3 {
        place.signal(party(1, 1), Kind::Candidate).unwrap();
    }
    assert_eq!(place.signal(party(1, 1), Kind::Update), Err(full));
    assert_eq!(place.signal(party(1, 1), Kind::Hangup), Ok(9));
}

#[test]
fn a_user_has_so_many_calls_and_an_id_names_one() {
    let rules = Rules {
        started: 2,
        ..Rules::default()
    };
    let place = Place::new(rules);
    let start = |id: u8, from: Party| {
        let offer = place.wanted(from, Kind::Offer);
        let members = vec![[1; 16].into(), [2; 16].into()];
        let call = (TENANT, [id; 16].into());
        place.calls.start(call, [7; 16].into(), members, offer)
    };
    start(1, party(1, 1)).unwrap();
    assert_eq!(start(1, party(2, 1)), Err(NotStarted::Taken));
    start(2, party(1, 2)).unwrap();
    assert_eq!(start(3, party(1, 1)), Err(NotStarted::Full));
    start(3, party(2, 1)).unwrap();
    let of_user = place.calls.list(TENANT, [1; 16].into());
    let ids: Vec<CallId> = of_user.iter().map(|call| call.call).collect();
    assert_eq!(ids, [[1; 16].into(), [2; 16].into(), [3; 16].into()]);
    assert_eq!(
        place.calls.started(TENANT, [1; 16].into(), party(1, 1)),
        Some((1, 1_000))
    );
    assert_eq!(
        place.calls.started(TENANT, [1; 16].into(), party(1, 2)),
        None
    );
}
