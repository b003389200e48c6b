//! One end of a connection alone: what it hands out, judged, and the hand of a peer that is mostly
//! right.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use eim_codec::connection::Endpoint;
use eim_codec::fragment::Splitter;
use eim_codec::payload::{Ack, Auth, AuthOk, SessionOutcome, Window};
use eim_codec::registry::{Compression, Direction, FrameType, Phase};
use eim_codec::time::Timestamp;
use eim_codec::{CompressionSet, Decoded, Decoder, DecoderLimits, Frame, encode_frame};
use prost::Message;

use crate::input::{Input, trace};
use crate::wire::{Numbered, Way, admitted, fire, goaway, is_sequenced, raise, sequenced, window};

/// Most events and chunks that one operation may lead to.
const ROUNDS: usize = 100_000;

/// What the end handed out, and what its peer granted.
#[derive(Debug)]
pub(crate) struct Half {
    way: Way,
    numbered: Numbered,
    /// Reads along what is fed to the end.
    fed: Decoder,
    broken: bool,
    /// Sequenced frames fed, and credit in WINDOWs on this connection: at most what the end may know.
    pub(crate) fed_sequenced: u64,
    fed_credit: (u64, u64),
    auth: Option<Auth>,
    /// AUTH_OK that was fed before AUTH was handed out.
    early: Option<AuthOk>,
    results: BTreeSet<u64>,
    limits: DecoderLimits,
}

impl Half {
    pub(crate) fn new(sender: Direction) -> Self {
        let limits = DecoderLimits::open(1 << 20, CompressionSet::SUPPORTED);
        Self {
            way: Way::new(sender),
            numbered: Numbered::default(),
            fed: Decoder::new(limits),
            broken: false,
            fed_sequenced: 0,
            fed_credit: (0, 0),
            auth: None,
            early: None,
            results: BTreeSet::new(),
            limits,
        }
    }

    /// Another connection; the session may go on.
    pub(crate) fn again(self) -> Self {
        Self {
            numbered: self.numbered,
            fed_sequenced: self.fed_sequenced,
            ..Self::new(self.way.sender)
        }
    }

    /// Ordinal of the last frame that the end sent.
    pub(crate) fn last(&self) -> u64 {
        self.numbered.last()
    }

    /// What the end was granted, at most.
    pub(crate) const fn credit(&self) -> (u64, u64) {
        self.numbered.credit
    }

