//! The client's application: an outbox that survives everything, and what it is told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, ClientConnection, ClientSession, Resume};
use eim_codec::connection::{
    Cancelled, ClientEvent, CloseReason, Endpoint, Lane, SendError, SendId,
};
use eim_codec::id::SessionId;
use eim_codec::payload::{self, AttachMode, Device, SessionOutcome};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::World;
use crate::bodies::body;
use crate::input::trace;

/// A message of the outbox; its place there is its `client_msg_id`.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) lane: Option<u8>,
    pub(super) frame_type: FrameType,
    pub(super) size: usize,
    pub(super) noise: bool,
    pub(super) state: State,
    pub(super) cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Given(SendId),
    Placed(u64),
    Failed(ErrorCode),
    Withdrawn,
}

impl Message {
    pub(super) fn payload(&self, number: usize) -> Bytes {
        let send = payload::Send {
            client_msg_id: id(number as u64),
            body: body(number as u64, self.size, self.noise),
            ..payload::Send::default()
        };
        send.encode_to_vec().into()
    }
}

/// Sixteen octets that say a number.
pub(super) fn id(number: u64) -> Bytes {
    let number = u128::from(number).to_be_bytes();
    Bytes::copy_from_slice(&number)
}

/// What authentication should ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    Session,
    Token,
    Anew,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) connection: Option<ClientConnection>,
    session: Option<ClientSession>,
    session_id: Option<SessionId>,
    pub(super) outbox: Vec<Message>,
    given: BTreeMap<SendId, usize>,
    pub(super) to_settle: Vec<SendId>,
    pub(super) to_consume: Vec<u64>,
    /// Settles and consumes at once.
    pub(super) eager: bool,
    pub(super) asking: Asking,
    pub(super) requests: BTreeSet<u64>,
    asked: u64,
    pub(super) cursor: u64,
    pub(super) backgrounds: u32,
    /// Number of the session, as the server counts them; 0 before the first.
    pub(super) serial: u32,
    /// There is a session that must not be lost without a word.
    holds: bool,
    forgotten_due: bool,
    closed: Option<CloseReason>,
    pub(super) lagged: Option<u64>,
}

impl Client {
    pub(super) const fn new() -> Self {
        Self {
            connection: None,
            session: None,
            session_id: None,
            outbox: Vec::new(),
            given: BTreeMap::new(),
            to_settle: Vec::new(),
            to_consume: Vec::new(),
            eager: true,
            asking: Asking::Session,
            requests: BTreeSet::new(),
            asked: 0,
            cursor: 0,
            backgrounds: 0,
            serial: 0,
            holds: false,
            forgotten_due: false,
            closed: None,
            lagged: None,
        }
    }

    fn start(&mut self) -> AuthStart {
        let (mechanism, resume) = match (self.asking, self.session.take(), self.session_id) {
            (Asking::Session, Some(session), _) => {
                self.holds = true;
                ("EIM-RESUME", Resume::Session(session))
            }
            (Asking::Session | Asking::Token, _, Some(id)) => {
                self.give_up();
                ("EIM-RESUME", Resume::TokenOnly(id))
            }
            _ => {
                self.give_up();
                ("SCRAM-SHA-256", Resume::No)
            }
        };
        self.asking = Asking::Session;
        AuthStart {
            mechanism: mechanism.into(),
            data: Bytes::from_static(b"n,,n=ann,r=x"),
            device: Device {
                device_id: id(0xd1),
                ..Device::default()
            },
            mode: AttachMode::Full,
            log_epoch: 1,
            user_seq: self.cursor,
            resume,
        }
    }

    /// The session is gone: what has no result has to be given again.
    fn give_up(&mut self) {
        self.session = None;
        let given = std::mem::take(&mut self.given);
        given
            .into_values()
            .for_each(|number| self.take_back(number));
        self.to_consume.clear();
    }

    fn take_back(&mut self, number: usize) {
        let message = &mut self.outbox[number];
        message.state = if message.cancelled {
            State::Withdrawn
        } else {
            State::Waiting
        };
    }

    /// Everything but the outbox is forgotten.
    pub(super) fn crash(&mut self, token: bool) {
        self.connection = None;
        self.give_up();
        self.requests.clear();
        self.to_settle.clear();
        self.holds = false;
        self.forgotten_due = false;
        self.closed = None;
        if !token {
            self.session_id = None;
        }
    }

