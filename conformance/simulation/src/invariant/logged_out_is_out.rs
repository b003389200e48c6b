//! A device that is logged out is out.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{DeviceId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

type Device = (UserId, DeviceId);

/// No entry is committed from a device that was out before the batch, unless it is not older than a
/// login in that batch; whoever is told that a device
/// is logged out can rely on it; lists name devices that are logged in, and all that are for as long
/// as the question takes; at the end nobody is connected whose device is out.
#[derive(Debug, Default)]
pub struct LoggedOutIsOut {
    /// Devices that are out.
    out: BTreeSet<Device>,
    /// Questions, with what was out and what was in at some time since.
    open: BTreeMap<(Process, u32), Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// The device to log out.
    target: Option<DeviceId>,
    was_put_out: bool,
    /// In at some time.
    in_once: BTreeSet<DeviceId>,
    /// In all the time.
    in_always: BTreeSet<DeviceId>,
}

impl Invariant for LoggedOutIsOut {
    fn name(&self) -> &'static str {
        "logged-out-is-out"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-DEV-001",
            "EIM-DEV-004",
            "EIM-DEV-006",
            "EIM-DEV-007",
            "EIM-DEV-008",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Server(change) => {
                for appended in &change.entries {
                    let entry = &appended.entry;
                    let (Some(user), Some(device)) = (entry.sender, entry.sender_device) else {
                        continue;
                    };
                    let of = (user, device);
                    // It may have logged in again in the same batch, and written after that.
                    let again = !model.server.logged_out.contains(&of)
                        && model
                            .server
                            .logged_in
                            .get(&of)
                            .is_some_and(|at_ms| model.sight.jumped || entry.time_ms >= *at_ms);
                    found.add_if(self.out.contains(&of) && !again, || {
                        format!("{device} of {user} is logged out and wrote {entry:?}")
                    });
                }
                self.out.clone_from(&model.server.logged_out);
                for (process, open) in &mut self.open {
                    let user = model.sight.program(process.0).map(|program| program.user);
                    let put_out = change.put_out.iter().filter(|(of, _)| Some(*of) == user);
                    for (_, device) in put_out {
                        open.was_put_out |= open.target == Some(*device);
                        open.in_always.remove(device);
                    }
                    if let Some(user) = user {
                        open.in_once.extend(logged_in(model, user));
                    }
                }
            }
            Event::Seen(Observation::Asked {
                process,
                step,
                question,
            }) => self.asked(model, (*process, *step), question),
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                let open = self.open.remove(&(*process, *step)).unwrap_or_default();
                open.answered(*process, reply, found);
            }
            Event::End => {
                for (process, program) in &model.sight.processes {
                    let device = (program.user, program.device);
                    let runs = program.ended.is_none() && !program.send_only;
                    found.add_if(runs && self.out.contains(&device), || {
                        format!("{process:?} goes on though its device is logged out")
                    });
                }
            }
            _ => {}
        }
    }
}

impl LoggedOutIsOut {
    fn asked(&mut self, model: &Model, asked: (Process, u32), question: &Question) {
        let target = match question {
            Question::LogOut { device } => Some(*device),
            Question::Devices => None,
            _ => return,
        };
        let Some(program) = model.sight.program(asked.0) else {
            return;
        };
        let now: BTreeSet<DeviceId> = logged_in(model, program.user).collect();
        let open = Open {
            target,
            was_put_out: false,
            in_once: now.clone(),
            in_always: now,
        };
        self.open.insert(asked, open);
    }
}

impl Open {
    fn answered(&self, process: Process, reply: &Reply, found: &mut Found) {
        match reply {
            Reply::LoggedOut => found.add_if(!self.was_put_out, || {
                let target = self.target;
                format!("{process:?} was told that {target:?} is out, and it was not put out")
            }),
            Reply::Devices(devices) => {
                let told: BTreeSet<DeviceId> = devices.iter().copied().collect();
                let sorted = devices.is_sorted_by(|one, next| one < next);
                let right = told.is_subset(&self.in_once) && self.in_always.is_subset(&told);
                found.add_if(!sorted || !right, || {
                    format!(
                        "{process:?} was told the devices {devices:?}; at some time {:?} were in, all the time {:?}",
                        self.in_once, self.in_always
                    )
                });
            }
            _ => {}
        }
    }
}

