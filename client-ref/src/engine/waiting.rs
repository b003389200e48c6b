//! How many users wait to join the groups that this user rules.

use std::collections::BTreeMap;

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::payload::{Conversation, WaitingEvent};
use prost::Message as _;

use super::Engine;
use super::pull::Walk;
use crate::event::Event;

/// The last numbers that the application was told; 0 is left out.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<ConversationId, u32>);

impl Waiting {
    /// Takes a number over; `false` if it is the last one.
    fn take(&mut self, group: ConversationId, waiting: u32) -> bool {
        let before = match waiting {
            0 => self.0.remove(&group),
            _ => self.0.insert(group, waiting),
        };
        before.unwrap_or(0) != waiting
    }
}

impl Engine {
    /// A page of HEADS tells all there is to know about its groups.
    // impl[EIM-GPO-041]
    pub(super) fn waiting_listed(&mut self, conversations: &[Conversation]) {
        for conversation in conversations {
            if let Ok(group) = ConversationId::from_slice(&conversation.conversation) {
                self.show_waiting(group, conversation.waiting);
            }
        }
    }

    /// WAITING: the last number, or that groups were left out.
    // impl[EIM-GPO-041]
    pub(super) fn waiting_told(&mut self, body: Bytes) {
        let Ok(told) = WaitingEvent::decode(body) else {
            return;
        };
        if told.conversation.is_empty() {
            if self.is_full_client() {
                self.walk_heads(Walk::News);
            }
            return;
        }
        match ConversationId::from_slice(&told.conversation) {
            Ok(group) if self.records.contains_key(&group) => {
                self.show_waiting(group, told.waiting);
            }
            _ => {}
        }
    }

    fn show_waiting(&mut self, group: ConversationId, waiting: u32) {
        if self.waiting.take(group, waiting) {
            self.events.emit(Event::Waiting { group, waiting });
        }
    }
}
