use bytes::Bytes;
use eim_codec::registry::FrameType;

use super::*;
use crate::store::Message;

fn arrival(user_seq: u64) -> Arrival {
    Arrival {
        message: Message {
            conversation: [1; 16].into(),
            log_epoch: 1,
            conv_seq: user_seq.max(1),
            frame_type: FrameType::TEXT,
            sender: None,
            sender_device: None,
            client_msg_id: None,
            time_ms: 0,
            user_seq,
            body: Bytes::new(),
            fallback_text: String::new(),
            tombstone: false,
        },
        echo: false,
        presented: true,
    }
}

fn numbers(push: &Push) -> Vec<u64> {
    match push {
        Push::Next(next) => next
            .iter()
            .map(|arrival| arrival.message.user_seq)
            .collect(),
        _ => Vec::new(),
    }
}

fn timeline(user_seq: u64) -> Timeline {
    Timeline::new(Cursor {
        log_epoch: 1,
        user_seq,
    })
}

#[test]
fn pushes_in_order_pass_and_old_ones_are_dropped() {
    let mut timeline = timeline(4);
    assert_eq!(numbers(&timeline.push(arrival(5))), [5]);
    assert_eq!(timeline.push(arrival(5)), Push::Duplicate);
    assert_eq!(timeline.push(arrival(1)), Push::Duplicate);
    assert_eq!(timeline.pull(), None);
    assert!(timeline.is_caught_up());
}

#[test]
fn entries_outside_the_timeline_leave_no_gap() {
    let mut timeline = timeline(4);
    assert_eq!(numbers(&timeline.push(arrival(0))), [0]);
    assert_eq!(timeline.cursor().user_seq, 4);
    assert_eq!(timeline.pull(), None);
}

#[test]
fn a_hole_pulls_once_and_keeps_what_is_beyond() {
    let mut timeline = timeline(4);
    assert_eq!(timeline.push(arrival(7)), Push::Early);
    assert_eq!(timeline.push(arrival(8)), Push::Early);
    assert_eq!(
        timeline.pull(),
        Some(Pull::Sync(Cursor {
            log_epoch: 1,
            user_seq: 4
        }))
    );
    assert_eq!(timeline.pull(), None);
    assert_eq!(numbers(&timeline.push(arrival(5))), [5]);
    assert_eq!(numbers(&timeline.push(arrival(6))), [6, 7, 8]);
    assert!(timeline.page(4, 8, false));
    assert_eq!(timeline.pull(), None);
    assert!(timeline.is_caught_up());
}

#[test]
fn goes_on_while_there_is_more() {
    let mut timeline = timeline(0);
    timeline.note_head(4);
    assert!(timeline.pull().is_some());
    timeline.push(arrival(1));
    timeline.push(arrival(2));
    assert!(timeline.page(0, 4, true));
    assert_eq!(
        timeline.pull(),
        Some(Pull::Sync(Cursor {
            log_epoch: 1,
            user_seq: 2
        }))
    );
}

#[test]
fn an_answer_that_leads_nowhere_is_not_asked_for_again() {
    let mut timeline = timeline(0);
    timeline.note_head(4);
    assert!(timeline.pull().is_some());
    assert!(!timeline.page(0, 4, true));
    assert_eq!(timeline.pull(), None);
    timeline.note_head(5);
    assert!(timeline.pull().is_some(), "news ask again");
}

#[test]
fn what_is_beyond_a_hole_is_bounded_and_found_again() {
    let mut timeline = timeline(0);
    for user_seq in 2..5000 {
        timeline.push(arrival(user_seq));
    }
    assert!(timeline.early.len() <= EARLY_ENTRIES);
    assert!(timeline.pull().is_some());
    let next = timeline.push(arrival(1));
    assert_eq!(numbers(&next).len(), EARLY_ENTRIES + 1);
    assert!(timeline.page(0, 1, true));
    assert!(timeline.pull().is_some(), "the rest is still to be pulled");
}

#[test]
fn a_lost_connection_pulls_again() {
    let mut timeline = timeline(0);
    timeline.note_head(1);
    assert!(timeline.pull().is_some());
    timeline.disconnected();
    assert!(timeline.pull().is_some());
}
