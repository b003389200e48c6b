//! Whoever is said to be there may be; nobody hears who types elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::Presence;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::PresenceState;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// Answers name the users that were asked for, in that order; who is said to be there once had a
/// program, and says what it said; who has blocked the caller all the time is not there. Typing is
/// told of those who typed, to those who were members with them since.
#[derive(Debug, Default)]
pub struct PresenceIsTrue {
    /// Who typed where, and who may hear of it: members at that time or later.
    typed: BTreeMap<(ConversationId, UserId), BTreeSet<UserId>>,
    said: BTreeSet<(UserId, String)>,
    /// Questions: the users, and who has blocked the caller since.
    open: BTreeMap<(Process, u32), (Vec<UserId>, BTreeSet<UserId>)>,
}

impl Invariant for PresenceIsTrue {
    fn name(&self) -> &'static str {
        "presence-is-true"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-PRS-001",
            "EIM-PRS-004",
            "EIM-PRS-005",
            "EIM-PRS-014",
            "EIM-PRS-017",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
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
                let asked = self.open.remove(&(*process, *step));
                if let (Some((users, blocked)), Reply::Presences(told)) = (asked, reply) {
                    self.answered(model, &users, &blocked, told, found);
                }
            }
            Event::Server(change) => {
                for (process, (_, blocked)) in &mut self.open {
                    if let Some(caller) = model.sight.program(process.0).map(|it| it.user) {
                        blocked.retain(|user| blocks(model, *user, caller));
                    }
                }
                for ((id, _), hearing) in &mut self.typed {
                    if change.touched.contains(id) {
                        hearing.extend(members(model, *id));
                    }
                }
            }
            Event::Seen(Observation::Presence { users, .. }) => {
                for presence in users {
                    self.there(model, presence, found);
                }
            }
            Event::Seen(Observation::Typing {
                process,
                conversation,
                user,
                typing: true,
            }) => {
                let hearer = model.sight.program(*process).map(|program| program.user);
                let hearing = self.typed.get(&(*conversation, *user));
                let hears = hearer.is_some_and(|hearer| {
                    hearer != *user && hearing.is_some_and(|hearing| hearing.contains(&hearer))
                });
                found.add_if(!hears, || {
                    format!("{process:?} heard {user} type in {conversation}: {hearing:?}")
                });
            }
            _ => {}
        }
    }
}

fn members(model: &Model, id: ConversationId) -> impl Iterator<Item = UserId> {
    let conversation = model.server.conversations.get(&id);
    let members = conversation.map(|conversation| conversation.members.keys());
    members.into_iter().flatten().copied()
}

fn blocks(model: &Model, user: UserId, other: UserId) -> bool {
    let listed = model.server.contacts.get(&(user, other));
    listed.is_some_and(|listed| listed.blocked)
}

impl PresenceIsTrue {
    fn asked(&mut self, model: &Model, asked: (Process, u32), question: &Question) {
        let Some(caller) = model.sight.program(asked.0).map(|program| program.user) else {
            return;
        };
        match question {
            Question::Watch { users, watch: true } | Question::Look { users } => {
                let blocked = users.iter().filter(|user| blocks(model, **user, caller));
                let blocked = blocked.copied().collect();
                self.open.insert(asked, (users.clone(), blocked));
            }
            Question::Say { status, .. } => {
                self.said.insert((caller, status.clone()));
            }
            Question::Type {
                conversation,
                typing: true,
            } => {
                let hearing = self.typed.entry((*conversation, caller)).or_default();
                hearing.extend(members(model, *conversation));
            }
            _ => {}
        }
    }

