//! What is known of the places of a conversation.

use std::collections::BTreeMap;

/// Slots of a page.
const PAGE: u64 = 64;

/// A message, or an entry without a key, that stands somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who(u32);

impl Who {
    /// Nothing known.
    pub(super) const NOBODY: Self = Self(0);
    /// An entry of the server, without a key.
    pub(super) const SERVER: Self = Self(u32::MAX);

    /// The message at this place of the list of keys.
    pub(super) fn key(index: usize) -> Self {
        Self(u32::try_from(index + 1).unwrap_or(u32::MAX - 1))
    }

    /// Its place in the list of keys.
    pub(super) fn index(self) -> Option<usize> {
        match self {
            Self::NOBODY | Self::SERVER => None,
            Self(number) => usize::try_from(number - 1).ok(),
        }
    }
}

/// A place of a conversation: the epoch by its number in the list of epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) conversation: u32,
    pub(super) epoch: u32,
    pub(super) seq: u64,
}

/// What is known of a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    /// What the first device that showed it has there.
    pub(super) seen: Who,
    /// The message whose ack names it.
    pub(super) acked: Who,
    /// Content that was seen; 0 if only an erased entry was.
    pub(super) content: u64,
    /// Sending device that was seen, plus 1; 0 if none was named.
    pub(super) device: u32,
    /// Counts as unread for those who have not read it.
    pub(super) countable: bool,
}

impl Slot {
    /// The message that stands there, or was said to.
    pub(super) fn who(&self) -> Who {
        if self.seen == Who::NOBODY {
            self.acked
        } else {
            self.seen
        }
    }
}

/// The places of a conversation, by epoch.
#[derive(Debug, Default)]
pub(super) struct Log {
    epochs: Vec<(u32, Pages)>,
}

type Pages = BTreeMap<u64, Box<[Slot; PAGE as usize]>>;

impl Log {
    /// The slot of a place.
    pub(super) fn slot(&mut self, epoch: u32, seq: u64) -> &mut Slot {
        let at = match self.epochs.iter().position(|(known, _)| *known == epoch) {
            Some(at) => at,
            None => {
                self.epochs.push((epoch, Pages::new()));
                self.epochs.len() - 1
            }
        };
        let page = self.epochs[at]
            .1
            .entry(seq / PAGE)
            .or_insert_with(|| Box::new([Slot::default(); PAGE as usize]));
        &mut page[(seq % PAGE) as usize]
    }

    /// What is known of a place.
    pub(super) fn get(&self, epoch: u32, seq: u64) -> Slot {
        let pages = self.epochs.iter().find(|(known, _)| *known == epoch);
        let page = pages.and_then(|(_, pages)| pages.get(&(seq / PAGE)));
        page.map_or_else(Slot::default, |page| page[(seq % PAGE) as usize])
    }

    /// The epochs.
    pub(super) fn epochs(&self) -> impl Iterator<Item = u32> + '_ {
        self.epochs.iter().map(|(epoch, _)| *epoch)
    }

    /// The places of an epoch of which something is known, in `first..=last`, ascending.
    pub(super) fn slots(
        &self,
        epoch: u32,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (u64, Slot)> + '_ {
        let pages = self.epochs.iter().find(|(known, _)| *known == epoch);
        let pages = pages.into_iter().flat_map(move |(_, pages)| {
            let range = (first / PAGE)..=(last / PAGE).max(first / PAGE);
            pages.range(range)
        });
        pages
            .flat_map(|(page, slots)| {
                let base = page * PAGE;
                (0..PAGE)
                    .map(move |at| base + at)
                    .zip(slots.iter().copied())
            })
            .filter(move |(seq, slot)| (first..=last).contains(seq) && slot.who() != Who::NOBODY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_in_order_and_in_range() {
        let mut log = Log::default();
        for seq in [500, 3, 64, 63, u64::MAX] {
            log.slot(0, seq).seen = Who::SERVER;
        }
        log.slot(1, 4).acked = Who::key(0);
        let found = |first, last| {
            log.slots(0, first, last)
                .map(|(seq, _)| seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(0, u64::MAX), [3, 63, 64, 500, u64::MAX]);
        assert_eq!(found(4, 64), [63, 64]);
        assert!(found(65, 64).is_empty());
        assert_eq!(log.get(1, 4).who().index(), Some(0));
        assert_eq!(log.get(2, 4).who(), Who::NOBODY);
    }
}
