//! How far each epoch reaches in a conversation.

use std::collections::BTreeMap;

/// The highest number stored of each epoch of one conversation, or more. Tells without a look at
/// the messages that a new entry replaces nothing, which is nearly always so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Epochs {
    last: BTreeMap<u64, u64>,
}

impl Epochs {
    /// An entry is stored.
    pub(super) fn note(&mut self, log_epoch: u64, conv_seq: u64) {
        let last = self.last.entry(log_epoch).or_insert(0);
        *last = (*last).max(conv_seq);
    }

    /// Whether entries of epochs below `below` may be stored from the number `from` on.
    pub(super) fn may_hold(&self, from: u64, below: u64) -> bool {
        self.last.range(..below).any(|(_, last)| *last >= from)
    }

    /// Entries of epochs below `below` from the number `from` on are gone.
    pub(super) fn cut(&mut self, from: u64, below: u64) {
        for (_, last) in self.last.range_mut(..below) {
            *last = (*last).min(from.saturating_sub(1));
        }
    }

    /// Epochs and how far they reach.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.last
            .iter()
            .map(|(log_epoch, last)| (*log_epoch, *last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_epochs_that_reach_far_enough_are_in_the_way() {
        let mut epochs = Epochs::default();
        epochs.note(1, 10);
        epochs.note(1, 3);
        epochs.note(2, 30);
        assert!(!epochs.may_hold(1, 1), "nothing is older than the oldest");
        assert!(epochs.may_hold(10, 2));
        assert!(!epochs.may_hold(11, 2));
        assert!(epochs.may_hold(11, 3));
        epochs.cut(5, 2);
        assert_eq!(epochs.iter().collect::<Vec<_>>(), [(1, 4), (2, 30)]);
    }
}
