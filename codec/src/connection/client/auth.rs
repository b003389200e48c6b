//! The client between WELCOME and AUTH_OK.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::open::Open;
use super::session::{ClientSession, Session};
use crate::connection::agreed::Agreed;
use crate::connection::inbound::Inbound;
use crate::connection::line::Line;
use crate::connection::live::decode;
use crate::connection::outbound::Outbound;
use crate::connection::violation::Violation;
use crate::connection::window::check_first;
use crate::connection::{ClientConfig, SendId, gate};
use crate::encoder::Encoder;
use crate::error::EncodeError;
use crate::frame::Frame;
use crate::id::{SessionId, UserId};
use crate::limits::DecoderLimits;
use crate::payload::{AttachMode, Auth, AuthChallenge, AuthOk, Device, SessionOutcome, Window};
use crate::registry::{ErrorCode, FrameType};
use crate::time::Timestamp;

/// The mechanism whose message is a resume token.
pub(crate) const EIM_RESUME: &str = "EIM-RESUME";

/// What the first AUTH says.
#[derive(Debug)]
pub struct AuthStart {
    /// One of WELCOME's mechanisms.
    pub mechanism: String,
    /// First octets of the mechanism.
    pub data: Bytes,
    /// The device.
    pub device: Device,
    /// Full or send-only.
    pub mode: AttachMode,
    /// Epoch of `user_seq`.
    pub log_epoch: u64,
    /// The device has stored its timeline through here.
    pub user_seq: u64,
    /// The session to go on with, when the mechanism is EIM-RESUME and its token belongs to it.
    pub resume: Resume,
}

/// What a client can say about an earlier session.
#[derive(Debug, Default)]
pub enum Resume {
    /// Nothing: the session will be fresh.
    #[default]
    No,
    /// The token's session, but its state is gone (the process restarted): authenticates with the
    /// token, the session will be fresh.
    TokenOnly(SessionId),
    /// The token's session with its state: it may go on.
    Session(ClientSession),
}

/// WELCOME came, the application has not begun to authenticate.
#[derive(Debug)]
pub(super) struct Welcomed {
    pub(super) agreed: Agreed,
    pub(super) transcript: [u8; 32],
    pub(super) heartbeat: Duration,
    pub(super) deadline: Timestamp,
}

/// AUTH was sent.
#[derive(Debug)]
pub(super) struct Authenticating {
    pub(super) welcomed: Welcomed,
    /// The server asked and waits for an answer.
    challenged: bool,
    /// Authenticates with EIM-RESUME, for this session.
    asked: Option<SessionId>,
    earlier: Option<ClientSession>,
    /// The receiving half of a fresh session, granted in AUTH.
    inbound: Inbound,
    progress: (u64, u64),
}

/// The open connection, what the server said, and the messages that were forgotten.
type Opened = (Box<Open>, AuthOk, Vec<SendId>);

impl Welcomed {
    /// Sends the first AUTH.
    // impl[EIM-AUT-001, EIM-AUT-010, EIM-AUT-035, EIM-RSM-004, EIM-RSM-005, EIM-WIN-006]
    pub(super) fn authenticate(
        self,
        start: AuthStart,
        config: &ClientConfig,
        line: &mut Line,
    ) -> Result<Authenticating, EncodeError> {
        let mut agreed = self.agreed;
        agreed.send_only = start.mode == AttachMode::SendOnly;
        let mut inbound = Inbound::new(config.window, config.reassembly, agreed.own_max);
        let (id, mut earlier) = match start.resume {
            Resume::No => (None, None),
            Resume::TokenOnly(id) => (Some(id), None),
            Resume::Session(session) => (Some(session.id()), Some(session)),
        };
        let asked = id.filter(|_| start.mechanism == EIM_RESUME);
        let window = match (asked, &mut earlier) {
            (None, _) => inbound.window(u64::MAX),
            (Some(_), Some(session)) => session.0.inbound.window(u64::MAX),
            (Some(_), None) => Window::default(),
        };
        let (log_epoch, user_seq) = if agreed.send_only {
            (0, 0)
        } else {
            (start.log_epoch, start.user_seq)
        };
        let auth = Auth {
            mechanism: start.mechanism,
            data: start.data,
            binding: Bytes::copy_from_slice(&self.transcript),
            device: Some(start.device),
            mode: start.mode.into(),
            window: Some(window),
            session_id: asked.map(SessionId::to_bytes).unwrap_or_default(),
            log_epoch,
            user_seq,
        };
        line.put(FrameType::AUTH, &auth)?;
        Ok(Authenticating {
            welcomed: Self { agreed, ..self },
            challenged: false,
            asked,
            earlier,
            inbound,
            progress: (log_epoch, user_seq),
        })
    }
}

impl Authenticating {
    /// Answers a challenge. Does nothing if none is open.
    // impl[EIM-AUT-003, EIM-AUT-005]
    pub(super) fn respond(&mut self, data: Bytes, line: &mut Line) -> Result<(), EncodeError> {
        if !core::mem::take(&mut self.challenged) {
            return Ok(());
        }
        line.put(
            FrameType::AUTH,
            &Auth {
                data,
                ..Auth::default()
            },
        )
    }

