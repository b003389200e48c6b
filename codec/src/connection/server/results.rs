//! Results of the client's messages, kept until the client has settled them.

use alloc::collections::VecDeque;

use bytes::{BufMut, BytesMut};
use prost::encoding::{encoded_len_varint, key_len, message};

use crate::connection::violation::Violation;
use crate::header::{HEADER_OCTETS, Header};
use crate::payload;
use crate::registry::{Compression, FrameType};

/// Field numbers of `Ack`.
const LOG_EPOCH: u32 = 1;
const RESULTS: u32 = 2;

/// Results in the order they became known. Part of a session.
#[derive(Debug, Default)]
pub(crate) struct Results {
    kept: VecDeque<payload::Result>,
    /// Results at the end that have to be transmitted on this connection.
    due: usize,
    /// Results at the end that were never transmitted.
    unsent: usize,
    settled_through: u64,
}

impl Results {
    /// Keeps a result and makes it due.
    pub(crate) fn push(&mut self, result: payload::Result) {
        self.kept.push_back(result);
        self.due = self.due.saturating_add(1);
        self.unsent = self.unsent.saturating_add(1);
    }

    pub(crate) const fn settled_through(&self) -> u64 {
        self.settled_through
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due > 0
    }

    /// The client has processed all results through `ordinal`. `resolved_through` says through where
    /// the outcome of every frame is known.
    // impl[EIM-RES-008, EIM-RES-014, EIM-CUR-003]
    pub(crate) fn settle(&mut self, ordinal: u64, resolved_through: u64) -> Result<(), Violation> {
        if ordinal <= self.settled_through {
            return Ok(());
        }
        let unsent = self.kept.iter().rev().take(self.unsent);
        if ordinal > resolved_through || unsent.into_iter().any(|result| result.ordinal <= ordinal)
        {
            return Err(Violation::value(
                "settled_through covers a result that was not sent",
            ));
        }
        self.settled_through = ordinal;
        while self
            .kept
            .front()
            .is_some_and(|result| result.ordinal <= ordinal)
        {
            self.kept.pop_front();
        }
        if self.kept.iter().any(|result| result.ordinal <= ordinal) {
            // Results that overtook others; rare.
            let before_due = self.kept.len().saturating_sub(self.due);
            let gone = |result: &payload::Result| result.ordinal <= ordinal;
            let due_gone = self
                .kept
                .iter()
                .skip(before_due)
                .filter(|result| gone(result))
                .count();
            self.kept.retain(|result| !gone(result));
            self.due = self.due.saturating_sub(due_gone);
        }
        self.due = self.due.min(self.kept.len());
        Ok(())
    }

    /// Everything kept is due again: a new connection of the session.
    // impl[EIM-RSM-016]
    pub(crate) fn repeat(&mut self) {
        self.due = self.kept.len();
    }

    /// Appends ACK frames, each with a payload of at most `max` octets.
    // impl[EIM-RES-004, EIM-RES-005]
    pub(crate) fn write(&mut self, version: u8, log_epoch: u64, max: usize, out: &mut BytesMut) {
        let epoch_octets = key_len(LOG_EPOCH).saturating_add(encoded_len_varint(log_epoch));
        while self.due > 0 {
            let first = self.kept.len().saturating_sub(self.due);
            let (mut count, mut octets) = (0, epoch_octets);
            for result in self.kept.iter().skip(first) {
                let more = message::encoded_len(RESULTS, result);
                if count > 0 && octets.saturating_add(more) > max {
                    break;
                }
                octets = octets.saturating_add(more);
                count = usize::saturating_add(count, 1);
            }
            let header = Header {
                version,
                frame_type: FrameType::ACK,
                sequence: 0,
                compression: Compression::NONE,
                length: u32::try_from(octets).unwrap_or(u32::MAX),
            };
            out.reserve(HEADER_OCTETS.saturating_add(octets));
            out.put_slice(&header.to_bytes());
            prost::encoding::uint64::encode(LOG_EPOCH, &log_epoch, out);
            for result in self.kept.iter().skip(first).take(count) {
                message::encode(RESULTS, result, out);
            }
            self.due = self.due.saturating_sub(count);
            self.unsent = self.unsent.min(self.due);
        }
    }

    pub(crate) fn trim(&mut self) {
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::frame::Frame;

    fn result(ordinal: u64) -> payload::Result {
        payload::Result {
            ordinal,
            conv_seq: ordinal,
            ..Default::default()
        }
    }

    fn written(results: &mut Results, max: usize) -> alloc::vec::Vec<payload::Ack> {
        let mut out = BytesMut::new();
        results.write(1, 7, max, &mut out);
        let mut decoder = crate::Decoder::new(crate::DecoderLimits::default());
        decoder.feed(out.freeze());
        let mut acks = alloc::vec::Vec::new();
        while let crate::Decoded::Frame(Frame { payload, .. }) = decoder.next().unwrap() {
            acks.push(payload::Ack::decode(payload).unwrap());
        }
        acks
    }

    #[test]
    fn results_share_a_frame_and_are_split_by_size() {
        let mut results = Results::default();
        for ordinal in 1..=100 {
            results.push(result(ordinal));
        }
        let acks = written(&mut results, 200);
        assert!(acks.len() > 1);
        assert!(
            acks.iter()
                .all(|ack| ack.log_epoch == 7 && ack.encoded_len() <= 200)
        );
        let ordinals = acks
            .iter()
            .flat_map(|ack| ack.results.iter().map(|result| result.ordinal));
        assert!(ordinals.eq(1..=100));
        assert!(written(&mut results, 200).is_empty());
    }

    #[test]
    fn settled_results_are_forgotten_and_the_rest_repeated() {
        let mut results = Results::default();
        for ordinal in [2, 1, 4] {
            results.push(result(ordinal));
        }
        written(&mut results, 1000);
        results.settle(2, 2).unwrap();
        results.repeat();
        let acks = written(&mut results, 1000);
        assert_eq!(acks.len(), 1);
        assert_eq!(acks[0].results, [result(4)]);
    }

    #[test]
    fn what_was_not_sent_cannot_be_settled() {
        let mut results = Results::default();
        assert!(results.settle(1, 0).is_err());
        results.push(result(1));
        assert!(results.settle(1, 1).is_err());
        written(&mut results, 1000);
        assert!(results.settle(1, 1).is_ok());
    }
}
