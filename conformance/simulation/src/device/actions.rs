//! What applications do.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eim_client::options::Attach;
use eim_client::store::Target;
use eim_client::{Client, Draft};
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{CustomBody, TextBody};
use eim_codec::registry::{FrameType, limits};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::DeviceNode;
use super::questions::answer;
use crate::observation::{Observation, Process, Question, Reply};
use crate::plan::{Action, DeviceNumber, GroupNumber, To, UserNumber};
use crate::seed::Dice;
use crate::server::user_id;

/// How long a program that only sends takes to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// How many of a thousand messages are operations on others.
const OPERATIONS_PERMILLE: u64 = 100;

/// Newest messages of which operations draw one.
const RECENT: usize = 6;

/// The groups of a world that exist, as far as those who created them know.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Mutex<BTreeMap<GroupNumber, ConversationId>>>);

impl Groups {
    /// The id of a group.
    #[must_use]
    pub fn get(&self, group: GroupNumber) -> Option<ConversationId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&group)
            .copied()
    }

    fn set(&self, group: GroupNumber, id: ConversationId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(group, id);
    }
}

/// The ids of the devices of a world, as far as they have chosen one.
#[derive(Clone, Debug, Default)]
pub struct DeviceIds(Arc<Mutex<BTreeMap<DeviceNumber, DeviceId>>>);

impl DeviceIds {
    fn get(&self, device: DeviceNumber) -> Option<DeviceId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&device)
            .copied()
    }

    pub(super) fn set(&self, device: DeviceNumber, id: DeviceId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device, id);
    }
}

impl DeviceNode {
    /// Does what step `step` says, if it is possible now.
    pub fn act(&self, step: u32, action: &Action, dice: Dice) {
        match action {
            Action::Send {
                to, count, octets, ..
            } => self.send(*to, *count, *octets, dice),
            Action::SendOnly { to, count, .. } => self.send_only(*to, *count, dice),
            Action::Mark { of, permille, .. } => self.mark(*of, *permille),
            Action::Reading { reads, .. } => self.set_reading(*reads),
            other => self.ask(step, other),
        }
    }

    fn target(&self, to: To) -> Option<Target> {
        match to {
            To::User(user) => Some(Target::User(user_id(user))),
            To::Group(group) => self.group(group).map(Target::Conversation),
        }
    }

    fn send(&self, to: To, count: u32, octets: u32, dice: Dice) {
        let (Some((process, life, client)), Some(target)) = (self.main(), self.target(to)) else {
            return;
        };
        let node = self.clone();
        life.spawn(async move {
            node.post(process, &client, target, (count, octets), dice)
                .await;
        });
    }

    /// A text; now and then an operation on one of the newest messages that the device has instead,
    /// whether it may or not.
    async fn draft(&self, client: &Client, target: Target, octets: u32, dice: &mut Dice) -> Draft {
        let words = text(dice, octets);
        if !dice.chance(OPERATIONS_PERMILLE) {
            return draft(target, words);
        }
        let conversation = match target {
            Target::Conversation(id) => id,
            Target::User(peer) => ConversationId::direct(user_id(self.user()), peer),
        };
        let newest = client.store().latest(conversation, RECENT).await;
        let newest = newest.unwrap_or_default();
        let drawn = usize::try_from(dice.between(0, RECENT as u64 - 1)).unwrap_or(0);
        let Some(message) = newest.get(drawn) else {
            return draft(target, words);
        };
        let (seq, remove) = (message.conv_seq, dice.chance(250));
        match dice.between(0, 3) {
            3 => Draft::recall(target, seq),
            0 => Draft::edit(target, seq, TextBody::new(words)),
            1 => Draft::react(target, seq, "+1", remove),
            _ => Draft::pin(target, seq, remove),
        }
    }

    /// Sends texts one after another; returns how many it could.
    async fn post(
        &self,
        process: Process,
        client: &Client,
        target: Target,
        (count, octets): (u32, u32),
        mut dice: Dice,
    ) -> usize {
        for number in 0..count {
            let draft = self.draft(client, target, octets, &mut dice).await;
            let (frame_type, body) = (draft.frame_type, draft.body.clone());
            let Ok(key) = client.post(draft).await else {
                return usize::try_from(number).unwrap_or(0);
            };
            let sha256 = Sha256::digest(&body).into();
            self.0.recorder.saw(Observation::SendBegun {
                process,
                key,
                target,
                frame_type,
                sha256,
            });
        }
        usize::try_from(count).unwrap_or(0)
    }