    fn answered(
        &self,
        model: &Model,
        users: &[UserId],
        blocked: &BTreeSet<UserId>,
        told: &[Presence],
        found: &mut Found,
    ) {
        let named: Vec<UserId> = told.iter().map(|presence| presence.user).collect();
        found.add_if(named != users, || {
            format!("asked for {users:?}, told of {named:?}")
        });
        for presence in told {
            self.there(model, presence, found);
            let hidden = blocked.contains(&presence.user);
            let nothing = presence.state == PresenceState::Offline && presence.last_seen_ms == 0;
            found.add_if(hidden && !nothing, || {
                format!("somebody who was blocked was told {presence:?}")
            });
        }
    }

    /// Whoever is there once had a program, and says what it said.
    fn there(&self, model: &Model, presence: &Presence, found: &mut Found) {
        let user = presence.user;
        let there = [PresenceState::Online, PresenceState::Away].contains(&presence.state);
        let mut programs = model.sight.processes.values();
        let once = programs.any(|program| program.user == user && !program.send_only);
        found.add_if(there && !once, || format!("{presence:?} never was here"));
        let words = &presence.status;
        let said = words.is_empty() || self.said.contains(&(user, words.clone()));
        found.add_if(!said || !there && !words.is_empty(), || {
            format!("{presence:?} never said so")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    fn asks(device: u8, question: Question) -> Feed {
        Feed::Seen(Observation::Asked {
            process: scene::process(device),
            step: 9,
            question,
        })
    }

    fn heard(device: u8, user: u8) -> Feed {
        Feed::Seen(Observation::Typing {
            process: scene::process(device),
            conversation: scene::direct(),
            user: scene::user(user),
            typing: true,
        })
    }

    fn presence(user: u8, state: PresenceState, status: &str) -> Presence {
        Presence {
            user: scene::user(user),
            state,
            status: status.to_owned(),
            last_seen_ms: 0,
        }
    }

    #[test]
    fn typing_is_heard_by_members() {
        let types = Question::Type {
            conversation: scene::direct(),
            typing: true,
        };
        let with = |heard: Feed| {
            let mut feeds = scene::good();
            feeds.extend([asks(0, types.clone()), heard]);
            feeds
        };
        assert_eq!(
            scene::judge(PresenceIsTrue::default(), with(heard(1, 1))),
            []
        );
        scene::assert_judges::<PresenceIsTrue>(with(heard(1, 2)), "heard");
        scene::assert_judges::<PresenceIsTrue>(with(heard(0, 1)), "heard");
    }

    #[test]
    fn who_is_there_was_here_and_said_so() {
        let say = Question::Say {
            away: true,
            status: "lunch".to_owned(),
        };
        let told = |told: Presence| {
            let mut feeds = scene::good();
            feeds.push(asks(1, say.clone()));
            feeds.push(Feed::Seen(Observation::Presence {
                process: scene::process(0),
                users: vec![told],
            }));
            feeds
        };
        let away = told(presence(2, PresenceState::Away, "lunch"));
        assert_eq!(scene::judge(PresenceIsTrue::default(), away), []);
        for (bad, why) in [
            (presence(3, PresenceState::Online, ""), "never was here"),
            (presence(2, PresenceState::Away, "gone"), "never said so"),
            (
                presence(2, PresenceState::Offline, "lunch"),
                "never said so",
            ),
        ] {
            scene::assert_judges::<PresenceIsTrue>(told(bad), why);
        }
    }

    #[test]
    fn answers_name_who_was_asked_for() {
        let users = vec![scene::user(1), scene::user(2)];
        let told = |users_told: &[u8]| {
            let told = users_told.iter();
            let told = told.map(|user| presence(*user, PresenceState::Online, ""));
            let mut feeds = scene::good();
            let users = users.clone();
            feeds.push(asks(0, Question::Look { users }));
            feeds.push(Feed::Seen(Observation::Answered {
                process: scene::process(0),
                step: 9,
                reply: Reply::Presences(told.collect()),
            }));
            feeds
        };
        assert_eq!(scene::judge(PresenceIsTrue::default(), told(&[1, 2])), []);
        scene::assert_judges::<PresenceIsTrue>(told(&[2, 1]), "asked for");
    }
}
