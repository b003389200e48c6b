//! Which message a result belongs to, and through where everything is settled.

use alloc::collections::VecDeque;

use crate::connection::SendId;
use crate::connection::outbound::Departures;

/// Messages that left and are not settled, in the order of their ordinals. Part of a session.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    departed: VecDeque<Departed>,
    /// Last ordinal below `departed` whose result was settled, or that gets none and was received.
    settled_through: u64,
    /// Last id given out.
    last_id: u64,
}

#[derive(Clone, Copy, Debug)]
struct Departed {
    /// Of the frame that gets the result.
    ordinal: u64,
    id: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Known,
    Settled,
}

/// What a result is to this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The first result of this message.
    New(SendId),
    /// A repetition.
    Repeated,
    /// No frame under this ordinal gets a result.
    Never,
}

impl Departures for Sends {
    fn departed(&mut self, id: u64, ordinal: u64) {
        self.departed.push_back(Departed {
            ordinal,
            id,
            state: State::Waiting,
        });
    }
}

impl Sends {
    /// An id for a new message.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    /// Gives an id back that was not used.
    pub(crate) fn return_id(&mut self) {
        self.last_id = self.last_id.saturating_sub(1);
    }

    /// A result came for this ordinal; `sent` is the last one transmitted.
    // impl[EIM-RES-010, EIM-RES-011]
    pub(crate) fn result(&mut self, ordinal: u64, sent: u64) -> Known {
        if ordinal == 0 || ordinal > sent {
            return Known::Never;
        }
        if ordinal <= self.settled_through {
            return Known::Repeated;
        }
        let Ok(place) = self
            .departed
            .binary_search_by_key(&ordinal, |entry| entry.ordinal)
        else {
            return Known::Never;
        };
        match self.departed.get_mut(place) {
            Some(entry) if entry.state == State::Waiting => {
                entry.state = State::Known;
                Known::New(SendId(entry.id))
            }
            _ => Known::Repeated,
        }
    }

    /// The application has stored the result of this message. Returns whether it had to.
    // impl[EIM-RES-012]
    pub(crate) fn settle(&mut self, id: SendId) -> bool {
        // Nearly always the first.
        let known = |entry: &&mut Departed| entry.id == id.0 && entry.state == State::Known;
        let Some(entry) = self.departed.iter_mut().find(known) else {
            return false;
        };
        entry.state = State::Settled;
        while let Some(entry) = self.departed.front()
            && entry.state == State::Settled
        {
            self.settled_through = entry.ordinal;
            self.departed.pop_front();
        }
        true
    }

    /// The server has received through here: what gets no result is settled with that, so that a
    /// message of more fragments than results may be unsettled comes to its end.
    // impl[EIM-RES-012]
    pub(crate) fn received(&mut self, through: u64) {
        let unsettled = self.departed.front().map(|entry| entry.ordinal);
        let through = unsettled.map_or(through, |first| through.min(first.saturating_sub(1)));
        self.settled_through = self.settled_through.max(through);
    }

    /// All results of frames through here were processed.
    pub(crate) const fn settled_through(&self) -> u64 {
        self.settled_through
    }

    /// Whether a message that left under an ordinal up to `through` is not settled.
    pub(crate) fn is_unsettled(&self, through: u64) -> bool {
        self.departed
            .front()
            .is_some_and(|entry| entry.ordinal <= through)
    }

    /// Messages that left and have no result.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u64> {
        let waiting = self
            .departed
            .iter()
            .filter(|entry| entry.state == State::Waiting);
        waiting.map(|entry| entry.id)
    }

    /// A fresh session, in which ids go on.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            last_id: self.last_id,
            ..Self::default()
        }
    }

    pub(crate) fn trim(&mut self) {
        if self.departed.is_empty() {
            self.departed = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_through_waits_for_the_oldest() {
        let mut sends = Sends::default();
        // A fragmented message leaves under 1 … 3, the result comes for 3.
        for (id, ordinal) in [(1, 3), (2, 4), (3, 5)] {
            sends.departed(id, ordinal);
        }
        assert_eq!(sends.result(2, 5), Known::Never);
        assert_eq!(sends.result(6, 5), Known::Never);
        assert_eq!(sends.result(4, 5), Known::New(SendId(2)));
        assert_eq!(sends.result(4, 5), Known::Repeated);
        assert!(!sends.settle(SendId(1)), "no result yet");
        assert!(sends.settle(SendId(2)));
        assert_eq!(sends.settled_through(), 0);
        assert_eq!(sends.result(3, 5), Known::New(SendId(1)));
        assert!(sends.settle(SendId(1)));
        assert_eq!(sends.settled_through(), 4);
        assert!(sends.waiting().eq([3]));
        assert!(sends.is_unsettled(5) && !sends.is_unsettled(4));
    }
}
