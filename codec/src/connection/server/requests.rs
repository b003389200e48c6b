//! Requests of the client in flight.

use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;

use crate::connection::SendError;
use crate::connection::agreed::Agreed;
use crate::connection::line::Line;
use crate::connection::outbound::usize_of;
use crate::connection::violation::Violation;
use crate::payload::{Request, Response};
use crate::registry::{ErrorCode, FrameType};

/// Requests that were received and whose responses have not left. Ends with the connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Ids as sent: whether one is valid is for the answer to say.
    in_flight: Vec<(Bytes, State)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asked,
    /// The response waits for the transport.
    Answered,
}

impl Requests {
    // impl[EIM-CON-052, EIM-SYN-007]
    pub(super) fn begin(&mut self, request: &Request, most: u32) -> Result<(), Violation> {
        if self.in_flight.len() >= usize_of(most) {
            let detail = "too many requests in flight";
            return Err(Violation::new(ErrorCode::REQUEST_LIMIT, detail));
        }
        let id = &request.request_id;
        if self.in_flight.iter().any(|(other, _)| other == id) {
            return Err(Violation::value("a request with this id is in flight"));
        }
        // A copy: the slice would keep the chunk it arrived in.
        self.in_flight
            .push((Bytes::copy_from_slice(id), State::Asked));
        Ok(())
    }

    /// Puts the response to a request in flight.
    // impl[EIM-SYN-001, EIM-CMP-008]
    pub(super) fn respond(
        &mut self,
        response: &Response,
        agreed: &Agreed,
        line: &mut Line,
    ) -> Result<(), SendError> {
        let asked = self
            .in_flight
            .iter_mut()
            .find(|(id, state)| *state == State::Asked && *id == response.request_id)
            .ok_or(SendError::RequestId)?;
        let got = response.encoded_len();
        let max = usize_of(agreed.peer_max.min(FrameType::RESPONSE.max_octets()));
        // Not compressed: a page holds octets of several authors.
        line.put(FrameType::RESPONSE, response)
            .map_err(|_| SendError::TooLarge { got, max })?;
        asked.1 = State::Answered;
        Ok(())
    }

    /// All responses have left.
    pub(super) fn flushed(&mut self) {
        if self
            .in_flight
            .iter()
            .any(|(_, state)| *state == State::Answered)
        {
            self.in_flight.retain(|(_, state)| *state == State::Asked);
        }
    }

    pub(super) fn trim(&mut self) {
        if self.in_flight.is_empty() {
            *self = Self::default();
        }
    }
}
