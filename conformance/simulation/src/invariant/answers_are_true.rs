//! Answers to questions say what the logs say.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::Contact;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::ContactState;

use super::{Found, Invariant};
use crate::model::contacts::News;
use crate::model::device::same_entry;
use crate::model::{Conversation, Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// Users are those asked for. Members are those of some state between question and answer; heads are not below what the device
/// had stored when it asked and not beyond what is durable; entries of a log are those of the log,
/// and the caller may read them.
#[derive(Debug, Default)]
pub struct AnswersAreTrue {
    /// What was possible since the question.
    open: BTreeMap<(Process, u32), Open>,
}

#[derive(Debug, Default)]
struct Open {
    group: Option<ConversationId>,
    members: BTreeSet<BTreeSet<UserId>>,
    heads: BTreeMap<ConversationId, u64>,
    /// A personal log, and its head when it was asked.
    personal: Option<(ConversationId, u64)>,
    users: BTreeSet<UserId>,
}

fn head(model: &Model, id: ConversationId) -> u64 {
    let conversation = model.server.conversations.get(&id);
    conversation.map_or(0, Conversation::head)
}

impl Invariant for AnswersAreTrue {
    fn name(&self) -> &'static str {
        "answers-are-true"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-SYN-032",
            "EIM-SYN-039",
            "EIM-SYN-042",
            "EIM-SYN-044",
            "EIM-SYN-045",
            "EIM-SYN-059",
            "EIM-CTC-026",
            "EIM-GRP-039",
            "EIM-GRP-040",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Asked {
                process,
                step,
                question,
            }) => {
                let mut open = Open {
                    group: question.group(),
                    ..Open::default()
                };
                if let Question::Users { users, .. } = question {
                    open.users.extend(users);
                }
                if let (Question::Heads, Some(held)) = (question, model.devices.get(process.device))
                {
                    for (conversation, number) in held.messages.keys() {
                        open.heads.insert(*conversation, *number);
                    }
                }
                open.note(model);
                open.personal = match question {
                    Question::Contacts { log } => Some((*log, head(model, *log))),
                    _ => None,
                };
                self.open.insert((*process, *step), open);
            }
            Event::Server(change) => {
                let touched = |open: &&mut Open| {
                    open.group
                        .is_some_and(|group| change.touched.contains(&group))
                };
                self.open
                    .values_mut()
                    .filter(touched)
                    .for_each(|open| open.note(model));
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                let open = self.open.remove(&(*process, *step)).unwrap_or_default();
                open.answered(model, *process, reply, found);
            }
            _ => {}
        }
    }
}

impl Open {
    /// Each contact is what its entry says, and nobody is missing who was there all the time.
    fn contacts(&self, model: &Model, told: &[Contact], process: Process, found: &mut Found) {
        let Some((log, asked)) = self.personal else {
            return;
        };
        for contact in told {
            let entry = model.server.entry((log, contact.version));
            let news = entry.and_then(|entry| News::of(entry));
            let same = news.is_some_and(|news| {
                let listed = (news.user, news.listed.state, news.listed.blocked);
                listed == (contact.user, contact.state, contact.blocked)
            });
            found.add_if(!same, || {
                format!("{process:?} was told {contact:?}; the log has {entry:?}")
            });
        }
        let owner = model.sight.program(process).map(|program| program.user);
        for ((of, user), listed) in &model.server.contacts {
            let due = Some(*of) == owner
                && listed.version <= asked
                && (listed.blocked || listed.state != ContactState::None);
            found.add_if(
                due && !told.iter().any(|contact| contact.user == *user),
                || format!("{process:?} was not told of {user}, who was {listed:?}"),
            );
        }
    }

    fn note(&mut self, model: &Model) {
        let conversation = self
            .group
            .and_then(|group| model.server.conversations.get(&group));
        if let Some(conversation) = conversation {
            self.members
                .insert(conversation.members.keys().copied().collect());
        }
    }

