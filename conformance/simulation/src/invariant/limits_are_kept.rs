//! Who is told to come later comes later, and nobody is told so without a reason.

use std::collections::BTreeMap;
use std::time::Duration;

use eim_codec::id::{ClientMsgId, UserId};
use eim_codec::registry::ErrorCode;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process};

/// A message is refused for its rate only where a rate is drawn, always with a time; and the
/// program that was told a time does not have it committed before.
#[derive(Debug, Default)]
pub struct LimitsAreKept {
    /// Messages may be too many in this world.
    rates: bool,
    postponed: BTreeMap<(UserId, ClientMsgId), Postponed>,
}

/// A message that is to come later.
#[derive(Clone, Copy, Debug)]
struct Postponed {
    process: Process,
    not_before: Duration,
}

impl Invariant for LimitsAreKept {
    fn name(&self) -> &'static str {
        "limits-are-kept"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-LIM-015", "EIM-LIM-019", "EIM-LIM-020"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Rates) => self.rates = true,
            Event::Seen(Observation::Postponed {
                process,
                key,
                code,
                retry_after_ms,
                late,
            }) => {
                let limited = matches!(*code, ErrorCode::RATE_LIMITED | ErrorCode::OVERLOADED);
                found.add_if(limited && *retry_after_ms == 0, || {
                    format!("{key} of {process:?} is refused with {code} and without a time")
                });
                let beyond = *code == ErrorCode::RATE_LIMITED;
                found.add_if(beyond && !self.rates, || {
                    format!("{key} of {process:?} is refused where no rate is limited")
                });
                let Some(program) = model.sight.program(*process) else {
                    return;
                };
                let postponed = Postponed {
                    process: *process,
                    not_before: model.now + Duration::from_millis(*retry_after_ms),
                };
                // What was told earlier than it was read says nothing.
                if !late {
                    self.postponed.insert((program.user, *key), postponed);
                }
            }
            Event::Server(change) => {
                for (user, key, _) in &change.keys {
                    if let Some(postponed) = self.postponed.remove(&(*user, *key)) {
                        came(model, *key, postponed, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A message that was to come later is here.
fn came(model: &Model, key: ClientMsgId, postponed: Postponed, found: &mut Found) {
    let Postponed {
        process,
        not_before,
    } = postponed;
    let mut programs = model.sight.processes.iter();
    // Another program of the device has heard of nothing.
    let another = programs.any(|(other, program)| {
        other.device == process.device && *other != process && program.ended.is_none()
    });
    let ended = model
        .sight
        .program(process)
        .is_none_or(|it| it.ended.is_some());
    found.add_if(model.now < not_before && !another && !ended, || {
        let early = not_before - model.now;
        format!("{key} of {process:?} came {early:?} before it was to")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    fn postponed(code: ErrorCode, retry_after_ms: u64) -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.extend(scene::begin(1));
        feeds.push(Feed::Seen(Observation::Postponed {
            process: scene::process(0),
            key: scene::key(1),
            code,
            retry_after_ms,
            late: false,
        }));
        feeds
    }

    #[test]
    fn a_refusal_without_a_limit_or_a_time_is_found() {
        let bad = postponed(ErrorCode::RATE_LIMITED, 5);
        scene::assert_judges::<LimitsAreKept>(bad, "no rate");
        let bad = postponed(ErrorCode::OVERLOADED, 0);
        scene::assert_judges::<LimitsAreKept>(bad, "without a time");
    }

    #[test]
    fn a_message_that_comes_too_early_is_found() {
        let mut bad = postponed(ErrorCode::OVERLOADED, 5);
        bad.push(Feed::Server(scene::commit(1)));
        scene::assert_judges::<LimitsAreKept>(bad, "before it was to");
    }
}
