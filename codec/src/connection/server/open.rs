//! The server after AUTH_OK.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use super::requests::Requests;
use super::session::Session;
use crate::connection::blobs::{BlobEvent, Blobs};
use crate::connection::close::error_info;
use crate::connection::gate::{Admitted, admit, unexpected};
use crate::connection::inbound::Arrived;
use crate::connection::line::Line;
use crate::connection::live::{Live, REFILL, decode, earliest};
use crate::connection::outbound::usize_of;
use crate::connection::violation::Violation;
use crate::connection::window::check_first;
use crate::connection::{SendError, ServerConfig, ServerEvent};
use crate::frame::Frame;
use crate::header::HEADER_OCTETS;
use crate::payload::{self, Background, Cursor, GoAway, Lagged, Ping, Pong, Request};
use crate::registry::{Direction, ErrorCode, FrameType, limits};
use crate::time::Timestamp;

/// PINGs whose PONG waits for the application or the transport; beyond it nothing more is decoded.
const PONGS: usize = 64;

/// Control frames that wait for the transport; beyond it events are dropped.
const BACKLOG_OCTETS: usize = 256 * 1024;

/// LAGGED that has not left.
#[derive(Debug)]
struct Late {
    lagged: Lagged,
    /// When to try again, if too many control frames had left. Past, it is forgotten: the next
    /// transmission tries.
    at: Option<Timestamp>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Box<Session>,
    pub(super) live: Live,
    requests: Requests,
    pub(super) blobs: Blobs,
    pongs: Vec<Pong>,
    /// PINGs that the application has not answered yet.
    asked: usize,
    lagged: Option<Box<Late>>,
    /// Progress of the device as last reported.
    stored: (u64, u64),
    /// Fresh after EIM-RESUME: the first credit comes with WINDOW.
    awaits_credit: bool,
    /// It was accepted, and the time is not known yet.
    pub(super) opening: bool,
}

impl Open {
    pub(super) fn new(
        session: Box<Session>,
        heartbeat: Duration,
        awaits_credit: bool,
        config: &ServerConfig,
        now: Timestamp,
    ) -> Self {
        Self {
            session,
            live: Live::new(heartbeat, now, config.control_frames_per_s),
            requests: Requests::default(),
            blobs: Blobs::default(),
            pongs: Vec::new(),
            asked: 0,
            lagged: None,
            stored: (0, 0),
            awaits_credit,
            opening: true,
        }
    }

    /// Takes a frame. ERROR has been dealt with.
    pub(super) fn frame(
        &mut self,
        frame: Frame,
        config: &ServerConfig,
        now: Timestamp,
    ) -> Result<Option<ServerEvent>, Violation> {
        let admitted = admit(
            frame.frame_type,
            frame.sequence,
            Direction::Client,
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
            Admitted::Sequenced => self.sequenced(frame, now),
            Admitted::Ignorable => self.live.count(now).map(|()| None),
            Admitted::Control => self.control(&frame, config, now),
        }
    }

