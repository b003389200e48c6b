//! Octets to frames: `decode`, `open`, `message`, `reassemble`.

use bytes::Bytes;
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits, Reassembly};
use eim_codec::payload::{self, Cancel};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_codec::{Decoded, Decoder, Fault, Frame, Rejected, Stage};
use serde_json::{Value, json};

use super::config::Config;
use super::hex::{self, Chunk};
use super::message;
use super::request::{Members, take, take_or_default};

/// Why the connection ends.
#[derive(Clone, Copy)]
pub(super) struct Reject {
    stage: Stage,
    pub(super) code: ErrorCode,
}

impl Reject {
    pub(super) const fn new(stage: Stage, code: ErrorCode) -> Self {
        Self { stage, code }
    }

    /// By what the header says.
    pub(super) const fn header(code: ErrorCode) -> Self {
        Self::new(Stage::Header, code)
    }

    pub(super) fn to_json(self) -> Value {
        json!({"stage": self.stage.name(), "code": self.code.to_string()})
    }
}

impl From<Rejected> for Reject {
    fn from(rejected: Rejected) -> Self {
        Self {
            stage: rejected.stage,
            code: rejected.code,
        }
    }
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        Rejected::from(fault).into()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Decode,
    Open,
    Message,
    Reassemble,
}

/// How the octets so far end.
pub(super) enum End {
    Border,
    Incomplete(usize),
    Rejected(Reject),
}

impl End {
    /// Adds the end to a reply.
    pub(super) fn put(&self, reply: &mut Value) {
        match self {
            Self::Border => {}
            Self::Incomplete(needed) => reply["incomplete"] = json!({"need_at_least": needed}),
            Self::Rejected(reject) => reply["reject"] = reject.to_json(),
        }
    }
}

/// Answers a request.
pub(super) fn answer(mut request: Members) -> Result<Value, String> {
    let depth = match take::<String>(&mut request, "op")?.as_str() {
        "decode" => Depth::Decode,
        "open" => Depth::Open,
        "message" => Depth::Message,
        _ => Depth::Reassemble,
    };
    let config: Config = take_or_default(&mut request, "config")?;
    let chunks: Vec<Chunk> = take(&mut request, "chunks")?;
    let mut receiver = Receiver {
        depth,
        decoder: Decoder::new(config.limits()),
        reassembler: Reassembler::new(ReassemblerLimits::default()),
        config,
        frames: Vec::new(),
    };
    let mut end = End::Incomplete(eim_codec::HEADER_OCTETS);
    let mut fed = 0;
    for chunk in &chunks {
        let octets = chunk.octets()?;
        fed += octets.len();
        receiver.decoder.feed(Bytes::from(octets));
        end = receiver.drain();
        if matches!(end, End::Rejected(_)) {
            break;
        }
    }
    if fed > 0 && receiver.decoder.is_at_boundary() && matches!(end, End::Incomplete(_)) {
        end = End::Border;
    }
    let mut reply = json!({"frames": receiver.frames});
    end.put(&mut reply);
    Ok(reply)
}

struct Receiver {
    depth: Depth,
    config: Config,
    decoder: Decoder,
    reassembler: Reassembler,
    frames: Vec<Value>,
}

impl Receiver {
    fn drain(&mut self) -> End {
        loop {
            match self.decoder.next() {
                Ok(Decoded::Incomplete { needed }) => return self.waiting(needed),
                Ok(Decoded::Frame(frame)) => {
                    if let Err(reject) = self.frame(frame) {
                        return End::Rejected(reject);
                    }
                }
                Err(rejected) => return End::Rejected(rejected.into()),
            }
        }
    }

    /// Octets are missing; what is wrong with the header beyond its fields is said now.
    fn waiting(&self, needed: usize) -> End {
        let header = self.decoder.pending();
        let admitted = header.map(|header| self.config.admit(header.frame_type, header.sequence));
        match admitted {
            Some(Err(reject)) => End::Rejected(reject),
            _ => End::Incomplete(needed),
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Reject> {
        self.config.admit(frame.frame_type, frame.sequence)?;
        if self.depth == Depth::Decode {
            let payload = hex::shown(&frame.payload);
            self.frames.push(shown(&frame, "payload_hex", payload));
            return Ok(());
        }
        let whole = if self.depth == Depth::Reassemble {
            match self.reassemble(frame)? {
                Some(whole) => whole,
                None => return Ok(()),
            }
        } else {
            frame
        };
        let content = whole.content()?;
        let mut reply = shown(&whole, "content_hex", hex::shown(&content));
        if self.depth == Depth::Message
            && let Some(canonical) =
                message::canonical(whole.frame_type, self.config.role, &content)?
        {
            reply["canonical_hex"] = hex::shown(&canonical);
        }
        self.frames.push(reply);
        Ok(())
    }

    /// The frame that a message in fragments would have been, at its last fragment; other frames as they
    /// are.
    fn reassemble(&mut self, frame: Frame) -> Result<Option<Frame>, Reject> {
        match frame.frame_type {
            FrameType::FRAGMENT => {
                let fragment = Fragment::decode(frame.payload).map_err(Fault::Fragment)?;
                let compressions = self.config.compressions();
                let sender = self.config.sender();
                let led = self.reassembler.accept(fragment, sender, compressions);
                Ok(match led.map_err(Fault::Fragment)? {
                    Reassembly::More { .. } | Reassembly::Failed { .. } => None,
                    Reassembly::Complete(message) => Some(message.into_frame(frame.sequence)),
                })
            }
            FrameType::CANCEL => {
                let cancel: Cancel = payload::decode(FrameType::CANCEL, frame.payload.clone())?;
                let cancelled = self.reassembler.cancel(cancel.fragment_id);
                cancelled.map_err(Fault::Fragment)?;
                Ok(Some(frame))
            }
            _ => Ok(Some(frame)),
        }
    }
}

/// A frame of a reply.
pub(super) fn shown(frame: &Frame, key: &str, octets: Value) -> Value {
    let mut shown = json!({
        "version": frame.version,
        "type": frame.frame_type.0,
        "sequence": frame.sequence,
        "compression": frame.compression.0,
    });
    shown[key] = octets;
    shown
}
