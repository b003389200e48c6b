//! The batch under way: what the next commit will write, and whom it will tell.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};

use super::cache::Timeline;
use super::keys::{self, ActKey};
use super::marks::MarkChanges;
use super::modify::erased;
use super::record::{act, state, timeline};
use crate::store::engine::{Batch, Order, Reader, Space};
use crate::store::{Committed, LoggedOut, StoreError, TenantId};

/// Idempotency keys in one expiry list.
const EXPIRY_LIST: usize = 256;
/// Buffer kept between batches, in octets.
const KEPT: usize = 1 << 20;

/// An answer to a caller, given after the commit.
type Answer = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct Pending {
    /// Number of the batch; tells slots of this one from older ones.
    number: u64,
    pub(super) batch: Batch,
    state: HashMap<Vec<u8>, Option<Bytes>>,
    /// Newest write of each log key among the first `indexed` writes of the batch; filled only
    /// when somebody asks, as most batches are messages alone.
    logs: HashMap<Vec<u8>, usize>,
    indexed: usize,
    acts: HashMap<ActKey, act::Outcome>,
    expiring: BTreeMap<TenantId, Vec<[u8; ActKey::TAIL]>>,
    chunks: Vec<Chunk>,
    pub(super) commits: Vec<Committed>,
    pub(super) marks: MarkChanges,
    pub(super) logged_out: Vec<LoggedOut>,
    /// Notifications are owed that were not before, or at another time.
    pub(super) owes: bool,
    answers: Vec<Answer>,
}

struct Chunk {
    tenant: TenantId,
    user: UserId,
    last: u64,
    references: Vec<timeline::Reference>,
}

impl Pending {
    /// Answers after the commit.
    pub(super) fn answer(&mut self, answer: impl FnOnce() + Send + 'static) {
        self.answers.push(Box::new(answer));
    }

    /// Sets a record of the state space.
    pub(super) fn put_state(&mut self, key: &[u8], record: Vec<u8>) {
        self.batch.put(Space::State, key, &record);
        self.state.insert(key.to_vec(), Some(Bytes::from(record)));
    }

    /// Removes a record of the state space.
    pub(super) fn delete_state(&mut self, key: &[u8]) {
        self.batch.delete(Space::State, key);
        self.state.insert(key.to_vec(), None);
    }

    /// A record of the state space as this batch leaves it.
    pub(super) fn state(
        &self,
        engine: &(impl Reader + ?Sized),
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        match self.state.get(key) {
            Some(record) => Ok(record.clone()),
            None => engine.get(Space::State, key),
        }
    }

