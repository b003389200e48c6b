//! Presence: what subscribers hear, and what they do not.

use std::task::{Context, Poll};

use eim_codec::id::DeviceId;
use eim_codec::payload::PresenceState;

use super::*;
use crate::hub::{Mail, Owner, QueueLimits, Receives, Room};

const TENANT: TenantId = TenantId(1);
const ROOM: Room = Room {
    frames: 100,
    octets: 1 << 20,
    quiet: true,
};

fn user(number: u8) -> UserId {
    UserId::from([number; 16])
}

/// A hub, and a way for users to come.
struct Place(Arc<Hub>);

struct There {
    mailbox: Arc<Mailbox>,
    attendance: Attendance,
}

impl Place {
    fn new(subscriptions: usize) -> Self {
        let limits = QueueLimits {
            frames: 8,
            octets: 1 << 20,
        };
        Self(Arc::new(
            Hub::new(limits, 1 << 20).with_subscriptions(subscriptions),
        ))
    }

    fn comes(&self, number: u8, device: u8) -> There {
        let owner = Owner {
            tenant: TENANT,
            user: user(number),
            device: DeviceId::from([device; 16]),
        };
        let mailbox = self.0.register(owner, Receives::Pushes);
        let attendance = self.0.presence().attend(&mailbox);
        There {
            mailbox,
            attendance,
        }
    }

    fn tick(&self) {
        self.0.presence().flush(7_000);
    }
}

impl There {
    fn subscribes(&self, place: &Place, to: &[u8]) -> Vec<PresenceState> {
        let users: Vec<UserId> = to.iter().map(|number| user(*number)).collect();
        let presence = place.0.presence();
        presence.watch(self.mailbox.id, &users).unwrap();
        let admit = |user: &UserId| presence.admit(self.mailbox.id, (TENANT, *user), true).state;
        users.iter().map(admit).collect()
    }

