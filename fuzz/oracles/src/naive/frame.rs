//! Octets to frames: whole input, no state, arithmetic in `u64`.

use super::registry::{TYPES, Type, range};
use super::{End, reject};
use crate::receiver::Receiver;

/// A frame, its payload still as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) version: u8,
    pub(crate) frame_type: u8,
    pub(crate) sequence: u64,
    pub(crate) compression: u8,
    pub(crate) payload: Vec<u8>,
}

/// The frame at the beginning and the octets behind it, or why there is none. What is said about a header
/// by `more` comes before missing octets.
pub(crate) fn next<'a>(
    receiver: &Receiver,
    octets: &'a [u8],
    more: fn(&Receiver, u8, u64) -> Result<(), End>,
) -> Result<(Frame, &'a [u8]), End> {
    if octets.len() < 11 {
        return Err(End::Incomplete(11 - octets.len()));
    }
    let number = |place: usize| {
        octets[place..place + 4]
            .iter()
            .fold(0_u64, |sum, octet| sum * 256 + u64::from(*octet))
    };
    let length = number(7);
    check_header(receiver, octets[0], octets[1], octets[6], length)?;
    more(receiver, octets[1], number(2))?;
    let whole = 11 + length as usize;
    if octets.len() < whole {
        return Err(End::Incomplete(whole - octets.len()));
    }
    let frame = Frame {
        version: octets[0],
        frame_type: octets[1],
        sequence: number(2),
        compression: octets[6],
        payload: octets[11..whole].to_vec(),
    };
    Ok((frame, &octets[whole..]))
}

/// The table of 10.2.
fn check_header(
    receiver: &Receiver,
    version: u8,
    frame_type: u8,
    compression: u8,
    length: u64,
) -> Result<(), End> {
    // HELLO, WELCOME and ERROR never change (chapter 22).
    let invariant = [0x01, 0x02, 0x06].contains(&frame_type);
    if version != if invariant { 1 } else { receiver.version } {
        return Err(reject("header", "UNSUPPORTED_VERSION"));
    }
    let known = TYPES.get(&frame_type);
    let negotiated = receiver.negotiated.contains(&frame_type);
    match (known, range(frame_type)) {
        (Some(_), _) | (None, "message" | "operation" | "ignorable") => {}
        (None, "extension" | "private") if negotiated => {}
        (None, "extension" | "private") => {
            return Err(reject("header", "EXTENSION_NOT_NEGOTIATED"));
        }
        _ => return Err(reject("header", "INVALID_TYPE")),
    }
    let may = may_be_compressed(frame_type)
        && !receiver.handshake
        && receiver.compressions.contains(&compression);
    if compression != 0 && !may {
        return Err(reject("compression", "UNKNOWN_COMPRESSION"));
    }
    // The table of 10.3.
    let most = cap(frame_type).min(if receiver.handshake {
        16_384
    } else {
        u64::from(receiver.max_payload)
    });
    if length > most {
        return Err(reject("length", "PAYLOAD_TOO_LARGE"));
    }
    Ok(())
}

/// Whether the type may be compressed at all.
pub(crate) fn may_be_compressed(frame_type: u8) -> bool {
    match TYPES.get(&frame_type) {
        Some(known) => known.compression,
        None => ["message", "operation"].contains(&range(frame_type)),
    }
}

/// Most octets of the payload, on the wire and off it.
pub(crate) fn cap(frame_type: u8) -> u64 {
    match TYPES.get(&frame_type) {
        Some(known) => known.max_octets,
        None if range(frame_type) == "ignorable" => 64,
        None => 1_048_576,
    }
}

/// Checks 5 and 6 of 10.5, as far as they need no memory.
pub(crate) fn admit(receiver: &Receiver, frame_type: u8, sequence: u64) -> Result<(), End> {
    let unexpected = || Err(reject("header", "UNEXPECTED_FRAME"));
    let phase = |known: &Type| {
        if receiver.handshake {
            known.phases.contains("\"hello\"") || known.phases.contains("\"auth\"")
        } else {
            known.phases.contains("\"open\"")
        }
    };
    let sequenced = match TYPES.get(&frame_type) {
        Some(known) => {
            let sender = if receiver.client { "server" } else { "client" };
            if ![sender, "both"].contains(&known.direction) || !phase(known) {
                return unexpected();
            }
            known.sequenced
        }
        None if receiver.handshake => return unexpected(),
        None => ["message", "operation"].contains(&range(frame_type)),
    };
    if sequenced == (sequence == 0) {
        return Err(reject("header", "BAD_SEQUENCE"));
    }
    Ok(())
}