    /// Records of the state space from `first` to `last`, as this batch leaves them. For the few
    /// records of one user only.
    pub(super) fn states(
        &self,
        engine: &(impl Reader + ?Sized),
        first: &[u8],
        last: &[u8],
    ) -> Result<BTreeMap<Vec<u8>, Bytes>, StoreError> {
        let mut found = BTreeMap::new();
        engine.scan(
            Space::State,
            first,
            last,
            Order::Ascending,
            &mut |key, record| {
                found.insert(key.to_vec(), Bytes::copy_from_slice(record));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for (key, record) in &self.state {
            if !(first..=last).contains(&&key[..]) {
                continue;
            }
            match record {
                Some(record) => found.insert(key.clone(), record.clone()),
                None => found.remove(key),
            };
        }
        Ok(found)
    }

    /// A log record as this batch leaves it.
    pub(super) fn log(
        &mut self,
        engine: &(impl Reader + ?Sized),
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        for number in self.indexed..self.batch.len() {
            if let Some((Space::Log, key, _)) = self.batch.write(number) {
                self.logs.insert(key.to_vec(), number);
            }
        }
        self.indexed = self.batch.len();
        let written = self.logs.get(key).and_then(|at| self.batch.write(*at));
        match written {
            Some((_, _, record)) => Ok(record.map(Bytes::copy_from_slice)),
            None => engine.get(Space::Log, key),
        }
    }

    /// An entry of this batch was erased: nobody is told what was in it.
    pub(super) fn erase_push(&mut self, tenant: TenantId, id: ConversationId, conv_seq: u64) {
        let mut commits = self.commits.iter_mut().rev();
        let found = commits.find(|commit| {
            commit.tenant == tenant
                && commit.entry.conv_seq == conv_seq
                && commit.entry.conversation == id
        });
        if let Some(commit) = found {
            commit.entry = Arc::new(erased(&commit.entry));
        }
    }

    /// What became of an act, in this batch or before.
    pub(super) fn act(
        &self,
        engine: &(impl Reader + ?Sized),
        key: &ActKey,
    ) -> Result<Option<act::Outcome>, StoreError> {
        if let Some(outcome) = self.acts.get(key) {
            return Ok(Some(*outcome));
        }
        engine
            .get(Space::Idempotency, &key.key())?
            .map(|record| act::decode(&record))
            .transpose()
    }

    /// Remembers what became of an act.
    pub(super) fn put_act(&mut self, key: ActKey, outcome: act::Outcome) {
        let octets = key.key();
        self.batch.put_with(Space::Idempotency, &octets, |out| {
            act::encode(out, &outcome)
        });
        if let Some(tail) = octets.last_chunk() {
            self.expiring.entry(key.tenant).or_default().push(*tail);
        }
        self.acts.insert(key, outcome);
    }

    /// Appends a reference to a timeline and returns its number.
    pub(super) fn refer(
        &mut self,
        tenant: TenantId,
        user: UserId,
        timeline: &mut Timeline,
        reference: timeline::Reference,
    ) -> u64 {
        timeline.head += 1;
        let (number, slot) = timeline.slot;
        if number == self.number
            && let Some(chunk) = self.chunks.get_mut(slot)
            && (chunk.references.len() as u64) < timeline::CHUNK
        {
            chunk.references.push(reference);
            chunk.last = timeline.head;
        } else {
            timeline.slot = (self.number, self.chunks.len());
            let references = vec![reference];
            self.chunks.push(Chunk {
                tenant,
                user,
                last: timeline.head,
                references,
            });
        }
        timeline.head
    }

    /// Number of this batch, for slots of timelines that were just loaded.
    pub(super) const fn before(&self) -> (u64, usize) {
        (self.number.wrapping_sub(1), 0)
    }

    /// Writes what was collected; after this the batch is complete.
    pub(super) fn seal(&mut self, now_ms: u64) {
        for chunk in self.chunks.drain(..) {
            let key = keys::timeline(chunk.tenant, chunk.user, chunk.last);
            self.batch.put_with(Space::Timeline, &key, |out| {
                timeline::encode(out, &chunk.references);
            });
        }
        for ((tenant, user, conversation), row) in self.marks.take_rows() {
            let key = keys::mark(tenant, user, conversation);
            self.batch.put(Space::State, &key, &state::encode(&row));
        }
        for (tenant, tails) in std::mem::take(&mut self.expiring) {
            for list in tails.chunks(EXPIRY_LIST) {
                let Some(first) = list.first() else { continue };
                let mut record = Vec::with_capacity(1 + list.len() * ActKey::TAIL);
                list.iter()
                    .for_each(|tail| act::put_expiring(&mut record, tail));
                self.batch.put(
                    Space::Expiry,
                    &keys::act_expiry(tenant, now_ms, first),
                    &record,
                );
            }
        }
    }

    /// Forgets the batch, which is committed, and returns the answers.
    pub(super) fn committed(&mut self) -> Vec<Answer> {
        self.number = self.number.wrapping_add(1);
        self.batch.clear(KEPT);
        self.state.clear();
        self.logs.clear();
        self.indexed = 0;
        self.acts.clear();
        self.commits.clear();
        self.marks.notes.clear();
        self.logged_out.clear();
        std::mem::take(&mut self.answers)
    }

    /// Whether neither the disk nor anybody waits for this batch.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
            && self.answers.is_empty()
            && self.chunks.is_empty()
            && self.marks.is_empty()
    }

    /// Octets collected so far.
    pub(super) fn octets(&self) -> usize {
        self.batch.octets()
    }
}
