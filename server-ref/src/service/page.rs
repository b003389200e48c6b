//! Pages: how much of an answer fits into one RESPONSE.

use eim_codec::registry::limits;
use prost::Message;

/// What a RESPONSE needs beside the items of its page: ids, numbers, keys and lengths.
const FRAME_OCTETS: usize = 128;
/// Key and length of one item.
const ITEM_OCTETS: usize = 6;

/// Room for the items of one RESPONSE.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    left: usize,
    items: usize,
}

impl Page {
    /// The room that a request of `max_octets` (0: the default) has.
    // impl[EIM-SYN-008, EIM-SYN-010]
    pub(super) fn new(max_octets: u32) -> Self {
        let limit = limits::REQUEST_MAX_OCTETS;
        let octets = match max_octets {
            0 => limit.default,
            asked => asked.clamp(limit.minimum, limit.maximum),
        };
        Self {
            left: usize::try_from(octets)
                .unwrap_or(usize::MAX)
                .saturating_sub(FRAME_OCTETS),
            items: usize::try_from(limits::HISTORY_ENTRIES.default).unwrap_or(usize::MAX),
        }
    }

    /// Octets left.
    pub(super) const fn octets(&self) -> usize {
        self.left
    }

    /// Items left.
    pub(super) const fn items(&self) -> usize {
        self.items
    }

    /// Takes room for `item`; `false` when it does not fit.
    // impl[EIM-SYN-009]
    pub(super) fn take(&mut self, item: &impl Message) -> bool {
        let octets = item.encoded_len().saturating_add(ITEM_OCTETS);
        match self.left.checked_sub(octets) {
            Some(left) if self.items > 0 => {
                self.left = left;
                self.items -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::payload::User;

    use super::*;

    #[test]
    fn sizes_are_clamped_and_items_counted() {
        let size = |asked| Page::new(asked).octets() + FRAME_OCTETS;
        assert_eq!(size(0), 61_440);
        assert_eq!(size(1), 4096);
        assert_eq!(size(u32::MAX), 1_048_000);
        let mut page = Page::new(4096);
        let item = User {
            name: "x".repeat(1000),
            ..User::default()
        };
        assert_eq!((0..10).filter(|_| page.take(&item)).count(), 3);
        let mut page = Page::new(u32::MAX);
        assert_eq!(
            (0..2000).filter(|_| page.take(&User::default())).count(),
            1000
        );
    }
}
