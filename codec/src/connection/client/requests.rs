//! Requests of this side: waiting, or in flight until answered.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;

use crate::compression::compress;
use crate::connection::SendError;
use crate::connection::agreed::Agreed;
use crate::connection::line::Line;
use crate::connection::outbound::usize_of;
use crate::id::RequestId;
use crate::payload::Request;
use crate::registry::{Compression, FrameType};

/// Requests waiting and in flight. Ends with the connection.
// impl[EIM-RSM-026, EIM-RSM-027]
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<Waiting>,
    in_flight: Vec<RequestId>,
}

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    compression: Compression,
    payload: Bytes,
}

impl Requests {
    pub(super) fn push(
        &mut self,
        request: &Request,
        agreed: &Agreed,
        compress_from: usize,
        most: u32,
    ) -> Result<(), SendError> {
        let id = RequestId::from_slice(&request.request_id).map_err(|_| SendError::RequestId)?;
        if self.waiting.len().saturating_add(self.in_flight.len()) >= usize_of(most) {
            return Err(SendError::QueueFull);
        }
        let plain = Bytes::from(request.encode_to_vec());
        let got = plain.len();
        let packed = if got >= compress_from {
            compress(agreed.algorithm, &plain)
        } else {
            None
        };
        let (compression, payload) = match packed {
            Some(packed) => (agreed.algorithm, packed),
            None => (Compression::NONE, plain),
        };
        let max = usize_of(FrameType::REQUEST.max_octets());
        if got > max || payload.len() > usize_of(agreed.peer_max) {
            return Err(SendError::TooLarge {
                got,
                max: max.min(usize_of(agreed.peer_max)),
            });
        }
        self.waiting.push_back(Waiting {
            id,
            compression,
            payload,
        });
        Ok(())
    }

    /// Puts requests while fewer than `most` are in flight.
    // impl[EIM-CON-049, EIM-CON-050, EIM-LIM-013]
    pub(super) fn put(&mut self, line: &mut Line, most: u32) {
        while self.in_flight.len() < usize_of(most)
            && let Some(Waiting {
                id,
                compression,
                payload,
            }) = self.waiting.pop_front()
        {
            // The size was checked when it was queued.
            if line
                .put_payload(FrameType::REQUEST, compression, &payload)
                .is_ok()
            {
                self.in_flight.push(id);
            }
        }
    }

    /// A response came. `false` if nobody asked.
    // impl[EIM-CON-054]
    pub(super) fn answered(&mut self, id: &[u8]) -> bool {
        let place = self.in_flight.iter().position(|asked| asked.as_ref() == id);
        place
            .map(|place| self.in_flight.swap_remove(place))
            .is_some()
    }

    /// Requests that have not begun are given up.
    pub(super) fn drop_waiting(&mut self) {
        self.waiting = VecDeque::new();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    pub(super) fn trim(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}