    fn send_only(&self, to: To, count: u32, dice: Dice) {
        // A device that has never logged in has no identity to lend.
        let (Some(target), Some(_)) = (self.target(to), self.main()) else {
            return;
        };
        let (number, life) = self.begin(true);
        let (node, process) = (self.clone(), life.clone());
        life.spawn(async move {
            let end = match node.open(number, &process, Attach::SendOnly).await {
                Ok((client, events)) => {
                    let who = node.process(number);
                    let sent = node.post(who, &client, target, (count, 32), dice).await;
                    let end = node.read(number, events, Some(sent)).await;
                    Self::farewell(&client, FAREWELL).await;
                    end
                }
                Err(error) => eim_client::End::Store(error),
            };
            node.over(number, &process, end);
        });
    }

    fn conversation(&self, of: To) -> Option<ConversationId> {
        Some(match self.target(of)? {
            Target::Conversation(id) => id,
            Target::User(user) => ConversationId::direct(user_id(self.0.user), user),
        })
    }

    /// A person reads some of what the device holds.
    fn mark(&self, of: To, permille: u64) {
        let (Some((process, life, client)), Some(conversation)) =
            (self.main(), self.conversation(of))
        else {
            return;
        };
        let node = self.clone();
        life.spawn(async move {
            let Ok(latest) = client.store().latest(conversation, 1).await else {
                return;
            };
            let last = latest.last().map_or(0, |message| message.conv_seq);
            let through = (last * permille).div_ceil(1000);
            if through == 0 {
                return;
            }
            node.0.recorder.saw(Observation::MarkBegun {
                process,
                conversation,
                through,
            });
            if client.read(conversation, through).await.is_ok() {
                node.0.recorder.saw(Observation::MarkStored {
                    process,
                    conversation,
                    through,
                });
            }
        });
    }

    fn ask(&self, step: u32, action: &Action) {
        let (Some((process, life, client)), Some(question)) = (self.main(), self.question(action))
        else {
            return;
        };
        let admin = matches!(action, Action::SetRole { admin: true, .. });
        let node = self.clone();
        let created = match action {
            Action::CreateGroup { group, .. } => Some(*group),
            _ => None,
        };
        self.0.recorder.saw(Observation::Asked {
            process,
            step,
            question: question.clone(),
        });
        let asking = Asking::new(self);
        life.spawn(async move {
            let reply = answer(&client, &question, admin, step).await;
            if let (Some(group), Reply::Created(id)) = (created, &reply) {
                node.0.groups.set(group, *id);
            }
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
            _ => return None,
        })
    }
}

/// Counts a request that waits for its answer, also if its process ends.
struct Asking(DeviceNode);

impl Asking {
    fn new(node: &DeviceNode) -> Self {
        node.0.asking.fetch_add(1, Ordering::Relaxed);
        Self(node.clone())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is too long for a text is a message of an application.
fn draft(target: Target, text: String) -> Draft {
    let long = u32::try_from(text.len()).is_ok_and(|octets| octets > limits::TEXT_OCTETS.default);
    if !long {
        return Draft::text(target, text);
    }
    let body = CustomBody {
        namespace: "org.example.long".to_owned(),
        data: text.into(),
    };
    Draft {
        frame_type: FrameType::CUSTOM,
        body: body.encode_to_vec().into(),
        ..Draft::text(target, "")
    }
}

/// A text that is never the same.
fn text(dice: &mut Dice, octets: u32) -> String {
    let mut text = format!("{:016x}", dice.bits());
    let octets = usize::try_from(octets).unwrap_or(0);
    // Half of the texts compress well.
    if dice.chance(500) {
        text.push_str(&"na".repeat(octets.saturating_sub(text.len()) / 2));
    } else {
        while text.len() < octets {
            text.push_str(&format!("{:x}", dice.bits()));
        }
        text.truncate(octets.max(16));
    }
    text
}
