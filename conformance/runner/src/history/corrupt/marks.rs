//! Faults in what people have read and what they are told is unread.

#![expect(
    clippy::ptr_arg,
    reason = "all faults have one form, and some change the length"
)]

use super::select::Shape;
use crate::history::event::{Event, Op, Unread};
use crate::history::generate::Dice;

/// One of the reports that fit.
fn told<'a>(
    e: &'a mut [Event],
    d: &mut Dice,
    fits: impl Fn(&Unread) -> bool,
) -> Option<&'a mut Unread> {
    let reports = e.iter_mut().filter_map(|event| match &mut event.op {
        Op::Unread(told) if fits(told) => Some(told),
        _ => None,
    });
    let mut reports: Vec<&mut Unread> = reports.collect();
    let at = d.below(reports.len());
    (at < reports.len()).then(|| reports.swap_remove(at))
}

/// A mark that was promised is lower at the end; what is unread is counted from there.
pub(super) fn forgotten(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let marks: Vec<(String, String, u64)> = e
        .iter()
        .filter_map(|event| match &event.op {
            Op::Mark(mark) => Some((s.user(event), mark.conversation.clone(), mark.read)),
            _ => None,
        })
        .collect();
    let (user, conversation, read) = d.pick(&marks)?.clone();
    let mut lowered = false;
    for event in e.iter_mut() {
        let of = s.user(event) == user;
        if let Op::Unread(told) = &mut event.op
            && of
            && told.conversation == conversation
        {
            told.read = told.read.min(read - 1);
            lowered = true;
        }
    }
    lowered.then_some(())
}

pub(super) fn too_many(_: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    told(e, d, |_| true)?.unread += 1;
    Some(())
}

pub(super) fn too_few(_: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    told(e, d, |told| told.unread > 0)?.unread -= 1;
    Some(())
}

/// Nothing is said to be unread, though something is.
pub(super) fn none(_: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    told(e, d, |told| told.unread > 1)?.unread = 0;
    Some(())
}
