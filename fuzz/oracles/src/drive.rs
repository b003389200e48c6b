//! The codec's decoder, driven to its verdict.

use bytes::Bytes;
use eim_codec::registry::ErrorCode;
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame, Stage};

/// Frames, then why there are no more.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) frames: Vec<Frame>,
    pub(crate) end: End,
}

#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Incomplete { needed: usize },
    Rejected { stage: Stage, code: ErrorCode },
}

pub(crate) fn decode(limits: DecoderLimits, chunks: impl IntoIterator<Item = Bytes>) -> Verdict {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    let mut end = drain(&mut decoder, &mut frames);
    for chunk in chunks {
        decoder.feed(chunk);
        end = drain(&mut decoder, &mut frames);
    }
    Verdict { frames, end }
}

fn drain(decoder: &mut Decoder, frames: &mut Vec<Frame>) -> End {
    loop {
        match decoder.next() {
            Ok(Decoded::Frame(frame)) => frames.push(frame),
            Ok(Decoded::Incomplete { needed }) => {
                assert!(needed > 0, "incomplete, but nothing is missing");
                return End::Incomplete { needed };
            }
            Err(rejected) => {
                assert_eq!(decoder.buffered(), 0, "a rejected connection holds memory");
                return End::Rejected {
                    stage: rejected.stage,
                    code: rejected.code,
                };
            }
        }
    }
}
