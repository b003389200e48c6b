//! A second receiver, deliberately naive: whole input, whole copies, the registry as text, its own
//! readers of LZ4, Snappy and Protobuf. It shares nothing with the codec but the specification.

mod compression;
mod fragment;
mod frame;
mod huffman;
mod lz4;
pub(crate) mod protobuf;
pub(crate) mod registry;
pub(crate) mod schema;
mod snappy;
pub(crate) mod values;
mod zstd;

use crate::receiver::{Depth, Receiver};
use fragment::Fragments;

pub(crate) use compression::decompress;
pub(crate) use frame::next;

/// A frame as a reply of the testee protocol shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) version: u8,
    pub(crate) frame_type: u8,
    pub(crate) sequence: u64,
    pub(crate) compression: u8,
    /// Payload on the wire, or decompressed when the receiver goes further.
    pub(crate) octets: Vec<u8>,
    /// The message encoded again.
    pub(crate) canonical: Option<Vec<u8>>,
}

/// Why there is no further frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Incomplete(usize),
    Rejected {
        stage: &'static str,
        code: &'static str,
    },
}

/// Frames, and why there are no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) frames: Vec<Shown>,
    pub(crate) end: End,
}

pub(crate) const fn reject(stage: &'static str, code: &'static str) -> End {
    End::Rejected { stage, code }
}

/// What the receiver makes of the octets.
pub(crate) fn judge(receiver: &Receiver, octets: &[u8]) -> Verdict {
    let (mut frames, mut left) = (Vec::new(), octets);
    let mut fragments = Fragments::default();
    loop {
        let outcome = next(receiver, left, frame::admit).and_then(|(frame, rest)| {
            left = rest;
            show(receiver, &mut fragments, frame)
        });
        match outcome {
            Ok(Some(shown)) => frames.push(shown),
            Ok(None) => {}
            Err(end) => return Verdict { frames, end },
        }
    }
}

fn show(
    receiver: &Receiver,
    fragments: &mut Fragments,
    frame: frame::Frame,
) -> Result<Option<Shown>, End> {
    let frame = match receiver.depth {
        Depth::Reassemble => match fragments.take(receiver, frame)? {
            Some(whole) => whole,
            None => return Ok(None),
        },
        _ => frame,
    };
    let mut shown = Shown {
        version: frame.version,
        frame_type: frame.frame_type,
        sequence: frame.sequence,
        compression: frame.compression,
        octets: frame.payload,
        canonical: None,
    };
    if receiver.depth != Depth::Decode {
        let most = frame::cap(frame.frame_type);
        shown.octets = decompress(frame.compression, &shown.octets, most)?;
    }
    if receiver.depth == Depth::Message
        && let Some(name) = schema::payload(frame.frame_type, receiver.client)
    {
        let canonical = protobuf::canonical(name, &shown.octets);
        let malformed = reject("payload", "MALFORMED_PAYLOAD");
        shown.canonical = Some(canonical.ok_or(malformed)?);
    }
    Ok(Some(shown))
}