    /// The end is fed these octets: credit in them counts, even if they are refused for something else.
    pub(crate) fn feed(&mut self, octets: &Bytes) {
        if self.broken {
            return;
        }
        self.fed.feed(octets.clone());
        loop {
            match self.fed.next() {
                Ok(Decoded::Frame(frame)) => self.fed_frame(frame),
                Ok(Decoded::Incomplete { .. }) => return,
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
    }

    fn fed_frame(&mut self, frame: Frame) {
        if is_sequenced(&frame) {
            self.fed_sequenced += 1;
        }
        match frame.frame_type {
            FrameType::WINDOW => {
                let granted = frame.content().ok().and_then(|it| Window::decode(it).ok());
                let granted = granted.unwrap_or_default();
                raise(&mut self.numbered.credit, granted);
                raise(&mut self.fed_credit, granted);
            }
            FrameType::AUTH if self.auth.is_none() => {
                self.auth = Auth::decode(frame.payload).ok();
            }
            FrameType::AUTH_OK => match AuthOk::decode(frame.payload) {
                Ok(ok) if self.auth.is_some() => self.open(&ok),
                Ok(ok) => self.early = Some(ok),
                Err(_) => {}
            },
            _ => {}
        }
    }

    /// AUTH_OK: handed out by a server, or fed to a client.
    fn open(&mut self, ok: &AuthOk) {
        if self.way.phase == Phase::Open {
            return;
        }
        let auth = self.auth.take().unwrap_or_default();
        let (client, server) = (
            auth.window.unwrap_or_default(),
            ok.window.unwrap_or_default(),
        );
        let (own, theirs) = match self.way.sender {
            Direction::Server => (server, client),
            _ => (client, server),
        };
        if ok.outcome() == SessionOutcome::Resumed {
            self.way.next = theirs.received_through + 1;
            self.numbered.window = own;
            raise(&mut self.numbered.credit, theirs);
        } else {
            self.numbered = Numbered {
                credit: self.fed_credit,
                ..Numbered::default()
            };
            let resumed = auth.mechanism == "EIM-RESUME";
            if self.way.sender == Direction::Server {
                self.numbered.window = own;
                if !resumed {
                    raise(&mut self.numbered.credit, theirs);
                }
            } else {
                raise(&mut self.numbered.credit, theirs);
                if !resumed {
                    self.numbered.window = own;
                }
            }
        }
        self.way.phase = Phase::Open;
        self.way.decoder.set_limits(self.limits);
    }

    /// The end handed out these octets.
    pub(crate) fn handed_out(&mut self, chunk: &Bytes) -> Vec<Frame> {
        assert!(!chunk.is_empty(), "an empty chunk");
        let mut frames = Vec::new();
        self.way.decoder.feed(chunk.clone());
        while let Decoded::Frame(frame) = self.way.decoder.next().expect("an end sends frames") {
            trace!("  out {:?} {}", frame.frame_type, frame.sequence);
            admitted(&self.way, &frame);
            self.out(&frame);
            frames.push(frame);
        }
        assert_eq!(self.way.decoder.buffered(), 0, "a chunk ends in a frame");
        assert!(
            chunk.len() <= 65_547 || frames.len() == 1,
            "{} octets",
            chunk.len()
        );
        frames
    }

    fn out(&mut self, frame: &Frame) {
        match frame.frame_type {
            FrameType::HELLO | FrameType::WELCOME => self.way.phase = Phase::Auth,
            FrameType::AUTH if self.auth.is_none() => {
                self.auth = Auth::decode(frame.payload.clone()).ok();
                if let Some(ok) = self.early.take() {
                    self.open(&ok);
                }
            }
            FrameType::AUTH_OK => {
                let ok = AuthOk::decode(frame.payload.clone()).expect("AUTH_OK");
                self.open(&ok);
            }
            FrameType::WINDOW => {
                window(&mut self.numbered.window, frame, self.fed_sequenced);
            }
            FrameType::ACK => {
                for result in Ack::decode(frame.payload.clone()).expect("ACK").results {
                    let ordinal = result.ordinal;
                    assert!(
                        (1..=self.fed_sequenced).contains(&ordinal),
                        "result {ordinal}"
                    );
                    assert!(self.results.insert(ordinal), "result {ordinal} twice");
                }
            }
            FrameType::ERROR => self.way.ended = true,
            FrameType::GOAWAY => goaway(&mut self.way, frame),
            _ if is_sequenced(frame) => sequenced(&mut self.way, &mut self.numbered, frame),
            _ => {}
        }
    }
}

/// The events, then the octets that are due, until nothing is. Gives back what was handed out.
pub(crate) fn rest<E: Endpoint>(
    end: &mut E,
    half: &mut Half,
    now: Timestamp,
    blocked: bool,
    mut on_event: impl FnMut(&mut E, E::Event),
) -> Vec<Frame> {
    let mut frames = Vec::new();
    for _ in 0..ROUNDS {
        if let Some(event) = end.poll_event() {
            on_event(end, event);
            continue;
        }
        let chunk = if blocked {
            None
        } else {
            end.poll_transmit(now)
        };
        let Some(chunk) = chunk else {
            if end.is_closed() {
                assert!(
                    end.poll_timeout().is_none() && !end.wants_read(),
                    "after the end"
                );
            }
            // Transmitting may have said something.
            match end.poll_event() {
                Some(event) => on_event(end, event),
                None => return frames,
            }
            continue;
        };
        frames.extend(half.handed_out(&chunk));
    }
    panic!("an end that never comes to rest");
}

/// Lets time pass, stopping at every deadline.
pub(crate) fn pass<E: Endpoint>(end: &mut E, now: &mut Timestamp, until: Timestamp) -> bool {
    match end.poll_timeout() {
        Some(at) if at <= until => {
            *now = (*now).max(at);
            fire(end, *now);
            true
        }
        _ => {
            *now = until;
            fire(end, *now);
            false
        }
    }
}

/// The peer's side: frames with the right numbers, unless they are not to be.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    /// Sequenced frames written.
    pub(crate) written: u64,
    fragments: u32,
    out: BytesMut,
}

impl Hand {
    /// After FRESH numbers begin again, after RESUMED they go on.
    pub(crate) const fn begin(&mut self, written: u64) {
        self.written = written;
    }

