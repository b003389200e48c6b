//! What applications do.

use std::time::Duration;

use eim_client::options::Attach;
use eim_client::store::Target;
use eim_client::{Client, Draft};
use eim_codec::id::ConversationId;
use eim_codec::payload::{CustomBody, TextBody};
use eim_codec::registry::{FrameType, limits};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::DeviceNode;
use crate::observation::{Calls, Observation, Process};
use crate::plan::{Action, To, UserNumber};
use crate::seed::Dice;
use crate::server::user_id;

/// How long a program that only sends takes to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// How many of a thousand messages are operations on others.
const OPERATIONS_PERMILLE: u64 = 100;

/// Newest messages of which operations draw one.
const RECENT: usize = 6;

impl DeviceNode {
    /// Does what step `step` says, if it is possible now.
    pub fn act(&self, step: u32, action: &Action, dice: Dice) {
        match action {
            Action::Send {
                to,
                count,
                octets,
                calls,
                ..
            } => self.send(*to, *count, (*octets, *calls), dice),
            Action::SendOnly { to, count, .. } => self.send_only(*to, *count, dice),
            Action::Mark { of, permille, .. } => self.mark(*of, *permille),
            Action::Reading { reads, .. } => self.set_reading(*reads),
            Action::Upload {
                to,
                file,
                octets,
                through,
                ..
            } => self.wish(step, *to, (*file, *octets), *through),
            Action::Unsend { of, .. } => self.unsend(*of),
            other => self.ask(step, other),
        }
    }

    pub(super) fn target(&self, to: To) -> Option<Target> {
        match to {
            To::User(user) => Some(Target::User(user_id(user))),
            To::Group(group) => self.group(group).map(Target::Conversation),
        }
    }

    fn send(&self, to: To, count: u32, (octets, calls): (u32, bool), dice: Dice) {
        let (Some((process, life, client)), Some(target)) = (self.main(), self.target(to)) else {
            return;
        };
        let node = self.clone();
        life.spawn(async move {
            node.post(process, &client, target, (count, octets, calls), dice)
                .await;
        });
    }

    /// A text; now and then an operation on one of the newest messages that the device has instead,
    /// whether it may or not.
    async fn draft(
        &self,
        client: &Client,
        target: Target,
        octets: u32,
        calls: &Calls,
        dice: &mut Dice,
    ) -> Draft {
        let words = text(dice, octets);
        if !dice.chance(OPERATIONS_PERMILLE) {
            return draft(target, words, calls);
        }
        let conversation = match target {
            Target::Conversation(id) => id,
            Target::User(peer) => ConversationId::direct(user_id(self.user()), peer),
        };
        let newest = client.store().latest(conversation, RECENT).await;
        let newest = newest.unwrap_or_default();
        let drawn = usize::try_from(dice.between(0, RECENT as u64 - 1)).unwrap_or(0);
        let Some(message) = newest.get(drawn) else {
            return draft(target, words, calls);
        };
        let (seq, remove) = (message.conv_seq, dice.chance(250));
        match dice.between(0, 3) {
            3 => Draft::recall(target, seq),
            0 => Draft::edit(target, seq, TextBody::new(words)),
            1 => Draft::react(target, seq, "+1", remove),
            _ => Draft::pin(target, seq, remove),
        }
    }

    /// Whom a text calls: nobody most of the time, and users of the world otherwise.
    fn calls(&self, some: bool, dice: &mut Dice) -> Calls {
        let mut calls = Calls::default();
        if !some || !dice.chance(400) {
            return calls;
        }
        calls.all = dice.chance(300);
        for _ in 0..dice.below(3) {
            // Users who do not exist can be called too.
            let number = u8::try_from(dice.below(5)).unwrap_or(0);
            calls.users.insert(user_id(UserNumber(number)));
        }
        calls
    }

    /// Sends texts one after another; returns how many it could.
    async fn post(
        &self,
        process: Process,
        client: &Client,
        target: Target,
        (count, octets, calls): (u32, u32, bool),
        mut dice: Dice,
    ) -> usize {
        for number in 0..count {
            let wanted = self.calls(calls, &mut dice);
            let draft = self.draft(client, target, octets, &wanted, &mut dice).await;
            let calls = if draft.frame_type == FrameType::TEXT {
                wanted
            } else {
                Calls::default()
            };
            if !self.post_one(process, client, target, draft, calls).await {
                return usize::try_from(number).unwrap_or(0);
            }
        }
        usize::try_from(count).unwrap_or(0)
    }

    /// Sends one message; whether it could.
    pub(super) async fn post_one(
        &self,
        process: Process,
        client: &Client,
        target: Target,
        draft: Draft,
        calls: Calls,
    ) -> bool {
        let (frame_type, body) = (draft.frame_type, draft.body.clone());
        let Ok(key) = client.post(draft).await else {
            return false;
        };
        let sha256 = Sha256::digest(&body).into();
        self.0.recorder.saw(Observation::SendBegun {
            process,
            key,
            target,
            frame_type,
            sha256,
            calls,
        });
        true
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
                    let sent = node
                        .post(who, &client, target, (count, 32, false), dice)
                        .await;
                    let end = node.read(number, events, Some(sent)).await;
                    Self::farewell(&client, FAREWELL).await;
                    end
                }
                Err(error) => eim_client::End::Store(error),
            };
            node.over(number, &process, end);
        });
    }

    pub(super) fn conversation(&self, of: To) -> Option<ConversationId> {
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
}

/// What is too long for a text is a message of an application.
fn draft(target: Target, text: String, calls: &Calls) -> Draft {
    let long = u32::try_from(text.len()).is_ok_and(|octets| octets > limits::TEXT_OCTETS.default);
    if !long {
        let body = TextBody {
            mentions: calls.users.iter().map(|user| user.to_bytes()).collect(),
            mention_all: calls.all,
            ..TextBody::new(text)
        };
        return Draft {
            body: body.encode_to_vec().into(),
            ..Draft::text(target, "")
        };
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
