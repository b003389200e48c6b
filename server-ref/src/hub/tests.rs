//! The hub: who gets what, and bounded queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::registry::FrameType;

use super::*;
use crate::store::Entry;

const TENANT: TenantId = TenantId(1);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn owner(user: u8, device: u8) -> Owner {
    Owner {
        tenant: TENANT,
        user: UserId::from([user; 16]),
        device: DeviceId::from([device; 16]),
    }
}

fn commit(from: Owner, to: &[(u8, u64)]) -> Committed {
    let entry = Entry {
        conversation: ConversationId::from([9; 16]),
        log_epoch: 1,
        conv_seq: 1,
        frame_type: FrameType::TEXT,
        sender: Some(from.user),
        sender_device: Some(from.device),
        client_msg_id: Some(eim_codec::id::ClientMsgId::from([7; 16])),
        time_ms: 1,
        countable: 1,
        body: Bytes::from_static(&[0; 100]),
        fallback_text: String::new(),
        tombstone: false,
    };
    let recipients = to
        .iter()
        .map(|(user, seq)| (UserId::from([*user; 16]), *seq))
        .collect();
    Committed {
        tenant: TENANT,
        entry: Arc::new(entry),
        recipients,
        audience: None,
    }
}

fn hub(frames: usize) -> Hub {
    Hub::new(
        QueueLimits {
            frames,
            octets: 1 << 20,
        },
        1 << 20,
    )
}

const ROOM: Room = Room {
    quiet: true,
    frames: 100,
    octets: 1 << 20,
};

fn pushes(mailbox: &Mailbox) -> Vec<(u64, bool)> {
    match mailbox.poll(&Context::from_waker(Waker::noop()), ROOM) {
        Poll::Ready(Mail::Pushes(queue)) => queue.iter().map(|d| (d.user_seq, d.echo)).collect(),
        Poll::Pending => Vec::new(),
        Poll::Ready(other) => panic!("{other:?}"),
    }
}

#[test]
fn every_device_of_every_member_gets_the_push_and_the_sender_an_echo() {
    let hub = hub(8);
    let boxes = [owner(1, 1), owner(1, 2), owner(2, 3), owner(3, 4)]
        .map(|owner| hub.register(owner, Receives::Pushes));
    let quiet = hub.register(owner(2, 5), Receives::Nothing);
    hub.committed(&[commit(owner(1, 1), &[(1, 7), (2, 5)])]);
    assert_eq!(pushes(&boxes[0]), [(7, true)]);
    assert_eq!(pushes(&boxes[1]), [(7, false)]);
    assert_eq!(pushes(&boxes[2]), [(5, false)]);
    assert!(pushes(&boxes[3]).is_empty());
    assert!(pushes(&quiet).is_empty());
    assert_eq!(hub.load().1, 0);
}

#[test]
fn a_full_queue_is_dropped_and_marked_with_the_newest_head() {
    let hub = hub(2);
    let mailbox = hub.register(owner(1, 1), Receives::Pushes);
    for seq in 1..=5 {
        hub.committed(&[commit(owner(2, 2), &[(1, seq)])]);
    }
    let cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        mailbox.poll(&cx, ROOM),
        Poll::Ready(Mail::Lagged(5, _))
    ));
    assert_eq!(hub.load().1, 0, "dropped pushes give their octets back");
    hub.committed(&[commit(owner(2, 2), &[(1, 6)])]);
    assert_eq!(pushes(&mailbox), [(6, false)]);
}

#[test]
fn the_common_budget_bounds_all_queues_together_beyond_their_reserve() {
    // Each push costs about 300 octets; the reserve holds about 56 of them.
    let hub = Hub::new(
        QueueLimits {
            frames: 1000,
            octets: 1 << 20,
        },
        3000,
    );
    let [slow, quick] =
        [owner(1, 1), owner(3, 3)].map(|owner| hub.register(owner, Receives::Pushes));
    let cx = Context::from_waker(Waker::noop());
    for seq in 1..=70 {
        hub.committed(&[commit(owner(2, 2), &[(1, seq), (3, seq)])]);
        assert_eq!(pushes(&quick), [(seq, false)]);
        assert!(hub.load().1 <= 3000);
    }
    assert!(matches!(
        slow.poll(&cx, Room::NONE),
        Poll::Ready(Mail::Lagged(_, _))
    ));
    for seq in 71..=130 {
        hub.committed(&[commit(owner(2, 2), &[(1, seq)])]);
        assert_eq!(
            hub.load().1,
            0,
            "a queue that overflowed borrows nothing until it is read"
        );
    }
}

