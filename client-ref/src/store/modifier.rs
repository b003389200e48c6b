//! Operations on messages, as a device holds them.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{self, EntryState};
use eim_codec::registry::FrameType;

use super::Message;

/// One operation, under the message it is about. It may be known before the message, and without
/// its own entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modifier {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message, by its number.
    pub target: u64,
    /// Its own number.
    pub conv_seq: u64,
    /// Epoch of the log it was committed in.
    pub log_epoch: u64,
    /// EDIT, RECALL, REACTION or PIN.
    pub frame_type: FrameType,
    /// Who did it; `None` where only a summary said so.
    pub user: Option<UserId>,
    /// Server time of its commit, Unix milliseconds; 0 where nobody said.
    pub time_ms: u64,
    /// Body as sent; empty where only its number matters.
    pub body: Bytes,
}

impl Modifier {
    /// The operation that an entry is, if it is one that can be read.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        if message.tombstone {
            return None;
        }
        let read = payload::Modifier::of(message.frame_type, &message.body);
        let target = read.ok().flatten()?.target;
        Some(Self {
            conversation: message.conversation,
            target,
            conv_seq: message.conv_seq,
            log_epoch: message.log_epoch,
            frame_type: message.frame_type,
            user: message.sender,
            time_ms: message.time_ms,
            body: message.body.clone(),
        })
    }

    /// What a state in history says about `message`: the operations in force, but for reactions,
    /// of which it has numbers alone.
    // impl[EIM-OPS-035]
    #[must_use]
    pub fn of_state(message: &Message, state: &EntryState) -> Vec<Self> {
        let known = |conv_seq, frame_type| Self {
            conversation: message.conversation,
            target: message.conv_seq,
            conv_seq,
            log_epoch: message.log_epoch,
            frame_type,
            user: None,
            time_ms: 0,
            body: Bytes::new(),
        };
        let edit = Self {
            user: message.sender,
            time_ms: state.edit_time_ms,
            body: state.edit_body.clone(),
            ..known(state.edit_seq, FrameType::EDIT)
        };
        let recall = Self {
            user: state.recalled_by.as_ref().try_into().ok(),
            ..known(state.recall_seq, FrameType::RECALL)
        };
        let pin = known(state.pin_seq, FrameType::PIN);
        let largest = i64::MAX as u64;
        [edit, recall, pin]
            .into_iter()
            .filter(|modifier| (1..=largest).contains(&modifier.conv_seq))
            .collect()
    }

    /// Whether the message is gone with it.
    #[must_use]
    pub fn recalls(&self) -> bool {
        self.frame_type == FrameType::RECALL
    }

    /// Whether it has a text, which is gone when the message is recalled.
    #[must_use]
    pub fn edits(&self) -> bool {
        self.frame_type == FrameType::EDIT
    }
}
