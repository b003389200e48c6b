//! Requests, PINGs and cursors of the client, and their answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::SendError;
use eim_codec::payload::{self, DetachedEntry, Pong, Request};
use eim_codec::registry::{ErrorCode, FrameType, Operation};
use metrics::counter;
use prost::Message as _;

use super::open::{Done, Session};
use crate::metrics::names;
use crate::service::{Answer, Caller, Refusal, error_info, is_about_presence};
use crate::store::Origin;

/// Most PINGs whose answer waits for the store.
const PINGS: usize = 16;

impl Session {
    pub(super) fn request(&mut self, request: Box<Request>) {
        if self.reach.leave.has_begun() {
            return;
        }
        if is_about_presence(Operation(request.operation))
            && let Err(wait) = self.reach.take(&self.shared, self.driver.now())
        {
            return self.answer(too_many(*request, wait));
        }
        let Origin { tenant, user, .. } = self.origin;
        let operation = Operation(request.operation);
        // impl[EIM-LIM-015]
        if let Err(limited) = self.shared.limits.request(tenant, user, operation) {
            return self.answer(refused(*request, limited.into()));
        }
        let shared = Arc::clone(&self.shared);
        let caller = Caller {
            origin: self.origin,
            connection: self.mailbox.id,
        };
        let most = self
            .driver
            .endpoint()
            .peer_max_frame_octets()
            .unwrap_or(u32::MAX);
        self.start(async move {
            let answer = shared.requests.answer(caller, *request, most).await;
            Done::Answer(Box::new(answer))
        });
    }

    // impl[EIM-CUR-002, EIM-CUR-008, EIM-SYN-018, EIM-SYN-019]
    pub(super) fn cursor(&mut self, log_epoch: u64, user_seq: u64) {
        if self.turn.is_none() || user_seq == 0 || log_epoch != self.shared.store.log_epoch() {
            return;
        }
        let Origin {
            tenant,
            user,
            device,
            ..
        } = self.origin;
        if user_seq <= self.head {
            return self
                .shared
                .store
                .move_cursor(tenant, user, device, log_epoch, user_seq);
        }
        // Entries of others that this session has not seen yet: ask the store, which is rare.
        let shared = Arc::clone(&self.shared);
        self.start(async move {
            let head = shared.store.timeline_head(tenant, user).await;
            match &head {
                Ok((head, _)) if user_seq <= *head => {
                    shared
                        .store
                        .move_cursor(tenant, user, device, log_epoch, user_seq);
                }
                Ok((head, _)) => {
                    tracing::error!(%user, %device, user_seq, head, "a device has stored more than \
                        the server: durable data is gone");
                }
                Err(_) => {}
            }
            Done::Head { ping: None, head }
        });
    }

    // impl[EIM-HBT-009, EIM-HBT-012]
    pub(super) fn ping(&mut self, token: u64) {
        if self.work.as_ref().is_some_and(|work| work.len() >= PINGS) {
            return self.pong(token);
        }
        let shared = Arc::clone(&self.shared);
        let Origin { tenant, user, .. } = self.origin;
        self.start(async move {
            let head = shared.store.timeline_head(tenant, user).await;
            Done::Head {
                ping: Some(token),
                head,
            }
        });
    }

    pub(super) fn pong(&mut self, token: u64) {
        // impl[EIM-LGR-007, EIM-LGR-008]
        let (heads, heads_overflow) = std::mem::take(&mut self.heads).list();
        let pong = Pong {
            token,
            heads,
            heads_overflow,
            log_epoch: self.shared.store.log_epoch(),
            user_seq: self.head,
            server_time_ms: self.shared.clock.now_ms(),
            ..Pong::default()
        };
        self.driver.endpoint_mut().pong(pong);
    }

    pub(super) fn done(&mut self, done: Done) {
        match done {
            Done::Head { ping, head } => {
                if let Ok((head, _)) = head {
                    self.head = self.head.max(head);
                }
                if let Some(token) = ping {
                    self.pong(token);
                }
            }
            Done::Answer(answer) => self.answer(*answer),
            Done::Transferred(step) => self.transferred(*step),
        }
        self.leave_if_due();
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        let answer = self.admit_transfer(answer);
        let Answer {
            mut response,
            detached,
            transfer,
        } = answer;
        if transfer.is_some() {
            self.number_transfer(&mut response.body);
        }
        counter!(names::REQUESTS, "operation" => response.operation.to_string()).increment(1);
        if let Err(SendError::TooLarge { got, max }) = self.driver.endpoint_mut().respond(&response)
        {
            let detail = format!("the answer has {got} octets, the client accepts {max}");
            let error = Some(error_info(ErrorCode::INVALID_REQUEST, detail, 0));
            let short = payload::Response {
                error,
                body: None,
                ..response
            };
            let _too_small_to_fail = self.driver.endpoint_mut().respond(&short);
            return;
        }
        if let Some(transfer) = transfer {
            self.begin_transfer(*transfer);
        }
        // impl[EIM-SYN-028]
        self.entries.extend(detached);
        self.push_entries();
    }

    /// ENTRY frames go out as room comes; pushes wait until the last one is on its way.
    pub(super) fn push_entries(&mut self) {
        while let Some(entry) = self.entries.front_mut() {
            let connection = self.driver.endpoint_mut();
            match connection.push(FrameType::ENTRY, entry.encode_to_vec().into()) {
                Err(SendError::QueueFull) => return,
                // impl[EIM-SYN-058]
                Err(SendError::TooLarge { .. }) if has_body(entry) => {
                    entry.entry.get_or_insert_default().body = Bytes::new();
                }
                Ok(()) | Err(_) => {
                    self.entries.pop_front();
                }
            }
        }
        self.entries = VecDeque::new();
    }
}

fn too_many(request: Request, wait: Duration) -> Answer {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let detail = "too many requests about presence";
    let mut refusal = Refusal::new(ErrorCode::RATE_LIMITED, detail);
    refusal.retry_after_ms = wait_ms.saturating_add(1);
    refused(request, refusal)
}

fn refused(request: Request, refusal: Refusal) -> Answer {
    Answer {
        response: payload::Response {
            request_id: request.request_id,
            operation: request.operation,
            error: Some(refusal.into()),
            body: None,
        },
        detached: Vec::new(),
        transfer: None,
    }
}

fn has_body(detached: &DetachedEntry) -> bool {
    detached
        .entry
        .as_ref()
        .is_some_and(|entry| !entry.body.is_empty())
}
