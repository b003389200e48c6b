//! The server between WELCOME and AUTH_OK.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use bytes::Bytes;

use super::hello::{EIM_RESUME, EIM_TOKEN, heartbeat_ms, offered_mechanisms};
use super::open::Open;
use super::results::Results;
use super::session::{ServerSession, Session};
use crate::connection::agreed::Agreed;
use crate::connection::inbound::Inbound;
use crate::connection::line::Line;
use crate::connection::live::decode;
use crate::connection::outbound::{Outbound, usize_of};
use crate::connection::violation::Violation;
use crate::connection::window::check_first;
use crate::connection::{AuthAttempt, ServerConfig, ServerEvent, gate};
use crate::encoder::Encoder;
use crate::error::EncodeError;
use crate::frame::Frame;
use crate::id::{DeviceId, SessionId, UserId};
use crate::limits::DecoderLimits;
use crate::payload::{AttachMode, Auth, AuthChallenge, AuthOk, SessionOutcome, Window};
use crate::registry::{Capability, ErrorCode, FrameType, limits};
use crate::time::Timestamp;

/// What AUTH_OK says, except what the connection knows itself (outcome and window).
#[derive(Clone, Debug)]
pub struct Accept {
    /// Id of the fresh session; not used when the session goes on.
    pub session_id: SessionId,
    /// The authenticated user.
    pub user_id: UserId,
    /// The name the user logged in with, as stored.
    pub user_name: String,
    /// Last octets of the mechanism.
    pub data: Bytes,
    /// Token to come back with; left out on transports that are not confidential.
    pub resume_token: Option<[u8; 32]>,
    /// How long after a loss the session can go on.
    pub resume: Duration,
    /// Epoch of all logs and timelines; also that of every result.
    pub log_epoch: u64,
    /// Head of the user's timeline.
    pub user_seq: u64,
    /// Unix time in milliseconds.
    pub server_time_ms: u64,
    /// Number of this connection among those of the device.
    pub connection_generation: u64,
}

/// WELCOME was sent, AUTH_OK was not.
#[derive(Debug)]
pub(super) struct AwaitAuth {
    agreed: Agreed,
    transcript: [u8; 32],
    pub(super) deadline: Timestamp,
    pub(super) frames: u32,
    turn: Turn,
    first: Option<First>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Client,
    Application,
}

/// What the first AUTH says about the connection to come.
#[derive(Debug)]
struct First {
    window: Window,
    /// The session asked for, with EIM-RESUME.
    resume: Option<Option<SessionId>>,
}

impl AwaitAuth {
    pub(super) const fn new(
        agreed: Agreed,
        transcript: [u8; 32],
        deadline: Timestamp,
        frames: u32,
    ) -> Self {
        Self {
            agreed,
            transcript,
            deadline,
            frames,
            turn: Turn::Client,
            first: None,
        }
    }

    /// Takes AUTH.
    // impl[EIM-AUT-004, EIM-AUT-006]
    pub(super) fn auth(
        &mut self,
        frame: &Frame,
        config: &ServerConfig,
    ) -> Result<ServerEvent, Violation> {
        if self.turn == Turn::Application {
            return Err(gate::unexpected(frame.frame_type));
        }
        let auth: Auth = decode(frame)?;
        if self.first.is_some() {
            self.turn = Turn::Application;
            return Ok(ServerEvent::AuthData(auth.data));
        }
        self.first = Some(self.check(&auth, config)?);
        self.agreed.send_only = auth.mode() == AttachMode::SendOnly;
        self.turn = Turn::Application;
        let attempt = AuthAttempt {
            auth,
            transcript: self.transcript,
        };
        Ok(ServerEvent::Auth(Box::new(attempt)))
    }

    /// Fields, then binding, then mechanism.
    // impl[EIM-AUT-002, EIM-AUT-007, EIM-AUT-008, EIM-AUT-011, EIM-AUT-030, EIM-BOT-002, EIM-CON-019]
    fn check(&self, auth: &Auth, config: &ServerConfig) -> Result<First, Violation> {
        let resume = auth.mechanism == EIM_RESUME;
        let window = self.check_fields(auth, resume)?;
        if *auth.binding != self.transcript {
            let detail = "the handshake octets differ between the sides";
            return Err(Violation::new(ErrorCode::BINDING_MISMATCH, detail));
        }
        if (resume || auth.mechanism == EIM_TOKEN) && !config.confidential {
            let detail = "tokens need TLS or loopback";
            return Err(Violation::new(ErrorCode::CONFIDENTIALITY_REQUIRED, detail));
        }
        if !offered_mechanisms(config, &self.agreed).any(|name| name == auth.mechanism) {
            let detail = "the mechanism is not offered";
            return Err(Violation::new(ErrorCode::MECHANISM_UNAVAILABLE, detail));
        }
        let session = SessionId::from_slice(&auth.session_id).ok();
        Ok(First {
            window,
            resume: resume.then_some(session),
        })
    }

