//! What the connection tells.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{ClientEvent, SendId};
use eim_codec::id::UserId;
use eim_codec::payload::{self, MembershipChange, Role};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::pull::Walk;
use super::staging::Source;
use super::{Engine, Phase};
use crate::store::{Arrival, ConversationRecord, Message};
use crate::sync::{Push, message};

/// What an entry says about the role of this user, before HEADS says it too. Returns whether it did.
// impl[EIM-GRP-035]
fn change_role(record: &mut ConversationRecord, message: &Message, me: Option<UserId>) -> bool {
    if message.frame_type != FrameType::MEMBERSHIP {
        return false;
    }
    let Ok(change) = payload::MembershipBody::decode(message.body.clone()) else {
        return false;
    };
    let mine = |user: &Bytes| me.is_some_and(|me| user.as_ref() == me.as_bytes());
    let role = match (change.change(), change.role()) {
        (MembershipChange::Role, role) if change.users.iter().any(mine) => role,
        // Another one is the owner from now on.
        (MembershipChange::Role, Role::Owner) if record.role == Role::Owner => Role::Admin,
        _ => return false,
    };
    record.role = role;
    true
}

impl Engine {
    pub(super) fn incoming(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Welcome(welcome) => self.welcomed(&welcome),
            ClientEvent::Challenge(data) => self.challenged(&data),
            ClientEvent::Open(ok) => self.opened(&ok),
            // The outbox has put back what the session forgot when the connection opened.
            ClientEvent::Forgotten(_) | ClientEvent::Writable => {}
            ClientEvent::Event(event) => self.happened(&event),
            ClientEvent::Push {
                ordinal,
                frame_type: FrameType::ENTRY,
                payload,
            } => {
                self.detached_entry(ordinal, payload);
            }
            ClientEvent::Push {
                ordinal,
                frame_type,
                payload,
            } => {
                self.pushed(ordinal, frame_type, payload);
            }
            // The hole it leaves is seen by the next push or PONG.
            ClientEvent::PushLost { ordinal, .. } => self.staging.follow.consumed.push(ordinal),
            ClientEvent::Result {
                send,
                result,
                log_epoch,
                ..
            } => {
                self.result(send, result, log_epoch);
            }
            ClientEvent::Response(response) => {
                let (now, environment) = (self.ticks.now(), &self.options.environment);
                if let Some(answered) = self.requests.response(*response, now, environment) {
                    self.answered(answered);
                }
            }
            ClientEvent::Pong(pong) => self.ponged(&pong),
            ClientEvent::Blob(event) => self.transferred(event),
            ClientEvent::Lagged(lagged) => self.lagged(&lagged),
            ClientEvent::GoAway(goaway) => {
                self.jitter = Duration::from_millis(goaway.reconnect_jitter_ms);
                let stay_away = goaway.reason.map_or(0, |reason| reason.retry_after_ms);
                self.stay_away = Duration::from_millis(stay_away);
            }
            ClientEvent::Closed(reason) => self.closed(reason),
            other => tracing::debug!(?other, "an event this client does not know"),
        }
    }

    fn pushed(&mut self, ordinal: u64, frame_type: FrameType, payload: Bytes) {
        let Ok(push) = payload::Push::decode(payload) else {
            return self.misbehaved(ErrorCode::MALFORMED_PAYLOAD, "a push that does not parse");
        };
        let echo = push.echo;
        let message = match message(push.entry, push.user_seq, Some(frame_type)) {
            Ok(message) => message,
            Err(error) => return self.misbehaved(ErrorCode::INVALID_VALUE, &error.to_string()),
        };
        self.staging.follow.consumed.push(ordinal);
        if self.is_taking_snapshot() {
            // SYNC brings it again when the snapshot is there, or the conversations say it.
            if message.user_seq == 0 {
                self.walk_heads(Walk::News);
            }
            return self.timeline.note_head(message.user_seq);
        }
        let arrival = Arrival {
            message,
            echo,
            presented: true,
        };
        if let Push::Next(next) = self.timeline.push(arrival) {
            self.accept(next);
        }
    }

    /// Entries that are next in the timeline, on their way into the store.
    pub(super) fn accept(&mut self, next: Vec<Arrival>) {
        for arrival in next {
            self.look_behind(&arrival.message);
            self.note_membership(&arrival.message);
            self.settle_by_entry(&arrival.message);
            self.typed(&arrival.message);
            self.staging.arrive(arrival, Source::Timeline);
        }
        self.staging.advance(self.timeline.cursor());
        if self.timeline.is_caught_up() {
            self.staging.follow.caught_up = true;
        }
    }

    // impl[EIM-PRS-024]
    fn typed(&mut self, message: &Message) {
        if let Some(sender) = message.sender {
            self.types(message.conversation, sender, false);
        }
    }

    /// Membership and settings change what HEADS said: it is asked again.
    // impl[EIM-GRP-031]
    fn note_membership(&mut self, message: &Message) {
        if message.frame_type == FrameType::MODE {
            self.note_mode(message);
        }
        let known = self.records.get_mut(&message.conversation);
        let news = known.is_none()
            || message.user_seq != 0
                && matches!(
                    message.frame_type,
                    FrameType::MEMBERSHIP | FrameType::SETTINGS
                );
        if let Some(record) = known {
            let news = message.conv_seq > record.conv_seq;
            if news && change_role(record, message, self.identity.user) {
                self.staging.batch.conversations.push(record.clone());
            }
            record.conv_seq = record.conv_seq.max(message.conv_seq);
        }
        if news {
            self.walk_heads(Walk::News);
        }
    }

    fn detached_entry(&mut self, ordinal: u64, payload: Bytes) {
        let Ok(entry) = payload::DetachedEntry::decode(payload) else {
            return self.misbehaved(ErrorCode::MALFORMED_PAYLOAD, "an ENTRY that does not parse");
        };
        match self.requests.entry(ordinal, entry) {
            Ok(Some(answered)) => self.answered(answered),
            Ok(None) => {}
            Err(ordinal) => self.staging.follow.consumed.push(ordinal),
        }
    }

    // impl[EIM-SYN-013] Every push through last_sequence_sent was seen before this event.
    fn ponged(&mut self, pong: &payload::Pong) {
        if !self.is_full_client() {
            return;
        }
        if self.is_taking_snapshot() {
            return self.heard_of_heads(&pong.heads, pong.heads_overflow);
        }
        if pong.log_epoch != self.timeline.cursor().log_epoch {
            return self.walk_heads(Walk::Snapshot);
        }
        self.timeline.note_head(pong.user_seq);
        self.heard_of_heads(&pong.heads, pong.heads_overflow);
    }

    // impl[EIM-SYN-051]
    fn lagged(&mut self, lagged: &payload::Lagged) {
        self.requests.lagged();
        if !self.is_full_client() {
            return;
        }
        if !self.is_taking_snapshot() {
            if lagged.log_epoch != self.timeline.cursor().log_epoch {
                return self.walk_heads(Walk::Snapshot);
            }
            self.timeline.note_head(lagged.user_seq);
        }
        self.heard_of_heads(&lagged.heads, lagged.heads_overflow);
    }

    /// Gives credit back for pushes that are stored, unless the application is behind.
    pub(super) fn give_credit(&mut self) {
        if self.withheld.is_empty() || self.events.is_full() {
            return;
        }
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        for ordinal in self.withheld.drain(..) {
            online.driver.endpoint_mut().consumed(ordinal);
        }
    }

    pub(super) fn settle_sends(&mut self, sends: &[SendId]) {
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        for send in sends {
            online.driver.endpoint_mut().settle(*send);
        }
    }
}