    fn hears_in(&self, room: Room) -> Vec<(UserId, PresenceState, String)> {
        let cx = Context::from_waker(Waker::noop());
        match self.mailbox.poll(&cx, room) {
            Poll::Ready(Mail::Hints(hints)) => hints
                .presences
                .iter()
                .map(|(user, shown)| (*user, shown.state, shown.status.clone()))
                .collect(),
            Poll::Pending => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    fn hears(&self) -> Vec<(UserId, PresenceState, String)> {
        self.hears_in(ROOM)
    }
}

fn is(number: u8, state: PresenceState) -> Vec<(UserId, PresenceState, String)> {
    vec![(user(number), state, String::new())]
}

use PresenceState::{Away, Offline, Online};

// test[EIM-PRS-009]
#[test]
fn changes_between_two_ticks_are_told_once_and_none_if_nothing_is_different() {
    let place = Place::new(8);
    let alice = place.comes(1, 1);
    assert_eq!(alice.subscribes(&place, &[2]), [Offline]);
    place.tick();
    assert!(alice.hears().is_empty());
    let bob = place.comes(2, 2);
    bob.attendance.background(true);
    assert!(alice.hears().is_empty(), "before the tick");
    place.tick();
    assert_eq!(alice.hears(), is(2, Away));
    bob.attendance.background(false);
    bob.attendance.background(true);
    place.tick();
    assert!(alice.hears().is_empty(), "as it was");
    drop(bob);
    let bob = place.comes(2, 2);
    place.tick();
    assert_eq!(alice.hears(), is(2, Online));
    drop(bob);
    drop(place.comes(2, 2));
    place.tick();
    assert_eq!(alice.hears(), is(2, Offline));
    assert_eq!(
        place.0.presence().last_seen_ms(TENANT, user(2)),
        Some(7_000)
    );
}

#[test]
fn devices_add_up_and_what_a_user_says_ends_with_the_last_one() {
    let place = Place::new(8);
    let presence = place.0.presence();
    presence.set(TENANT, user(2), true, "nobody hears".to_owned());
    assert_eq!(presence.shown(TENANT, user(2)), Shown::default());
    let (phone, desk) = (place.comes(2, 2), place.comes(2, 3));
    phone.attendance.background(true);
    assert_eq!(presence.shown(TENANT, user(2)).state, Online);
    drop(desk);
    assert_eq!(presence.shown(TENANT, user(2)).state, Away);
    phone.attendance.background(false);
    presence.set(TENANT, user(2), true, "lunch".to_owned());
    let lunch = Shown {
        state: Away,
        status: "lunch".to_owned(),
    };
    assert_eq!(presence.shown(TENANT, user(2)), lunch);
    drop(phone);
    let back = place.comes(2, 2);
    assert_eq!(presence.shown(TENANT, user(2)).status, "");
    drop(back);
    assert_eq!(presence.load(), (0, 0, 0));
}

#[test]
fn subscriptions_are_bounded_and_end_with_the_connection() {
    let place = Place::new(2);
    let presence = place.0.presence();
    let alice = place.comes(1, 1);
    alice.subscribes(&place, &[2, 3]);
    alice.subscribes(&place, &[3, 2]);
    let one_more = presence.watch(alice.mailbox.id, &[user(3), user(4)]);
    assert_eq!(one_more, Err(NotWatched::Full));
    assert_eq!(presence.load(), (3, 1, 2));
    presence.unwatch(alice.mailbox.id, Some(&[user(3)]));
    alice.subscribes(&place, &[4]);
    let (bob, carol) = (place.comes(2, 2), place.comes(3, 3));
    place.tick();
    assert_eq!(alice.hears(), is(2, Online));
    let number = alice.mailbox.id;
    drop(alice);
    assert_eq!(
        presence.watch(number, &[user(3)]),
        Err(NotWatched::SendOnly)
    );
    drop((bob, carol));
    assert_eq!(presence.load(), (0, 0, 0));
}

#[test]
fn what_was_not_told_yet_goes_with_the_subscription() {
    let place = Place::new(8);
    let alice = place.comes(1, 1);
    alice.subscribes(&place, &[2]);
    let bob = place.comes(2, 2);
    place.tick();
    place.0.presence().unwatch(alice.mailbox.id, None);
    assert!(alice.hears().is_empty());
    assert_eq!(alice.subscribes(&place, &[2]), [Online]);
    drop(bob);
    place.0.presence().cut(TENANT, user(2), user(1));
    assert_eq!(alice.hears(), is(2, Offline));
    place.tick();
    assert!(alice.hears().is_empty());
}

// test[EIM-PRS-022]
#[test]
fn nothing_is_told_while_pushes_wait() {
    let place = Place::new(8);
    let alice = place.comes(1, 1);
    alice.subscribes(&place, &[2]);
    let _bob = place.comes(2, 2);
    place.tick();
    let busy = Room {
        quiet: false,
        ..ROOM
    };
    assert!(alice.hears_in(busy).is_empty());
    assert!(alice.hears_in(Room::NONE).is_empty());
    assert_eq!(alice.hears(), is(2, Online));
}

#[test]
fn what_could_not_be_told_waits_for_the_next_tick_unless_something_newer_comes() {
    let place = Place::new(8);
    let alice = place.comes(1, 1);
    alice.subscribes(&place, &[2, 3]);
    let (bob, _carol) = (place.comes(2, 2), place.comes(3, 3));
    place.tick();
    let cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Mail::Hints(hints)) = alice.mailbox.poll(&cx, ROOM) else {
        panic!("no hints");
    };
    alice.attendance.put_back(*hints);
    assert!(alice.hears().is_empty());
    drop(bob);
    place.tick();
    let both = [is(2, Offline), is(3, Online)].concat();
    assert_eq!(alice.hears(), both);
}

#[test]
fn typing_is_for_the_others_and_not_for_the_background() {
    let place = Place::new(8);
    let (alice, bob, carol) = (place.comes(1, 1), place.comes(2, 2), place.comes(3, 3));
    carol.attendance.background(true);
    let conversation = ConversationId::from([9; 16]);
    let members = [user(1), user(2), user(3)];
    let presence = place.0.presence();
    presence.typing((TENANT, user(1)), conversation, true, &members);
    carol.attendance.background(false);
    let cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Mail::Hints(hints)) = bob.mailbox.poll(&cx, ROOM) else {
        panic!("not told");
    };
    assert_eq!(hints.typing.get(&(conversation, user(1))), Some(&true));
    assert!(alice.hears().is_empty());
    assert!(carol.hears().is_empty());
}
