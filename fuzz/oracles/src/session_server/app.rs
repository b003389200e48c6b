//! The application of the server.

use super::*;

/// What the application was told.
#[derive(Default)]
pub(super) struct App {
    pub(super) ordinals: Vec<u64>,
    pub(super) last_ordinal: u64,
    pub(super) requests: Vec<Bytes>,
    pub(super) pings: Vec<u64>,
    pub(super) closed: bool,
    /// Answers everything at once.
    pub(super) eager: bool,
    pub(super) opens: bool,
    pub(super) cursor: (u64, u64),
}

impl World {
    /// The application does what it may do at any time, sensible or not.
    pub(super) fn local(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let place = usize::from(by);
        let Some(server) = &mut self.server else {
            return;
        };
        match kind % 12 {
            0..=2 if !self.app.ordinals.is_empty() => {
                let place = place % self.app.ordinals.len();
                server.result(success(self.app.ordinals.remove(place)));
            }
            0..=2 => server.result(success(u64::from(by))),
            3 => {
                let id = match self.app.requests.len() {
                    0 => vec![by; 16].into(),
                    length => self.app.requests.remove(place % length),
                };
                respond(server, id, place * 50);
            }
            4 => {
                let token = self.app.pings.pop().unwrap_or_else(|| u64::from(by));
                server.pong(pong(token, place));
            }
            5 => server.lagged(payload::Lagged::default()),
            6 => {
                server.drop_queued_pushes();
            }
            7 => server.grow_window(WindowSize {
                frames: u32::from(by),
                octets: u32::from(by) << 14,
            }),
            8 => server.goaway(payload::GoAway {
                deadline_ms: u64::from(by) * 300,
                alternates: vec!["x".repeat(place); usize::from(kind >> 4)],
                ..payload::GoAway::default()
            }),
            9 => server.event(&payload::Event {
                event: 1,
                body: vec![by; place * 40].into(),
            }),
            10 => server.challenge(vec![by; place * 80].into()),
            _ => {
                let session = self.session.take();
                server.accept(accept(self.connections), session);
            }
        }
    }

    pub(super) fn push(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::ENCRYPTED,
            FrameType::ENTRY,
            FrameType::ACK,
        ];
        let frame_type = input.pick(&types);
        let payload: Bytes = payload::Push {
            entry: Some(payload::Entry {
                body: body(u64::from(how), size, how & 8 != 0),
                ..payload::Entry::default()
            }),
            ..payload::Push::default()
        }
        .encode_to_vec()
        .into();
        if let Some(server) = &mut self.server {
            for _ in 0..how >> 4 {
                let pushed = match how & 7 {
                    0 => server.push(frame_type, payload.clone()),
                    lane => server.push_in(Lane(u64::from(lane % 3)), frame_type, payload.clone()),
                };
                if pushed == Err(SendError::WrongType) {
                    assert_eq!(frame_type, FrameType::ACK);
                }
            }
        }
    }
}

impl App {
    pub(super) fn on_event(
        &mut self,
        server: &mut ServerConnection,
        session: &mut Option<ServerSession>,
        event: ServerEvent,
        number: u8,
    ) {
        assert!(!self.closed, "{event:?} after the end");
        match event {
            ServerEvent::Auth(_) | ServerEvent::AuthData(_) if !self.opens => {}
            ServerEvent::Auth(_) | ServerEvent::AuthData(_) => {
                let before = session.as_ref().map(ServerSession::id);
                let outcome = server.accept(accept(number), session.take());
                if outcome == payload::SessionOutcome::Resumed {
                    assert!(before.is_some(), "nothing to resume");
                } else {
                    self.ordinals.clear();
                    self.last_ordinal = 0;
                }
            }
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                assert!(ordinal > self.last_ordinal, "ordinals rise");
                self.last_ordinal = ordinal;
                assert!(
                    payload.len() <= frame_type.max_octets() as usize,
                    "beyond the cap"
                );
                if self.eager {
                    server.result(success(ordinal));
                } else {
                    self.ordinals.push(ordinal);
                }
            }
            ServerEvent::Request(request) => {
                if self.eager {
                    respond(server, request.request_id, 5);
                } else {
                    self.requests.push(request.request_id);
                }
            }
            ServerEvent::Ping { token } => {
                if self.eager {
                    server.pong(pong(token, 1));
                } else {
                    self.pings.push(token);
                }
            }
            ServerEvent::Cursor {
                log_epoch,
                user_seq,
            } => {
                self.cursor = (log_epoch, user_seq);
            }
            ServerEvent::Background { next_contact_ms } => {
                assert!(next_contact_ms <= 900_000);
            }
            ServerEvent::Closed(_) => self.closed = true,
            _ => {}
        }
    }
}

pub(super) fn success(ordinal: u64) -> payload::Result {
    payload::Result {
        ordinal,
        conv_seq: 1,
        ..payload::Result::default()
    }
}

pub(super) fn respond(server: &mut ServerConnection, request_id: Bytes, octets: usize) {
    let response = payload::Response {
        request_id,
        operation: 1,
        error: Some(ErrorInfo {
            detail: "x".repeat(octets),
            ..ErrorInfo::default()
        }),
        body: None,
    };
    // Asking in vain is no harm.
    let _ = server.respond(&response);
}

pub(super) fn pong(token: u64, heads: usize) -> payload::Pong {
    payload::Pong {
        token,
        heads: vec![payload::ConversationHead::default(); heads % 100],
        ..payload::Pong::default()
    }
}

pub(super) fn accept(number: u8) -> Accept {
    Accept {
        session_id: SessionId::from([number; 16]),
        user_id: UserId::from([0x11; 16]),
        user_name: "ann".into(),
        data: Bytes::new(),
        resume_token: Some([7; 32]),
        resume: Duration::from_secs(300),
        log_epoch: 1,
        user_seq: 0,
        server_time_ms: 1,
        connection_generation: 1,
    }
}

pub(super) fn frame(frame_type: FrameType, payload: Bytes) -> Bytes {
    let frame = Frame {
        version: 1,
        frame_type,
        sequence: 0,
        compression: eim_codec::registry::Compression::NONE,
        payload,
    };
    let mut octets = bytes::BytesMut::new();
    encode_frame(&frame, &mut octets).expect("a short frame");
    octets.freeze()
}

/// The binding of the handshake, as a client computes it.
pub(super) fn bind(hello: &Bytes, welcome: &Frame) -> [u8; 32] {
    let mut octets = bytes::BytesMut::new();
    encode_frame(welcome, &mut octets).expect("a short frame");
    let mut decoder = Decoder::new(DecoderLimits::handshake());
    decoder.feed(octets.clone().freeze());
    assert!(matches!(decoder.next(), Ok(Decoded::Frame(_))));
    binding::transcript(hello, &octets)
}
