//! Room for what the store keeps.

/// Free space of a store and what of it is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Octets that are free now.
    pub free: u64,
    /// Octets below which messages and changes are refused.
    pub reserve: u64,
    /// They are refused now.
    pub short: bool,
}

impl Room {
    /// Whether `free` is short of `reserve`. What was short stays so until an eighth more is free.
    #[must_use]
    pub const fn new(free: u64, reserve: u64, was_short: bool) -> Self {
        let wanted = if was_short {
            reserve.saturating_add(reserve / 8)
        } else {
            reserve
        };
        Self {
            free,
            reserve,
            short: free < wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_becomes_short_below_the_reserve_and_enough_above_a_little_more() {
        assert!(!Room::new(800, 800, false).short);
        assert!(Room::new(799, 800, false).short);
        assert!(Room::new(899, 800, true).short);
        assert!(!Room::new(900, 800, true).short);
    }

    #[test]
    fn no_reserve_is_never_short_and_the_largest_always() {
        assert!(!Room::new(0, 0, true).short);
        assert!(Room::new(u64::MAX - 1, u64::MAX, true).short);
    }
}
