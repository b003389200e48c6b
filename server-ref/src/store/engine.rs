//! The small ordered key-value engine under the store.
//!
//! What messages mean is written once, in [`kv`](super::kv), over this trait; the memory engine,
//! the embedded engine and a simulated one differ only in where octets go. An engine knows
//! spaces, keys and octets, nothing else.

use std::fmt;
use std::ops::ControlFlow;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Room, StoreError};

/// A group of keys with a common pattern of use; the embedded engine keeps each apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Conversation logs; never deleted.
    Log,
    /// User timelines: references into logs.
    Timeline,
    /// Idempotency keys of messages and requests.
    Idempotency,
    /// What the sweep removes, in time order.
    Expiry,
    /// Conversations, members, users, devices, cursors, sessions.
    State,
    /// Facts about the store itself; the only space whose keys do not begin with the tenant.
    Meta,
}

impl Space {
    /// All spaces, in the order of their discriminants.
    pub const ALL: [Self; 6] = [
        Self::Log,
        Self::Timeline,
        Self::Idempotency,
        Self::Expiry,
        Self::State,
        Self::Meta,
    ];

    /// Name of the space in folders and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Timeline => "timeline",
            Self::Idempotency => "idempotency",
            Self::Expiry => "expiry",
            Self::State => "state",
            Self::Meta => "meta",
        }
    }
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the lowest key.
    Ascending,
    /// From the highest key.
    Descending,
}

/// What a scan calls for each key and value; `Break` ends the scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// Reads committed batches, each as a whole: once a part of a batch was seen, later reads of the
/// same reader see all of it.
pub trait Reader: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the engine cannot read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Visits the keys of `from..=to` in order.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the engine cannot read, and what `visit` returns.
    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

/// An engine. There is one writer; readers are many.
#[async_trait]
pub trait Engine: Reader + fmt::Debug + 'static {
    /// Writes all of `batch` or nothing, and returns when it survives the end of the process and
    /// of the machine. Nothing of it is visible to readers before that. An engine that runs on a
    /// thread of its own may block in here.
    ///
    /// When the caller goes away before the end, the batch survives or not, as in a crash: the
    /// engine is not written to again.
    ///
    /// # Errors
    /// [`StoreError::Engine`]. What is on the disk is then unknown: the caller must not go on.
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// How much room there is now; `None` where nobody counts. Asked before every batch.
    fn room(&self) -> Option<Room> {
        None
    }

    /// A reader for one call; later commits may or may not show in it.
    fn reader(&self) -> Box<dyn Reader>;
}

/// Writes that become visible and durable together. Later writes to a key win.
#[derive(Debug, Default)]
pub struct Batch {
    octets: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    space: Space,
    /// The key ends here; it starts where the write before it ends.
    key_end: usize,
    end: usize,
    delete: bool,
}

/// A write of a batch: where, the key, and the value; no value means removal.
pub type Written<'a> = (Space, &'a [u8], Option<&'a [u8]>);

impl Batch {
    /// Sets a key.
    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.put_with(space, key, |octets| octets.extend_from_slice(value));
    }

    /// Sets a key to what `encode` appends; it must not touch what is there already.
    pub fn put_with(&mut self, space: Space, key: &[u8], encode: impl FnOnce(&mut Vec<u8>)) {
        self.octets.extend_from_slice(key);
        let key_end = self.octets.len();
        encode(&mut self.octets);
        let end = self.octets.len();
        self.writes.push(Write {
            space,
            key_end,
            end,
            delete: false,
        });
    }

    /// Removes a key.
    pub fn delete(&mut self, space: Space, key: &[u8]) {
        self.octets.extend_from_slice(key);
        let end = self.octets.len();
        self.writes.push(Write {
            space,
            key_end: end,
            end,
            delete: true,
        });
    }

    /// The writes in order; no value means removal.
    pub fn iter(&self) -> impl Iterator<Item = Written<'_>> {
        let mut start = 0;
        self.writes.iter().filter_map(move |write| {
            let key = self.octets.get(start..write.key_end)?;
            let value = self.octets.get(write.key_end..write.end)?;
            start = write.end;
            Some((write.space, key, (!write.delete).then_some(value)))
        })
    }

    /// The write of this number, from 0.
    #[must_use]
    pub fn write(&self, number: usize) -> Option<Written<'_>> {
        let write = self.writes.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => self.writes.get(before)?.end,
            None => 0,
        };
        let key = self.octets.get(start..write.key_end)?;
        let value = self.octets.get(write.key_end..write.end)?;
        Some((write.space, key, (!write.delete).then_some(value)))
    }

    /// Number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Octets of all keys and values.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Forgets all writes, keeping the buffer unless it has grown beyond `keep` octets.
    pub fn clear(&mut self, keep: usize) {
        self.writes.clear();
        self.octets.clear();
        self.octets.shrink_to(keep);
    }
}
