//! One message, one result.

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::Observation;

/// An application is told one result of each message, once; a refused message is in no log; a
/// device settles a message once, unless a new epoch took the entry away.
#[derive(Debug, Default)]
pub struct OneResult;

impl Invariant for OneResult {
    fn name(&self) -> &'static str {
        "one-result"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-RES-001",
            "EIM-RES-003",
            "EIM-RES-011",
            "EIM-MSG-038",
            "EIM-MSG-042",
            "EIM-MSG-049",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let (process, key) = match event {
            Event::Seen(Observation::Acked { process, sent }) => (process, sent.client_msg_id),
            Event::Seen(Observation::Refused { process, key, .. }) => (process, *key),
            Event::Device(device, change) => {
                for (key, _) in &change.settled {
                    let held = model.devices.get(*device);
                    let ends = held.and_then(|held| held.settled.get(key));
                    let again = held.is_some_and(|held| held.requeued.contains(key));
                    found.add_if(!again && ends.is_some_and(|ends| ends.len() > 1), || {
                        format!("{device:?} settled {key} as {ends:?}")
                    });
                }
                return;
            }
            _ => return,
        };
        let Some(send) = model.sight.send_of(*process, key) else {
            found.add(format!(
                "{process:?} was told a result of {key}, which it never sent"
            ));
            return;
        };
        let held = model.devices.get(process.device);
        let again = held.is_some_and(|held| held.requeued.contains(&key));
        let results = send.acked.len() + send.refused.len();
        found.add_if(!again && results > 1, || {
            let (acked, refused) = (&send.acked, &send.refused);
            format!("{process:?} was told of {key}: {acked:?}, {refused:?}")
        });
        let user = model.sight.program(*process).map(|program| program.user);
        let places = user.and_then(|user| model.server.places.get(&(user, key)));
        found.add_if(!send.refused.is_empty() && places.is_some(), || {
            format!("{process:?} was told that {key} was refused; it is at {places:?}")
        });
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::registry::ErrorCode;

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_second_result_is_found() {
        let mut bad = scene::good();
        bad.push(scene::acked(1));
        scene::assert_judges::<OneResult>(bad, "was told of");
    }

    #[test]
    fn a_refused_message_in_a_log_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(Feed::Server(scene::commit(1)));
        bad.push(Feed::Seen(Observation::Refused {
            process: scene::process(0),
            key: scene::key(1),
            code: ErrorCode::NOT_FOUND,
        }));
        scene::assert_judges::<OneResult>(bad, "it is at");
    }

    #[test]
    fn a_result_of_a_message_that_was_never_sent_is_found() {
        let mut bad = scene::opening();
        bad.push(scene::acked(1));
        scene::assert_judges::<OneResult>(bad, "never sent");
    }
}
