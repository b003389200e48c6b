//! A bucket for each of many, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use eim_codec::time::Timestamp;

use super::bucket::{Bucket, Rate};

/// Least time between two sweeps that somebody without a place causes.
const SWEPT_AGAIN: Duration = Duration::from_secs(1);

/// Buckets of one rate. One that is full is forgotten: it is as good as a new one. While as many are
/// remembered as may be, all others share one bucket: a flood of invented keys gets one allowance for
/// all of them, and those that are known keep theirs.
#[derive(Debug)]
pub struct Keyed<K> {
    rate: Rate,
    most: usize,
    known: HashMap<K, Bucket>,
    others: Bucket,
    swept: Option<Timestamp>,
}

impl<K: Eq + Hash + Copy> Keyed<K> {
    /// Full buckets, of which at most so many are remembered.
    #[must_use]
    pub fn new(rate: Rate, most: usize) -> Self {
        Self {
            rate,
            most,
            known: HashMap::new(),
            others: Bucket::default(),
            swept: None,
        }
    }

    /// Whether so many acts of `key` may pass now.
    ///
    /// # Errors
    /// How long to wait until they may.
    pub fn check(&self, key: K, acts: u64, now: Timestamp) -> Result<(), Duration> {
        let bucket = match self.known.get(&key) {
            Some(bucket) => *bucket,
            None if self.known.len() < self.most => Bucket::default(),
            None => self.others,
        };
        bucket.check(self.rate, acts, now)
    }

    /// Takes so many acts of `key`.
    pub fn take(&mut self, key: K, acts: u64, now: Timestamp) {
        if self.known.len() >= self.most && !self.known.contains_key(&key) {
            let recent = |swept: Timestamp| now.saturating_since(swept) < SWEPT_AGAIN;
            if !self.swept.is_some_and(recent) {
                self.sweep(now);
            }
        }
        let bucket = if self.known.len() < self.most {
            self.known.entry(key).or_default()
        } else {
            self.known.get_mut(&key).unwrap_or(&mut self.others)
        };
        bucket.take(self.rate, acts, now);
    }

    /// Takes so many acts of `key` if they may pass.
    ///
    /// # Errors
    /// How long to wait until they may; nothing is taken then.
    pub fn admit(&mut self, key: K, acts: u64, now: Timestamp) -> Result<(), Duration> {
        self.check(key, acts, now)?;
        self.take(key, acts, now);
        Ok(())
    }

    /// Forgets the buckets that are full.
    pub fn sweep(&mut self, now: Timestamp) {
        self.swept = Some(now);
        self.known.retain(|_, bucket| !bucket.is_full(now));
        if self.known.capacity() > 4 * self.known.len() + 64 {
            self.known.shrink_to_fit();
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    fn keyed(most: usize) -> Keyed<u32> {
        Keyed::new(Rate::new(2, Duration::from_secs(1)).unwrap(), most)
    }

    #[test]
    fn each_has_its_own() {
        let mut all = keyed(10);
        assert!(all.admit(1, 2, at(0)).is_ok());
        assert_eq!(all.admit(1, 1, at(0)), Err(Duration::from_millis(500)));
        assert!(all.admit(2, 1, at(0)).is_ok());
        assert!(all.admit(1, 1, at(500)).is_ok());
    }

    // test[EIM-LIM-008]
    #[test]
    fn strangers_beyond_the_bound_share_one_and_the_known_keep_theirs() {
        let mut all = keyed(2);
        assert!(all.admit(1, 1, at(0)).is_ok() && all.admit(2, 1, at(0)).is_ok());
        for stranger in 3..5 {
            assert!(all.admit(stranger, 1, at(0)).is_ok());
        }
        for stranger in 5..1000 {
            assert!(all.admit(stranger, 1, at(0)).is_err());
        }
        assert_eq!(all.len(), 2);
        assert!(all.admit(1, 1, at(0)).is_ok(), "the known keep theirs");
        // Both are full by then, so there is a place again.
        assert!(all.admit(1000, 2, at(5000)).is_ok());
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn whoever_is_quiet_is_forgotten() {
        let mut all = keyed(1000);
        (0..1000).for_each(|key| all.admit(key, 1, at(0)).unwrap());
        all.sweep(at(499));
        assert_eq!(all.len(), 1000);
        all.sweep(at(500));
        assert!(all.is_empty());
    }
}
