//! Conversations that are read from their logs: the timeline says nothing of most of their
//! entries, so what was heard of a log is compared with what is stored, and the rest is read.
//!
//! For such a conversation everything through the `conv_seq` of its record is stored or on its way
//! into the store, unless its backlog says that there are holes.

use eim_codec::id::ConversationId;
use eim_codec::payload::{self, ConversationHead, FanOut, MembershipBody, MembershipChange};
use eim_codec::registry::FrameType;
use prost::Message as _;

use super::Engine;
use super::pull::Walk;
use crate::store::{Backlog, ConversationRecord, Message};

impl Engine {
    /// Takes over what the server says about a conversation now.
    // impl[EIM-LGR-010]
    pub(super) fn know(&mut self, mut record: ConversationRecord) {
        let id = record.conversation;
        let mut first = record.visible_from;
        let known = self.records.get(&id);
        let known = known.filter(|known| known.fan_out == FanOut::Read);
        // impl[EIM-LGR-012] There is no way back: what says otherwise is older.
        if record.fan_out == FanOut::Read || known.is_some() {
            record.fan_out = FanOut::Read;
            let through = known.map_or(0, |known| known.conv_seq);
            let backlog = known.map_or(Backlog::None, |known| known.backlog);
            if record.conv_seq > through {
                record.backlog = record.backlog.max(Backlog::Holes);
                // What is below is stored, unless something else was missing.
                if backlog == Backlog::None && through >= first {
                    first = through.saturating_add(1);
                }
            }
            record.conv_seq = record.conv_seq.max(through);
            record.backlog = record.backlog.max(backlog);
        }
        self.backlogs.add_from(&record, first);
        self.keep(record);
    }

    /// Keeps a record, here and in the store.
    pub(super) fn keep(&mut self, record: ConversationRecord) {
        if record.backlog > Backlog::None {
            // What was read before does not make up for what is missing now.
            let id = record.conversation;
            self.staging.batch.completed.retain(|(it, _)| *it != id);
        }
        self.records.insert(record.conversation, record.clone());
        self.staging.batch.conversations.push(record);
        self.staging.follow.conversations = true;
    }

    /// A log reaches to `conv_seq`. What is missing of it is read.
    // impl[EIM-LGR-011]
    pub(super) fn heard_of(&mut self, conversation: ConversationId, conv_seq: u64) {
        let Some(known) = self.records.get(&conversation) else {
            return self.walk_heads(Walk::News);
        };
        if known.conv_seq >= conv_seq {
            return;
        }
        if known.visible_through > 0 {
            // The user is a member again, and reads on from an entry that this device does not know.
            return self.walk_heads(Walk::News);
        }
        let record = ConversationRecord {
            conv_seq,
            ..known.clone()
        };
        if record.fan_out == FanOut::Read {
            return self.know(record);
        }
        // A conversation that grew large, and whose entry about it is on its way.
        let record = ConversationRecord {
            backlog: record.backlog.max(Backlog::Holes),
            ..record
        };
        self.backlogs.add(&record);
        self.keep(record);
    }

    /// Heads of PONG or LAGGED.
    // impl[EIM-LGR-011]
    pub(super) fn heard_of_heads(&mut self, heads: &[ConversationHead], overflow: bool) {
        if self.is_taking_snapshot() {
            // Its pages may be older.
            if overflow || !heads.is_empty() {
                self.walk_heads(Walk::News);
            }
            return;
        }
        if overflow {
            self.walk_heads(Walk::Behind);
        }
        for head in heads {
            if let Ok(conversation) = head.conversation.as_ref().try_into() {
                self.heard_of(conversation, head.conv_seq);
            }
        }
    }

    /// An entry beyond what is stored of its log: what lies between is read.
    // impl[EIM-LGR-011]
    pub(super) fn look_behind(&mut self, message: &Message) {
        let id = message.conversation;
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        if message.user_seq != 0 && record.fan_out != FanOut::Read {
            return;
        }
        let expected = record.conv_seq.saturating_add(1);
        if message.conv_seq > expected {
            self.heard_of(id, message.conv_seq);
            // Members and name may have changed meanwhile.
            self.walk_heads(Walk::News);
        } else if message.conv_seq == expected {
            record.conv_seq = message.conv_seq;
            if note_change(record, message) {
                let record = record.clone();
                self.keep(record);
            }
        }
    }

    /// The conversation is read from its log from the next entry on.
    // impl[EIM-LGR-012]
    pub(super) fn note_mode(&mut self, message: &Message) {
        let Some(record) = self.records.get(&message.conversation) else {
            return;
        };
        let read = payload::ModeBody::decode(message.body.clone())
            .is_ok_and(|body| body.fan_out() == FanOut::Read);
        if !read || record.fan_out == FanOut::Read {
            return;
        }
        let record = ConversationRecord {
            fan_out: FanOut::Read,
            conv_seq: record.conv_seq.max(message.conv_seq),
            backlog: record.backlog.max(Backlog::Holes),
            ..record.clone()
        };
        self.backlogs.add(&record);
        self.keep(record);
    }
}

/// What an entry of a large group says about its members and name: too many hear of it for each
/// of them to ask. Whether it said anything.
fn note_change(record: &mut ConversationRecord, message: &Message) -> bool {
    if record.fan_out != FanOut::Read {
        return false;
    }
    match message.frame_type {
        FrameType::MEMBERSHIP => {
            let Ok(body) = MembershipBody::decode(message.body.clone()) else {
                return false;
            };
            let users = u32::try_from(body.users.len()).unwrap_or(u32::MAX);
            record.members = match body.change() {
                MembershipChange::Added => record.members.saturating_add(users),
                MembershipChange::Removed | MembershipChange::Left => {
                    record.members.saturating_sub(users)
                }
                MembershipChange::Role
                | MembershipChange::Muted
                | MembershipChange::Unspecified => return false,
            };
            true
        }
        FrameType::SETTINGS => {
            let Ok(body) = payload::SettingsBody::decode(message.body.clone()) else {
                return false;
            };
            record.name = body.name;
            true
        }
        _ => false,
    }
}
