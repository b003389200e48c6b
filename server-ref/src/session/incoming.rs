//! Messages of the client, and their results.

use bytes::Bytes;
use eim_codec::connection::WindowSize;
use eim_codec::id::ConversationId;
use eim_codec::payload;
use eim_codec::registry::{ErrorCode, FrameType};
use metrics::counter;

use super::inflight::{Committed, result};
use super::open::Session;
use crate::metrics::names;
use crate::service::messaging::{self, Checked, Fault};
use crate::service::{Refusal, error_info};
use crate::store::{Refused, StoreError};

/// Most messages handed to the store at once.
const BATCH_MESSAGES: usize = 512;

impl Session {
    pub(super) fn message(&mut self, ordinal: u64, frame_type: FrameType, payload: Bytes) {
        let octets = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let Checked {
            conversation,
            append,
        } = match messaging::check(self.origin.user, frame_type, payload) {
            Ok(checked) => checked,
            Err(Fault::Message(refusal, conversation)) => {
                if let Some(conversation) = conversation {
                    self.hold(conversation);
                }
                return self.refused(ordinal, refusal, 0);
            }
            Err(Fault::Malformed) => {
                return self.close(ErrorCode::MALFORMED_PAYLOAD, "not a Send");
            }
        };
        if !self.held.passes(conversation, append.after_failed) {
            return self.refused(ordinal, Refused::predecessor_failed().into(), 0);
        }
        let limits = &self.shared.limits;
        if let Err(limited) = limits.message(&self.origin, octets, &mut self.waiting) {
            self.hold(conversation);
            // impl[EIM-SEC-010, EIM-ERR-012, EIM-LIM-015, EIM-LIM-020]
            return self.refused(ordinal, limited.into(), limited.retry_after_ms());
        }
        self.sent.push(ordinal);
        self.batch.push(append);
        if self.batch.len() >= BATCH_MESSAGES {
            self.submit();
        }
    }

    fn hold(&mut self, conversation: ConversationId) {
        self.held.hold(conversation);
        self.check_held();
    }

    fn check_held(&mut self) {
        if self.held.overflows() {
            self.close(
                ErrorCode::CONTROL_FLOOD,
                "too many conversations wait for after_failed",
            );
        }
    }

    /// Hands the messages read so far to the store.
    pub(super) fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        self.grow();
        let (sent, batch) = (
            std::mem::take(&mut self.sent),
            std::mem::take(&mut self.batch),
        );
        self.inflight.push(
            &self.shared.store,
            self.origin,
            self.held.at_store(),
            self.waiting.take(),
            sent,
            batch,
        );
    }

    /// Doubles the credit of a session that uses half of it at once, while the budget lasts.
    // impl[EIM-WIN-017]
    pub(super) fn grow(&mut self) {
        let (now, most) = (self.window, self.shared.options.window_max);
        let octets: usize = self.batch.iter().map(|append| append.body.len()).sum();
        let busy =
            self.batch.len() * 2 >= usize_of(now.frames) || octets * 2 >= usize_of(now.octets);
        let next = WindowSize {
            frames: now.frames.saturating_mul(2).min(most.frames),
            octets: now.octets.saturating_mul(2).min(most.octets),
        };
        if !busy || next == now {
            return;
        }
        let more = usize_of(next.octets - now.octets);
        if self.shared.windows.take(more) {
            self.borrowed += more;
            self.window = next;
            self.driver.endpoint_mut().grow_window(next);
        }
    }

    pub(super) fn committed(&mut self, Committed { sent, outcome }: Committed) {
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            // impl[EIM-MSG-003, EIM-ERR-021]: whether it was committed is not known here.
            Err(StoreError::Closed) if self.shared.stopping.is_cancelled() => {
                return self.close(ErrorCode::SHUTTING_DOWN, "the server is stopping");
            }
            Err(error) => {
                tracing::error!(%error, "append failed");
                return self.close(ErrorCode::STORE_FAILED, "the store failed");
            }
        };
        for (ordinal, outcome) in sent.into_iter().zip(outcomes) {
            match &outcome {
                Err(refused) if refused.code == ErrorCode::REPLACED => {
                    return self.close(ErrorCode::REPLACED, "a newer connection took over");
                }
                Err(refused) if refused.code == ErrorCode::LOGGED_OUT => {
                    return self.close(ErrorCode::LOGGED_OUT, &refused.detail);
                }
                Err(refused) => count_refused(refused.code),
                Ok(_) => {}
            }
            self.driver.endpoint_mut().result(result(ordinal, outcome));
        }
        self.check_held();
    }

    pub(super) fn refused(&mut self, ordinal: u64, refusal: Refusal, retry_after_ms: u64) {
        count_refused(refusal.code);
        let error = Some(error_info(refusal.code, refusal.detail, retry_after_ms));
        let result = payload::Result {
            ordinal,
            error,
            ..payload::Result::default()
        };
        self.driver.endpoint_mut().result(result);
    }
}

fn count_refused(code: ErrorCode) {
    counter!(names::MESSAGES_REFUSED, "code" => code.to_string()).increment(1);
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
