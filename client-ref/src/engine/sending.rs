//! From the outbox to the server, and results back.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{Lane, SendError as Rejected, SendId};
use eim_codec::id::{BlobId, ConversationId};
use eim_codec::payload::{self, send};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::command::Outgoing;
use super::{Engine, Phase};
use crate::event::{Event, Postponed, Refused, Sent, Settled};
use crate::outbox::{Answer, Departure};
use crate::store::{Message, OutboxItem, Settlement, Target};

impl Engine {
    /// Puts a message on its way into the outbox; it leaves when it is durable there.
    // impl[EIM-MSG-004, EIM-RES-009, EIM-ERR-025]
    pub(super) fn enqueue(&mut self, outgoing: Outgoing) {
        let item = OutboxItem {
            position: 0,
            client_msg_id: outgoing.client_msg_id,
            target: outgoing.target,
            frame_type: outgoing.frame_type,
            body: outgoing.body,
            fallback_text: outgoing.fallback_text,
            // While there is a connection, what is stored leaves at once.
            first_sent_at_ms: if self.is_open() {
                self.server_time_ms().unwrap_or_default()
            } else {
                0
            },
        };
        self.staging.batch.checkpoints.extend(outgoing.checkpoint);
        self.staging.follow.stored.extend(outgoing.stored);
        self.staging.send(item, outgoing.done);
    }

    /// Hands requests and messages to the connection while it takes them.
    pub(super) fn transmit(&mut self) {
        let now = self.ticks.now();
        self.outbox.release(now);
        self.time_first_attempts();
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        let connection = online.driver.endpoint_mut();
        self.requests.transmit(connection, now);
        let mut unfit = None;
        while let Some(departure) = self.outbox.next() {
            let position = departure.position;
            let payload = encode(&departure);
            let lane = lane(departure.item.target);
            match connection.send_in(lane, departure.item.frame_type, payload) {
                Ok(send) => self.outbox.sent(position, send),
                Err(Rejected::TooLarge { .. }) => {
                    unfit = Some((departure.item.clone(), ErrorCode::MESSAGE_TOO_LARGE));
                    break;
                }
                Err(Rejected::WrongType) => {
                    unfit = Some((departure.item.clone(), ErrorCode::INVALID_MESSAGE));
                    break;
                }
                Err(_) => break,
            }
        }
        if let Some((item, code)) = unfit {
            self.outbox.remove(item.client_msg_id);
            let detail = "not sent: the message breaks a limit of its type".to_owned();
            self.settle_refused(item, code, detail);
            self.transmit();
        }
    }

    /// Items that waited for a connection get the time of their first attempt, durably.
    fn time_first_attempts(&mut self) {
        if self.staging.follow.timed.is_some()
            || self
                .committing
                .as_ref()
                .is_some_and(|now| now.follow.timed.is_some())
        {
            return;
        }
        let ids = self.outbox.untimed();
        if let (false, Some(time)) = (ids.is_empty(), self.server_time_ms()) {
            let time = time.max(1);
            self.staging
                .batch
                .attempted
                .extend(ids.iter().map(|id| (*id, time)));
            self.staging.follow.timed = Some((ids, time));
        }
    }

    /// A result came.
    pub(super) fn result(&mut self, send: SendId, result: payload::Result, log_epoch: u64) {
        let now = self.ticks.now();
        let environment = &self.options.environment;
        let answer = match &result.error {
            Some(error) if is_retryable(error) => {
                Answer::Again(Duration::from_millis(error.retry_after_ms))
            }
            Some(_) => Answer::Refused,
            None => Answer::Done,
        };
        // impl[EIM-RES-012, EIM-MSG-061] The result is processed when what follows from it is durable.
        self.staging.follow.sends.push(send);
        let Some(item) = self.outbox.answered(send, answer, now, environment) else {
            return;
        };
        match (answer, &result.error) {
            (Answer::Again(_), error) => {
                tracing::debug!(id = %item.client_msg_id, ?error, "to be sent again");
                if let Some(error) = error {
                    self.events.emit(Event::Postponed(Postponed {
                        client_msg_id: item.client_msg_id,
                        refused: refused(error),
                        retry_after_ms: error.retry_after_ms,
                    }));
                }
            }
            (_, Some(error)) => {
                let Refused { code, detail } = refused(error);
                self.settle_refused(item, code, detail);
            }
            (_, None) => self.settle_sent(item, &result, log_epoch),
        }
    }

