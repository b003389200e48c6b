//! Faults in what devices are delivered and hold.

#![expect(
    clippy::ptr_arg,
    reason = "all faults have one form, and some change the length"
)]

use super::select::{At, Shape, ends};
use crate::history::event::{Entry, Event, Op};
use crate::history::generate::Dice;

/// MEMBERSHIP.
const MEMBERSHIP: u8 = 0x48;

pub(super) fn drop_acked_everywhere(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| s.is_acked(entry))?;
    s.remove(e, &at, None);
    Some(())
}

pub(super) fn drop_acked_from_one(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |at, entry| {
        s.is_acked(entry) && s.shown(at) > 1 && !is_away(s, at)
    })?;
    let device = s.holder(&at, d)?;
    s.remove(e, &at, Some(&device));
    Some(())
}

/// Whether a hole at a place could be an absence.
fn is_away(s: &Shape, at: &At) -> bool {
    let near = [at.1.saturating_sub(1), at.1 + 1];
    near.iter()
        .all(|seq| is_membership(s, &(at.0.clone(), *seq)))
}

/// Whether an entry changes who is a member.
fn is_membership(s: &Shape, at: &At) -> bool {
    s.log
        .get(at)
        .is_some_and(|entry| entry.frame_type == MEMBERSHIP)
}

pub(super) fn drop_unacked_everywhere(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |at, entry| {
        !s.is_acked(entry) && entry.frame_type != MEMBERSHIP && !is_away(s, at)
    })?;
    s.remove(e, &at, None);
    Some(())
}

pub(super) fn drop_delivery(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    // Between two others of the same process.
    let near = |at: usize, place: &At, seq: u64| {
        s.delivers
            .iter()
            .any(|(other, _, p)| e[*other].process == e[at].process && p.0 == place.0 && p.1 == seq)
    };
    let inner: Vec<usize> = s
        .delivers
        .iter()
        .filter(|(at, _, place)| {
            near(*at, place, place.1.saturating_sub(1)) && near(*at, place, place.1 + 1)
        })
        .filter(|(_, device, place)| {
            let kept = s.holders.get(place);
            kept.is_some_and(|holders| holders.contains(device)) && !is_away(s, place)
        })
        .map(|(at, _, _)| *at)
        .collect();
    let at = *d.pick(&inner)?;
    e.remove(at);
    Some(())
}

pub(super) fn forget(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let delivered: Vec<&(usize, String, At)> = s
        .delivers
        .iter()
        .filter(|(_, device, place)| {
            let acked = s.log.get(place).is_none_or(|entry| s.is_acked(entry));
            let held = s
                .holders
                .get(place)
                .is_some_and(|holders| holders.contains(device));
            !acked && held
        })
        .collect();
    let (_, device, place) = d.pick(&delivered)?;
    s.remove_read(e, place, Some(device));
    Some(())
}

pub(super) fn end_early(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |at, entry| {
        !s.is_acked(entry) && s.shown(at) > 1 && s.heads.get(&at.0) == Some(&at.1)
    })?;
    let device = s.holder(&at, d)?;
    let mut full = false;
    for event in e.iter_mut().filter(|event| s.device(event) == device) {
        if let Op::Read(read) = &mut event.op
            && read.conversation == at.0
            && read.through == at.1
            && ends(read)
        {
            full = true;
            read.through -= 1;
        }
    }
    s.remove(e, &at, Some(&device));
    full.then_some(())
}

/// The next place of a conversation, with an entry like another.
fn next(s: &Shape, at: &At, entry: &Entry) -> Option<Entry> {
    let conv_seq = s.heads.get(&at.0)? + 1;
    Some(Entry {
        conv_seq,
        ..entry.clone()
    })
}

pub(super) fn second_place(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    let device = s.holder(&at, d)?;
    let entry = next(s, &at, s.log.get(&at)?)?;
    let one = d.percent(50).then_some(device.as_str());
    s.append(e, one, &at.0, &entry).then_some(()).filter(|()| {
        // Somebody has both.
        s.holders.get(&at).is_some_and(|holders| {
            e.iter().any(|event| match &event.op {
                Op::Read(read) => {
                    holders.contains(&s.device(event))
                        && read.conversation == at.0
                        && read.through == entry.conv_seq
                }
                _ => false,
            })
        })
    })
}

pub(super) fn deliver_twice(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let (at, _, _) = d.pick(&s.delivers)?;
    let again = e.get(*at)?.clone();
    let later = (*at + 1 + d.below(3)).min(e.len());
    e.insert(later, again);
    Some(())
}

/// A place, and the next, that fit together.
fn pair(
    s: &Shape,
    d: &mut Dice,
    fits: impl Fn(&At, &Entry, &At, &Entry) -> bool,
) -> Option<(At, At)> {
    let next = |at: &At| (at.0.clone(), at.1 + 1);
    let first = s.place(d, |at, entry| {
        let second = next(at);
        let other = s.log.get(&second);
        other.is_some_and(|other| fits(at, entry, &second, other))
    })?;
    let second = next(&first);
    Some((first, second))
}

pub(super) fn swap_on_one(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let (a, b) = pair(s, d, |a, x, b, y| {
        s.is_acked(x) && s.is_acked(y) && s.shown(a) > 1 && s.holders.get(a) == s.holders.get(b)
    })?;
    let device = s.holder(&a, d)?;
    s.swap(e, Some(&device), &a, &b);
    Some(())
}

/// The place of the event that sent a message.
fn sent(s: &Shape, entry: &Entry) -> Option<usize> {
    let key = entry.key.as_ref()?;
    let (at, _) = s.sends.iter().find(|(_, send)| send.key == *key)?;
    Some(*at)
}

