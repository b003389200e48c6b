//! What a message has become: the operations on it, applied.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{Act, EditBody, TextBody};
use prost::Message as _;

use crate::store::{Message, Modifier, Store, StoreError};

/// What has become of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modified {
    /// The EDIT in force.
    pub edit: Option<Edit>,
    /// It was taken back.
    pub recall: Option<Recall>,
    /// Who reacts how.
    pub reactions: BTreeMap<String, BTreeSet<UserId>>,
    /// It is pinned.
    pub pinned: bool,
}

/// An EDIT.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Its number.
    pub conv_seq: u64,
    /// Server time, Unix milliseconds.
    pub time_ms: u64,
    /// The new text.
    pub body: TextBody,
}

/// A RECALL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    /// Its number.
    pub conv_seq: u64,
    /// Who did it.
    pub by: Option<UserId>,
}

impl Modified {
    /// Applies operations on one message, in ascending order of their numbers: the last one of a
    /// kind counts, and after a recall nothing is left.
    // impl[EIM-OPS-014, EIM-OPS-026]
    #[must_use]
    pub fn of<'a>(modifiers: impl IntoIterator<Item = &'a Modifier>) -> Self {
        let mut modified = Self::default();
        for modifier in modifiers {
            modified.apply(modifier);
        }
        if let Some(recall) = modified.recall {
            modified = Self {
                recall: Some(recall),
                ..Self::default()
            };
        }
        modified
    }

    fn apply(&mut self, modifier: &Modifier) {
        if modifier.recalls() {
            self.recall = Some(Recall {
                conv_seq: modifier.conv_seq,
                by: modifier.user,
            });
            return;
        }
        if modifier.edits() {
            let body = EditBody::decode(modifier.body.clone());
            let body = body.ok().and_then(|body| body.text).unwrap_or_default();
            self.edit = Some(Edit {
                conv_seq: modifier.conv_seq,
                time_ms: modifier.time_ms,
                body,
            });
            return;
        }
        let read = eim_codec::payload::Modifier::of(modifier.frame_type, &modifier.body);
        let act = read.ok().flatten().map(|read| read.act);
        match (act, modifier.user) {
            (Some(Act::React { reaction, remove }), Some(user)) => {
                let users = self.reactions.entry(reaction.clone()).or_default();
                if remove {
                    users.remove(&user);
                } else {
                    users.insert(user);
                }
                if users.is_empty() {
                    self.reactions.remove(&reaction);
                }
            }
            (Some(Act::Pin { remove }), _) => self.pinned = !remove,
            // A state in history says that it is pinned, and has no body.
            (None, _) if modifier.body.is_empty() => self.pinned = true,
            _ => {}
        }
    }
}

/// What has become of the messages `first..=last` of a conversation; those to which nothing
/// happened are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn modified(
    store: &dyn Store,
    conversation: ConversationId,
    first: u64,
    last: u64,
) -> Result<BTreeMap<u64, Modified>, StoreError> {
    let all = store.modifiers(conversation, first, last).await?;
    let by_target = all.chunk_by(|one, next| one.target == next.target);
    Ok(by_target
        .filter_map(|same| Some((same.first()?.target, Modified::of(same))))
        .filter(|(_, modified)| *modified != Modified::default())
        .collect())
}

/// The text of a message as it is now: of the EDIT in force, else as it was sent.
#[must_use]
pub fn current_text(message: &Message, modified: Option<&Modified>) -> Option<String> {
    let edited = modified.and_then(|modified| modified.edit.as_ref());
    match edited {
        Some(edit) if !message.tombstone => Some(edit.body.text.clone()),
        _ => crate::text_of(message),
    }
}
