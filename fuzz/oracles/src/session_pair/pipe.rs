//! One direction of a transport: octets that arrive later, in pieces, or never.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::time::Timestamp;

/// What comes out of a pipe.
#[derive(Debug)]
pub(super) enum Arrival {
    Octets(Bytes),
    /// The sender closed its direction, and all it sent has arrived.
    End,
}

/// One direction of a transport.
#[derive(Debug)]
pub(super) struct Pipe {
    queue: VecDeque<(Timestamp, Bytes)>,
    queued: usize,
    ends: Option<Timestamp>,
    /// What is sent goes nowhere, and nothing arrives.
    pub(super) broken: bool,
    pub(super) faults: Faults,
}

/// What a pipe does to its octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub(super) delay: Duration,
    /// Most octets that arrive at once.
    pub(super) piece: usize,
    /// Octets under way from which on the sender is blocked.
    pub(super) capacity: usize,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        delay: Duration::ZERO,
        piece: usize::MAX,
        capacity: usize::MAX,
    };
}

impl Pipe {
    pub(super) const fn new(faults: Faults) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            ends: None,
            broken: false,
            faults,
        }
    }

    pub(super) const fn takes_more(&self) -> bool {
        self.broken || self.queued < self.faults.capacity
    }

    pub(super) fn send(&mut self, now: Timestamp, octets: Bytes) {
        assert!(self.ends.is_none(), "octets after the end");
        if self.broken {
            return;
        }
        self.queued += octets.len();
        self.queue.push_back((self.due(now), octets));
    }

    pub(super) fn end(&mut self, now: Timestamp) {
        if self.ends.is_none() {
            self.ends = Some(self.due(now));
        }
    }

    /// Later octets never arrive earlier.
    fn due(&self, now: Timestamp) -> Timestamp {
        let last = self.queue.back().map_or(now, |(at, _)| *at);
        last.max(now.saturating_add(self.faults.delay))
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        match self.queue.front() {
            _ if self.broken => None,
            Some((at, _)) => Some(*at),
            None => self.ends,
        }
    }

    pub(super) fn arrive(&mut self, now: Timestamp) -> Option<Arrival> {
        if self.next_at()? > now {
            return None;
        }
        let Some((at, mut octets)) = self.queue.pop_front() else {
            return Some(Arrival::End);
        };
        // Tiny pieces of much would only take time.
        let piece = if self.queued > 4_096 {
            self.faults.piece.max(997)
        } else {
            self.faults.piece
        };
        if octets.len() > piece {
            let rest = octets.split_off(piece);
            self.queue.push_front((at, rest));
        }
        self.queued -= octets.len();
        Some(Arrival::Octets(octets))
    }

    /// Breaks. Gives back so many octets that had all but arrived.
    pub(super) fn cut(&mut self, rescued: usize) -> Bytes {
        let mut all = Vec::new();
        for (_, octets) in self.queue.drain(..) {
            let more = rescued - all.len();
            all.extend_from_slice(&octets[..octets.len().min(more)]);
        }
        self.queued = 0;
        self.broken = true;
        all.into()
    }

    /// Whatever is under way arrives now.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.faults = Faults::NONE;
        self.queue
            .iter_mut()
            .for_each(|(at, _)| *at = (*at).min(now));
        self.ends = self.ends.map(|at| at.min(now));
    }
}
