//! What may be seen between two ends: the frames both sides hand out, judged by the rules of the
//! chapters on flow, results and resuming, without any state of the ends themselves.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::connection::Endpoint;

use eim_codec::payload::{Ack, Auth, AuthOk, Cursor, GoAway, SessionOutcome, Window};
use eim_codec::registry::{Direction, FrameType, Phase};
use eim_codec::time::Timestamp;
use eim_codec::{CompressionSet, Decoded, Decoder, DecoderLimits, Frame};
use prost::Message;

/// Header of every frame, in octets.
const HEADER: u64 = 11;

/// The sequenced frames of one side in one session.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    /// Octets through each ordinal, and what the frame was.
    pub(crate) frames: Vec<(u64, u64)>,
    /// Frames and octets the peer has granted.
    pub(crate) credit: (u64, u64),
    /// What this side has granted and reported.
    pub(crate) window: Window,
    /// Ordinals that get a result.
    pub(crate) answered: BTreeSet<u64>,
    /// Totals of fragmented messages that are open.
    pub(crate) open: BTreeMap<u32, u32>,
}

impl Numbered {
    pub(crate) fn last(&self) -> u64 {
        self.frames.len() as u64
    }
}

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) sender: Direction,
    pub(crate) decoder: Decoder,
    pub(crate) phase: Phase,
    /// Ordinal of the next sequenced frame on this connection.
    pub(crate) next: u64,
    pub(crate) ended: bool,
    goaway: Option<u64>,
}

impl Way {
    pub(crate) fn new(sender: Direction) -> Self {
        Self {
            sender,
            decoder: Decoder::new(DecoderLimits::handshake()),
            phase: Phase::Hello,
            next: 1,
            ended: false,
            goaway: None,
        }
    }
}

/// Both directions of one connection, and the session it belongs to.
#[derive(Debug)]
pub(crate) struct Wire {
    up: Way,
    down: Way,
    auth: Option<Auth>,
    pub(crate) session: Session,
    /// Results handed out on this connection.
    results: BTreeSet<u64>,
    unsettled: u64,
    limits: DecoderLimits,
}

/// What goes on with a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) up: Numbered,
    pub(crate) down: Numbered,
    /// Results handed out on any connection.
    results: BTreeSet<u64>,
    settled_through: u64,
}

impl Wire {
    pub(crate) fn new(session: Session, unsettled: u32, max_frame: u32) -> Self {
        Self {
            up: Way::new(Direction::Client),
            down: Way::new(Direction::Server),
            auth: None,
            session,
            results: BTreeSet::new(),
            unsettled: u64::from(unsettled),
            limits: DecoderLimits::open(max_frame, CompressionSet::SUPPORTED),
        }
    }

    /// The client handed out these octets.
    pub(crate) fn client_sent(&mut self, chunk: &Bytes) -> Vec<Frame> {
        let frames = whole_frames(&mut self.up, chunk);
        for frame in &frames {
            crate::input::trace!("  up   {:?} {}", frame.frame_type, frame.sequence);
            self.client_frame(frame);
        }
        frames
    }

    /// The server handed out these octets.
    pub(crate) fn server_sent(&mut self, chunk: &Bytes) -> Vec<Frame> {
        let mut frames = Vec::new();
        self.down.decoder.feed(chunk.clone());
        // One at a time: limits change with AUTH_OK, which may share its chunk.
        while let Decoded::Frame(frame) = self.down.decoder.next().expect("the server sends frames")
        {
            crate::input::trace!("  down {:?} {}", frame.frame_type, frame.sequence);
            admitted(&self.down, &frame);
            self.server_frame(&frame);
            frames.push(frame);
        }
        assert_eq!(self.down.decoder.buffered(), 0, "a chunk ends in a frame");
        frames
    }

    fn client_frame(&mut self, frame: &Frame) {
        match frame.frame_type {
            FrameType::HELLO => self.up.phase = Phase::Auth,
            FrameType::AUTH => {
                let auth = Auth::decode(frame.payload.clone()).expect("AUTH");
                self.auth.get_or_insert(auth);
            }
            FrameType::CURSOR => self.cursor(frame),
            FrameType::WINDOW => {
                let sent = self.session.down.last();
                window(&mut self.session.up.window, frame, sent);
                raise(&mut self.session.down.credit, self.session.up.window);
            }
            FrameType::ERROR => self.up.ended = true,
            FrameType::GOAWAY => goaway(&mut self.up, frame),
            _ if is_sequenced(frame) => sequenced(&mut self.up, &mut self.session.up, frame),
            _ => {}
        }
    }