    pub(super) fn challenge(&mut self, frame: &Frame) -> Result<Bytes, Violation> {
        if self.challenged {
            return Err(gate::unexpected(frame.frame_type));
        }
        let challenge: AuthChallenge = decode(frame)?;
        self.challenged = true;
        Ok(challenge.data)
    }

    /// Takes AUTH_OK: the connection opens. Returns the messages that were forgotten, too; what is
    /// refused leaves the session that was to go on.
    pub(super) fn open(
        self,
        frame: &Frame,
        config: &ClientConfig,
        line: &mut Line,
    ) -> Result<Opened, (Refused, Option<ClientSession>)> {
        let (ok, id) = match self.check_open(frame) {
            Ok(checked) => checked,
            Err(violation) => return Err((violation.into(), self.earlier)),
        };
        let Welcomed {
            agreed, heartbeat, ..
        } = self.welcomed;
        line.encoder = Encoder::new(agreed.version, agreed.peer_max);
        line.accept(DecoderLimits::open(agreed.own_max, agreed.compressions));
        let window = ok.window.unwrap_or_default();
        let mut forgotten = Vec::new();
        let session = match self.earlier.map(|session| session.0) {
            Some(mut session) if ok.outcome() == SessionOutcome::Resumed => {
                // impl[EIM-RSM-019]
                let resumed = session.outbound.resume(&window);
                resumed.map_err(|violation| (Refused::lost(violation), None))?;
                session.inbound.resume();
                session
            }
            earlier => {
                let mut outbound = Outbound::new(config.queue);
                let granted = outbound.window(&window).map_err(Violation::from);
                granted.map_err(|violation| (Refused::lost(violation), None))?;
                forgotten = earlier
                    .as_ref()
                    .map_or_else(Vec::new, |session| session.unanswered());
                let sends = earlier
                    .map(|session| session.sends.fresh())
                    .unwrap_or_default();
                Box::new(Session {
                    id,
                    agreed,
                    outbound,
                    inbound: self.inbound,
                    sends,
                })
            }
        };
        let mut open = Open::new(session, heartbeat, self.progress, line.now);
        if self.asked.is_some() && ok.outcome() == SessionOutcome::Fresh {
            // impl[EIM-RSM-024]
            let first_credit = open.session.inbound.window(u64::MAX);
            // A WINDOW is smaller than any frame limit.
            let _ = line.put(FrameType::WINDOW, &first_credit);
        }
        Ok((Box::new(open), ok, forgotten))
    }

    /// What AUTH_OK says before anything changes, and the session it names.
    fn check_open(&self, frame: &Frame) -> Result<(AuthOk, SessionId), Violation> {
        if self.challenged {
            return Err(gate::unexpected(frame.frame_type));
        }
        let ok: AuthOk = decode(frame)?;
        let id = self.check(&ok)?;
        let agreed = &self.welcomed.agreed;
        if ok.outcome() == SessionOutcome::Resumed {
            let earlier = self.earlier.as_ref();
            if earlier.is_none_or(|session| session.0.agreed != *agreed) {
                return Err(Violation::value("nothing to resume"));
            }
        } else {
            check_first(ok.window.as_ref(), agreed.peer_max)?;
        }
        Ok((ok, id))
    }

    // impl[EIM-AUT-047, EIM-AUT-048]
    fn check(&self, ok: &AuthOk) -> Result<SessionId, Violation> {
        let wrong = |what: &str| Violation::value(String::from("AUTH_OK has ") + what);
        let id = SessionId::from_slice(&ok.session_id).map_err(|_| wrong("no session id"))?;
        UserId::from_slice(&ok.user_id).map_err(|_| wrong("no user id"))?;
        match SessionOutcome::try_from(ok.outcome) {
            Ok(SessionOutcome::Fresh) => Ok(id),
            Ok(SessionOutcome::Resumed) if self.asked == Some(id) => Ok(id),
            _ => Err(wrong("an outcome that was not asked for")),
        }
    }

    /// The session that is to go on.
    pub(super) const fn earlier(&mut self) -> Option<&mut ClientSession> {
        self.earlier.as_mut()
    }

    /// The session that was to go on, for another attempt.
    pub(super) fn into_earlier(self) -> Option<ClientSession> {
        self.earlier
    }
}

/// AUTH_OK that ends the connection, and maybe the session with it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) violation: Violation,
    pub(super) session_lost: bool,
}

impl Refused {
    /// The session cannot go on.
    const fn lost(violation: Violation) -> Self {
        Self {
            violation,
            session_lost: true,
        }
    }
}

impl From<Violation> for Refused {
    fn from(violation: Violation) -> Self {
        Self {
            session_lost: violation.code == ErrorCode::LOGGED_OUT,
            violation,
        }
    }
}
