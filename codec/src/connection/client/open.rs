//! The client after AUTH_OK.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use super::progress::Progress;
use super::requests::Requests;
use super::sends::Known;
use super::session::Session;
use crate::connection::blobs::Blobs;
use crate::connection::gate::{Admitted, admit, unexpected};
use crate::connection::inbound::Arrived;
use crate::connection::line::Line;
use crate::connection::live::{Live, REFILL, decode, earliest};
use crate::connection::violation::Violation;
use crate::connection::{ClientConfig, ClientEvent, Lane, SendError, SendId};
use crate::frame::Frame;
use crate::payload::{Ack, Background, Event, GoAway, Lagged, Ping, Pong, Response};
use crate::registry::{Direction, FrameType, limits};
use crate::time::Timestamp;

/// Control frames that wait because the transport is blocked: beyond it PING is not answered, the
/// peer is not reading anyway.
const BACKLOG_OCTETS: usize = 64 * 1024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Box<Session>,
    pub(super) live: Live,
    progress: Progress,
    requests: Requests,
    pub(super) blobs: Blobs,
    /// Waits for the frames that were sent before it and are repeated after it.
    early_pong: Option<Box<Pong>>,
    /// BACKGROUND that has not left: an application may change its mind more often than control
    /// frames may be sent.
    background: Option<u64>,
    /// When to try again. Past, it is forgotten: the next transmission tries.
    background_at: Option<Timestamp>,
}

impl Open {
    pub(super) fn new(
        session: Box<Session>,
        heartbeat: Duration,
        stored: (u64, u64),
        now: Timestamp,
    ) -> Self {
        let settled = session.sends.settled_through();
        let stored = if session.agreed.send_only {
            (0, 0)
        } else {
            stored
        };
        Self {
            live: Live::new(heartbeat, now, limits::CONTROL_FRAMES_PER_S.default),
            progress: Progress::new(stored, settled, now),
            requests: Requests::default(),
            blobs: Blobs::default(),
            early_pong: None,
            background: None,
            background_at: None,
            session,
        }
    }

    /// Takes a frame. ERROR has been dealt with.
    pub(super) fn frame(
        &mut self,
        frame: Frame,
        line: &mut Line,
        events: &mut VecDeque<ClientEvent>,
    ) -> Result<Option<ClientEvent>, Violation> {
        let admitted = admit(
            frame.frame_type,
            frame.sequence,
            Direction::Server,
            self.live.phase(),
            self.session.agreed.fragments(),
        );
        let inbound = &self.session.inbound;
        // impl[EIM-CON-026]
        let admitted = admitted.map_err(|refusal| match frame.frame_type.is_sequenced() {
            Some(true) => Violation::from(refusal).in_frame(inbound.next_ordinal()),
            _ => Violation::from(refusal),
        });
        match admitted? {
            Admitted::Sequenced => {
                let event = self.sequenced(frame, line.now)?;
                if let Some(pong) = self.early_pong.take() {
                    events.extend(self.on_pong(pong));
                }
                Ok(event)
            }
            Admitted::Ignorable => self.live.count(line.now).map(|()| None),
            Admitted::Control => self.control(&frame, line, events),
        }
    }

    fn sequenced(
        &mut self,
        frame: Frame,
        now: Timestamp,
    ) -> Result<Option<ClientEvent>, Violation> {
        let compressions = self.session.agreed.compressions;
        let arrived = self
            .session
            .inbound
            .accept(frame, Direction::Server, compressions)?;
        self.live.accepted(now);
        Ok(match arrived {
            Arrived::Message {
                ordinal,
                frame_type,
                payload,
            } => Some(ClientEvent::Push {
                ordinal,
                frame_type,
                payload,
            }),
            // impl[EIM-FRG-022]
            Arrived::Failed {
                ordinal,
                frame_type,
                code,
            } => Some(ClientEvent::PushLost {
                ordinal,
                frame_type,
                code,
            }),
            Arrived::Nothing | Arrived::Cancelled { .. } => None,
        })
    }

