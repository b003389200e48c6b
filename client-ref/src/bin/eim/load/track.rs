//! Loss, repetition and order, as one receiver sees them.

use std::collections::BTreeMap;

use super::stamp::Stamp;

/// What a receiver has seen of each sender.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    next: BTreeMap<u32, u64>,
}

/// What a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The next number of its sender.
    Next,
    /// A number that was passed: it came before, or it comes too late.
    Again,
    /// A number after this many missing ones.
    Beyond(u64),
}

impl Tracker {
    /// Judges a delivery.
    pub(crate) fn see(&mut self, stamp: Stamp) -> Delivery {
        let next = self.next.entry(stamp.sender).or_insert(0);
        if stamp.number < *next {
            return Delivery::Again;
        }
        let missing = stamp.number - *next;
        *next = stamp.number + 1;
        if missing == 0 {
            Delivery::Next
        } else {
            Delivery::Beyond(missing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_order_repetition_and_holes_apart() {
        let mut tracker = Tracker::default();
        let mut see = |sender, number| {
            tracker.see(Stamp {
                sender,
                number,
                micros: 0,
            })
        };
        assert_eq!(see(1, 0), Delivery::Next);
        assert_eq!(see(2, 0), Delivery::Next);
        assert_eq!(see(1, 1), Delivery::Next);
        assert_eq!(see(1, 1), Delivery::Again);
        assert_eq!(see(1, 5), Delivery::Beyond(3));
        assert_eq!(see(1, 3), Delivery::Again);
        assert_eq!(see(2, 1), Delivery::Next);
    }
}