#[test]
fn pushes_are_taken_as_far_as_there_is_room() {
    let hub = hub(100);
    let mailbox = hub.register(owner(1, 1), Receives::Pushes);
    for seq in 1..=5 {
        hub.committed(&[commit(owner(2, 2), &[(1, seq)])]);
    }
    let cx = Context::from_waker(Waker::noop());
    let take = |frames, octets| match mailbox.poll(
        &cx,
        Room {
            frames,
            octets,
            quiet: false,
        },
    ) {
        Poll::Ready(Mail::Pushes(queue)) => queue.len(),
        _ => 0,
    };
    assert_eq!(take(0, 1000), 0);
    assert_eq!(take(2, 100_000), 2);
    assert_eq!(take(10, 1), 1);
    assert_eq!(take(10, 100_000), 2);
}

#[test]
fn a_batch_wakes_a_session_once_and_signals_come_first() {
    let hub = hub(8);
    let mailbox = hub.register(owner(1, 1), Receives::Pushes);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    assert!(mailbox.poll(&cx, ROOM).is_pending());
    let batch: Vec<_> = (1..=4)
        .map(|seq| commit(owner(2, 2), &[(1, seq)]))
        .collect();
    hub.committed(&batch);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    mailbox.signal(Signal::Replaced);
    mailbox.signal(Signal::Drain);
    assert!(matches!(
        mailbox.poll(&cx, Room::NONE),
        Poll::Ready(Mail::Signal(Signal::Replaced))
    ));
    assert!(
        mailbox.poll(&cx, Room::NONE).is_pending(),
        "pushes wait for room"
    );
    assert_eq!(pushes(&mailbox).len(), 4);
    hub.unregister(&mailbox);
    assert_eq!(hub.load().0, 0);
}

#[test]
fn who_takes_a_mailbox_over_is_not_told_to_make_room_for_itself() {
    let hub = hub(4);
    let mailbox = hub.register(owner(1, 1), Receives::Pushes);
    let cx = Context::from_waker(Waker::noop());
    mailbox.signal(Signal::Replaced);
    mailbox.taken_over();
    assert!(mailbox.poll(&cx, Room::NONE).is_pending());
    mailbox.signal(Signal::Disabled);
    mailbox.taken_over();
    assert!(matches!(
        mailbox.poll(&cx, Room::NONE),
        Poll::Ready(Mail::Signal(Signal::Disabled))
    ));
}

/// The same entry of a group that is read from its log; `to` has it in the timeline.
fn large(from: Owner, conv_seq: u64, members: &[u8], to: &[(u8, u64)]) -> Committed {
    let mut commit = commit(from, to);
    let users = members.iter().map(|user| UserId::from([*user; 16]));
    commit.audience = Some(users.collect());
    let entry = Entry {
        conv_seq,
        ..(*commit.entry).clone()
    };
    Committed {
        entry: Arc::new(entry),
        ..commit
    }
}

// test[EIM-LGR-006]
#[test]
fn members_of_a_large_group_get_it_once_whichever_way_round_they_are_looked_up() {
    for strangers in [0, 20] {
        let hub = hub(8);
        let boxes = [owner(1, 1), owner(1, 2), owner(2, 3), owner(3, 4)]
            .map(|owner| hub.register(owner, Receives::Pushes));
        let others: Vec<_> = (0..strangers)
            .map(|number| hub.register(owner(100 + number, 9), Receives::Pushes))
            .collect();
        hub.committed(&[large(owner(1, 1), 1, &[1, 2, 5, 6, 7], &[(2, 5)])]);
        assert_eq!(pushes(&boxes[0]), [(0, true)]);
        assert_eq!(pushes(&boxes[1]), [(0, false)]);
        assert_eq!(pushes(&boxes[2]), [(5, false)], "in the timeline, and once");
        assert!(pushes(&boxes[3]).is_empty());
        assert!(others.iter().all(|mailbox| pushes(mailbox).is_empty()));
    }
}

// test[EIM-LGR-009]
#[test]
fn what_is_dropped_of_a_log_is_remembered_by_its_head() {
    let hub = hub(2);
    let mailbox = hub.register(owner(1, 1), Receives::Pushes);
    for seq in 1..=5 {
        hub.committed(&[large(owner(2, 2), seq, &[1, 2], &[])]);
    }
    let cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Mail::Lagged(0, missed)) = mailbox.poll(&cx, ROOM) else {
        panic!("not lagged, or a head of a timeline that nothing entered");
    };
    let (heads, overflow) = missed.list();
    assert_eq!((heads.len(), heads[0].conv_seq, overflow), (1, 5, false));
}
