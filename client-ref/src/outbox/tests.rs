use bytes::Bytes;
use eim_codec::registry::FrameType;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn item(position: u64, conversation: u8) -> OutboxItem {
    OutboxItem {
        position,
        client_msg_id: [u8::try_from(position).unwrap(); 16].into(),
        target: Target::Conversation([conversation; 16].into()),
        frame_type: FrameType::TEXT,
        body: Bytes::new(),
        fallback_text: String::new(),
        first_sent_at_ms: 1,
    }
}

/// Sends everything that may leave; returns positions and marks. Names are the positions plus
/// `base`.
fn depart(outbox: &mut Outbox, base: u64) -> Vec<(u64, bool)> {
    let mut left = Vec::new();
    while let Some(Departure {
        position,
        after_failed,
        ..
    }) = outbox.next()
    {
        outbox.sent(position, SendId(base + position));
        left.push((position, after_failed));
    }
    left
}

fn answer(outbox: &mut Outbox, send: u64, answer: Answer) -> Option<OutboxItem> {
    outbox.answered(SendId(send), answer, NOW, &Environment::default())
}

#[test]
fn leaves_in_order_and_forgets_what_is_final() {
    let mut outbox = Outbox::default();
    (1..=3).for_each(|position| outbox.add(item(position, 1), false));
    assert_eq!(depart(&mut outbox, 0), [(1, false), (2, false), (3, false)]);
    for send in [2, 1, 3] {
        assert_eq!(
            answer(&mut outbox, send, Answer::Done).unwrap().position,
            send
        );
    }
    assert_eq!((outbox.len(), outbox.lanes.len()), (0, 0));
    assert_eq!(answer(&mut outbox, 1, Answer::Done), None, "once");
}

#[test]
fn a_fresh_session_sends_again_in_order() {
    let mut outbox = Outbox::default();
    (1..=4).for_each(|position| outbox.add(item(position, 1), false));
    depart(&mut outbox, 0);
    answer(&mut outbox, 2, Answer::Done);
    outbox.forget_session();
    outbox.add(item(5, 1), false);
    assert_eq!(
        depart(&mut outbox, 100),
        [(1, false), (3, false), (4, false), (5, false)]
    );
    assert_eq!(
        answer(&mut outbox, 3, Answer::Done),
        None,
        "names of the old session are gone"
    );
}

#[test]
fn a_failure_holds_its_conversation_until_all_is_answered() {
    let mut outbox = Outbox::default();
    (1..=3).for_each(|position| outbox.add(item(position, 1), false));
    outbox.add(item(4, 2), false);
    depart(&mut outbox, 0);
    answer(&mut outbox, 1, Answer::Again(Duration::from_secs(1)));
    outbox.add(item(5, 1), false);
    outbox.add(item(6, 2), false);
    assert_eq!(
        depart(&mut outbox, 0),
        [(6, false)],
        "the other conversation flows"
    );
    answer(&mut outbox, 2, Answer::Again(Duration::ZERO));
    let later = NOW.saturating_add(Duration::from_secs(60));
    outbox.release(later);
    assert!(outbox.next().is_none(), "one is still under way");
    answer(&mut outbox, 3, Answer::Again(Duration::ZERO));
    let due = outbox.next_release().unwrap();
    assert!(
        due >= NOW.saturating_add(Duration::from_secs(1)),
        "retry_after is kept"
    );
    outbox.release(NOW);
    assert!(outbox.next().is_none(), "not before its time");
    outbox.release(due);
    assert_eq!(
        depart(&mut outbox, 100),
        [(1, true), (2, false), (3, false), (5, false)],
        "in order, the first marked"
    );
}

#[test]
fn a_second_failure_is_announced_again() {
    let mut outbox = Outbox::default();
    outbox.add(item(1, 1), false);
    depart(&mut outbox, 0);
    answer(&mut outbox, 1, Answer::Again(Duration::ZERO));
    let later = NOW.saturating_add(Duration::from_secs(600));
    outbox.release(later);
    assert_eq!(depart(&mut outbox, 100), [(1, true)]);
    answer(&mut outbox, 101, Answer::Again(Duration::ZERO));
    outbox.release(later);
    assert_eq!(depart(&mut outbox, 200), [(1, true)]);
    answer(&mut outbox, 201, Answer::Done);
    outbox.add(item(2, 1), false);
    assert_eq!(depart(&mut outbox, 300), [(2, false)]);
}

