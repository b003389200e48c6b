//! The state behind the disk of a device.

use std::collections::BTreeMap;
use std::time::Duration;

use eim_client::store::{Applied, Batch, OutboxItem, StoreError};
use eim_codec::id::ClientMsgId;
use tokio::time::Instant;

use crate::plan::DiskConfig;
use crate::seed::Dice;
use crate::world::{Life, now};

pub(super) struct State {
    config: DiskConfig,
    dice: Dice,
    /// The programs, by number.
    lives: BTreeMap<u64, Life>,
    /// Whose the messages of the outbox are.
    owners: BTreeMap<ClientMsgId, u64>,
    /// A batch that is written and not synced, and whose.
    pub(super) written: Option<(u64, Batch)>,
    /// Syncs are slower: until when, and by how much.
    pub(super) slow: Option<(Instant, Duration)>,
    /// The next sync fails.
    pub(super) sync_fails: bool,
    /// Nothing fits until then.
    pub(super) full_until: Option<Instant>,
}

/// A write that fails takes at least this long: a program that tries again at once must not stop
/// virtual time.
const FAILING: Duration = Duration::from_millis(1);

impl State {
    pub(super) const fn new(config: DiskConfig, dice: Dice) -> Self {
        Self {
            config,
            dice,
            lives: BTreeMap::new(),
            owners: BTreeMap::new(),
            written: None,
            slow: None,
            sync_fails: false,
            full_until: None,
        }
    }

    /// A program begins; gives back its number.
    pub(super) fn register(&mut self, life: &Life) -> u64 {
        let number = self.lives.last_key_value().map_or(1, |(last, _)| last + 1);
        self.lives.insert(number, life.clone());
        number
    }

    /// What a program left behind half way, if it survives. A program that goes on has only
    /// stopped waiting for it. Without `dice` the disk's own are used.
    pub(super) fn left(&mut self, dice: Option<&mut Dice>) -> Option<(u64, Batch)> {
        let (owner, batch) = self.written.take()?;
        let alive = self.lives.get(&owner).is_some_and(Life::is_alive);
        let dice = dice.unwrap_or(&mut self.dice);
        let survives = alive || dice.chance(self.config.survives_permille);
        survives.then_some((owner, batch))
    }

    /// How long the next sync takes.
    pub(super) fn takes(&mut self) -> Duration {
        let range = self.config.sync_us;
        let drawn = Duration::from_micros(self.dice.between(range.low, range.high));
        let slower = self.slow.filter(|(until, _)| now() < *until);
        let slower = slower.map_or(Duration::ZERO, |(_, by)| by);
        let failing = if self.sync_fails || self.is_full() {
            FAILING
        } else {
            Duration::ZERO
        };
        drawn + slower + failing
    }

    fn is_full(&self) -> bool {
        self.full_until.is_some_and(|until| now() < until)
    }

    /// Writes a batch, which is not durable yet.
    pub(super) fn write(&mut self, owner: u64, batch: &Batch) -> Result<(), StoreError> {
        if self.is_full() {
            return Err(StoreError::Engine("no space left on the device".to_owned()));
        }
        self.written = Some((owner, batch.clone()));
        Ok(())
    }

    /// Syncs. When that fails the batch is taken back.
    pub(super) fn sync(&mut self) -> Result<Option<Batch>, StoreError> {
        let written = self.written.take();
        if std::mem::take(&mut self.sync_fails) {
            return Err(StoreError::Engine("the sync failed".to_owned()));
        }
        Ok(written.map(|(_, batch)| batch))
    }

    /// A batch is durable: new messages in the outbox belong to who wrote it.
    pub(super) fn applied(&mut self, owner: u64, batch: &Batch, applied: &Applied) {
        let new = batch.outbox.iter().chain(&applied.requeued);
        for item in new {
            self.owners.entry(item.client_msg_id).or_insert(owner);
        }
        for settlement in &batch.settlements {
            self.owners.remove(&settlement.client_msg_id);
        }
    }

    pub(super) fn orphans(&self) -> usize {
        let alive = |owner: &u64| self.lives.get(owner).is_some_and(Life::is_alive);
        self.owners.values().filter(|owner| !alive(owner)).count()
    }

    /// Leaves the messages of `owner`; with `adopt`, also those of programs that are over, which
    /// are its own from now on.
    pub(super) fn own(&mut self, owner: u64, adopt: bool, outbox: &mut Vec<OutboxItem>) {
        outbox.retain(|item| {
            let of = self.owners.entry(item.client_msg_id).or_insert(owner);
            let over = self.lives.get(of).is_none_or(|life| !life.is_alive());
            if adopt && over {
                *of = owner;
            }
            *of == owner
        });
    }
}