    /// An entry that goes to the store may be the success of a message that has no result yet.
    // impl[EIM-MSG-047]
    pub(super) fn settle_by_entry(&mut self, message: &Message) {
        let Some(id) = message.client_msg_id else {
            return;
        };
        if message.sender.is_none() || message.sender != self.identity.user {
            return;
        }
        let Some(item) = self.outbox.remove(id) else {
            return;
        };
        let sent = Sent {
            client_msg_id: id,
            conversation: message.conversation,
            log_epoch: message.log_epoch,
            conv_seq: message.conv_seq,
            user_seq: message.user_seq,
            time_ms: message.time_ms,
        };
        // The entry takes its body from the outbox before the item leaves it.
        let settlement = Settlement {
            client_msg_id: id,
            message: None,
        };
        let outcome = Ok(sent);
        self.staging.settle(settlement, Settled { item, outcome });
    }

    fn settle_sent(&mut self, item: OutboxItem, result: &payload::Result, log_epoch: u64) {
        let Some(me) = self.identity.user else { return };
        let conversation = match item.target {
            Target::Conversation(conversation) => conversation,
            Target::User(peer) => ConversationId::direct(me, peer),
        };
        let bounded = |number: u64| number.min(i64::MAX as u64);
        let message = Message {
            conversation,
            log_epoch: bounded(log_epoch),
            conv_seq: bounded(result.conv_seq),
            frame_type: item.frame_type,
            sender: Some(me),
            sender_device: Some(self.identity.device),
            client_msg_id: Some(item.client_msg_id),
            time_ms: bounded(result.time_ms),
            user_seq: bounded(result.user_seq),
            body: item.body.clone(),
            fallback_text: item.fallback_text.clone(),
            tombstone: false,
        };
        let sent = Sent {
            client_msg_id: item.client_msg_id,
            conversation,
            log_epoch: message.log_epoch,
            conv_seq: message.conv_seq,
            user_seq: message.user_seq,
            time_ms: message.time_ms,
        };
        let client_msg_id = item.client_msg_id;
        self.staging.settle(
            Settlement {
                client_msg_id,
                message: Some(message),
            },
            Settled {
                item,
                outcome: Ok(sent),
            },
        );
    }

    // impl[EIM-ERR-019, EIM-ERR-023, EIM-MSG-049, EIM-MSG-050]
    fn settle_refused(&mut self, item: OutboxItem, code: ErrorCode, detail: String) {
        let client_msg_id = item.client_msg_id;
        self.staging.settle(
            Settlement {
                client_msg_id,
                message: None,
            },
            Settled {
                item,
                outcome: Err(Refused { code, detail }),
            },
        );
    }
}

fn refused(error: &payload::ErrorInfo) -> Refused {
    Refused {
        code: ErrorCode(u16::try_from(error.code).unwrap_or(0)),
        detail: error.detail.clone(),
    }
}

/// Whether the same message may succeed later.
fn is_retryable(error: &payload::ErrorInfo) -> bool {
    error.retryable || error.code == u32::from(ErrorCode::PREDECESSOR_FAILED.0)
}

// impl[EIM-MSG-045] The same octets on every attempt, but for the two fields about the attempt.
fn encode(departure: &Departure<'_>) -> Bytes {
    let item = departure.item;
    let target = match &item.target {
        Target::Conversation(conversation) => send::Target::Conversation(conversation.to_bytes()),
        Target::User(peer) => send::Target::DirectTo(peer.to_bytes()),
    };
    payload::Send {
        target: Some(target),
        client_msg_id: item.client_msg_id.to_bytes(),
        first_sent_at_ms: departure.first_sent_at_ms,
        after_failed: departure.after_failed,
        body: item.body.clone(),
        fallback_text: item.fallback_text.clone(),
        critical_extensions: Vec::new(),
        blobs: blobs(item),
    }
    .encode_to_vec()
    .into()
}

/// The blobs of a message that the server keeps.
// impl[EIM-BLB-028]
fn blobs(item: &OutboxItem) -> Vec<Bytes> {
    let refers = matches!(
        item.frame_type,
        FrameType::IMAGE
            | FrameType::FILE
            | FrameType::VOICE
            | FrameType::VIDEO
            | FrameType::FORWARD
    );
    if !refers {
        return Vec::new();
    }
    let content = payload::Content::of(item.frame_type, &item.body).ok();
    let blobs = content.flatten().map(|content| content.stored_blobs());
    let blobs = blobs.unwrap_or_default().into_iter();
    blobs.map(BlobId::to_bytes).collect()
}

/// Messages to one target stay in order among themselves.
fn lane(target: Target) -> Lane {
    let octets = match &target {
        Target::Conversation(conversation) => conversation.as_bytes(),
        Target::User(user) => user.as_bytes(),
    };
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(octets)
        .for_each(|(to, from)| *to = *from);
    Lane(u64::from_be_bytes(first))
}