    fn answered(&self, model: &Model, process: Process, reply: &Reply, found: &mut Found) {
        let Some(user) = model.sight.program(process).map(|program| program.user) else {
            return;
        };
        match reply {
            Reply::Members(members) => {
                let set: BTreeSet<UserId> = members.iter().copied().collect();
                let sorted = members.is_sorted_by(|one, next| one < next);
                found.add_if(!sorted || !self.members.contains(&set), || {
                    format!(
                        "{process:?} was told the members {members:?} of {:?}",
                        self.group
                    )
                });
            }
            Reply::Users(users) => {
                let told = users.iter().copied().collect::<BTreeSet<_>>();
                let twice = told.len() != users.len();
                found.add_if(twice || told != self.users, || {
                    format!("{process:?} asked for {:?}: told {users:?}", self.users)
                });
            }
            Reply::Heads(heads) => {
                for (conversation, head) in heads {
                    let seen = model
                        .server
                        .conversations
                        .get(conversation)
                        .and_then(|conversation| conversation.visible(user));
                    found.add_if(seen.is_none_or(|(_, last)| *head > last), || {
                        format!("{process:?} was told the head {head} of {conversation}: {seen:?}")
                    });
                }
                let told: BTreeMap<_, _> = heads.iter().copied().collect();
                for (conversation, known) in &self.heads {
                    let head = told.get(conversation);
                    found.add_if(head.is_none_or(|head| head < known), || {
                        format!("{process:?} had stored {known} of {conversation}: told {head:?}")
                    });
                }
            }
            Reply::Contacts(contacts) => self.contacts(model, contacts, process, found),
            Reply::Entries(messages) => {
                for message in messages {
                    let place = (message.conversation, message.conv_seq);
                    // Taken back since it was read.
                    let entry = match model.server.entry(place) {
                        Some(entry) if entry.tombstone && !message.tombstone => {
                            model.server.original(place)
                        }
                        entry => entry,
                    };
                    let same = entry.is_some_and(|entry| same_entry(message, entry).is_none());
                    let readable = model
                        .server
                        .conversations
                        .get(&place.0)
                        .is_some_and(|conversation| conversation.may_hold(user, place.1));
                    found.add_if(!same || !readable, || {
                        format!("{process:?} read {message:?}; the log has {entry:?}")
                    });
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    fn asked(question: Question, reply: Reply) -> [Feed; 2] {
        let (process, step) = (scene::process(1), 9);
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
    fn true_answers_pass() {
        let mut good = scene::good();
        let group = scene::GROUP.into();
        let members = Reply::Members(vec![scene::user(1), scene::user(2)]);
        good.extend(asked(Question::Members { group }, members));
        let mut heads = [(scene::direct(), 2), (group, 2)];
        heads.sort_unstable();
        good.extend(asked(Question::Heads, Reply::Heads(heads.to_vec())));
        let history = Question::History {
            conversation: scene::direct(),
            first: 1,
            last: 0,
            limit: 10,
        };
        good.extend(asked(history, Reply::Entries(vec![scene::message(1)])));
        assert_eq!(scene::judge(AnswersAreTrue::default(), good), []);
    }

    #[test]
    fn wrong_answers_are_found() {
        let group = scene::GROUP.into();
        let members = Reply::Members(vec![scene::user(1)]);
        let mut bad = scene::good();
        bad.extend(asked(Question::Members { group }, members));
        scene::assert_judges::<AnswersAreTrue>(bad, "members");

        let mut bad = scene::good();
        let users = Question::Users {
            users: vec![scene::user(1), scene::user(2)],
            by_name: true,
        };
        bad.extend(asked(users, Reply::Users(vec![scene::user(1)])));
        scene::assert_judges::<AnswersAreTrue>(bad, "asked for");

        let mut bad = scene::good();
        let heads = Reply::Heads(vec![(scene::direct(), 1), (group, 2)]);
        bad.extend(asked(Question::Heads, heads));
        scene::assert_judges::<AnswersAreTrue>(bad, "had stored 2");

        let mut bad = scene::good();
        let history = Question::History {
            conversation: scene::direct(),
            first: 1,
            last: 0,
            limit: 10,
        };
        let mut message = scene::message(1);
        message.body = scene::body(5);
        bad.extend(asked(history, Reply::Entries(vec![message])));
        scene::assert_judges::<AnswersAreTrue>(bad, "read");
    }
}
