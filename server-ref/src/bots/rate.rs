//! How often a bot may send by HTTP: one bucket a bot, whatever the number of its connections.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eim_codec::id::UserId;
use eim_codec::time::Timestamp;

use crate::session::Rate;

/// Buckets of bots; there are never more than there are bots.
#[derive(Debug)]
pub(super) struct Rates {
    per_s: u32,
    buckets: Mutex<BTreeMap<UserId, Rate>>,
}

impl Rates {
    /// Full buckets of `per_s` acts; 0 for no limit.
    pub(super) const fn new(per_s: u32) -> Self {
        Self {
            per_s,
            buckets: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes one act of a bot.
    ///
    /// # Errors
    /// How long to wait until one is there again.
    pub(super) fn take(&self, bot: UserId, now_ms: u64) -> Result<(), Duration> {
        let now = Timestamp::from_micros(now_ms.saturating_mul(1000));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(&bot) {
            let Some(full) = Rate::new(self.per_s, now) else {
                return Ok(());
            };
            buckets.insert(bot, full);
        }
        buckets.get_mut(&bot).map_or(Ok(()), |rate| rate.take(now))
    }
}