/// Devices of a user that are logged in.
fn logged_in(model: &Model, user: UserId) -> impl Iterator<Item = DeviceId> {
    let known = model.server.generations.keys();
    known
        .filter(move |device| device.0 == user && !model.server.logged_out.contains(device))
        .map(|(_, device)| *device)
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    /// The device of user 1 logs in or out.
    fn device(logged_out: bool) -> Feed {
        Feed::Server(vec![record(logged_out, 0)])
    }

    fn record(logged_out: bool, logged_in_ms: u64) -> (Name, Option<Record>) {
        let name = Name::Device(scene::user(1), scene::device_id(0));
        let record = Record::Device {
            generation: 1,
            logged_out,
            logged_in_ms,
        };
        (name, Some(record))
    }

    /// The device logs in at a time, in the batch that brings a message of second 1.
    fn again(logged_in_ms: u64) -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.extend(scene::begin(1));
        feeds.push(device(true));
        let mut batch = scene::commit(1);
        batch.push(record(false, logged_in_ms));
        feeds.push(Feed::Server(batch));
        feeds
    }

    #[test]
    fn a_message_from_before_a_login_of_its_batch_is_found() {
        let good = scene::judge(LoggedOutIsOut::default(), again(1000));
        let wrote = |found: &&crate::run::Violation| found.detail.contains("wrote");
        assert_eq!(good.iter().find(wrote), None);
        scene::assert_judges::<LoggedOutIsOut>(again(1001), "is logged out and wrote");
    }

    fn asked(question: Question, reply: Reply) -> [Feed; 2] {
        let (process, step) = (scene::process(0), 9);
        [
            Feed::Seen(Observation::Asked {
                process,
                step,
                question,
            }),
            Feed::Seen(Observation::Answered {
                process,
                step,
                reply,
            }),
        ]
    }

    #[test]
    fn an_entry_of_a_device_that_is_out_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(device(true));
        bad.push(Feed::Server(scene::commit(1)));
        scene::assert_judges::<LoggedOutIsOut>(bad, "is logged out and wrote");
        let mut good = scene::opening();
        good.extend(scene::begin(1));
        good.extend([device(true), device(false)]);
        good.push(Feed::Server(scene::commit(1)));
        assert_eq!(scene::judge(LoggedOutIsOut::default(), good), []);
    }

    #[test]
    fn a_program_that_goes_on_is_found() {
        let mut bad = scene::good();
        bad.push(device(true));
        scene::assert_judges::<LoggedOutIsOut>(bad, "goes on");
    }

    #[test]
    fn answers_that_are_not_true_are_found() {
        let own = scene::device_id(0);
        let log_out = || Question::LogOut { device: own };
        for (question, reply, words) in [
            (log_out(), Reply::LoggedOut, "was not put out"),
            (Question::Devices, Reply::Devices(vec![]), "the devices"),
            (
                Question::Devices,
                Reply::Devices(vec![own, scene::device_id(1)]),
                "the devices",
            ),
        ] {
            let mut bad = scene::good();
            bad.push(device(false));
            bad.extend(asked(question, reply));
            scene::assert_judges::<LoggedOutIsOut>(bad, words);
        }
        let mut good = scene::good();
        good.push(device(false));
        good.extend(asked(Question::Devices, Reply::Devices(vec![own])));
        let [question, reply] = asked(log_out(), Reply::LoggedOut);
        good.extend([question, device(true), reply, device(false)]);
        assert_eq!(scene::judge(LoggedOutIsOut::default(), good), []);
    }
}