    fn server_frame(&mut self, frame: &Frame) {
        match frame.frame_type {
            FrameType::WELCOME => self.down.phase = Phase::Auth,
            FrameType::AUTH_OK => self.open(frame),
            FrameType::ACK => self.ack(frame),
            FrameType::WINDOW => {
                let sent = self.session.up.last();
                window(&mut self.session.down.window, frame, sent);
                let given = self.session.down.window;
                assert!(
                    given.frames <= self.most(),
                    "credit beyond what may be unsettled: {given:?}"
                );
                raise(&mut self.session.up.credit, given);
            }
            FrameType::ERROR => self.down.ended = true,
            FrameType::GOAWAY => goaway(&mut self.down, frame),
            _ if is_sequenced(frame) => {
                sequenced(&mut self.down, &mut self.session.down, frame);
            }
            _ => {}
        }
    }

    const fn most(&self) -> u64 {
        self.session.settled_through + self.unsettled
    }

    /// AUTH_OK begins or goes on with a session.
    fn open(&mut self, frame: &Frame) {
        let ok = AuthOk::decode(frame.payload.clone()).expect("AUTH_OK");
        let auth = self.auth.take().expect("AUTH comes before AUTH_OK");
        let (theirs, ours) = (
            auth.window.unwrap_or_default(),
            ok.window.unwrap_or_default(),
        );
        if ok.outcome() == SessionOutcome::Resumed {
            assert!(
                theirs.received_through <= self.session.down.last()
                    && ours.received_through <= self.session.up.last(),
                "received what was not sent"
            );
            assert!(not_less(theirs, self.session.up.window), "AUTH takes back");
            assert!(
                not_less(ours, self.session.down.window),
                "AUTH_OK takes back"
            );
            self.down.next = theirs.received_through + 1;
            self.up.next = ours.received_through + 1;
            self.session.up.window = theirs;
            self.session.down.window = ours;
            raise(&mut self.session.down.credit, theirs);
            raise(&mut self.session.up.credit, ours);
        } else {
            self.session = Session::default();
            self.session.down.window = ours;
            raise(&mut self.session.up.credit, ours);
            if auth.mechanism != "EIM-RESUME" {
                self.session.up.window = theirs;
                raise(&mut self.session.down.credit, theirs);
            }
            assert!(ours.frames >= 1 && ours.octets >= 65_547, "first credit");
        }
        assert!(ours.frames <= self.most().max(self.session.up.credit.0));
        self.up.phase = Phase::Open;
        self.down.phase = Phase::Open;
        self.up.decoder.set_limits(self.limits);
        self.down.decoder.set_limits(self.limits);
    }

    fn ack(&mut self, frame: &Frame) {
        let ack = Ack::decode(frame.payload.clone()).expect("ACK");
        for result in ack.results {
            let ordinal = result.ordinal;
            assert!(
                self.session.up.answered.contains(&ordinal),
                "a result for frame {ordinal}, which gets none"
            );
            assert!(
                self.results.insert(ordinal),
                "result {ordinal} twice on one connection"
            );
            assert_eq!(result.conv_seq == 0, result.error.is_some(), "{result:?}");
            self.session.results.insert(ordinal);
        }
    }

    fn cursor(&mut self, frame: &Frame) {
        let cursor = Cursor::decode(frame.payload.clone()).expect("CURSOR");
        let settled = cursor.settled_through;
        assert!(settled >= self.session.settled_through, "CURSOR went back");
        let numbered = &self.session.up;
        assert!(settled <= numbered.last(), "settled what was not sent");
        let covered = numbered.answered.range(..=settled);
        for ordinal in covered {
            assert!(
                self.session.results.contains(ordinal),
                "settled {ordinal} without a result"
            );
        }
        self.session.settled_through = settled;
    }

    /// Whether either side has announced the end.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.up.goaway.is_some() || self.down.goaway.is_some()
    }

    /// Whether either side said why it ends.
    pub(crate) const fn has_error(&self) -> bool {
        self.up.ended || self.down.ended
    }
}

pub(crate) fn is_sequenced(frame: &Frame) -> bool {
    frame.frame_type.is_sequenced() == Some(true)
}

fn whole_frames(way: &mut Way, chunk: &Bytes) -> Vec<Frame> {
    let mut frames = Vec::new();
    way.decoder.feed(chunk.clone());
    while let Decoded::Frame(frame) = way.decoder.next().expect("the client sends frames") {
        admitted(way, &frame);
        if frame.frame_type == FrameType::ERROR {
            way.ended = true;
        }
        frames.push(frame);
    }
    assert_eq!(way.decoder.buffered(), 0, "a chunk ends in a frame");
    frames
}

