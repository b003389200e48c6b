//! What is unread, and who has read: answers say what was so while they were asked.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::Unread;
use eim_codec::id::{ConversationId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// Each conversation that UNREAD lists has as many unread messages, is read as far and is flagged
/// as at some time between question and answer, and one that it leaves out had nothing at some time
/// between. READERS likewise, member by member.
#[derive(Debug, Default)]
pub struct UnreadIsTrue {
    open: BTreeMap<(Process, u32), Open>,
}

/// Unread messages, those that call the user, the read mark, and the flag of a conversation; `None`
/// for none at all.
type State = Option<(u64, u64, u64, bool)>;

#[derive(Debug)]
struct Open {
    user: UserId,
    question: Question,
    /// Its states were noted before.
    begun: bool,
    /// What each conversation was; `None` while there was nothing to read.
    unread: BTreeMap<ConversationId, BTreeSet<State>>,
    /// How far each user had read; `None` while it was no member.
    read: BTreeMap<UserId, BTreeSet<Option<u64>>>,
}

impl Invariant for UnreadIsTrue {
    fn name(&self) -> &'static str {
        "unread-is-true"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MRK-008",
            "EIM-MRK-010",
            "EIM-MRK-011",
            "EIM-MRK-018",
            "EIM-MRK-029",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Asked {
                process,
                step,
                question: question @ (Question::Unread | Question::Readers { .. }),
            }) => {
                let Some(user) = model.sight.program(*process).map(|program| program.user) else {
                    return;
                };
                let mut open = Open {
                    user,
                    question: question.clone(),
                    begun: false,
                    unread: BTreeMap::new(),
                    read: BTreeMap::new(),
                };
                open.note(model);
                self.open.insert((*process, *step), open);
            }
            Event::Server(change) if !change.entries.is_empty() || !change.marks.is_empty() => {
                self.open.values_mut().for_each(|open| open.note(model));
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => match (self.open.remove(&(*process, *step)), reply) {
                (Some(open), Reply::Unread(told)) => open.unread(told, found),
                (Some(open), Reply::Readers(told)) => open.readers(told, found),
                _ => {}
            },
            _ => {}
        }
    }
}

impl Open {
    fn note(&mut self, model: &Model) {
        if let Question::Readers { conversation, .. } = self.question {
            let members = model.server.conversations.get(&conversation);
            for user in &model.server.users {
                let member = members.is_some_and(|it| it.members.contains_key(user));
                let mark = model.server.marks.get(&(conversation, *user));
                let read = member.then(|| mark.map_or(0, |mark| mark.0));
                self.read.entry(*user).or_default().insert(read);
            }
            return;
        }
        for id in model.server.conversations.keys() {
            let state = model.unread(self.user, *id);
            // What begins while the question is under way was not there before.
            let before = || self.begun.then_some(None).into_iter().collect();
            let states = self.unread.entry(*id).or_insert_with(before);
            states.insert(state);
        }
        self.begun = true;
    }

    fn unread(&self, told: &[Unread], found: &mut Found) {
        let user = self.user;
        found.add_if(
            !told.is_sorted_by(|one, next| one.conversation < next.conversation),
            || format!("{user} was told what is unread in another order: {told:?}"),
        );
        for one in told {
            let states = self.unread.get(&one.conversation);
            let state = (one.unread, one.mentions, one.read, one.marked_unread);
            let was = states.is_some_and(|states| states.contains(&Some(state)));
            let something = one.unread > 0 || one.marked_unread;
            found.add_if(!was || !something, || {
                format!("{user} was told {one:?}, which was {states:?}")
            });
        }
        for (id, states) in &self.unread {
            let mut states_of = states.iter();
            let nothing = states_of.any(|state| matches!(state, None | Some((0, _, _, false))));
            let listed = told.iter().any(|one| one.conversation == *id);
            found.add_if(!nothing && !listed, || {
                format!("{user} was not told of {id}, which was {states:?}")
            });
        }
    }

