//! Sequenced frames that were transmitted and may have to be transmitted again.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::line::first_frame;

/// Transmitted frames the peer has not reported as received, in the chunks they left in: slices,
/// no copies.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    chunks: VecDeque<Chunk>,
    /// Octets that the chunks keep alive.
    octets: usize,
    /// Frames through this ordinal are not here.
    gone_through: u64,
    /// The next chunk to transmit again.
    resend: Option<usize>,
}

#[derive(Debug)]
struct Chunk {
    /// Whole frames.
    frames: Bytes,
    last: u64,
    /// Octets of the allocation that the slice keeps alive.
    weight: usize,
}

impl Retained {
    /// Keeps `frames`, whose last ordinal is `last`, a slice of an allocation of `weight` octets; at
    /// most `limit` octets in all.
    pub(crate) fn keep(&mut self, frames: Bytes, last: u64, weight: usize, limit: usize) {
        self.octets = self.octets.saturating_add(weight);
        self.chunks.push_back(Chunk {
            frames,
            last,
            weight,
        });
        while self.octets > limit {
            // Without it the session can only be fresh, if the peer has not received it.
            if self.drop_first().is_none() {
                break;
            }
        }
    }

    /// Forgets what the peer has received. Chunks are forgotten whole.
    pub(crate) fn acknowledge(&mut self, through: u64) {
        while self
            .chunks
            .front()
            .is_some_and(|chunk| chunk.last <= through)
        {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) -> Option<()> {
        let chunk = self.chunks.pop_front()?;
        self.octets = self.octets.saturating_sub(chunk.weight);
        self.gone_through = self.gone_through.max(chunk.last);
        let rest = self.resend.map(|place| place.saturating_sub(1));
        self.resend = rest.filter(|_| !self.chunks.is_empty());
        Some(())
    }

    /// Whether every frame after `through` is here.
    pub(crate) const fn covers_after(&self, through: u64) -> bool {
        self.gone_through <= through
    }

    /// Prepares to transmit every frame after `through` again, octet by octet.
    // impl[EIM-RSM-014, EIM-RSM-015]
    pub(crate) fn rewind(&mut self, through: u64) {
        self.acknowledge(through);
        if let Some(chunk) = self.chunks.front_mut() {
            let mut skip = through.saturating_sub(self.gone_through);
            while skip > 0
                && let Some(octets) = first_frame(&chunk.frames)
            {
                chunk.frames.advance(octets.min(chunk.frames.len()));
                skip -= 1;
            }
            self.gone_through = self.gone_through.max(through);
        }
        self.resend = (!self.chunks.is_empty()).then_some(0);
    }

    /// Whether chunks have to be transmitted again before anything new.
    pub(crate) fn has_resend(&self) -> bool {
        self.resend.is_some()
    }

    /// The next chunk to transmit again.
    pub(crate) fn next_resend(&mut self) -> Option<Bytes> {
        let place = self.resend?;
        let chunk = self.chunks.get(place)?;
        let next = place.saturating_add(1);
        self.resend = (next < self.chunks.len()).then_some(next);
        Some(chunk.frames.clone())
    }

    pub(crate) fn trim(&mut self) {
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }
}