/// Direction, phase, number, and nothing after ERROR.
pub(crate) fn admitted(way: &Way, frame: &Frame) {
    assert!(!way.ended, "{:?} after ERROR", frame.frame_type);
    let Some(info) = frame.frame_type.info() else {
        assert!(
            FrameType::GREASE.contains(&frame.frame_type) && frame.sequence == 0,
            "{:?} is known to nobody",
            frame.frame_type
        );
        return;
    };
    let phase = match (way.phase, frame.frame_type) {
        // An end that was never opened may still say why.
        (phase, _) if way.goaway.is_none() => phase,
        _ => Phase::Draining,
    };
    assert!(
        info.direction == Direction::Both || info.direction == way.sender,
        "{:?} from the {:?}",
        frame.frame_type,
        way.sender
    );
    assert!(
        info.phases.contains(phase),
        "{:?} in phase {phase:?}",
        frame.frame_type
    );
    assert_eq!(
        info.sequenced,
        frame.sequence != 0,
        "{:?}",
        frame.frame_type
    );
}

/// The number is the next one, within the credit; a repetition is the same in every octet.
pub(crate) fn sequenced(way: &mut Way, numbered: &mut Numbered, frame: &Frame) {
    let ordinal = way.next;
    way.next += 1;
    let expected = 1 + ((ordinal - 1) % u64::from(u32::MAX));
    assert_eq!(u64::from(frame.sequence), expected, "sequence");
    let print = fingerprint(frame);
    let index = usize::try_from(ordinal - 1).expect("few frames");
    if let Some((_, first)) = numbered.frames.get(index) {
        assert_eq!(*first, print, "frame {ordinal} changed on its way again");
        return;
    }
    let before = numbered.frames.last().map_or(0, |(octets, _)| *octets);
    let octets = before + HEADER + frame.payload.len() as u64;
    assert!(
        ordinal <= numbered.credit.0 && octets <= numbered.credit.1,
        "frame {ordinal} through {octets} octets exceeds {:?}",
        numbered.credit
    );
    numbered.frames.push((octets, print));
    if gets_result(numbered, frame) {
        numbered.answered.insert(ordinal);
    }
}

fn gets_result(numbered: &mut Numbered, frame: &Frame) -> bool {
    if frame.frame_type != FrameType::FRAGMENT {
        return true;
    }
    let number = |at: usize| {
        let octets = frame.payload.get(at..at + 4).expect("a whole fragment");
        u32::from_be_bytes(octets.try_into().expect("four octets"))
    };
    let (id, offset) = (number(0), number(4));
    let head = if offset == 0 {
        numbered.open.insert(id, number(10));
        18
    } else {
        8
    };
    let end = offset as usize + frame.payload.len() - head;
    let last = numbered.open.get(&id).map(|total| *total as usize) == Some(end);
    if last {
        numbered.open.remove(&id);
    }
    last
}

pub(crate) fn window(own: &mut Window, frame: &Frame, sent: u64) {
    let next = Window::decode(frame.payload.clone()).expect("WINDOW");
    assert!(not_less(next, *own), "{next:?} after {own:?}");
    assert!(next.received_through <= sent, "received what was not sent");
    *own = next;
}

const fn not_less(next: Window, before: Window) -> bool {
    next.received_through >= before.received_through
        && next.frames >= before.frames
        && next.octets >= before.octets
}

pub(crate) fn raise(credit: &mut (u64, u64), window: Window) {
    *credit = (credit.0.max(window.frames), credit.1.max(window.octets));
}

pub(crate) fn goaway(way: &mut Way, frame: &Frame) {
    let goaway = GoAway::decode(frame.payload.clone()).expect("GOAWAY");
    let first = *way.goaway.get_or_insert(goaway.accept_through);
    assert_eq!(first, goaway.accept_through, "GOAWAY changed its mind");
}

/// FNV-1a over all that was sent.
fn fingerprint(frame: &Frame) -> u64 {
    let head = [frame.version, frame.frame_type.0, frame.compression.0];
    let octets = head.iter().chain(&frame.payload);
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whoever waits for this deadline must not find it again.
pub(crate) fn fire(connection: &mut impl Endpoint, now: Timestamp) {
    connection.handle_timeout(now);
    if let Some(at) = connection.poll_timeout() {
        assert!(at > now, "a deadline stays in the past: {at:?} at {now:?}");
    }
}
