//! Messages that wait for the store, and who may add to them.
//!
//! While the store keeps up, nothing here matters. When so many messages wait that it does not, those
//! who have most of them there are refused first: up to half of what may wait everybody adds as they
//! like, and the other half is divided among the users who have something there. So one message of
//! somebody who sends little is taken however much others send, and a refusal comes before the wait.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use eim_codec::id::UserId;
use eim_codec::time::Timestamp;

use crate::store::TenantId;

/// Least and most that somebody is told to wait.
const WAIT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(30);

/// When the store does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacklogRule {
    /// About so many messages may wait; 0 for any number.
    pub messages: usize,
    /// The first of them may have waited so long; zero for any time.
    pub age: Duration,
}

type Who = (TenantId, UserId);

/// What waits.
#[derive(Debug)]
pub struct Backlog {
    rule: BacklogRule,
    waiting: usize,
    users: HashMap<Who, usize>,
    /// When each batch began to wait.
    batches: BTreeMap<u64, Timestamp>,
    next: u64,
    /// How long the last batch has waited.
    last: Duration,
}

impl Backlog {
    /// Nothing waits.
    #[must_use]
    pub fn new(rule: BacklogRule) -> Self {
        Self {
            rule,
            waiting: 0,
            users: HashMap::new(),
            batches: BTreeMap::new(),
            next: 0,
            last: Duration::ZERO,
        }
    }

    /// Whether one more message of `who` may wait.
    ///
    /// # Errors
    /// How long what waits now will about take.
    // impl[EIM-LIM-020]
    pub fn check(&self, who: Who, now: Timestamp) -> Result<(), Duration> {
        let own = self.users.get(&who).copied().unwrap_or(0);
        let BacklogRule { messages, age } = self.rule;
        let late = !age.is_zero() && self.age(now) > age;
        let many = messages > 0 && self.waiting >= messages.div_ceil(2);
        if !late && !many {
            return Ok(());
        }
        // Whoever has nothing there adds one in any case, so that nobody is shut out by others; what a
        // store that stands still has to hold is then one message a user.
        let others = self.users.len() + usize::from(own == 0);
        let share = match late {
            true => 1,
            false => ((messages / 2) / others.max(1)).max(1),
        };
        if own < share {
            return Ok(());
        }
        let wait = self.age(now).max(self.last);
        Err(wait.clamp(*WAIT.start(), *WAIT.end()))
    }

    /// A message of `who` begins to wait, in this batch or in a new one. Gives back its batch.
    pub fn add(&mut self, who: Who, batch: Option<u64>, now: Timestamp) -> u64 {
        self.waiting += 1;
        *self.users.entry(who).or_default() += 1;
        batch.unwrap_or_else(|| {
            self.next += 1;
            self.batches.insert(self.next, now);
            self.next
        })
    }

    /// A batch with so many messages of `who` waits no longer.
    pub fn done(&mut self, who: Who, batch: u64, count: usize, now: Timestamp) {
        if let Some(since) = self.batches.remove(&batch) {
            self.last = now.saturating_since(since);
        }
        self.waiting = self.waiting.saturating_sub(count);
        if let Some(own) = self.users.get_mut(&who) {
            *own = own.saturating_sub(count);
            if *own == 0 {
                self.users.remove(&who);
            }
        }
        if self.users.is_empty() {
            self.users.shrink_to(1024);
        }
    }

    /// How long the first one has waited.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        let first = self.batches.first_key_value();
        first.map_or(Duration::ZERO, |(_, since)| now.saturating_since(*since))
    }

    /// How many wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    fn who(user: u8) -> Who {
        (TenantId(0), UserId::from([user; 16]))
    }

    fn backlog(messages: usize, age_ms: u64) -> Backlog {
        let age = Duration::from_millis(age_ms);
        Backlog::new(BacklogRule { messages, age })
    }

    /// Adds as many as are taken.
    fn fill(backlog: &mut Backlog, who: Who, most: usize, now: Timestamp) -> usize {
        let mut batch = None;
        for taken in 0..most {
            if backlog.check(who, now).is_err() {
                return taken;
            }
            batch = Some(backlog.add(who, batch, now));
        }
        most
    }

    // test[EIM-LIM-020]
    #[test]
    fn the_heavy_are_refused_first_and_the_light_are_taken() {
        let mut backlog = backlog(100, 0);
        assert_eq!(
            fill(&mut backlog, who(1), 1000, at(0)),
            50,
            "alone, half of it"
        );
        assert_eq!(
            fill(&mut backlog, who(2), 1000, at(0)),
            25,
            "the other half by two"
        );
        assert_eq!(fill(&mut backlog, who(3), 1000, at(0)), 16);
        for light in 4..200 {
            assert!(fill(&mut backlog, who(light), 1, at(0)) == 1, "{light}");
        }
        assert!(backlog.check(who(1), at(0)).is_err());
    }

    // test[EIM-LIM-020]
    #[test]
    fn a_store_that_stands_still_takes_one_of_each() {
        let mut backlog = backlog(0, 1000);
        let batch = backlog.add(who(1), None, at(0));
        assert_eq!(fill(&mut backlog, who(1), 500, at(1000)), 500);
        assert_eq!(
            backlog.check(who(1), at(3500)),
            Err(Duration::from_millis(3500))
        );
        assert_eq!(fill(&mut backlog, who(2), 500, at(3500)), 1);
        backlog.done(who(1), batch, 1, at(3600));
        assert_eq!(backlog.age(at(3600)), Duration::from_millis(2600));
    }

    #[test]
    fn what_is_done_makes_room_and_nothing_is_left() {
        let mut backlog = backlog(4, 0);
        let batch = backlog.add(who(1), None, at(0));
        assert_eq!(backlog.add(who(1), Some(batch), at(10)), batch);
        assert!(backlog.check(who(1), at(20)).is_err());
        backlog.done(who(1), batch, 2, at(20));
        assert!(backlog.check(who(1), at(20)).is_ok());
        assert_eq!((backlog.waiting(), backlog.users.len()), (0, 0));
        assert!(backlog.batches.is_empty());
    }
}