    pub(crate) fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    pub(crate) fn raw(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    pub(crate) fn control(&mut self, frame_type: FrameType, message: &impl Message) {
        self.write(
            1,
            frame_type,
            0,
            Compression::NONE,
            message.encode_to_vec().into(),
        );
    }

    /// A sequenced frame under the next number, in fragments if `max` asks for it.
    pub(crate) fn message(&mut self, frame_type: FrameType, plain: &Bytes, how: u8) {
        let algorithm = Compression(how & 3);
        let packed = eim_codec::compression::compress(algorithm, plain);
        let packed = packed.filter(|_| frame_type.is_compressible());
        let (compression, payload) = match packed {
            Some(packed) => (algorithm, packed),
            None => (Compression::NONE, plain.clone()),
        };
        if how & 4 == 0 {
            return self.numbered(frame_type, compression, payload);
        }
        let id = self.fragments;
        self.fragments += 1;
        let (uncompressed, max) = (plain.len() as u32, 19 + u32::from(how >> 4) * 700);
        let Ok(pieces) = Splitter::new(id, frame_type, compression, uncompressed, payload, max)
        else {
            return;
        };
        for piece in pieces.take(64) {
            let mut octets = BytesMut::new();
            piece.encode(&mut octets);
            self.numbered(FrameType::FRAGMENT, Compression::NONE, octets.freeze());
        }
    }

    pub(crate) fn numbered(
        &mut self,
        frame_type: FrameType,
        compression: Compression,
        payload: Bytes,
    ) {
        self.written += 1;
        let sequence = 1 + ((self.written - 1) % u64::from(u32::MAX)) as u32;
        self.write(1, frame_type, sequence, compression, payload);
    }

    fn write(
        &mut self,
        version: u8,
        frame_type: FrameType,
        sequence: u32,
        compression: Compression,
        payload: Bytes,
    ) {
        let frame = Frame {
            version,
            frame_type,
            sequence,
            compression,
            payload,
        };
        trace!("  in  {frame_type:?} {sequence} {}", frame.payload.len());
        encode_frame(&frame, &mut self.out).expect("a short frame");
    }

    /// A frame whose header is mostly right and whose payload is anything.
    pub(crate) fn any(&mut self, input: &mut Input<'_>) {
        let (frame_type, bits) = (FrameType(input.octet()), input.octet());
        let compression = Compression(if bits & 0x30 == 0x30 { bits >> 6 } else { 0 });
        let length = usize::from(input.octet());
        let payload = Bytes::copy_from_slice(input.take(length));
        if frame_type.is_sequenced() == Some(true) && bits & 7 != 7 {
            return self.numbered(frame_type, compression, payload);
        }
        let sequence = if bits & 7 == 7 {
            u32::from(input.octet())
        } else {
            0
        };
        let version = if bits & 0x0F == 0x0F { 2 } else { 1 };
        self.write(version, frame_type, sequence, compression, payload);
    }
}
