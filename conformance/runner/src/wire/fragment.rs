//! The payload of FRAGMENT (chapter 14): fixed octets, all integers in network byte order.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The payload of one FRAGMENT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Names the message while it is open.
    pub id: u32,
    /// Place of the data in the inner payload.
    pub offset: u32,
    /// Only with offset 0.
    pub start: Option<Start>,
    /// The data.
    pub data: Bytes,
}

/// What only the first fragment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Type of the whole message.
    pub inner_type: u8,
    /// Compression of the inner payload.
    pub compression: u8,
    /// Octets of the inner payload as on the wire.
    pub total: u32,
    /// Octets after decompression.
    pub uncompressed: u32,
}

impl Fragment {
    /// The octets of the payload.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut octets = BytesMut::new();
        octets.put_u32(self.id);
        octets.put_u32(self.offset);
        if let Some(start) = self.start {
            octets.put_u8(start.inner_type);
            octets.put_u8(start.compression);
            octets.put_u32(start.total);
            octets.put_u32(start.uncompressed);
        }
        octets.put_slice(&self.data);
        octets.freeze()
    }

    /// Reads a payload; `None` when it is too short for its own fields.
    #[must_use]
    pub fn decode(mut payload: Bytes) -> Option<Self> {
        let id = payload.try_get_u32().ok()?;
        let offset = payload.try_get_u32().ok()?;
        let start = if offset == 0 {
            Some(Start {
                inner_type: payload.try_get_u8().ok()?,
                compression: payload.try_get_u8().ok()?,
                total: payload.try_get_u32().ok()?,
                uncompressed: payload.try_get_u32().ok()?,
            })
        } else {
            None
        };
        Some(Self {
            id,
            offset,
            start,
            data: payload,
        })
    }

    /// Cuts an inner payload into fragments of these sizes; what is left over is not sent.
    #[must_use]
    pub fn split(id: u32, start: Start, payload: &Bytes, sizes: &[usize]) -> Vec<Self> {
        let mut fragments = Vec::new();
        let mut offset = 0usize;
        for size in sizes {
            let end = offset.saturating_add(*size).min(payload.len());
            fragments.push(Self {
                id,
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
                start: (offset == 0).then_some(start),
                data: payload.slice(offset..end),
            });
            offset = end;
        }
        fragments
    }
}
