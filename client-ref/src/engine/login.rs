//! From WELCOME to AUTH_OK.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, Resume};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload::{self, AttachMode, SessionOutcome};
use eim_codec::registry::ErrorCode;

use super::online::Login;
use super::pull::Walk;
use super::{Engine, Phase};
use crate::auth::{AuthError, Exchange, Means};
use crate::event::{ConnectionState, End};
use crate::options::Attach;
use crate::store::{Cursor, Identity, ResumeCredential};

/// Refused tokens in a row after which a sender wants the password.
const TOKEN_ATTEMPTS: u32 = 5;

impl Engine {
    /// WELCOME: chooses the mechanism and begins.
    pub(super) fn welcomed(&mut self, welcome: &payload::Welcome) {
        self.presence_offered(welcome);
        self.calls_offered(welcome);
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        self.heartbeat = Duration::from_millis(u64::from(welcome.heartbeat_ms));
        let Some(transcript) = online.driver.endpoint().transcript() else {
            return;
        };
        let link = online.driver.link();
        // impl[EIM-AUT-032] The token goes to the server that gave it, and over TLS or loopback.
        let resume = self
            .resume
            .as_ref()
            .filter(|resume| link.is_confidential() && resume.server == self.connector.server())
            .filter(|_| self.refused_tokens < TOKEN_ATTEMPTS);
        // impl[EIM-BOT-024]
        let token = self.options.credentials.token.as_deref();
        let token = token.filter(|_| link.is_confidential());
        let started = Exchange::start(&Means {
            offered: &welcome.mechanisms,
            user: &self.options.credentials.user,
            password: self.options.credentials.password.as_deref(),
            token,
            resume,
            binding: link.channel_binding(&transcript),
            salted: &self.options.salted,
        });
        let (exchange, data) = match started {
            Ok(started) => started,
            Err(error) => return self.not_authenticated(&error),
        };
        let resume = match (resume, self.session.take()) {
            (Some(token), Some(session)) if exchange.is_resume() => {
                if session.id() == token.session {
                    Resume::Session(session)
                } else {
                    Resume::TokenOnly(token.session)
                }
            }
            (Some(token), None) if exchange.is_resume() => Resume::TokenOnly(token.session),
            _ => Resume::No,
        };
        // impl[EIM-CUR-001] What is on its way into the store is not there yet.
        let cursor = self.stored;
        let start = AuthStart {
            mechanism: exchange.mechanism().to_owned(),
            data,
            device: payload::Device {
                device_id: self.identity.device.to_bytes(),
                class: self.options.device_class.into(),
                name: self.options.device_name.clone(),
            },
            mode: match self.options.attach {
                Attach::Full => AttachMode::Full,
                Attach::SendOnly => AttachMode::SendOnly,
            },
            log_epoch: cursor.log_epoch,
            user_seq: cursor.user_seq,
            resume,
        };
        online.driver.endpoint_mut().authenticate(start);
        online.login = Login::Exchange(Some(Box::new(exchange)));
    }

    pub(super) fn challenged(&mut self, data: &Bytes) {
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        let Login::Exchange(Some(exchange)) = &mut online.login else {
            return;
        };
        match exchange.challenge(data) {
            Ok(answer) => online.driver.endpoint_mut().respond(answer),
            Err(error) => self.not_authenticated(&error),
        }
    }

    /// AUTH_OK: the connection is open, if the server has proven itself.
    pub(super) fn opened(&mut self, ok: &payload::AuthOk) {
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        let Login::Exchange(exchange) = &mut online.login else {
            return;
        };
        if let Some(exchange) = exchange.take()
            && let Err(error) = exchange.finish(&ok.data)
        {
            return self.not_authenticated(&error);
        }
        let (Ok(user), Ok(session)) = (
            UserId::from_slice(&ok.user_id),
            SessionId::from_slice(&ok.session_id),
        ) else {
            // impl[EIM-AUT-047]
            return self.misbehaved(ErrorCode::INVALID_VALUE, "ids in AUTH_OK");
        };
        if self.identity.user.is_some_and(|known| known != user) {
            let name = self.identity.user_name.clone();
            self.end.get_or_insert_with(|| {
                End::Authentication(format!(
                    "this profile belongs to {name}; use another profile for another user"
                ))
            });
            return self.misbehaved(ErrorCode::AUTH_FAILED, "another user");
        }
        online.login = Login::Open;
        self.opened_at = Some(self.ticks.now());
        self.refused_tokens = 0;
        self.server_time = Some((ok.server_time_ms, self.ticks.now()));
        self.identified(user, &ok.user_name);
        self.keep_token(session, &ok.resume_token);
        let resumed = ok.outcome() == SessionOutcome::Resumed;
        self.begin_session(resumed);
        self.marks.opened(ok.log_epoch);
        self.tell_cursor();
        self.repeat_background();
        self.repeat_presence();
        self.ask_calls();
        self.show(ConnectionState::Open { resumed, user });
        if self.is_full_client() {
            self.compare(Cursor {
                log_epoch: ok.log_epoch,
                user_seq: ok.user_seq,
            });
        }
    }

    fn identified(&mut self, user: UserId, name: &str) {
        let identity = Identity {
            device: self.identity.device,
            user: Some(user),
            user_name: name.to_owned(),
        };
        self.outbox.identify(user);
        if identity != self.identity {
            self.identity = identity.clone();
            self.staging.batch.identity = Some(identity);
        }
    }

    fn keep_token(&mut self, session: SessionId, token: &Bytes) {
        // The token presented goes on working until its successor is presented: a sender leaves
        // renewing to the full client.
        if !self.is_full_client() {
            return;
        }
        let resume = (!token.is_empty()).then(|| ResumeCredential {
            session,
            token: token.clone(),
            server: self.connector.server(),
        });
        if resume != self.resume {
            self.resume.clone_from(&resume);
            self.staging.batch.resume = Some(resume);
        }
    }

    fn begin_session(&mut self, resumed: bool) {
        let deferred = std::mem::take(&mut self.deferred);
        if resumed {
            for follow in deferred {
                self.tell_server(&follow);
            }
            return;
        }
        self.session_number += 1;
        self.withheld.clear();
        self.outbox.forget_session();
    }

    /// Compares heads after a login.
    // impl[EIM-SYN-012]
    fn compare(&mut self, head: Cursor) {
        let stored = self.timeline.cursor();
        // Another program of the device may have stored more, or of a newer epoch.
        let shared = stored.max(self.stored);
        let reaches =
            |cursor: Cursor| cursor.log_epoch == head.log_epoch && cursor.user_seq <= head.user_seq;
        if stored.log_epoch == 0 && head.user_seq > self.options.first_sync {
            return self.walk_heads(Walk::First);
        }
        if stored.log_epoch == 0 {
            // impl[EIM-SYN-026] The first login: from the beginning of what there is.
            let start = Cursor {
                log_epoch: head.log_epoch,
                user_seq: 0,
            };
            self.timeline.reset(start);
            self.staging.advance(start);
        } else if !reaches(stored) || !reaches(shared) {
            return self.walk_heads(Walk::Snapshot);
        }
        self.timeline.note_head(head.user_seq);
        self.walk_heads(Walk::Login);
        if self.timeline.is_caught_up() {
            self.staging.follow.caught_up = true;
        }
    }

    fn not_authenticated(&mut self, error: &AuthError) {
        self.end
            .get_or_insert_with(|| End::Authentication(error.to_string()));
        self.misbehaved(
            ErrorCode::AUTH_FAILED,
            "the exchange failed on the client's side",
        );
    }
}
