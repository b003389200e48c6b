//! Sets of numbers that mostly come in order.

use std::collections::BTreeMap;

/// A set of numbers, kept as runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// First number of a run to its last.
    runs: BTreeMap<u64, u64>,
}

impl Runs {
    /// Adds a number; false if it was there.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        self.insert_run(number, number);
        true
    }

    /// Adds `first..=last`.
    pub(super) fn insert_run(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let (mut first, mut last) = (first, last);
        // Runs that touch it become a part of it.
        while let Some((&start, &end)) = self.runs.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            self.runs.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        self.runs.insert(first, last);
    }

    /// Takes a number out; false if it was not there.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let Some((&start, &end)) = self.runs.range(..=number).next_back() else {
            return false;
        };
        if end < number {
            return false;
        }
        self.runs.remove(&start);
        if start < number {
            self.runs.insert(start, number - 1);
        }
        if number < end {
            self.runs.insert(number + 1, end);
        }
        true
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let before = self.runs.range(..=number).next_back();
        before.is_some_and(|(_, &end)| end >= number)
    }

    /// The runs, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|(&first, &last)| (first, last))
    }

    /// What of `first..=last` is not in it.
    pub(super) fn missing(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = first;
        let begin = self
            .runs
            .range(..=first)
            .next_back()
            .map_or(first, |r| *r.0);
        for (&start, &end) in self.runs.range(begin..) {
            if next > last || start > last {
                break;
            }
            if start > next {
                missing.push((next, start - 1));
            }
            match end.checked_add(1) {
                Some(after) => next = next.max(after),
                None => return missing,
            }
        }
        if next <= last {
            missing.push((next, last));
        }
        missing
    }

    /// The numbers of both, added.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (first, last) in other.iter() {
            self.insert_run(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_and_split() {
        let mut runs = Runs::default();
        for number in [1, 2, 5, 4, 9] {
            assert!(runs.insert(number));
        }
        assert!(!runs.insert(5));
        assert_eq!(runs.iter().collect::<Vec<_>>(), [(1, 2), (4, 5), (9, 9)]);
        assert!(runs.insert(3));
        assert_eq!(runs.iter().collect::<Vec<_>>(), [(1, 5), (9, 9)]);
        assert!(runs.remove(3));
        assert!(!runs.remove(3));
        assert_eq!(runs.missing(1, 10), [(3, 3), (6, 8), (10, 10)]);
        assert!(runs.missing(4, 5).is_empty());
        assert_eq!(runs.missing(20, 21), [(20, 21)]);
        runs.insert_run(0, u64::MAX);
        assert_eq!(runs.iter().collect::<Vec<_>>(), [(0, u64::MAX)]);
        assert!(runs.missing(0, u64::MAX).is_empty());
    }
}