#[test]
fn a_direct_peer_and_its_conversation_are_one_lane() {
    let (me, peer) = (UserId::from([1; 16]), UserId::from([2; 16]));
    let mut outbox = Outbox::default();
    outbox.identify(me);
    outbox.add(
        OutboxItem {
            target: Target::User(peer),
            ..item(1, 0)
        },
        false,
    );
    let conversation = Target::Conversation(ConversationId::direct(me, peer));
    outbox.add(
        OutboxItem {
            target: conversation,
            ..item(2, 0)
        },
        false,
    );
    let first = outbox.next().unwrap().position;
    outbox.sent(first, SendId(1));
    answer(&mut outbox, 1, Answer::Again(Duration::ZERO));
    assert!(outbox.next().is_none());
}

#[test]
fn nothing_leaves_before_its_first_attempt_has_a_time() {
    let mut outbox = Outbox::default();
    outbox.add(
        OutboxItem {
            first_sent_at_ms: 0,
            ..item(1, 1)
        },
        false,
    );
    outbox.add(item(2, 1), true);
    assert!(outbox.next().is_none());
    let untimed = outbox.untimed();
    outbox.timed(&untimed, 77);
    let first = outbox.next().unwrap();
    assert_eq!(
        (first.item.first_sent_at_ms, first.first_sent_at_ms),
        (77, 0),
        "a first attempt"
    );
    outbox.sent(1, SendId(1));
    assert_eq!(
        outbox.next().unwrap().first_sent_at_ms,
        1,
        "a retry from an earlier life"
    );
    outbox.forget_session();
    assert_eq!(outbox.next().unwrap().first_sent_at_ms, 77, "a retry");
    assert!(outbox.untimed().is_empty());
}

#[test]
fn an_item_settled_elsewhere_is_gone() {
    let mut outbox = Outbox::default();
    (1..=2).for_each(|position| outbox.add(item(position, 1), false));
    depart(&mut outbox, 0);
    outbox.remove([1; 16].into());
    outbox.forget_session();
    assert_eq!(depart(&mut outbox, 100), [(2, false)]);
}

// test[EIM-MSG-054] test[EIM-MSG-073]
#[test]
fn a_refusal_for_good_holds_its_conversation_until_it_is_durable() {
    let mut outbox = Outbox::default();
    (1..=3).for_each(|position| outbox.add(item(position, 1), false));
    outbox.add(item(4, 2), false);
    depart(&mut outbox, 0);
    let refused = answer(&mut outbox, 1, Answer::Refused).unwrap();
    for send in [2, 3] {
        answer(&mut outbox, send, Answer::Again(Duration::ZERO));
    }
    outbox.add(item(5, 1), false);
    outbox.add(item(6, 2), false);
    assert_eq!(depart(&mut outbox, 0), [(6, false)], "the other one flows");
    outbox.release(NOW);
    assert_eq!(
        (outbox.next().is_none(), outbox.next_release()),
        (true, None)
    );
    outbox.settled(refused.client_msg_id);
    assert_eq!(outbox.next_release(), Some(NOW), "without delay");
    outbox.release(NOW);
    assert_eq!(
        depart(&mut outbox, 100),
        [(2, true), (3, false), (5, false)]
    );
}

// test[EIM-MSG-073] A new session holds nothing; the refused message may still be sent again.
#[test]
fn a_fresh_session_waits_as_well_until_a_refusal_is_durable() {
    let mut outbox = Outbox::default();
    (1..=2).for_each(|position| outbox.add(item(position, 1), false));
    depart(&mut outbox, 0);
    let refused = answer(&mut outbox, 1, Answer::Refused).unwrap();
    outbox.forget_session();
    outbox.release(NOW);
    assert!(outbox.next().is_none());
    outbox.settled(refused.client_msg_id);
    outbox.release(NOW);
    assert_eq!(depart(&mut outbox, 100), [(2, true)]);
    assert_eq!(answer(&mut outbox, 102, Answer::Done).unwrap().position, 2);
    assert_eq!((outbox.len(), outbox.lanes.len()), (0, 0));
}
