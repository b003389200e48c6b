//! How applications ask the server.

use std::sync::atomic::Ordering;

use eim_codec::id::{ConversationId, UserId};
use eim_server::store::Policy;

use super::DeviceNode;
use super::calls::call;
use super::files::fetch;
use super::questions::answer;
use crate::observation::{Observation, Question};
use crate::plan::{Action, UserNumber};
use crate::server::user_id;

/// One of a few texts; 0 is empty.
fn words(number: u8) -> String {
    match number {
        0 => String::new(),
        number => format!("words {number}"),
    }
}

impl DeviceNode {
    pub(super) fn ask(&self, step: u32, action: &Action) {
        let (Some((process, life, client)), Some(question)) = (self.main(), self.question(action))
        else {
            return;
        };
        let admin = matches!(action, Action::SetRole { admin: true, .. });
        let node = self.clone();
        let learned = match action {
            Action::CreateGroup { group, .. } | Action::Invite { group, .. } => Some(*group),
            _ => None,
        };
        self.0.recorder.saw(Observation::Asked {
            process,
            step,
            question: question.clone(),
        });
        let asking = Asking::new(self);
        self.watches(process, &question);
        life.spawn(async move {
            let reply = match question {
                Question::Profiles => node.profiles(&client).await,
                Question::Fetch {
                    blob,
                    sha256,
                    conversation,
                } => fetch(&client, blob, sha256, conversation).await,
                Question::Call { .. } | Question::Signal { .. } => call(&client, &question).await,
                _ => answer(&client, &question, admin, step).await,
            };
            if let Some(group) = learned {
                node.0.groups.learn(group, &reply);
            }
            node.watched(process, &question, &reply);
            drop(asking);
            node.0.recorder.saw(Observation::Answered {
                process,
                step,
                reply,
            });
        });
    }

    fn question(&self, action: &Action) -> Option<Question> {
        let ids =
            |users: &[UserNumber]| users.iter().copied().map(user_id).collect::<Vec<UserId>>();
        Some(match action {
            Action::CreateGroup { members, .. } => Question::CreateGroup {
                members: ids(members),
            },
            Action::AddMembers { group, members, .. } => Question::AddMembers {
                group: self.group(*group)?,
                members: ids(members),
            },
            Action::RemoveMember { group, member, .. } => Question::RemoveMembers {
                group: self.group(*group)?,
                members: ids(&[*member]),
            },
            Action::Leave { group, .. } => Question::Leave {
                group: self.group(*group)?,
            },
            Action::Rename { group, .. } => Question::Rename {
                group: self.group(*group)?,
            },
            Action::SetRole { group, member, .. } => Question::SetRole {
                group: self.group(*group)?,
                member: user_id(*member),
            },
            Action::Members { group, .. } => Question::Members {
                group: self.group(*group)?,
            },
            Action::Contact { user, doing, .. } => Question::Contact {
                log: ConversationId::personal(user_id(self.0.user)),
                user: user_id(*user),
                doing: *doing,
            },
            Action::Contacts { .. } => Question::Contacts {
                log: ConversationId::personal(user_id(self.0.user)),
            },
            Action::Conversation { of, .. } => Question::Conversation {
                target: self.target(*of)?,
            },
            Action::Users { users, by_name, .. } => Question::Users {
                users: ids(users),
                by_name: *by_name,
            },
            Action::Heads { .. } => Question::Heads,
            Action::Devices { .. } => Question::Devices,
            Action::LogOut { other, .. } => Question::LogOut {
                device: self.0.ids.get(*other)?,
            },
            Action::History {
                of, first, limit, ..
            } => Question::History {
                conversation: self.conversation(*of)?,
                first: *first,
                last: 0,
                limit: usize::try_from(*limit).unwrap_or(1),
            },
            other => return self.question_of_marks(other),
        })
    }

    fn question_of_marks(&self, action: &Action) -> Option<Question> {
        Some(match action {
            Action::Flag { of, set, .. } => Question::Flag {
                conversation: self.conversation(*of)?,
                set: *set,
            },
            Action::Unread { .. } => Question::Unread,
            Action::Readers {
                of,
                conv_seq,
                missing,
                ..
            } => Question::Readers {
                conversation: self.conversation(*of)?,
                conv_seq: *conv_seq,
                missing: *missing,
            },
            other => return self.question_of_policy(other),
        })
    }

    fn question_of_policy(&self, action: &Action) -> Option<Question> {
        Some(match action {
            Action::Dissolve { group, .. } => Question::Dissolve {
                group: self.group(*group)?,
            },
            Action::Mute {
                group,
                member,
                for_ms,
                ..
            } => Question::Mute {
                group: self.group(*group)?,
                member: member.map(user_id),
                for_ms: *for_ms,
            },
            Action::Announce { group, text, .. } => Question::Announce {
                group: self.group(*group)?,
                text: words(*text),
            },
            Action::SetPolicy {
                group,
                post,
                invite,
                approval,
                ..
            } => Question::SetPolicy {
                group: self.group(*group)?,
                policy: Policy {
                    post: (*post).into(),
                    invite: (*invite).into(),
                    approval: *approval,
                },
            },
            Action::Invite {
                group,
                lifetime_ms,
                uses,
                ..
            } => Question::Invite {
                group: self.group(*group)?,
                lifetime_ms: *lifetime_ms,
                uses: *uses,
            },
            Action::Revoke { group, .. } => Question::Revoke {
                group: self.group(*group)?,
            },
            Action::Join { group, .. } => Question::Join {
                group: self.group(*group)?,
                token: self.0.groups.token(*group)?,
            },
            Action::Waiting { group, .. } => Question::Waiting {
                group: self.group(*group)?,
            },
            Action::Decide {
                group,
                user,
                accept,
                ..
            } => Question::Decide {
                group: self.group(*group)?,
                user: user_id(*user),
                accept: *accept,
            },
            other => return self.question_of_presence(other),
        })
    }

    fn question_of_presence(&self, action: &Action) -> Option<Question> {
        let ids = |users: &[UserNumber]| users.iter().copied().map(user_id).collect();
        Some(match action {
            Action::MembersSince { group, since, .. } => Question::MembersSince {
                group: self.group(*group)?,
                since: *since,
            },
            Action::Info { group, .. } => Question::Info {
                group: self.group(*group)?,
            },
            Action::Watch { users, watch, .. } => Question::Watch {
                users: ids(users),
                watch: *watch,
            },
            Action::Look { users, .. } => Question::Look { users: ids(users) },
            Action::Say { away, status, .. } => Question::Say {
                away: *away,
                status: words(*status),
            },
            Action::Type { of, typing, .. } => Question::Type {
                conversation: self.conversation(*of)?,
                typing: *typing,
            },
            Action::SetProfile { phone, .. } => Question::SetProfile {
                phone: words(*phone),
            },
            Action::Profiles { .. } => Question::Profiles,
            Action::Call { of, .. } => Question::Call {
                conversation: self.conversation(*of)?,
            },
            Action::Signal { nth, signal, .. } => Question::Signal {
                call: self.0.groups.call(*nth)?,
                kind: (*signal).into(),
            },
            Action::Fetch { nth, hint, .. } => self.fetching(*nth, *hint)?,
            _ => return None,
        })
    }
}

/// Counts a request that waits for its answer, also if its process ends.
pub(super) struct Asking(DeviceNode);

impl Asking {
    pub(super) fn new(node: &DeviceNode) -> Self {
        node.0.asking.fetch_add(1, Ordering::Relaxed);
        Self(node.clone())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}