    fn control(
        &mut self,
        frame: &Frame,
        line: &mut Line,
        events: &mut VecDeque<ClientEvent>,
    ) -> Result<Option<ClientEvent>, Violation> {
        let now = line.now;
        Ok(match frame.frame_type {
            FrameType::ACK => {
                self.ack(decode(frame)?, events)?;
                None
            }
            FrameType::WINDOW => {
                let Session {
                    outbound, sends, ..
                } = &mut *self.session;
                let window = self.live.on_window(frame, outbound, now)?;
                sends.received(window.received_through);
                self.progress.settle(sends.settled_through());
                None
            }
            FrameType::PING => {
                self.live.count(now)?;
                let Ping { token } = decode(frame)?;
                self.pong(token, line);
                None
            }
            FrameType::PONG => {
                let pong = self.live.on_pong(frame, now)?;
                pong.and_then(|pong| self.on_pong(Box::new(pong)))
            }
            FrameType::GOAWAY => {
                let goaway = self
                    .live
                    .on_goaway(frame, &mut self.session.outbound, now)?;
                self.live
                    .leave_after(Duration::from_millis(goaway.deadline_ms));
                Some(ClientEvent::GoAway(Box::new(goaway)))
            }
            FrameType::RESPONSE => {
                let response: Response = decode(frame)?;
                let asked = self.requests.answered(&response)?;
                asked.then(|| ClientEvent::Response(Box::new(response)))
            }
            FrameType::EVENT => {
                self.live.count(now)?;
                Some(ClientEvent::Event(decode::<Event>(frame)?))
            }
            FrameType::LAGGED => {
                self.live.count(now)?;
                Some(ClientEvent::Lagged(decode::<Lagged>(frame)?))
            }
            FrameType::BLOB_CHUNK | FrameType::BLOB_CREDIT | FrameType::BLOB_END => {
                let agreed = &self.session.agreed;
                let event = self.blobs.frame(frame, agreed, &mut self.live, now)?;
                event.map(ClientEvent::Blob)
            }
            other => return Err(unexpected(other)),
        })
    }

    // impl[EIM-HBT-014]
    fn on_pong(&mut self, pong: Box<Pong>) -> Option<ClientEvent> {
        if pong.last_sequence_sent <= self.session.inbound.received_through() {
            return Some(ClientEvent::Pong(pong));
        }
        self.early_pong = Some(pong);
        None
    }

    // impl[EIM-RES-010, EIM-RES-011]
    fn ack(&mut self, ack: Ack, events: &mut VecDeque<ClientEvent>) -> Result<(), Violation> {
        let sent = self.session.outbound.sent();
        for result in ack.results {
            let ordinal = result.ordinal;
            match self.session.sends.result(ordinal, sent) {
                Known::New(send) => {
                    // What has a result was received.
                    self.session.outbound.acknowledge(ordinal);
                    let log_epoch = ack.log_epoch;
                    events.push_back(ClientEvent::Result {
                        send,
                        ordinal,
                        result,
                        log_epoch,
                    });
                }
                Known::Repeated => {}
                Known::Never => {
                    return Err(Violation::value("a result for a frame that gets none"));
                }
            }
        }
        Ok(())
    }

    // impl[EIM-HBT-009, EIM-HBT-010, EIM-HBT-011]
    fn pong(&self, token: u64, line: &mut Line) {
        if line.backlog() < BACKLOG_OCTETS {
            // A PONG without heads is smaller than any frame limit.
            let _ = line.put(
                FrameType::PONG,
                &Pong {
                    token,
                    ..Pong::default()
                },
            );
        }
    }

