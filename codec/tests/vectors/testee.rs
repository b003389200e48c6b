//! The codec as a testee: octets in, a verdict out.

use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits, Reassembly};
use eim_codec::payload::{self, decode};
use eim_codec::registry::{Compression, FrameType};
use eim_codec::{
    CompressionSet, Decoded, Decoder, DecoderLimits, Fault, Frame, Rejected, encode_frame,
};
use prost::Message;

use crate::model::{Case, Config, FrameOut, Op, Phase, Role};

/// A frame as vectors state it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) version: u8,
    pub(crate) frame_type: u8,
    pub(crate) sequence: u32,
    pub(crate) compression: u8,
    pub(crate) octets: Vec<u8>,
    /// The message encoded again; compared where the vector states it.
    pub(crate) canonical: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Frames(Vec<Outcome>),
    Incomplete {
        frames: Vec<Outcome>,
        needed: usize,
    },
    Rejected {
        frames: Vec<Outcome>,
        stage: String,
        code: String,
    },
}

pub(crate) struct Run<'a> {
    case: &'a Case,
    decoder: Decoder,
    reassembler: Reassembler,
    compressions: CompressionSet,
    fed: usize,
    frames: Vec<Outcome>,
    end: Result<usize, Rejected>,
}

pub(crate) fn run(case: &Case, chunks: impl IntoIterator<Item = Bytes>) -> Verdict {
    let mut run = Run::new(case);
    chunks.into_iter().for_each(|chunk| run.feed(chunk));
    run.finish()
}

fn limits(config: &Config) -> DecoderLimits {
    let compressions = config
        .compressions
        .iter()
        .copied()
        .map(Compression)
        .collect();
    let mut limits = match config.phase {
        Phase::Handshake => DecoderLimits::handshake(),
        Phase::Open => DecoderLimits::open(config.max_payload, compressions),
    };
    limits.version = config.version;
    for octet in &config.negotiated_types {
        limits.extensions = limits.extensions.with(FrameType(*octet), false);
    }
    limits
}

impl<'a> Run<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        let limits = limits(&case.config);
        let mut run = Self {
            case,
            compressions: limits.compressions,
            decoder: Decoder::new(limits),
            reassembler: Reassembler::new(ReassemblerLimits::default()),
            fed: 0,
            frames: Vec::new(),
            end: Ok(0),
        };
        run.drain();
        run
    }

    pub(crate) fn feed(&mut self, octets: Bytes) {
        self.fed += octets.len();
        self.decoder.feed(octets);
        self.drain();
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let frames = self.frames.clone();
        match &self.end {
            Err(rejected) => Verdict::Rejected {
                frames,
                stage: rejected.stage.name().to_owned(),
                code: rejected.code.to_string(),
            },
            // Between frames nothing is missing, but at the very beginning everything is.
            Ok(_) if self.decoder.is_at_boundary() && self.fed > 0 => Verdict::Frames(frames),
            Ok(needed) => Verdict::Incomplete {
                frames,
                needed: *needed,
            },
        }
    }

    pub(crate) fn finish(mut self) -> Verdict {
        let mut stated = self.case.expect.frames.iter();
        for frame in &mut self.frames {
            // A vector may leave the canonical form unsaid.
            if !stated.next().is_some_and(FrameOut::states_canonical) {
                frame.canonical = None;
            }
        }
        self.verdict()
    }

    fn drain(&mut self) {
        while self.end.is_ok() {
            match self.decoder.next() {
                Ok(Decoded::Incomplete { needed }) => return self.end = Ok(needed),
                Ok(Decoded::Frame(frame)) => {
                    if let Err(rejected) = self.frame(frame) {
                        self.end = Err(rejected);
                    }
                }
                Err(rejected) => {
                    assert_eq!(self.decoder.next(), Err(rejected), "a rejection is final");
                    self.end = Err(rejected);
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Rejected> {
        let whole = if self.case.op == Op::Reassemble && frame.frame_type == FrameType::FRAGMENT {
            let fragment = Fragment::decode(frame.payload.clone()).map_err(Fault::Fragment)?;
            let led = self.reassembler.accept(fragment, self.compressions);
            match led.map_err(Fault::Fragment)? {
                Reassembly::More { .. } => return Ok(()),
                Reassembly::Complete(message) => message.into_frame(frame.sequence),
                Reassembly::Failed { .. } => panic!("{}: a message failed", self.case.id),
            }
        } else {
            frame
        };
        let octets = match self.case.op {
            Op::Decode => whole.payload.clone(),
            Op::Open | Op::Message | Op::Reassemble => whole.content()?,
        };
        let canonical = match self.case.op {
            Op::Message => Some(parse(
                whole.frame_type,
                self.case.config.role,
                octets.clone(),
            )?),
            Op::Decode | Op::Open | Op::Reassemble => None,
        };
        self.frames.push(Outcome {
            version: whole.version,
            frame_type: whole.frame_type.0,
            sequence: whole.sequence,
            compression: whole.compression.0,
            octets: octets.to_vec(),
            canonical,
        });
        Ok(())
    }
}

/// Parses the payload of a type, and encodes it again.
fn parse(frame_type: FrameType, role: Role, octets: Bytes) -> Result<Vec<u8>, Rejected> {
    fn again<M: Message + Default>(t: FrameType, octets: Bytes) -> Result<Vec<u8>, Rejected> {
        decode::<M>(t, octets).map(|message| message.encode_to_vec())
    }
    match (frame_type, role) {
        (FrameType::HELLO, _) => again::<payload::Hello>(frame_type, octets),
        (FrameType::ERROR, _) => again::<payload::Error>(frame_type, octets),
        (FrameType::PING, _) => again::<payload::Ping>(frame_type, octets),
        (FrameType::WINDOW, _) => again::<payload::Window>(frame_type, octets),
        (FrameType::TEXT, Role::Server) => again::<payload::Send>(frame_type, octets),
        (FrameType::TEXT, Role::Client) => again::<payload::Push>(frame_type, octets),
        (other, _) => panic!("no message for {other}"),
    }
}

pub(crate) struct Sentinel {
    pub(crate) octets: Bytes,
    pub(crate) expected: Outcome,
}

/// A frame that every configuration accepts.
pub(crate) fn sentinel(case: &Case) -> Sentinel {
    let frame = Frame {
        version: case.config.version,
        frame_type: FrameType::PING,
        sequence: 0,
        compression: Compression::NONE,
        payload: Bytes::new(),
    };
    let mut out = BytesMut::new();
    encode_frame(&frame, &mut out).expect("an empty frame can be encoded");
    let expected = Outcome {
        version: frame.version,
        frame_type: frame.frame_type.0,
        sequence: 0,
        compression: 0,
        octets: Vec::new(),
        canonical: None,
    };
    Sentinel {
        octets: out.freeze(),
        expected,
    }
}

/// The frames of a case that decodes.
pub(crate) fn frames(case: &Case) -> Vec<Frame> {
    let mut decoder = Decoder::new(limits(&case.config));
    decoder.feed(Bytes::from(case.octets()));
    let next = || match decoder.next() {
        Ok(Decoded::Frame(frame)) => Some(frame),
        Ok(Decoded::Incomplete { .. }) => None,
        Err(rejected) => panic!("{}: {rejected}", case.id),
    };
    std::iter::from_fn(next).collect()
}
