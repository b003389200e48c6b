//! Faults in what senders sent and were told.

#![expect(
    clippy::ptr_arg,
    reason = "all faults have one form, and some change the length"
)]

use super::select::{Shape, ack_of};
use crate::history::event::{Event, Fail, Op};
use crate::history::generate::Dice;

/// The place of an ack whose message a complete reading shows.
fn ack(s: &Shape, e: &[Event], d: &mut Dice) -> Option<usize> {
    let shown = |event: &Event| match &event.op {
        Op::Ack(ack) => s
            .log
            .contains_key(&(ack.conversation.clone(), ack.conv_seq)),
        _ => false,
    };
    let acks: Vec<usize> = (0..e.len()).filter(|at| shown(&e[*at])).collect();
    d.pick(&acks).copied()
}

pub(super) fn ack_moved(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = ack(s, e, d)?;
    let ack = ack_of(&mut e[at])?;
    ack.conv_seq = s.heads.get(&ack.conversation)? + 1;
    Some(())
}

pub(super) fn ack_of_another(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = ack(s, e, d)?;
    let ack = ack_of(&mut e[at])?;
    let other = s.place(d, |place, _| {
        place.0 == ack.conversation && place.1 != ack.conv_seq
    })?;
    ack.conv_seq = other.1;
    Some(())
}

pub(super) fn second_result(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = ack(s, e, d)?;
    let mut second = e[at].clone();
    let ack = ack_of(&mut second)?;
    ack.conv_seq = if d.percent(50) {
        s.heads.get(&ack.conversation)? + 1
    } else {
        let conversation = ack.conversation.clone();
        s.place(d, |place, _| {
            place.0 == conversation && place.1 != ack.conv_seq
        })?
        .1
    };
    e.insert(at + 1, second);
    Some(())
}

pub(super) fn refused(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    let key = s.log.get(&at)?.key.clone()?;
    let (sent, _) = s.sends.iter().find(|(_, send)| send.key == key)?;
    let mut event = e[*sent].clone();
    event.op = Op::Fail(Fail {
        key,
        code: "FORBIDDEN".into(),
    });
    e.insert(sent + 1, event);
    Some(())
}

/// Takes out the event that sent a message.
fn forget_send(s: &Shape, e: &mut Vec<Event>, key: &str) -> Option<()> {
    let (at, _) = s.sends.iter().find(|(_, send)| send.key == key)?;
    e.remove(*at);
    Some(())
}

pub(super) fn ack_unsent(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = ack(s, e, d)?;
    let key = ack_of(&mut e[at])?.key.clone();
    forget_send(s, e, &key)
}

pub(super) fn unsent(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some() && !s.is_acked(entry))?;
    let key = s.log.get(&at)?.key.clone()?;
    forget_send(s, e, &key)
}

pub(super) fn sent_twice(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let (at, _) = d.pick(&s.sends)?;
    let mut again = e[*at].clone();
    let Op::Send(send) = &mut again.op else {
        return None;
    };
    send.sha256 = "other".into();
    e.insert(at + 1, again);
    Some(())
}

pub(super) fn other_target(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    let key = s.log.get(&at)?.key.clone()?;
    let (sent, _) = s.sends.iter().find(|(_, send)| send.key == key)?;
    let Op::Send(send) = &mut e[*sent].op else {
        return None;
    };
    send.conversation = Some("elsewhere".into());
    Some(())
}
