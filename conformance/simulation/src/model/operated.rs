//! What operations make of messages, by a naive reading of their entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use eim_client::store::Message;
use eim_codec::id::UserId;
use eim_codec::payload::{Act, Modifier, Role};
use eim_codec::registry::FrameType;
use eim_server::store::Entry;

use super::conversation::{Conversation, Effect};

/// What has become of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operated {
    /// Its EDITs, in order.
    pub edits: Vec<u64>,
    /// Its RECALL; 0 for none.
    pub recall: u64,
    /// Who reacts how.
    pub reactions: BTreeMap<String, BTreeSet<UserId>>,
    /// The PIN in force; 0 for none.
    pub pin: u64,
}

/// What an EDIT, RECALL, REACTION or PIN does; `None` for what is none, or was erased.
#[must_use]
pub fn operation(frame_type: FrameType, body: &Bytes) -> Option<Modifier> {
    Modifier::of(frame_type, body).ok().flatten()
}

/// What is left of a message that was taken back, or of an EDIT of it.
pub fn erase(message: &mut Message) {
    message.body = Bytes::new();
    message.fallback_text = String::new();
    message.tombstone = true;
}

impl Conversation {
    /// The entry as it was when it was written; `None` if nobody ever saw it so.
    #[must_use]
    pub fn original(&self, conv_seq: u64) -> Option<&Arc<Entry>> {
        let entry = self.entry(conv_seq).filter(|entry| !entry.tombstone);
        entry.or_else(|| self.erased.get(&conv_seq))
    }

    /// The RECALL that has erased the entry: that of itself, or of the message that it edits.
    #[must_use]
    pub fn recall_of(&self, entry: &Entry) -> Option<u64> {
        let edited = match entry.frame_type {
            FrameType::EDIT => operation(entry.frame_type, &entry.body).map(|edit| edit.target),
            _ => Some(entry.conv_seq),
        };
        let operated = self.operated.get(&edited?)?;
        (operated.recall != 0).then_some(operated.recall)
    }

    /// Puts another entry in the place of one.
    pub(super) fn rewrite(&mut self, before: &Arc<Entry>, after: &Arc<Entry>) {
        let index = usize::try_from(before.conv_seq).ok();
        let held = index.and_then(|number| self.entries.get_mut(number.checked_sub(1)?));
        if let Some(held) = held {
            *held = Arc::clone(after);
        }
        if after.tombstone && !before.tombstone {
            self.erased.insert(before.conv_seq, Arc::clone(before));
        }
    }

    /// An operation on a message.
    pub(super) fn operate(&mut self, number: u64, entry: &Entry, effect: &mut Effect) {
        if entry.tombstone {
            // Erased in the batch that brought it; its RECALL follows in the same one.
            effect.unseen = true;
            return;
        }
        let Some(sender) = entry.sender else { return };
        let Some(Modifier { target, act }) = operation(entry.frame_type, &entry.body) else {
            effect.broken.push("an operation without a body".to_owned());
            return;
        };
        let mut operated = self.operated.get(&target).cloned().unwrap_or_default();
        if let Some(why) = self.forbids(sender, target, &act, &operated) {
            effect.broken.push(format!("{act:?} of {target}: {why}"));
        }
        match act {
            Act::Edit => operated.edits.push(number),
            Act::Recall => {
                for erased in operated.edits.iter().chain([&target]) {
                    let left = self.entry(*erased).filter(|left| !left.tombstone);
                    if left.is_some() {
                        effect
                            .broken
                            .push(format!("recalled, and {left:?} is left"));
                    }
                }
                operated = Operated {
                    recall: number,
                    ..Operated::default()
                };
            }
            Act::React { reaction, remove } => {
                let users = operated.reactions.entry(reaction).or_default();
                if remove {
                    users.remove(&sender);
                } else {
                    users.insert(sender);
                }
                operated.reactions.retain(|_, users| !users.is_empty());
            }
            Act::Pin { remove } => operated.pin = if remove { 0 } else { number },
        }
        if operated == Operated::default() {
            self.operated.remove(&target);
        } else {
            self.operated.insert(target, operated);
        }
    }

    /// Why `sender` must not do it, if so.
    fn forbids(
        &self,
        sender: UserId,
        target: u64,
        act: &Act,
        before: &Operated,
    ) -> Option<&'static str> {
        let message = self.entry(target)?;
        let (from, _) = self.visible(sender)?;
        let role = self.members.get(&sender).map(|member| member.role);
        let leads = !self.direct && matches!(role, Some(Role::Owner | Role::Admin));
        let own = message.sender == Some(sender);
        if target < from {
            return Some("cannot be seen");
        }
        if !(0x20..0x40).contains(&message.frame_type.0) {
            return Some("is no message");
        }
        if before.recall != 0 {
            return Some("was recalled");
        }
        match act {
            Act::Edit if !own || message.frame_type != FrameType::TEXT => Some("no own text"),
            Act::Recall if !own && !leads => Some("of another user"),
            Act::Pin { .. } if !self.direct && !leads => Some("pinned by a member"),
            _ => None,
        }
    }
}
