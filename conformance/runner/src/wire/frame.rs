//! Frames: eleven octets of header and a payload (chapter 10).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Octets of a header.
pub const HEADER: usize = 11;

/// The largest payload the suite reads; more than any limit, less than what would hurt.
const PATIENCE: u32 = 32 << 20;

/// A frame as it is on the wire, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Version octet.
    pub version: u8,
    /// Type octet.
    pub kind: u8,
    /// Sequence.
    pub sequence: u32,
    /// Compression octet.
    pub compression: u8,
    /// Length field; a script may make it differ from the payload.
    pub length: u32,
    /// Payload as on the wire.
    pub payload: Bytes,
}

impl Frame {
    /// A frame of version 1, without sequence and compression, with the length that fits.
    #[must_use]
    pub fn new(kind: u8, payload: impl Into<Bytes>) -> Self {
        let payload = payload.into();
        Self {
            version: 1,
            kind,
            sequence: 0,
            compression: 0,
            length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            payload,
        }
    }

    /// Replaces the payload, and the length with it.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
        self.length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
    }

    /// Octets that count for the window: header and payload.
    #[must_use]
    pub fn octets(&self) -> u64 {
        HEADER as u64 + u64::from(self.length)
    }

    /// The octets of the header.
    #[must_use]
    pub fn header(&self) -> Bytes {
        let mut octets = BytesMut::with_capacity(HEADER);
        octets.put_u8(self.version);
        octets.put_u8(self.kind);
        octets.put_u32(self.sequence);
        octets.put_u8(self.compression);
        octets.put_u32(self.length);
        octets.freeze()
    }

    /// All octets.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut octets = BytesMut::from(&self.header()[..]);
        octets.put_slice(&self.payload);
        octets.freeze()
    }

    /// Takes the first frame out of the octets that have arrived; `None` while it is incomplete.
    ///
    /// # Errors
    /// A length beyond all limits: then no boundary can be found any more.
    pub fn take(buffer: &mut BytesMut) -> Result<Option<Self>, String> {
        if buffer.len() < HEADER {
            return Ok(None);
        }
        let mut header = &buffer[..HEADER];
        let version = header.get_u8();
        let kind = header.get_u8();
        let sequence = header.get_u32();
        let compression = header.get_u8();
        let length = header.get_u32();
        if length > PATIENCE {
            return Err(format!(
                "a frame of type 0x{kind:02X} that claims {length} octets of payload"
            ));
        }
        let whole = HEADER + length as usize;
        if buffer.len() < whole {
            return Ok(None);
        }
        let mut octets = buffer.split_to(whole).freeze();
        octets.advance(HEADER);
        Ok(Some(Self {
            version,
            kind,
            sequence,
            compression,
            length,
            payload: octets,
        }))
    }
}

/// The header sequence of the frame with an ordinal (24.1).
#[must_use]
pub fn sequence(ordinal: u64) -> u32 {
    let modulus = u64::from(u32::MAX);
    u32::try_from(ordinal.saturating_sub(1) % modulus).map_or(u32::MAX, |rest| rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_octet_by_octet() {
        let ping = [1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1];
        let mut buffer = BytesMut::new();
        for octet in &ping[..12] {
            buffer.put_u8(*octet);
            assert_eq!(Frame::take(&mut buffer).unwrap(), None);
        }
        buffer.put_u8(ping[12]);
        let frame = Frame::take(&mut buffer).unwrap().unwrap();
        assert_eq!(frame, Frame::new(8, vec![8, 1]));
        assert_eq!(frame.encode(), ping[..]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn sequences_wrap_past_zero() {
        let wrap = u64::from(u32::MAX);
        let pairs = [(1, 1), (wrap, u32::MAX), (wrap + 1, 1), (wrap + 2, 2)];
        for (ordinal, expected) in pairs {
            assert_eq!(sequence(ordinal), expected);
        }
    }
}