pub(super) fn swap_of_sender(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let (a, b) = pair(s, d, |a, x, _, y| {
        let same = x.sender_device == y.sender_device && x.key.is_some();
        let (Some(first), Some(second)) = (sent(s, x), sent(s, y)) else {
            return false;
        };
        let between = s.delivers.iter().any(|(at, device, place)| {
            (first..second).contains(at)
                && place.0 == a.0
                && Some(device) == x.sender_device.as_ref()
        });
        same && !between
    })?;
    s.swap(e, None, &a, &b);
    Some(())
}

pub(super) fn answer_before(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let (a, b) = pair(s, d, |a, x, _, y| {
        let Some(answer) = sent(s, y).filter(|_| x.key.is_some()) else {
            return false;
        };
        x.sender_device != y.sender_device
            && s.delivers.iter().any(|(at, _, place)| {
                place == a && *at < answer && e[*at].process == e[answer].process
            })
    })?;
    s.swap(e, None, &a, &b);
    Some(())
}

pub(super) fn swap_deliveries(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let pairs: Vec<(usize, usize)> = s
        .delivers
        .iter()
        .flat_map(|(a, _, x)| s.delivers.iter().map(move |(b, _, y)| (a, x, b, y)))
        .filter(|(a, x, b, y)| e[**a].process == e[**b].process && x.0 == y.0 && x.1 + 1 == y.1)
        .filter(|(_, x, _, y)| !is_membership(s, x) && !is_membership(s, y))
        .map(|(a, _, b, _)| (*a, *b))
        // What was sent in between would stand before what its sender had seen.
        .filter(|(a, b)| !sends_between(e, *a, *b))
        .collect();
    let (a, b) = *d.pick(&pairs)?;
    let (first, second) = (e[a].op.clone(), e[b].op.clone());
    e[a].op = second;
    e[b].op = first;
    Some(())
}

/// Whether the process of an event sends something between it and another one.
fn sends_between(e: &[Event], a: usize, b: usize) -> bool {
    let between = e.get(a.min(b)..a.max(b)).unwrap_or_default();
    let mut sends = between
        .iter()
        .filter(|event| matches!(event.op, Op::Send(_)));
    sends.any(|event| event.process == e[a].process)
}

pub(super) fn swap_in_reading(_: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let long = |event: &Event| matches!(&event.op, Op::Read(read) if read.entries.len() > 1);
    let reads: Vec<usize> = (0..e.len()).filter(|at| long(&e[*at])).collect();
    let at = *d.pick(&reads)?;
    let Op::Read(read) = &mut e[at].op else {
        return None;
    };
    let place = d.below(read.entries.len() - 1);
    read.entries.swap(place, place + 1);
    Some(())
}

pub(super) fn phantom(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    let device = s.holder(&at, d)?;
    let mut entry = next(s, &at, s.log.get(&at)?)?;
    entry.key = Some("nobody-sent-this".into());
    let one = d.percent(50).then_some(device.as_str());
    s.append(e, one, &at.0, &entry).then_some(())
}

fn alter(s: &Shape, e: &mut [Event], at: &At, device: Option<&str>, change: impl Fn(&mut Entry)) {
    s.edit(e, device, &at.0, |entry| {
        if entry.conv_seq == at.1 {
            change(entry);
        }
    });
}

pub(super) fn alter_on_one(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |at, _| s.shown(at) > 1)?;
    let device = s.holder(&at, d)?;
    alter(s, e, &at, Some(&device), |entry| {
        entry.sha256 = "altered".into()
    });
    Some(())
}

pub(super) fn alter_everywhere(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    alter(s, e, &at, None, |entry| entry.frame_type += 1);
    Some(())
}

pub(super) fn other_device(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |_, entry| entry.key.is_some())?;
    alter(s, e, &at, None, |entry| {
        entry.sender_device = Some("another".into())
    });
    Some(())
}

pub(super) fn other_message(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    // What was sent to the same conversation and stands nowhere.
    let known = |key: &String| s.log.values().any(|entry| entry.key.as_ref() == Some(key));
    let refused = |key: &String| {
        e.iter()
            .any(|x| matches!(&x.op, Op::Fail(f) if f.key == *key))
    };
    let free = s.sends.iter().map(|(_, send)| send);
    let free: Vec<_> = free
        .filter(|send| !known(&send.key) && !refused(&send.key) && !s.acks.contains_key(&send.key))
        .collect();
    let send = (*d.pick(&free)?).clone();
    let to = send.conversation.clone()?;
    let at = s.place(d, |at, entry| {
        at.0 == to && !s.is_acked(entry) && s.shown(at) > 1 && !is_membership(s, at)
    })?;
    let device = s.holder(&at, d)?;
    let sender = s.sender(e, &send.key)?;
    let sender = e.iter().find_map(|event| match &event.op {
        Op::Start(start) if event.process == sender => Some(start.clone()),
        _ => None,
    })?;
    alter(s, e, &at, Some(&device), |entry| {
        entry.key = Some(send.key.clone());
        entry.sender = Some(sender.user.clone());
        entry.sender_device = Some(sender.device.clone());
        entry.frame_type = send.frame_type;
        entry.sha256 = send.sha256.clone();
    });
    Some(())
}

pub(super) fn raise_epoch(s: &Shape, e: &mut Vec<Event>, d: &mut Dice) -> Option<()> {
    let at = s.place(d, |at, entry| {
        let next = (at.0.clone(), at.1 + 1);
        entry.key.is_some() && s.holders.get(&next) == s.holders.get(at)
    })?;
    let device = s.holder(&at, d)?;
    alter(s, e, &at, Some(&device), |entry| entry.log_epoch += 1);
    Some(())
}