    // impl[EIM-FRG-020, EIM-FRG-021, EIM-FRG-030, EIM-FRG-031, EIM-FRG-034, EIM-RES-001, EIM-RES-002]
    fn sequenced(
        &mut self,
        frame: Frame,
        now: Timestamp,
    ) -> Result<Option<ServerEvent>, Violation> {
        let Session {
            inbound,
            results,
            agreed,
            ..
        } = &mut *self.session;
        let arrived = inbound.accept(frame, Direction::Client, agreed.compressions)?;
        self.live.accepted(now);
        let (ordinal, code) = match arrived {
            Arrived::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                return Ok(Some(ServerEvent::Message {
                    ordinal,
                    frame_type,
                    payload,
                }));
            }
            Arrived::Nothing => return Ok(None),
            Arrived::Failed { ordinal, code, .. } => (ordinal, code),
            Arrived::Cancelled { ordinal } => (ordinal, ErrorCode::CANCELLED),
        };
        let error = Some(error_info(code, "", None));
        results.push(payload::Result {
            ordinal,
            error,
            ..payload::Result::default()
        });
        Ok(None)
    }

    fn control(
        &mut self,
        frame: &Frame,
        config: &ServerConfig,
        now: Timestamp,
    ) -> Result<Option<ServerEvent>, Violation> {
        Ok(match frame.frame_type {
            FrameType::CURSOR => self.cursor(frame, now)?,
            FrameType::WINDOW => {
                self.window(frame, now)?;
                None
            }
            FrameType::REQUEST => {
                let request: Request = decode(frame)?;
                self.requests.begin(&request, config.requests_in_flight)?;
                Some(ServerEvent::Request(Box::new(request)))
            }
            FrameType::PING => {
                self.live.count(now)?;
                let Ping { token } = decode(frame)?;
                self.asked = self.asked.saturating_add(1);
                Some(ServerEvent::Ping { token })
            }
            FrameType::PONG => {
                self.live.on_pong(frame, now)?;
                None
            }
            FrameType::BACKGROUND => {
                self.live.count(now)?;
                Some(self.background(frame, config, now)?)
            }
            FrameType::GOAWAY => {
                let goaway = self
                    .live
                    .on_goaway(frame, &mut self.session.outbound, now)?;
                let most = limits::GOAWAY_MS.maximum;
                self.live
                    .leave_after(Duration::from_millis(goaway.deadline_ms.min(most)));
                Some(ServerEvent::GoAway(Box::new(goaway)))
            }
            FrameType::BLOB_CHUNK | FrameType::BLOB_CREDIT | FrameType::BLOB_END => {
                let agreed = &self.session.agreed;
                let event = self.blobs.frame(frame, agreed, &mut self.live, now)?;
                event.map(ServerEvent::Blob)
            }
            other => return Err(unexpected(other)),
        })
    }

    // impl[EIM-CUR-003, EIM-CUR-004, EIM-CUR-008, EIM-RES-014]
    fn cursor(&mut self, frame: &Frame, now: Timestamp) -> Result<Option<ServerEvent>, Violation> {
        let Cursor {
            log_epoch,
            user_seq,
            settled_through,
        } = decode(frame)?;
        let Session {
            inbound,
            results,
            agreed,
            ..
        } = &mut *self.session;
        let known = !agreed.send_only && user_seq > 0;
        let rises = known && (log_epoch != self.stored.0 || user_seq > self.stored.1);
        if !rises && settled_through <= results.settled_through() {
            self.live.count(now)?;
        }
        results.settle(settled_through, inbound.consumed_through())?;
        if !rises {
            return Ok(None);
        }
        self.stored = (log_epoch, user_seq);
        Ok(Some(ServerEvent::Cursor {
            log_epoch,
            user_seq,
        }))
    }

    // impl[EIM-WIN-007]
    fn window(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Violation> {
        let Session {
            outbound, agreed, ..
        } = &mut *self.session;
        if self.awaits_credit {
            check_first(Some(&decode(frame)?), agreed.peer_max)?;
            self.awaits_credit = false;
        }
        self.live.on_window(frame, outbound, now).map(|_window| ())
    }

    // impl[EIM-HBT-018, EIM-HBT-020]
    fn background(
        &mut self,
        frame: &Frame,
        config: &ServerConfig,
        now: Timestamp,
    ) -> Result<ServerEvent, Violation> {
        let Background { next_contact_ms } = decode(frame)?;
        let next_contact = Duration::from_millis(next_contact_ms);
        if next_contact > config.background {
            return Err(Violation::value("next_contact_ms beyond the limit"));
        }
        self.live.heartbeat.background(next_contact, now);
        Ok(ServerEvent::Background { next_contact_ms })
    }

    pub(super) fn respond(
        &mut self,
        response: &payload::Response,
        line: &mut Line,
    ) -> Result<(), SendError> {
        self.requests.respond(response, &self.session.agreed, line)
    }

    pub(super) fn lagged(&mut self, lagged: Lagged) {
        self.lagged = Some(Box::new(Late { lagged, at: None }));
    }

    pub(super) fn event(&mut self, event: &payload::Event, line: &mut Line) -> bool {
        // An event that is too large is dropped like one too many.
        line.backlog() < BACKLOG_OCTETS
            && self.live.may_send(line.now)
            && line.put(FrameType::EVENT, event).is_ok()
    }

    // impl[EIM-HBT-009]
    pub(super) fn pong(&mut self, pong: Pong) {
        self.asked = self.asked.saturating_sub(1);
        self.pongs.push(pong);
    }

    /// Whether so much waits, here or for the application, that nothing more is decoded for now. Once
    /// the transport is gone no PONG will leave, and none holds back what had arrived.
    pub(super) fn is_paused(&self, gone: bool) -> bool {
        let pongs = self.asked.saturating_add(self.pongs.len());
        self.session.inbound.is_paused() || (!gone && pongs >= PONGS)
    }

    // impl[EIM-CON-033, EIM-CON-034, EIM-CON-040, EIM-CON-041]
    pub(super) fn goaway(&mut self, mut goaway: GoAway, line: &mut Line) {
        goaway.accept_through = self.session.inbound.stop();
        goaway.deadline_ms = goaway.deadline_ms.min(limits::GOAWAY_MS.maximum);
        self.live.leaving = true;
        self.live
            .leave_after(Duration::from_millis(goaway.deadline_ms));
        if line.put(FrameType::GOAWAY, &goaway).is_err() {
            goaway.alternates.clear();
            let _ = line.put(FrameType::GOAWAY, &goaway);
        }
    }

    /// What is due now.
    pub(super) fn transmit(
        &mut self,
        config: &ServerConfig,
        line: &mut Line,
    ) -> Option<(Bytes, Option<BlobEvent>)> {
        let Session {
            agreed,
            outbound,
            inbound,
            results,
            log_epoch,
            ..
        } = &mut *self.session;
        if results.is_due() {
            let max = agreed.peer_max.min(FrameType::ACK.max_octets());
            results.write(agreed.version, *log_epoch, usize_of(max), line.control());
        }
        let most = results
            .settled_through()
            .saturating_add(config.unsettled_results.into());
        self.live.put_window(line, inbound, most);
        self.blobs.put_credit(line);
        // impl[EIM-RSM-018]
        if let Some(late) = &mut self.lagged
            && late.at.is_none_or(|at| at <= line.now)
        {
            if self.live.may_send(line.now) {
                // A LAGGED is smaller than any frame limit.
                let _ = line.put(FrameType::LAGGED, &late.lagged);
                self.lagged = None;
            } else {
                late.at = Some(line.now.saturating_add(REFILL));
            }
        }
        let (pongs, encoder) = (&mut self.pongs, line.encoder);
        let budget = agreed.chunk_octets();
        // impl[EIM-HBT-010, EIM-HBT-012, EIM-HBT-013]
        let tail = |out: &mut BytesMut, sent: u64| {
            while let Some(pong) = pongs.first_mut() {
                pong.last_sequence_sent = sent;
                let more = prost::Message::encoded_len(pong).saturating_add(HEADER_OCTETS);
                if !out.is_empty() && out.len().saturating_add(more) > budget {
                    break;
                }
                if encoder.message(FrameType::PONG, 0, pong, out).is_err() {
                    pong.heads.clear();
                    pong.heads_overflow = true;
                    let _ = encoder.message(FrameType::PONG, 0, pong, out);
                }
                pongs.remove(0);
            }
        };
        let chunk = self.live.transmit(line, agreed, outbound, &mut (), tail);
        if line.backlog() == 0 {
            self.requests.flushed();
        }
        match chunk {
            Some(chunk) => Some((chunk, None)),
            None => self.blobs.next_chunk(&self.session.agreed),
        }
    }

    pub(super) fn timeout(&self, line: &Line) -> Option<Timestamp> {
        let heartbeat = &self.live.heartbeat;
        earliest([
            heartbeat.server_ping_at(line.heard, line.spoke),
            Some(heartbeat.dead_at(line.heard)),
            self.live.window_at(),
            self.live.leave_at(),
            self.lagged.as_ref().and_then(|late| late.at),
        ])
    }

    /// Sends PING when it is due, and gives back memory then.
    pub(super) fn beat(&mut self, config: &ServerConfig, line: &mut Line) {
        self.live.check_window(&self.session.inbound, line.now);
        if let Some(late) = &mut self.lagged {
            late.at = late.at.filter(|at| *at > line.now);
        }
        if self
            .live
            .heartbeat
            .server_ping_at(line.heard, line.spoke)
            .is_some_and(|at| at <= line.now)
        {
            // A PING is smaller than any frame limit.
            let _ = self.live.ping(line);
            if config.grease {
                self.live.grease(line);
            }
        }
        self.trim();
    }

    /// Gives back what an idle connection does not need.
    fn trim(&mut self) {
        let Session {
            outbound,
            inbound,
            results,
            ..
        } = &mut *self.session;
        outbound.trim();
        inbound.trim();
        results.trim();
        self.requests.trim();
        if self.pongs.is_empty() {
            self.pongs = Vec::new();
        }
    }
}
