//! Any octets for any receiver: the codec and the naive receiver agree on every frame, on what it
//! holds, and on stage and code of a rejection. They go as far as the receiver says: frames,
//! decompression, Protobuf, fragments.

use bytes::Bytes;
use eim_codec::connection::gate::{Admitted, Refusal, admit};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits, Reassembly};
use eim_codec::payload::{self, Cancel};
use eim_codec::registry::{Direction, ErrorCode, FrameType, Phase};
use eim_codec::{Decoded, Decoder, Fault, Frame, Rejected, Stage};

use crate::messages;
use crate::naive::{self, End, Shown, Verdict};
use crate::receiver::{Depth, Receiver};

/// Input: a receiver, then octets. See [`Receiver::read`].
pub fn run(input: &[u8]) {
    let Some((receiver, octets)) = Receiver::read(input) else {
        return;
    };
    let ours = Codec::new(&receiver).judge(octets);
    let theirs = naive::judge(&receiver, octets);
    assert_eq!(ours, theirs, "the naive receiver disagrees: {receiver:?}");
}

/// Stage and code.
struct Reject(Stage, ErrorCode);

impl From<Rejected> for Reject {
    fn from(rejected: Rejected) -> Self {
        Self(rejected.stage, rejected.code)
    }
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        Rejected::from(fault).into()
    }
}

/// The codec as a receiver.
struct Codec<'a> {
    receiver: &'a Receiver,
    decoder: Decoder,
    reassembler: Reassembler,
    frames: Vec<Shown>,
}

impl<'a> Codec<'a> {
    fn new(receiver: &'a Receiver) -> Self {
        Self {
            receiver,
            decoder: Decoder::new(receiver.limits()),
            reassembler: Reassembler::new(ReassemblerLimits::default()),
            frames: Vec::new(),
        }
    }

    fn judge(mut self, octets: &[u8]) -> Verdict {
        let pieces = if self.receiver.octet_by_octet {
            1
        } else {
            octets.len().max(1)
        };
        let mut end = self.drain();
        for piece in octets.chunks(pieces) {
            self.decoder.feed(Bytes::copy_from_slice(piece));
            end = self.drain();
            if matches!(end, End::Rejected { .. }) {
                break;
            }
        }
        Verdict {
            frames: self.frames,
            end,
        }
    }

    fn drain(&mut self) -> End {
        loop {
            let outcome = match self.decoder.next() {
                Ok(Decoded::Frame(frame)) => self.show(frame),
                Ok(Decoded::Incomplete { needed }) => match self.decoder.pending() {
                    Some(header) => match self.admit(header.frame_type, header.sequence) {
                        Ok(()) => return End::Incomplete(needed),
                        Err(reject) => Err(reject),
                    },
                    None => return End::Incomplete(needed),
                },
                Err(rejected) => Err(rejected.into()),
            };
            if let Err(Reject(stage, code)) = outcome {
                return End::Rejected {
                    stage: stage.name(),
                    code: code.name().expect("a registered code"),
                };
            }
        }
    }

    fn show(&mut self, frame: Frame) -> Result<(), Reject> {
        self.admit(frame.frame_type, frame.sequence)?;
        let depth = self.receiver.depth;
        let frame = match depth {
            Depth::Reassemble => match self.reassemble(frame)? {
                Some(whole) => whole,
                None => return Ok(()),
            },
            _ => frame,
        };
        let octets = match depth {
            Depth::Decode => frame.payload.clone(),
            _ => frame.content()?,
        };
        let mut canonical = None;
        if depth == Depth::Message
            && let Some(name) = self.message(frame.frame_type)
        {
            let again = messages::canonical(name, octets.clone());
            canonical = Some(again.ok_or(Fault::Payload(frame.frame_type))?);
        }
        self.frames.push(Shown {
            version: frame.version,
            frame_type: frame.frame_type.0,
            sequence: u64::from(frame.sequence),
            compression: frame.compression.0,
            octets: octets.to_vec(),
            canonical,
        });
        Ok(())
    }

    const fn sender(&self) -> Direction {
        if self.receiver.client {
            Direction::Server
        } else {
            Direction::Client
        }
    }

    fn admit(&self, frame_type: FrameType, sequence: u32) -> Result<(), Reject> {
        let admit = |phase| admit(frame_type, sequence, self.sender(), phase, true);
        let admitted = if self.receiver.handshake {
            match admit(Phase::Hello) {
                Err(Refusal::Unexpected(_)) => admit(Phase::Auth),
                outcome => outcome,
            }
        } else {
            admit(Phase::Open)
        };
        match admitted {
            // No ordinal has this number: the flow of a connection never expects it.
            Ok(Admitted::Sequenced) if sequence == 0 => {
                Err(Reject(Stage::Header, ErrorCode::BAD_SEQUENCE))
            }
            Ok(_) => Ok(()),
            Err(refusal) => Err(Reject(Stage::Header, refusal.code())),
        }
    }

    fn reassemble(&mut self, frame: Frame) -> Result<Option<Frame>, Reject> {
        match frame.frame_type {
            FrameType::FRAGMENT => {
                let fragment = Fragment::decode(frame.payload).map_err(Fault::Fragment)?;
                let compressions = self.receiver.compression_set();
                let led = self
                    .reassembler
                    .accept(fragment, self.sender(), compressions)
                    .map_err(Fault::Fragment)?;
                Ok(match led {
                    Reassembly::Complete(message) => Some(message.into_frame(frame.sequence)),
                    Reassembly::More { .. } | Reassembly::Failed { .. } => None,
                })
            }
            FrameType::CANCEL => {
                let cancel: Cancel = payload::decode(FrameType::CANCEL, frame.payload.clone())?;
                self.reassembler
                    .cancel(cancel.fragment_id)
                    .map_err(Fault::Fragment)?;
                Ok(Some(frame))
            }
            _ => Ok(Some(frame)),
        }
    }

    fn message(&self, frame_type: FrameType) -> Option<&'static str> {
        let name = frame_type.info()?.payload;
        if name.starts_with("binary:") {
            return None;
        }
        Some(match name.split_once('|') {
            Some((_, from_server)) if self.receiver.client => from_server,
            Some((from_client, _)) => from_client,
            None => name,
        })
    }
}
