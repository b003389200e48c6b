//! How often a bot may send by HTTP: one bucket a bot, whatever the number of its connections.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eim_codec::id::UserId;
use eim_codec::time::Timestamp;

use crate::limits::{Keyed, Rate};

/// Most bots that are remembered; others share one bucket.
const MOST_BOTS: usize = 65_536;

/// Buckets of bots; `None` for no limit.
#[derive(Debug)]
pub(super) struct Rates(Option<Mutex<Keyed<UserId>>>);

impl Rates {
    /// Full buckets of `per_s` acts; 0 for no limit.
    pub(super) fn new(per_s: u32) -> Self {
        let rate = Rate::new(per_s.into(), Duration::from_secs(1));
        Self(rate.map(|rate| Mutex::new(Keyed::new(rate, MOST_BOTS))))
    }

    /// Takes one act of a bot.
    ///
    /// # Errors
    /// How long to wait until one is there again.
    pub(super) fn take(&self, bot: UserId, now_ms: u64) -> Result<(), Duration> {
        let now = Timestamp::from_micros(now_ms.saturating_mul(1000));
        self.0.as_ref().map_or(Ok(()), |buckets| {
            let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.admit(bot, 1, now)
        })
    }
}
