//! The journal: octets that were written, of which a part is synced, over the state of the last
//! recovery.

use std::collections::VecDeque;

use bytes::Bytes;

use super::record::{self, Write};
use super::spaces::Snapshot;
use crate::plan::DiskConfig;
use crate::seed::Dice;

/// Octets that a disk writes or loses as one.
const SECTOR: usize = 512;

/// A journal over a base.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Everything up to the last recovery.
    base: Snapshot,
    /// What was written since.
    octets: Vec<u8>,
    /// The beginning of `octets` that survives everything.
    synced: usize,
    /// Where the whole records end that are not synced.
    ends: VecDeque<usize>,
}

impl Journal {
    /// Appends a record, which is not durable yet. Gives back where it ends.
    pub(super) fn write(&mut self, record: &[u8]) -> usize {
        self.octets.extend_from_slice(record);
        self.ends.push_back(self.octets.len());
        self.octets.len()
    }

    /// Appends the beginning of a record that will never be whole.
    pub(super) fn write_part(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// What was written up to `end` is durable now.
    pub(super) fn sync(&mut self, end: usize) {
        self.synced = self.synced.max(end.min(self.octets.len()));
        while self.ends.pop_front_if(|record| *record <= end).is_some() {}
    }

    /// Loses what does not survive: all that is not synced stays, or some whole records do, and
    /// perhaps octets of the next one.
    pub(super) fn crash(&mut self, config: DiskConfig, dice: &mut Dice) {
        let ends = std::mem::take(&mut self.ends);
        if dice.chance(config.survives_permille) {
            return;
        }
        let whole = dice.index(ends.len());
        let whole = whole.checked_sub(1).and_then(|last| ends.get(last));
        let whole = whole.copied().unwrap_or(self.synced);
        let rest = self.octets.len().saturating_sub(whole);
        if rest > 0 && dice.chance(config.torn_permille) {
            let torn = dice.index(rest);
            self.octets.truncate(whole + torn);
            garble(self.octets.get_mut(whole..).unwrap_or_default(), dice);
        } else {
            self.octets.truncate(whole);
        }
    }

    /// Reads what is there, cuts off what is torn, syncs the rest, and starts anew over it. Gives
    /// back the batches that were found, in order.
    pub(super) fn recover(&mut self) -> Vec<Vec<Write>> {
        let mut left = Bytes::from(std::mem::take(&mut self.octets));
        let mut found = Vec::new();
        while let Some((writes, length)) = record::decode(&left) {
            self.base.apply(&writes);
            found.push(writes);
            left = left.slice(length..);
        }
        self.synced = 0;
        self.ends.clear();
        found
    }

    /// Whether there is more than whole records.
    #[cfg(test)]
    pub(super) fn torn(&self) -> bool {
        let mut left = Bytes::copy_from_slice(&self.octets);
        while let Some((_, length)) = record::decode(&left) {
            left = left.slice(length..);
        }
        !left.is_empty()
    }

    /// The state of the last recovery.
    pub(super) const fn base(&self) -> &Snapshot {
        &self.base
    }
}

/// Sectors that never reached the disk: they read as zeros, or as what stood there before.
fn garble(octets: &mut [u8], dice: &mut Dice) {
    for sector in octets.chunks_mut(SECTOR) {
        match dice.below(4) {
            0 => sector.fill(0),
            1 => dice.fill(sector),
            _ => {}
        }
    }
}
