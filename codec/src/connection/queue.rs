//! Messages that were given but have not begun to leave: a bounded queue.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::{Lane, Queue as Limits, SendError};
use crate::registry::{Compression, FrameType};

/// How far behind a fragmented message one is looked for that may pass it.
const LOOK_AHEAD: usize = 64;

/// A message as it will leave.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) id: u64,
    pub(crate) lane: Option<Lane>,
    pub(crate) frame_type: FrameType,
    pub(crate) compression: Compression,
    /// Octets after decompression.
    pub(crate) plain: u32,
    /// As on the wire.
    pub(crate) payload: Bytes,
}

// impl[EIM-LIM-008]
#[derive(Debug)]
pub(crate) struct Queue {
    messages: VecDeque<Queued>,
    octets: usize,
    limits: Limits,
    /// One of so many octets was refused: say when there is room for it.
    starved: Option<usize>,
}

impl Queue {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self {
            messages: VecDeque::new(),
            octets: 0,
            limits,
            starved: None,
        }
    }

    pub(crate) fn push(&mut self, message: Queued) -> Result<(), SendError> {
        let octets = self.octets.saturating_add(message.payload.len());
        let full = self.messages.len() >= usize_of(self.limits.messages)
            || (octets > usize_of(self.limits.octets) && !self.messages.is_empty());
        if full {
            self.starved = Some(message.payload.len());
            return Err(SendError::QueueFull);
        }
        self.octets = octets;
        self.messages.push_back(message);
        Ok(())
    }

    pub(crate) fn front(&self) -> Option<&Queued> {
        self.messages.front()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Queued> {
        self.messages.get(place)
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<Queued> {
        let message = self.messages.remove(place)?;
        self.octets = self.octets.saturating_sub(message.payload.len());
        Some(message)
    }

    pub(crate) fn place_of(&self, id: u64) -> Option<usize> {
        self.messages.iter().position(|message| message.id == id)
    }

    /// The first single-frame message that may pass a fragmented one of `lane`: of another lane, and
    /// behind no other fragmented one of its own.
    // impl[EIM-FRG-028]
    pub(crate) fn passer(&self, lane: Option<Lane>, frame_octets: usize) -> Option<usize> {
        let lane = lane?;
        for (place, message) in self.messages.iter().take(LOOK_AHEAD).enumerate() {
            let own = message.lane?;
            let behind = self.messages.iter().take(place);
            let blocked = own == lane
                || message.payload.len() > frame_octets
                || behind
                    .clone()
                    .any(|other| other.lane == Some(own) && other.payload.len() > frame_octets);
            if !blocked {
                return Some(place);
            }
        }
        None
    }

    /// Drops every message that `keep` does not name. Returns how many.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Queued) -> bool) -> usize {
        let before = self.messages.len();
        self.messages.retain(keep);
        self.octets = self
            .messages
            .iter()
            .map(|message| message.payload.len())
            .sum();
        before - self.messages.len()
    }

    /// Whether to say now that there is room again: when half of the queue is free, and what was
    /// refused last fits, or it would be refused and announced again without end.
    pub(crate) fn take_writable(&mut self) -> bool {
        let room = self.starved.is_some_and(|refused| {
            let octets = self.octets.saturating_add(refused);
            self.messages.is_empty()
                || (self.messages.len() <= usize_of(self.limits.messages) / 2
                    && self.octets <= usize_of(self.limits.octets) / 2
                    && octets <= usize_of(self.limits.octets))
        });
        if room {
            self.starved = None;
        }
        room
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> {
        self.messages.iter().map(|message| message.id)
    }

    pub(crate) fn retained_octets(&self) -> usize {
        usize_of(self.limits.retained_octets)
    }

    pub(crate) fn trim(&mut self) {
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
