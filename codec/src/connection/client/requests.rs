//! Requests of this side: waiting, or in flight until answered.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;

use crate::connection::SendError;
use crate::connection::agreed::Agreed;
use crate::connection::line::Line;
use crate::connection::outbound::usize_of;
use crate::connection::policy::{Candidate, CompressionPolicy, Packer, is_secret};
use crate::connection::violation::Violation;
use crate::id::RequestId;
use crate::payload::response::Body;
use crate::payload::{Request, Response};
use crate::registry::{Compression, FrameType, Operation};

/// Requests waiting and in flight. Ends with the connection.
// impl[EIM-RSM-026, EIM-RSM-027]
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<Waiting>,
    in_flight: Vec<(RequestId, Operation)>,
}

/// Whether a response has what its operation asks for: an error, or the body of the operation.
fn answers(operation: Operation, response: &Response) -> bool {
    if response.error.is_some() {
        return true;
    }
    let Some(body) = &response.body else {
        return false;
    };
    match operation {
        Operation::HEADS => matches!(body, Body::Heads(_)),
        Operation::SYNC => matches!(body, Body::Sync(_)),
        Operation::HISTORY => matches!(body, Body::History(_)),
        Operation::CONVERSATION => matches!(body, Body::Conversation(_)),
        Operation::USERS => matches!(body, Body::Users(_)),
        Operation::GROUP_CREATE => matches!(body, Body::GroupCreate(_)),
        Operation::GROUP_MEMBERS => matches!(body, Body::GroupMembers(_)),
        Operation::GROUP_ADD
        | Operation::GROUP_REMOVE
        | Operation::GROUP_LEAVE
        | Operation::GROUP_SET_ROLE
        | Operation::GROUP_RENAME => matches!(body, Body::GroupChange(_)),
        // What an operation of an extension answers is its own business.
        _ => true,
    }
}

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    operation: Operation,
    compression: Compression,
    payload: Bytes,
}

impl Requests {
    pub(super) fn push(
        &mut self,
        request: &Request,
        agreed: &Agreed,
        (packer, policy): (&mut Packer, &CompressionPolicy),
        most: u32,
    ) -> Result<(), SendError> {
        let id = RequestId::from_slice(&request.request_id).map_err(|_| SendError::RequestId)?;
        if self.waiting.len().saturating_add(self.in_flight.len()) >= usize_of(most) {
            return Err(SendError::QueueFull);
        }
        let plain = Bytes::from(request.encode_to_vec());
        let got = plain.len();
        let candidate = Candidate {
            frame_type: FrameType::REQUEST,
            plain: &plain,
            queued: self.waiting.len(),
            has_to: got > usize_of(agreed.peer_max),
        };
        let packed = if is_secret(Operation(request.operation)) {
            None
        } else {
            packer.pack(agreed, policy, &candidate)
        };
        let (compression, payload) = packed.unwrap_or((Compression::NONE, plain));
        let max = usize_of(FrameType::REQUEST.max_octets());
        if got > max || payload.len() > usize_of(agreed.peer_max) {
            return Err(SendError::TooLarge {
                got,
                max: max.min(usize_of(agreed.peer_max)),
            });
        }
        self.waiting.push_back(Waiting {
            id,
            operation: Operation(request.operation),
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
                operation,
                compression,
                payload,
            }) = self.waiting.pop_front()
        {
            // The size was checked when it was queued.
            if line
                .put_payload(FrameType::REQUEST, compression, &payload)
                .is_ok()
            {
                self.in_flight.push((id, operation));
            }
        }
    }

    /// A response came. `false` if nobody asked.
    // impl[EIM-CON-054, EIM-SYN-002]
    pub(super) fn answered(&mut self, response: &Response) -> Result<bool, Violation> {
        let id = response.request_id.as_ref();
        let asked = |(asked, _): &(RequestId, Operation)| asked.as_ref() == id;
        let Some(place) = self.in_flight.iter().position(asked) else {
            return Ok(false);
        };
        let (_, operation) = self.in_flight.swap_remove(place);
        if response.operation == operation.0 && answers(operation, response) {
            Ok(true)
        } else {
            Err(Violation::value(
                "a RESPONSE that does not answer its REQUEST",
            ))
        }
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