    fn readers(&self, told: &[(UserId, u64)], found: &mut Found) {
        let Question::Readers {
            conversation,
            conv_seq,
            missing,
        } = self.question
        else {
            return;
        };
        let fits = |read: u64| (read >= conv_seq) != missing;
        found.add_if(!told.is_sorted_by(|(one, _), (next, _)| one < next), || {
            format!("readers of {conversation} in another order: {told:?}")
        });
        for (user, read) in told {
            let states = self.read.get(user);
            let was = states.is_some_and(|states| states.contains(&Some(*read)));
            found.add_if(!was || !fits(*read), || {
                format!(
                    "{user} is said to have read {conversation} through {read}, asked for \
                     {conv_seq} (missing {missing}): {states:?}"
                )
            });
        }
        for (user, states) in &self.read {
            let mut states_of = states.iter();
            let out = states_of.any(|read| read.is_none_or(|read| !fits(read)));
            let listed = told.iter().any(|(one, _)| one == user);
            found.add_if(!out && !listed, || {
                format!("{user} is no reader of {conversation}, {conv_seq}: {states:?}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};
    use crate::observation::Calls;

    fn asked(question: Question, reply: Reply) -> Vec<Feed> {
        let (process, step) = (scene::process(1), 9);
        let mut feeds = scene::good();
        feeds.push(Feed::Seen(Observation::Asked {
            process,
            step,
            question,
        }));
        feeds.push(Feed::Seen(Observation::Answered {
            process,
            step,
            reply,
        }));
        feeds
    }

    fn one(unread: u64, read: u64, marked_unread: bool) -> Unread {
        Unread {
            conversation: scene::direct(),
            unread,
            mentions: 0,
            read,
            marked_unread,
        }
    }

    #[test]
    fn what_is_unread_is_told() {
        let good = asked(Question::Unread, Reply::Unread(vec![one(2, 0, false)]));
        assert_eq!(scene::judge(UnreadIsTrue::default(), good), []);
        for (told, why) in [
            (vec![], "was not told"),
            (vec![one(1, 0, false)], "was told"),
            (vec![one(2, 1, false)], "was told"),
            (vec![one(2, 0, true)], "was told"),
            (vec![one(2, 0, false), one(2, 0, false)], "another order"),
        ] {
            let bad = asked(Question::Unread, Reply::Unread(told));
            scene::assert_judges::<UnreadIsTrue>(bad, why);
        }
    }

    #[test]
    fn who_is_called_is_told() {
        let calls = |users: &[u8], all| Calls {
            all,
            users: users.iter().map(|user| scene::user(*user)).collect(),
        };
        let with = |calls: Calls, mentions: u64| {
            let told = Unread {
                mentions,
                ..one(2, 0, false)
            };
            let mut feeds = asked(Question::Unread, Reply::Unread(vec![told]));
            for feed in &mut feeds {
                if let Feed::Seen(Observation::SendBegun { calls: of, key, .. }) = feed
                    && *key == scene::key(2)
                {
                    *of = calls.clone();
                }
            }
            feeds
        };
        for (calls, due) in [
            (calls(&[2], false), 1),
            (calls(&[2], true), 1),
            (calls(&[], true), 1),
            (calls(&[1, 3], false), 0),
        ] {
            let good = with(calls.clone(), due);
            assert_eq!(scene::judge(UnreadIsTrue::default(), good), []);
            let bad = with(calls, 1 - due);
            scene::assert_judges::<UnreadIsTrue>(bad, "was told");
        }
    }

    #[test]
    fn who_has_read_is_told() {
        let readers = |missing, told: &[(u8, u64)]| {
            let question = Question::Readers {
                conversation: scene::direct(),
                conv_seq: 1,
                missing,
            };
            let told = told.iter().map(|(user, read)| (scene::user(*user), *read));
            asked(question, Reply::Readers(told.collect()))
        };
        for good in [readers(false, &[(1, 2)]), readers(true, &[(2, 0)])] {
            assert_eq!(scene::judge(UnreadIsTrue::default(), good), []);
        }
        for (bad, why) in [
            (readers(false, &[]), "is no reader"),
            (readers(false, &[(1, 2), (2, 0)]), "is said to have read"),
            (readers(false, &[(1, 1)]), "is said to have read"),
            (readers(true, &[(2, 0), (3, 0)]), "is said to have read"),
        ] {
            scene::assert_judges::<UnreadIsTrue>(bad, why);
        }
    }
}
