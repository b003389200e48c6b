//! The application of the client.

use super::*;

/// What the application gave and was told.
#[derive(Default)]
pub(super) struct App {
    pub(super) session: Option<ClientSession>,
    pub(super) start: u8,
    pub(super) given: BTreeSet<SendId>,
    pub(super) ordinals: Vec<u64>,
    pub(super) last_push: u64,
    pub(super) requests: BTreeSet<u8>,
    /// A session must not be lost without a word.
    pub(super) holds: bool,
    pub(super) forgotten_due: bool,
    pub(super) closed: Option<CloseReason>,
    pub(super) eager: bool,
}

impl World {
    pub(super) fn send(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::ENCRYPTED,
            FrameType::CUSTOM,
            FrameType::NOTICE,
        ];
        let frame_type = input.pick(&types);
        let payload: Bytes = payload::Send {
            body: body(u64::from(how), size, how & 8 != 0),
            ..payload::Send::default()
        }
        .encode_to_vec()
        .into();
        if let Some(client) = &mut self.client {
            for _ in 0..=how >> 5 {
                let sent = match how & 7 {
                    0 => client.send(frame_type, payload.clone()),
                    lane => client.send_in(Lane(u64::from(lane % 3)), frame_type, payload.clone()),
                };
                if let Ok(send) = sent {
                    assert!(
                        self.app.given.last().is_none_or(|last| *last < send),
                        "ids rise"
                    );
                    self.app.given.insert(send);
                }
            }
        }
    }

    /// The application does what it may do at any time, sensible or not.
    pub(super) fn local(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let Some(client) = &mut self.client else {
            return;
        };
        let app = &mut self.app;
        match kind % 9 {
            0 => {
                let place = usize::from(by).checked_rem(app.given.len());
                let given = place.and_then(|place| app.given.iter().nth(place).copied());
                if let Some(send) = given
                    && client.cancel(send) == Cancelled::Removed
                {
                    app.given.remove(&send);
                }
            }
            1 => client.settle(SendId(by.into())),
            2 => client.consumed(match app.ordinals.len() {
                0 => u64::from(by),
                length => app.ordinals.remove(usize::from(by) % length),
            }),
            3 => {
                let request = payload::Request {
                    request_id: vec![by % 8; 16].into(),
                    operation: 1,
                    ..payload::Request::default()
                };
                // The id of a request in flight is not to be used again.
                if !app.requests.contains(&(by % 8)) && client.request(&request).is_ok() {
                    app.requests.insert(by % 8);
                }
            }
            4 => client.cursor(u64::from(kind >> 6), u64::from(by)),
            5 => (0..=by >> 1).for_each(|_| client.background(u64::from(kind) * 5_000)),
            6 => client.respond(vec![by; usize::from(by) * 70].into()),
            7 => app.start = by,
            _ => {
                // WELCOME was answered at once: this does nothing.
                client.authenticate(start("SCRAM-SHA-256", Resume::No));
            }
        }
    }
}

impl App {
    pub(super) fn start(&mut self) -> AuthStart {
        let (mechanism, resume) = match (self.session.take(), self.start % 4) {
            (Some(session), 0 | 1) => {
                self.holds = true;
                ("EIM-RESUME", Resume::Session(session))
            }
            (session, how) => {
                self.given.clear();
                match (session, how) {
                    (Some(session), 2) => ("EIM-RESUME", Resume::TokenOnly(session.id())),
                    (None, 2) => ("EIM-RESUME", Resume::TokenOnly(SessionId::from([1; 16]))),
                    _ => ("SCRAM-SHA-256", Resume::No),
                }
            }
        };
        start(mechanism, resume)
    }

    pub(super) fn on_event(&mut self, client: &mut ClientConnection, event: ClientEvent) {
        assert!(self.closed.is_none(), "{event:?} after the end");
        if self.forgotten_due {
            let is_forgotten = matches!(event, ClientEvent::Forgotten(_));
            assert!(is_forgotten, "{event:?} before what was forgotten");
        }
        match event {
            ClientEvent::Welcome(_) => {
                let start = self.start();
                client.authenticate(start);
            }
            ClientEvent::Challenge(data) => client.respond(data),
            ClientEvent::Open(ok) => {
                self.holds = true;
                if ok.outcome() == SessionOutcome::Fresh {
                    self.forgotten_due = !self.given.is_empty();
                    self.ordinals.clear();
                    self.last_push = 0;
                }
            }
            ClientEvent::Forgotten(sends) => {
                assert!(sends.iter().eq(&self.given), "what was forgotten");
                self.given.clear();
                self.forgotten_due = false;
            }
            ClientEvent::Push {
                ordinal,
                frame_type,
                payload,
            } => {
                assert!(ordinal > self.last_push, "ordinals rise");
                self.last_push = ordinal;
                assert!(
                    payload.len() <= frame_type.max_octets() as usize,
                    "beyond the cap"
                );
                if self.eager {
                    client.consumed(ordinal);
                } else {
                    self.ordinals.push(ordinal);
                }
            }
            ClientEvent::PushLost { ordinal, .. } => {
                assert!(ordinal > self.last_push, "ordinals rise");
                self.last_push = ordinal;
            }
            ClientEvent::Result { send, .. } => {
                assert!(self.given.remove(&send), "{send} has a result already");
                if self.eager {
                    client.settle(send);
                }
            }
            ClientEvent::Response(response) => {
                let id = response.request_id.first().copied().unwrap_or(0xFF);
                assert!(self.requests.remove(&id), "nobody asked {id}");
            }
            ClientEvent::Closed(reason) => self.closed = Some(reason),
            _ => {}
        }
    }

    /// What is left of a connection.
    pub(super) fn retire(&mut self, client: ClientConnection) {
        let reason = self.closed.take().expect("an end is announced");
        let session = client.into_session();
        let held = std::mem::take(&mut self.holds);
        assert_eq!(
            session.is_some(),
            held && !reason.session_lost,
            "{reason:?}"
        );
        if held {
            match &session {
                Some(session) => {
                    assert!(session.unanswered().iter().eq(&self.given), "unanswered");
                }
                None => self.given.clear(),
            }
            self.session = session;
        }
        self.requests.clear();
        self.forgotten_due = false;
    }
}

pub(super) fn start(mechanism: &str, resume: Resume) -> AuthStart {
    AuthStart {
        mechanism: mechanism.into(),
        data: Bytes::new(),
        device: payload::Device {
            device_id: vec![0xD1; 16].into(),
            ..payload::Device::default()
        },
        mode: AttachMode::Full,
        log_epoch: 1,
        user_seq: 0,
        resume,
    }
}

pub(super) fn hand_written(hand: &Hand, by: u8) -> u64 {
    hand.written + u64::from(by >> 6)
}

pub(super) fn result(last: u64, back: u8) -> payload::Result {
    payload::Result {
        ordinal: last.wrapping_sub(u64::from(back)),
        conv_seq: 1,
        ..payload::Result::default()
    }
}
