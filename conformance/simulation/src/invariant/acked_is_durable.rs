//! Whoever is told of a success can rely on it at that moment.

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Reply};

/// When an application is told that its message or its change is done, the entry is durable where
/// it was told, and nothing else is.
#[derive(Debug, Default)]
pub struct AckedIsDurable;

impl Invariant for AckedIsDurable {
    fn name(&self) -> &'static str {
        "acked-is-durable"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-001",
            "EIM-MSG-003",
            "EIM-MSG-067",
            "EIM-TML-008",
            "EIM-GRP-001",
            "EIM-CTC-005",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Acked { process, sent }) => {
                let user = model.sight.program(*process).map(|program| program.user);
                let place = (sent.conversation, sent.conv_seq);
                let entry = model.server.entry(place);
                let holds = entry.is_some_and(|entry| {
                    entry.sender == user
                        && entry.client_msg_id == Some(sent.client_msg_id)
                        && entry.time_ms == sent.time_ms
                });
                found.add_if(!holds, || {
                    format!("{process:?} was told {sent:?}; durable is {entry:?}")
                });
                let timeline = user.and_then(|user| model.server.timelines.get(&user));
                let reference = timeline.and_then(|timeline| timeline.get(&sent.user_seq));
                let swept = user
                    .and_then(|user| model.server.floors.get(&user))
                    .is_some_and(|floor| sent.user_seq <= *floor);
                // An entry from history stands for a result, and does not say where it is there.
                let silent = sent.user_seq == 0;
                found.add_if(!swept && !silent && reference != Some(&place), || {
                    format!("{process:?} was told {sent:?}; the timeline has {reference:?} there")
                });
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                let asked = model.sight.questions.get(&(*process, *step));
                let place = match (asked.map(|(question, _)| question), reply) {
                    (_, Reply::Created(group)) => (*group, 1),
                    (Some(question), Reply::Changed { conv_seq, .. }) if *conv_seq > 0 => {
                        match question.group() {
                            Some(group) => (group, *conv_seq),
                            None => return,
                        }
                    }
                    _ => return,
                };
                found.add_if(model.server.entry(place).is_none(), || {
                    format!("{process:?} was answered {reply:?}; nothing is durable there")
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_result_before_the_commit_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(scene::acked(1));
        bad.push(Feed::Server(scene::commit(1)));
        scene::assert_judges::<AckedIsDurable>(bad, "durable is None");
    }

    #[test]
    fn a_result_that_names_the_place_of_another_message_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::sent(1));
        bad.extend(scene::begin(2));
        let Feed::Seen(Observation::Acked { process, mut sent }) = scene::acked(1) else {
            unreachable!("an ack");
        };
        sent.client_msg_id = scene::key(2);
        bad.push(Feed::Seen(Observation::Acked { process, sent }));
        scene::assert_judges::<AckedIsDurable>(bad, "was told");
    }
}