    fn check_fields(&self, auth: &Auth, resume: bool) -> Result<Window, Violation> {
        let wrong = |what: &str| Violation::value(String::from("AUTH has ") + what);
        if auth.binding.len() != self.transcript.len() {
            return Err(wrong("a binding that is not 32 octets"));
        }
        let device = auth.device.as_ref().ok_or_else(|| wrong("no device"))?;
        DeviceId::from_slice(&device.device_id).map_err(|_| wrong("no device id"))?;
        if device.name.len() > usize_of(limits::DEVICE_NAME_OCTETS.default) {
            return Err(wrong("a device name that is too long"));
        }
        match auth.attach_mode() {
            Some(AttachMode::Full) => {}
            Some(AttachMode::SendOnly)
                if self.agreed.capabilities.contains(Capability::SEND_ONLY) => {}
            _ => return Err(wrong("a mode that is unknown or was not negotiated")),
        }
        if resume {
            // It speaks of the session to resume.
            return Ok(auth.window.unwrap_or_default());
        }
        check_first(auth.window.as_ref(), self.agreed.peer_max)
    }

    /// Asks the client for more. Does nothing unless it is the application's turn.
    pub(super) fn challenge(&mut self, data: Bytes, line: &mut Line) -> Result<(), EncodeError> {
        if self.turn != Turn::Application {
            return Ok(());
        }
        self.turn = Turn::Client;
        line.put(FrameType::AUTH_CHALLENGE, &AuthChallenge { data })
    }

    pub(super) fn is_applications_turn(&self) -> bool {
        self.turn == Turn::Application && self.first.is_some()
    }

    /// Opens the connection.
    pub(super) fn accept(
        self,
        accept: Accept,
        earlier: Option<ServerSession>,
        config: &ServerConfig,
        line: &mut Line,
    ) -> Result<(Box<Open>, SessionOutcome), Violation> {
        let Self { agreed, first, .. } = self;
        let First { window, resume } = first.ok_or_else(|| gate::unexpected(FrameType::AUTH_OK))?;
        let asked = resume.flatten();
        // impl[EIM-RSM-006, EIM-RSM-008]
        let resumable = earlier.filter(|session| {
            asked == Some(session.0.id)
                && window != Window::default()
                && session.0.agreed == agreed
                && session.0.outbound.can_resume(&window)
        });
        let (mut session, outcome) = match resumable {
            Some(earlier) => {
                let mut session = earlier.0;
                session.outbound.resume(&window)?;
                session.inbound.resume();
                session.results.repeat();
                (session, SessionOutcome::Resumed)
            }
            None => {
                let session = fresh(&accept, agreed.clone(), config, window, resume.is_some())?;
                (session, SessionOutcome::Fresh)
            }
        };
        session.log_epoch = accept.log_epoch;
        let ok = auth_ok(accept, outcome, &mut session, config);
        line.put(FrameType::AUTH_OK, &ok).map_err(|_| {
            Violation::new(
                ErrorCode::INTERNAL,
                "AUTH_OK exceeds the limit of the handshake",
            )
        })?;
        line.encoder = Encoder::new(agreed.version, agreed.peer_max);
        line.accept(DecoderLimits::open(agreed.own_max, agreed.compressions));
        let heartbeat = Duration::from_millis(heartbeat_ms(config).into());
        let awaits_credit = outcome == SessionOutcome::Fresh && resume.is_some();
        Ok((
            Box::new(Open::new(
                session,
                heartbeat,
                awaits_credit,
                config,
                line.now,
            )),
            outcome,
        ))
    }
}

// impl[EIM-RSM-021, EIM-RSM-022, EIM-RSM-023, EIM-WIN-004, EIM-WIN-005]
fn fresh(
    accept: &Accept,
    agreed: Agreed,
    config: &ServerConfig,
    window: Window,
    resume: bool,
) -> Result<Box<Session>, Violation> {
    let mut outbound = Outbound::new(config.queue);
    if !resume {
        outbound.window(&window)?;
    }
    let inbound = Inbound::new(config.window, config.reassembly, agreed.own_max);
    Ok(Box::new(Session {
        id: accept.session_id,
        agreed,
        outbound,
        inbound,
        results: Results::default(),
        log_epoch: accept.log_epoch,
        compression: config.compression,
    }))
}

// impl[EIM-AUT-031, EIM-AUT-046, EIM-RSM-001, EIM-RSM-003, EIM-RSM-012, EIM-WIN-019]
fn auth_ok(
    accept: Accept,
    outcome: SessionOutcome,
    session: &mut Session,
    config: &ServerConfig,
) -> AuthOk {
    let may_resume =
        config.confidential && session.agreed.capabilities.contains(Capability::RESUME);
    let token = accept.resume_token.filter(|_| may_resume);
    let resume_ms = u64::try_from(accept.resume.as_millis()).unwrap_or(u64::MAX);
    AuthOk {
        outcome: outcome.into(),
        session_id: session.id.to_bytes(),
        user_id: accept.user_id.to_bytes(),
        data: accept.data,
        window: Some(session.window(config.unsettled_results)),
        resume_token: token
            .map(|token| Bytes::copy_from_slice(&token))
            .unwrap_or_default(),
        resume_ms: if token.is_some() { resume_ms } else { 0 },
        log_epoch: accept.log_epoch,
        user_seq: accept.user_seq,
        server_time_ms: accept.server_time_ms,
        connection_generation: accept.connection_generation,
        user_name: accept.user_name,
    }
}
