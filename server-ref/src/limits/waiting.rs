//! Messages of one session that wait for the store.

use std::sync::Arc;

use crate::store::Origin;

use super::Limits;

/// Messages of one batch that count as waiting, until this is dropped.
#[derive(Debug)]
pub struct Waiting {
    limits: Arc<Limits>,
    origin: Origin,
    batch: u64,
    count: usize,
}

impl Waiting {
    /// One more message of `origin` waits, with those that `waiting` has.
    pub(super) fn add(
        limits: &Arc<Limits>,
        waiting: &mut Option<Box<Self>>,
        origin: &Origin,
        batch: u64,
    ) {
        match waiting {
            Some(waiting) => waiting.count += 1,
            None => {
                *waiting = Some(Box::new(Self {
                    limits: Arc::clone(limits),
                    origin: *origin,
                    batch,
                    count: 1,
                }));
            }
        }
    }

    pub(super) const fn batch(&self) -> u64 {
        self.batch
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.limits.waited(&self.origin, self.batch, self.count);
    }
}
