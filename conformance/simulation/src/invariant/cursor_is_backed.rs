//! A cursor stands on what is stored, on the device and at the server.

use eim_codec::id::UserId;

use super::{Found, Invariant};
use crate::model::{Event, Held, Model};
use crate::observation::Observation;
use crate::plan::DeviceNumber;

/// The cursor of a device moves only over entries that are durable on the device, and goes back or
/// into another epoch only when the device begins anew, whatever older programs of it still write; a
/// cursor that was told, and the one at the server, is not beyond it.
#[derive(Debug, Default)]
pub struct CursorIsBacked;

impl Invariant for CursorIsBacked {
    fn name(&self) -> &'static str {
        "cursor-is-backed"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-CUR-001",
            "EIM-CUR-002",
            "EIM-CUR-003",
            "EIM-CUR-007",
            "EIM-CUR-008",
            "EIM-SYN-014",
            "EIM-SYN-018",
            "EIM-SYN-029",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Device(device, change) => {
                let Some(step) = change.cursor else {
                    return;
                };
                let (before, after) = (step.before, step.after);
                let goes_on = before.log_epoch == 0
                    || before.log_epoch == after.log_epoch && before.user_seq <= after.user_seq;
                found.add_if(!step.reset && !goes_on, || {
                    format!("{device:?} went on from {before:?} at {after:?}")
                });
                let (Some(held), Some(user)) =
                    (model.devices.get(*device), model.sight.user_of(*device))
                else {
                    return;
                };
                let first = if before.log_epoch == after.log_epoch {
                    before.user_seq + 1
                } else {
                    1
                };
                if after.log_epoch == model.server.log_epoch {
                    stands(model, (*device, user, held), first..=after.user_seq, found);
                }
            }
            Event::Seen(Observation::CursorTold {
                device,
                log_epoch,
                user_seq,
            }) => backed(model, *device, (*log_epoch, *user_seq), "told", found),
            Event::Server(change) => {
                for (user, id, before, after) in &change.cursors {
                    found.add_if(before.0 == after.0 && after.1 < before.1, || {
                        format!("the cursor of {id} of {user} went from {before:?} to {after:?}")
                    });
                    let head = model.server.head(*user);
                    found.add_if(after.1 > head, || {
                        format!("the cursor of {id} of {user} is {after:?}, the head {head}")
                    });
                    match model.sight.device_ids.get(id) {
                        Some(device) => backed(model, *device, *after, "at the server", found),
                        None => found.add(format!("a cursor of an unknown device {id}")),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Everything the cursor moved over is stored, or known to be missing after a snapshot.
fn stands(
    model: &Model,
    (device, user, held): (DeviceNumber, UserId, &Held),
    range: std::ops::RangeInclusive<u64>,
    found: &mut Found,
) {
    let head = model.server.head(user);
    found.add_if(*range.end() > head, || {
        format!(
            "{device:?} stored the cursor {}, the head is {head}",
            range.end()
        )
    });
    let Some(timeline) = model.server.timelines.get(&user) else {
        return;
    };
    if range.is_empty() {
        return;
    }
    for (number, place) in timeline.range(range) {
        let (conversation, conv_seq) = *place;
        if held.messages.contains_key(place) || held.behind.contains_key(&conversation) {
            continue;
        }
        // What the user may not read any more is not in a snapshot.
        let gone = model
            .server
            .conversations
            .get(&conversation)
            .and_then(|conversation| conversation.visible(user))
            .is_none_or(|(from, through)| !(from..=through).contains(&conv_seq));
        found.add_if(!gone, || {
            format!("{device:?} moved its cursor over {number} and has not stored {place:?}")
        });
    }
}

fn backed(
    model: &Model,
    device: DeviceNumber,
    (log_epoch, user_seq): (u64, u64),
    what: &str,
    found: &mut Found,
) {
    let held = model.devices.get(device);
    let reached = held.and_then(|held| held.reached.get(&log_epoch)).copied();
    // An epoch of which the device knows nothing: nothing can be stored in it.
    found.add_if(user_seq > reached.unwrap_or(0), || {
        format!("the cursor of {device:?} {what} is {log_epoch}/{user_seq}, stored is {reached:?}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    fn committed() -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.extend(scene::begin(1));
        feeds.push(Feed::Server(scene::commit(1)));
        feeds
    }

    #[test]
    fn a_cursor_that_is_told_before_the_entry_is_stored_is_found() {
        let mut bad = committed();
        bad.push(scene::told(1, 1));
        scene::assert_judges::<CursorIsBacked>(bad, "told is 7/1");
    }

    #[test]
    fn a_cursor_at_the_server_that_no_device_stored_is_found() {
        let mut bad = committed();
        bad.push(scene::server_cursor(1, 1));
        scene::assert_judges::<CursorIsBacked>(bad, "at the server");
    }

    #[test]
    fn a_cursor_that_jumps_over_an_entry_is_found() {
        let mut bad = committed();
        bad.extend(scene::begin(2));
        bad.push(Feed::Server(scene::commit(2)));
        bad.push(scene::arrive(1, vec![scene::message(2)], 2));
        scene::assert_judges::<CursorIsBacked>(bad, "moved its cursor over 1");
    }

    #[test]
    fn a_cursor_of_a_device_that_goes_back_is_found_unless_it_begins_anew() {
        let mut bad = scene::opening();
        bad.extend(scene::sent(1));
        bad.extend(scene::sent(2));
        let mut good = bad.clone();
        bad.push(scene::arrive(1, vec![scene::message(1)], 1));
        scene::assert_judges::<CursorIsBacked>(bad, "went on from");
        good.push(scene::begin_anew(1, 1));
        assert_eq!(scene::judge(CursorIsBacked, good), []);
    }

    #[test]
    fn a_cursor_that_goes_back_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::sent(1));
        bad.extend(scene::sent(2));
        bad.push(scene::server_cursor(1, 1));
        scene::assert_judges::<CursorIsBacked>(bad, "went from");
    }
}
