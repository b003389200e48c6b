//! What the server's application does with what it is told, and where its session goes.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::server::Accept;
use eim_codec::connection::{AuthAttempt, Endpoint, SendError, SendId, ServerEvent};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload::{self, ErrorInfo, SessionOutcome};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::World;
use super::client::{State, number_of};
use super::server::{Live, Pending, lagged, may_pass};
use crate::bodies::body;
use crate::input::trace;

impl World {
    pub(super) fn on_server_event(&mut self, event: ServerEvent) {
        trace!("server: {}", short(&event));
        assert!(!self.server.closed, "{event:?} after the end");
        match event {
            ServerEvent::Auth(attempt) => {
                self.server.lagged = None;
                self.attempt = Some(attempt);
                self.go_on();
            }
            ServerEvent::AuthData(_) => self.go_on(),
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                self.on_message(ordinal, frame_type, &payload);
            }
            ServerEvent::Request(request) => {
                assert!(!self.server.requests.contains(&request.request_id));
                self.server.requests.push(request.request_id);
                if self.server.eager {
                    self.respond(0, 10);
                }
            }
            ServerEvent::Cursor {
                user_seq,
                log_epoch,
            } => {
                assert!(log_epoch == 1 && user_seq <= self.client.cursor);
                self.server.cursor = self.server.cursor.max(user_seq);
            }
            ServerEvent::Ping { token } => {
                let connection = self.server.connection.as_mut().expect("connected");
                connection.pong(payload::Pong {
                    token,
                    ..payload::Pong::default()
                });
            }
            ServerEvent::Closed(reason) => {
                self.excuse(&reason);
                self.server.closed = true;
            }
            _ => {}
        }
    }

    fn go_on(&mut self) {
        let server = &mut self.server;
        let connection = server.connection.as_mut().expect("connected");
        if server.challenges > 0 {
            server.challenges -= 1;
            connection.challenge(Bytes::from_static(b"r=x"));
            return;
        }
        if let Some(attempt) = self.attempt.take() {
            self.accept(&attempt);
        }
    }

    fn accept(&mut self, attempt: &AuthAttempt) {
        let server = &mut self.server;
        let asked = SessionId::from_slice(&attempt.auth.session_id).ok();
        let resumes = attempt.auth.mechanism == "EIM-RESUME" && asked == server.session_id;
        let earlier = server.take_session().filter(|_| resumes && asked.is_some());
        let number = server.serial + 1;
        let session_id = SessionId::from(u128::from(number).to_be_bytes());
        let accept = Accept {
            session_id,
            user_id: UserId::from([0x11; 16]),
            user_name: "ann".into(),
            data: Bytes::from_static(b"v=x"),
            resume_token: Some([7; 32]),
            resume: Duration::from_secs(300),
            log_epoch: 1,
            user_seq: server.pushes.len() as u64,
            server_time_ms: 1,
            connection_generation: 1,
        };
        let connection = server.connection.as_mut().expect("connected");
        match connection.accept(accept, earlier) {
            SessionOutcome::Fresh => {
                server.serial = number;
                server.session_id = Some(session_id);
                server.accepted.clear();
                server.last_ordinal = 0;
                (server.dropped, server.lost) = (0, 0);
                server.lag_owed = false;
            }
            SessionOutcome::Resumed => {
                if std::mem::take(&mut server.lag_owed) {
                    let head = server.pushes.len() as u64;
                    connection.lagged(lagged(head));
                    server.lagged = Some(head);
                }
            }
            SessionOutcome::Unspecified => panic!("an attempt was to be accepted"),
        }
        server.live = Live::Connected;
    }

    fn on_message(&mut self, ordinal: u64, frame_type: FrameType, payload: &Bytes) {
        let send = payload::Send::decode(payload.clone()).expect("a message");
        let number = usize::try_from(number_of(&send.client_msg_id)).expect("few messages");
        let message = &self.client.outbox[number];
        assert_eq!(message.frame_type, frame_type);
        assert!(
            send.body == body(number as u64, message.size, message.noise),
            "body {number}"
        );
        assert!(
            !message.cancelled,
            "{number} was cancelled before it left entirely"
        );
        let server = &mut self.server;
        assert!(ordinal > server.last_ordinal, "ordinals rise");
        server.last_ordinal = ordinal;
        if let State::Given(send) = message.state
            && self.client.serial == server.serial
        {
            let twice = server.accepted.insert(send, number);
            assert_eq!(twice, None, "{number} twice in one session");
            for (_, later) in server.accepted.range(SendId(send.0 + 1)..) {
                let passer = self.client.outbox[*later].lane;
                assert!(
                    may_pass(passer, message.lane),
                    "message {number} {message:?} was overtaken by {later}"
                );
            }
        }
        server.pending.push(Pending {
            serial: server.serial,
            ordinal,
            number,
        });
        if server.eager {
            server.answer(server.pending.len() - 1, false);
        }
    }

    /// Answers a request with a text of this many octets.
    pub(super) fn respond(&mut self, place: usize, octets: usize) {
        let server = &mut self.server;
        let (Some(connection), true) = (&mut server.connection, place < server.requests.len())
        else {
            return;
        };
        let response = payload::Response {
            request_id: server.requests.remove(place),
            operation: 1,
            error: Some(ErrorInfo {
                code: ErrorCode::UNAVAILABLE.0.into(),
                detail: "x".repeat(octets),
                ..ErrorInfo::default()
            }),
            body: None,
        };
        match connection.respond(&response) {
            Ok(()) | Err(SendError::NotOpen) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The server's connection is over: its session waits for the client.
    pub(super) fn retire_server(&mut self) {
        let server = &mut self.server;
        let Some(connection) = server.connection.take() else {
            return;
        };
        assert!(connection.poll_timeout().is_none() && !connection.wants_read());
        assert!(std::mem::take(&mut server.closed), "an end is announced");
        server.requests.clear();
        let session = connection.into_session();
        if server.live == Live::Connected {
            server.live = if session.is_some() {
                Live::Detached
            } else {
                Live::Nowhere
            };
            server.detached = session;
        }
    }

    /// The same of a connection that was left behind.
    pub(super) fn tend_stale(&mut self) {
        let now = self.now;
        while let Some(event) = self.server.stale.as_mut().and_then(Endpoint::poll_event) {
            match event {
                ServerEvent::Closed(_) => self.server.stale_closed = true,
                // Accepted is accepted: its result goes to the session.
                ServerEvent::Message {
                    ordinal,
                    frame_type,
                    payload,
                } => {
                    assert_eq!(self.server.live, Live::Stale);
                    self.on_message(ordinal, frame_type, &payload);
                }
                _ => {}
            }
        }
        let Some(stale) = &mut self.server.stale else {
            return;
        };
        while stale.poll_transmit(now).is_some() {}
        if stale.is_closed()
            && let Some(stale) = self.server.stale.take()
        {
            assert!(self.server.stale_closed, "an end is announced");
            let session = stale.into_session();
            if self.server.live == Live::Stale {
                self.server.live = if session.is_some() {
                    Live::Detached
                } else {
                    Live::Nowhere
                };
                self.server.detached = session;
            }
        }
    }
}

/// An event without its octets.
fn short(event: &ServerEvent) -> String {
    match event {
        ServerEvent::Message {
            ordinal,
            frame_type,
            payload,
        } => {
            format!("Message {ordinal} {frame_type:?} {}", payload.len())
        }
        ServerEvent::Auth(auth) => format!("Auth {} {:?}", auth.auth.mechanism, auth.auth.window),
        other => format!("{other:?}"),
    }
}
