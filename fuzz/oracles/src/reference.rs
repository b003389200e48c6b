//! A second decoder, deliberately naive: whole input, no state, arithmetic in `u64`.

use bytes::Bytes;
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use eim_codec::{DecoderLimits, Frame};

use crate::drive::{End, Verdict};

pub(crate) fn decode(limits: &DecoderLimits, octets: &[u8]) -> Verdict {
    let (mut frames, mut at) = (Vec::new(), 0);
    loop {
        let here = &octets[at..];
        if here.len() < 11 {
            return Verdict {
                frames,
                end: End::Incomplete {
                    needed: 11 - here.len(),
                },
            };
        }
        let u32_at = |place: usize| {
            here[place..place + 4]
                .iter()
                .fold(0_u64, |sum, octet| sum * 256 + u64::from(*octet))
        };
        let length = u32_at(7);
        if let Some(code) = fault(limits, here[0], here[1], here[6], length) {
            return Verdict {
                frames,
                end: End::Rejected { code: code.0 },
            };
        }
        let length = length as usize;
        if here.len() < 11 + length {
            return Verdict {
                frames,
                end: End::Incomplete {
                    needed: 11 + length - here.len(),
                },
            };
        }
        frames.push(Frame {
            version: here[0],
            frame_type: FrameType(here[1]),
            sequence: u32_at(2) as u32,
            compression: Compression(here[6]),
            payload: Bytes::copy_from_slice(&here[11..11 + length]),
        });
        at += 11 + length;
    }
}

/// The table of 10.2, by octets.
fn fault(
    limits: &DecoderLimits,
    version: u8,
    frame_type: u8,
    compression: u8,
    length: u64,
) -> Option<ErrorCode> {
    let known = FrameType(frame_type).info();
    let expected = if matches!(frame_type, 0x01 | 0x02 | 0x06) {
        1
    } else {
        limits.version
    };
    if version != expected {
        return Some(ErrorCode::UNSUPPORTED_VERSION);
    }
    let (compressible, cap) = match (known, frame_type) {
        (Some(info), _) => (info.compression, u64::from(info.max_octets)),
        (None, 0x20..=0x4F) => (true, 1 << 20),
        (None, 0xE0..=0xFE) => (false, 64),
        (None, 0x80..=0xDF) => return Some(ErrorCode::EXTENSION_NOT_NEGOTIATED),
        (None, _) => return Some(ErrorCode::INVALID_TYPE),
    };
    let negotiated = limits.compressions.contains(Compression(compression));
    if compression != 0 && !(compressible && negotiated) {
        return Some(ErrorCode::UNKNOWN_COMPRESSION);
    }
    (length > cap.min(u64::from(limits.max_payload))).then_some(ErrorCode::PAYLOAD_TOO_LARGE)
}
