//! In the end every device of a member has all that its user may read.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// When all is quiet, each running device holds every entry that its user may read now, and its
/// cursor is at the head.
#[derive(Debug, Default)]
pub struct EverythingArrives;

impl Invariant for EverythingArrives {
    fn name(&self) -> &'static str {
        "everything-arrives"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-056",
            "EIM-TML-002",
            "EIM-SYN-012",
            "EIM-SYN-013",
            "EIM-SYN-015",
            "EIM-SYN-025",
            "EIM-SYN-030",
            "EIM-SYN-036",
            "EIM-SYN-037",
            "EIM-SYN-051",
            "EIM-LGR-009",
            "EIM-LGR-010",
            "EIM-LGR-011",
            "EIM-LGR-012",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        if !matches!(event, Event::End) || !model.sight.quiet {
            return;
        }
        for device in model.sight.running() {
            let Some(user) = model.sight.user_of(device) else {
                continue;
            };
            let Some(held) = model.devices.get(device) else {
                found.add(format!("{device:?} stored nothing"));
                continue;
            };
            let head = model.server.head(user);
            let due = (model.server.log_epoch, head);
            let cursor = (held.cursor.log_epoch, held.cursor.user_seq);
            found.add_if(cursor != due, || {
                format!("{device:?} is at {cursor:?}, its timeline at {due:?}")
            });
            for (id, conversation) in &model.server.conversations {
                let Some((from, through)) = conversation.visible(user) else {
                    continue;
                };
                for number in from..=through {
                    found.add_if(!held.messages.contains_key(&(*id, number)), || {
                        format!("{device:?} of {user} lacks {id}/{number} of {from}..={through}")
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};
    use crate::observation::Observation;

    #[test]
    fn an_entry_that_does_not_arrive_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::sent(1));
        bad.push(Feed::Server(scene::commit(2)));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<EverythingArrives>(bad, "lacks");
    }

    #[test]
    fn a_cursor_that_stays_behind_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(scene::commit(1)));
        for device in [0, 1] {
            bad.push(scene::arrive(device, vec![scene::message(1)], 0));
        }
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<EverythingArrives>(bad, "its timeline at");
    }
}