    pub(super) fn send(
        &mut self,
        config: &ClientConfig,
        lane: Option<Lane>,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<SendId, SendError> {
        if self.live.is_ending() {
            return Err(SendError::NotOpen);
        }
        let Session {
            agreed,
            outbound,
            sends,
            ..
        } = &mut *self.session;
        let id = sends.next_id();
        let message = (id, lane, frame_type, payload);
        let queued = outbound.enqueue(agreed, Direction::Client, &config.compression, message);
        if queued.is_err() {
            sends.return_id();
        }
        queued.map(|()| SendId(id))
    }

    pub(super) fn request(
        &mut self,
        config: &ClientConfig,
        request: &crate::payload::Request,
    ) -> Result<(), SendError> {
        if self.live.is_ending() {
            return Err(SendError::NotOpen);
        }
        let Session {
            agreed, outbound, ..
        } = &mut *self.session;
        self.requests.push(
            request,
            agreed,
            (&mut outbound.packer, &config.compression),
            config.requests_queued,
        )
    }

    // impl[EIM-CUR-007]
    pub(super) fn cursor(&mut self, log_epoch: u64, user_seq: u64) {
        if !self.session.agreed.send_only {
            self.progress.store(log_epoch, user_seq);
        }
    }

    pub(super) fn settle(&mut self, send: SendId) {
        if self.session.sends.settle(send) {
            self.progress.settle(self.session.sends.settled_through());
        }
    }

    // impl[EIM-HBT-017, EIM-HBT-019]
    pub(super) fn background(&mut self, next_contact_ms: u64, line: &mut Line) {
        if self.live.leaving {
            return;
        }
        let next_contact_ms = next_contact_ms.min(limits::BACKGROUND_MS.default);
        self.live
            .heartbeat
            .background(Duration::from_millis(next_contact_ms), line.now);
        // The latest word replaces one that still waits.
        self.background = Some(next_contact_ms);
        self.put_background(line);
    }

    // impl[EIM-CON-056]
    fn put_background(&mut self, line: &mut Line) {
        let Some(next_contact_ms) = self.background else {
            return;
        };
        if self.live.leaving || self.background_at.is_some_and(|at| at > line.now) {
            return;
        }
        if self.live.may_send(line.now) {
            self.background = None;
            self.background_at = None;
            // A BACKGROUND is smaller than any frame limit.
            let _ = line.put(FrameType::BACKGROUND, &Background { next_contact_ms });
        } else {
            self.background_at = Some(line.now.saturating_add(REFILL));
        }
    }

    // impl[EIM-CON-034, EIM-CON-043]
    pub(super) fn goaway(&mut self, deadline: Duration, line: &mut Line) {
        let most = Duration::from_millis(limits::GOAWAY_MS.default);
        let deadline = deadline.min(most);
        let goaway = GoAway {
            accept_through: self.session.inbound.stop(),
            deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            ..GoAway::default()
        };
        self.requests.put(line, 0);
        self.requests.drop_waiting();
        self.background = None;
        self.background_at = None;
        self.live.leaving = true;
        self.live.leave_after(deadline);
        // A GOAWAY without alternates is smaller than any frame limit.
        let _ = line.put(FrameType::GOAWAY, &goaway);
    }

    /// What is due now.
    pub(super) fn transmit(
        &mut self,
        config: &ClientConfig,
        line: &mut Line,
        events: &mut VecDeque<ClientEvent>,
    ) -> Option<Bytes> {
        self.put_background(line);
        let Session {
            agreed,
            outbound,
            inbound,
            sends,
            ..
        } = &mut *self.session;
        if let Some(cursor) = self.progress.take(line.now) {
            // A CURSOR is smaller than any frame limit.
            let _ = line.put(FrameType::CURSOR, &cursor);
        }
        self.live.put_window(line, inbound, u64::MAX);
        self.blobs.put_credit(line);
        if !self.live.leaving {
            self.requests.put(line, config.requests_in_flight);
        }
        let chunk = self.live.transmit(line, agreed, outbound, sends, |_, _| ());
        if chunk.is_some() {
            return chunk;
        }
        let (chunk, event) = self.blobs.next_chunk(agreed)?;
        events.extend(event.map(ClientEvent::Blob));
        Some(chunk)
    }

    /// Whether everything that had begun when the end was announced is finished.
    // impl[EIM-CON-045]
    pub(super) fn is_finished(&self) -> bool {
        let Session {
            outbound, sends, ..
        } = &*self.session;
        self.live.is_ending()
            && outbound.is_drained()
            && !sends.is_unsettled(outbound.last_processed())
            && self.requests.is_empty()
            && self.progress.is_reported()
    }

    pub(super) fn timeout(&self, line: &Line) -> Option<Timestamp> {
        let heartbeat = &self.live.heartbeat;
        earliest([
            Some(heartbeat.client_ping_at(line.heard, line.spoke)),
            Some(heartbeat.dead_at(line.heard)),
            self.live.window_at(),
            self.live.leave_at(),
            self.progress.due_at(),
            self.background_at,
        ])
    }

    /// Sends PING when it is due, and gives back memory then.
    pub(super) fn beat(&mut self, config: &ClientConfig, line: &mut Line) {
        self.live.check_window(&self.session.inbound, line.now);
        self.progress.check(line.now);
        self.background_at = self.background_at.filter(|at| *at > line.now);
        if self.live.heartbeat.client_ping_at(line.heard, line.spoke) > line.now {
            return;
        }
        // A PING is smaller than any frame limit.
        let _ = self.live.ping(line);
        if config.grease {
            self.live.grease(line);
        }
        self.requests.trim();
        let Session {
            outbound,
            inbound,
            sends,
            ..
        } = &mut *self.session;
        outbound.trim();
        inbound.trim();
        sends.trim();
    }
}