    pub(super) fn given(&self) -> impl Iterator<Item = SendId> {
        self.given.keys().copied()
    }

    /// Gives what waits, in order, as long as it is taken.
    pub(super) fn flush(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        for (number, message) in self.outbox.iter_mut().enumerate() {
            if message.state != State::Waiting {
                continue;
            }
            let payload = message.payload(number);
            let sent = match message.lane {
                Some(lane) => connection.send_in(Lane(lane.into()), message.frame_type, payload),
                None => connection.send(message.frame_type, payload),
            };
            match sent {
                Ok(send) => {
                    assert!(
                        self.given
                            .last_key_value()
                            .is_none_or(|(last, _)| *last < send),
                        "ids rise"
                    );
                    self.given.insert(send, number);
                    message.state = State::Given(send);
                }
                Err(SendError::TooLarge { .. }) => {
                    message.state = State::Failed(ErrorCode::MESSAGE_TOO_LARGE);
                }
                Err(SendError::QueueFull | SendError::NotOpen) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) fn cancel(&mut self, send: SendId) {
        let (Some(connection), Some(number)) = (&mut self.connection, self.given.get(&send)) else {
            return;
        };
        let message = &mut self.outbox[*number];
        match connection.cancel(send) {
            Cancelled::Removed => {
                message.state = State::Withdrawn;
                self.given.remove(&send);
            }
            Cancelled::Underway => message.cancelled = true,
            Cancelled::TooLate => {}
        }
    }

    pub(super) fn request(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let request = payload::Request {
            request_id: id(self.asked),
            operation: 1,
            ..payload::Request::default()
        };
        if connection.request(&request).is_ok() {
            self.requests.insert(self.asked);
        }
        self.asked += 1;
    }

    pub(super) fn settle(&mut self, place: Option<usize>) {
        for send in taken(&mut self.to_settle, place) {
            match (&mut self.session, &mut self.connection) {
                (Some(session), _) => session.settle(send),
                (None, Some(connection)) => connection.settle(send),
                (None, None) => {}
            }
        }
    }

    pub(super) fn consume(&mut self, place: Option<usize>) {
        for ordinal in taken(&mut self.to_consume, place) {
            match (&mut self.session, &mut self.connection) {
                (Some(session), _) => session.consumed(ordinal),
                (None, Some(connection)) => connection.consumed(ordinal),
                (None, None) => {}
            }
        }
    }
}

/// The one at this place, or all.
fn taken<T>(all: &mut Vec<T>, place: Option<usize>) -> Vec<T> {
    match place {
        Some(place) if place < all.len() => vec![all.remove(place)],
        Some(_) => Vec::new(),
        None => std::mem::take(all),
    }
}

impl World {
    pub(super) fn on_client_event(&mut self, event: ClientEvent) {
        trace!("client: {}", short(&event));
        assert!(self.client.closed.is_none(), "{event:?} after the end");
        if self.client.forgotten_due {
            assert!(
                matches!(event, ClientEvent::Forgotten(_)),
                "{event:?} before what was forgotten"
            );
        }
        match event {
            ClientEvent::Welcome(_) => {
                let start = self.client.start();
                let connection = self.client.connection.as_mut().expect("connected");
                connection.authenticate(start);
            }
            ClientEvent::Challenge(data) => {
                let connection = self.client.connection.as_mut().expect("connected");
                connection.respond(data);
            }
            ClientEvent::Open(ok) => self.on_open(&ok),
            ClientEvent::Forgotten(sends) => {
                self.client.forgotten_due = false;
                assert!(
                    sends.iter().eq(self.client.given.keys()),
                    "what was forgotten"
                );
                self.client.give_up();
                self.client.flush();
            }
            ClientEvent::Push {
                ordinal,
                frame_type,
                payload,
            } => {
                self.on_push(frame_type, &payload);
                self.client.to_consume.push(ordinal);
                if self.client.eager {
                    self.client.consume(None);
                }
            }
            ClientEvent::PushLost { code, .. } => {
                assert!(self.setup.client.reassembly.octets < 2_000_000, "{code:?}");
                self.server.lost += 1;
            }
            ClientEvent::Result {
                send,
                result,
                log_epoch,
                ..
            } => {
                assert_eq!(log_epoch, 1);
                self.on_result(send, &result);
            }
            ClientEvent::Response(response) => {
                let number = number_of(&response.request_id);
                assert!(
                    self.client.requests.remove(&number),
                    "nobody asked {number}"
                );
            }
            ClientEvent::Lagged(lagged) => self.client.lagged = Some(lagged.user_seq),
            ClientEvent::Writable => self.client.flush(),
            ClientEvent::Closed(reason) => {
                self.excuse(&reason);
                self.client.closed = Some(reason);
            }
            _ => {}
        }
    }

    fn on_open(&mut self, ok: &payload::AuthOk) {
        let resumed = ok.outcome() == SessionOutcome::Resumed;
        let client = &mut self.client;
        client.session_id = SessionId::from_slice(&ok.session_id).ok();
        assert_eq!(resumed, client.serial == self.server.serial, "outcome");
        client.serial = self.server.serial;
        client.holds = true;
        client.lagged = None;
        if !resumed {
            client.to_consume.clear();
            client.to_settle.clear();
            client.forgotten_due = !client.given.is_empty();
        }
        if !client.forgotten_due {
            client.flush();
        }
    }

    fn on_push(&mut self, frame_type: FrameType, payload: &Bytes) {
        let (number, body) = if frame_type == FrameType::ENTRY {
            let entry = payload::DetachedEntry::decode(payload.clone()).expect("an entry");
            (entry.user_seq, entry.entry.unwrap_or_default().body)
        } else {
            let push = payload::Push::decode(payload.clone()).expect("a push");
            (push.user_seq, push.entry.unwrap_or_default().body)
        };
        self.server
            .arrived(number, frame_type, &body, self.client.serial);
    }

    fn on_result(&mut self, send: SendId, result: &payload::Result) {
        let client = &mut self.client;
        let number = client
            .given
            .remove(&send)
            .expect("one result for one message");
        let message = &mut client.outbox[number];
        assert_eq!(message.state, State::Given(send));
        message.state = match &result.error {
            None => State::Placed(result.conv_seq),
            Some(error) => State::Failed(ErrorCode(u16::try_from(error.code).unwrap_or(0))),
        };
        match message.state {
            State::Placed(place) => {
                assert!(!message.cancelled, "{number} was cancelled in the middle");
                assert_eq!(self.server.committed.get(&number), Some(&place), "place");
            }
            State::Failed(code) => {
                let excused = match code {
                    ErrorCode::CANCELLED => message.cancelled,
                    ErrorCode::UNAVAILABLE => self.server.refused.contains(&number),
                    // A message that finds no room to be put together fails alone.
                    ErrorCode::OVERLOADED => self.setup.server.reassembly.octets < 2_000_000,
                    _ => false,
                };
                assert!(excused, "{message:?} failed with {code:?}");
            }
            _ => {}
        }
        self.client.to_settle.push(send);
        if self.client.eager {
            self.client.settle(None);
        }
        self.client.flush();
    }

    /// The client's connection is over: what is left of it.
    pub(super) fn retire_client(&mut self) {
        let client = &mut self.client;
        let Some(connection) = client.connection.take() else {
            return;
        };
        assert!(connection.poll_timeout().is_none() && !connection.wants_read());
        let reason = client.closed.take().expect("an end is announced");
        let session = connection.into_session();
        let held = std::mem::take(&mut client.holds);
        assert_eq!(
            session.is_some(),
            held && !reason.session_lost,
            "a session is kept unless it is said to be lost: {reason:?}"
        );
        if held {
            match session {
                Some(session) => {
                    assert!(
                        session.unanswered().iter().eq(client.given.keys()),
                        "unanswered"
                    );
                    client.session = Some(session);
                }
                None => {
                    client.give_up();
                    client.session_id = None;
                }
            }
        }
        client.forgotten_due = false;
        client.requests.clear();
    }
}

/// The number that sixteen octets say.
pub(super) fn number_of(id: &[u8]) -> u64 {
    let octets = id.last_chunk().copied().expect("an id");
    u64::from_be_bytes(octets)
}

/// An event without its octets.
fn short(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Push {
            ordinal,
            frame_type,
            payload,
        } => {
            format!("Push {ordinal} {frame_type:?} {}", payload.len())
        }
        other => format!("{other:?}"),
    }
}
