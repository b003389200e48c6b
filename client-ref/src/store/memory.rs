//! A store that forgets everything at the end: for tests and short-lived tools.

mod backlog;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::payload::is_modifier;

use super::epochs::Epochs;
use super::{
    Applied, Arrival, ArrivalOutcome, Batch, ConversationRecord, Cursor, Identity, Loaded,
    MarkRecord, Message, Modifier, OutboxItem, ResumeCredential, Store, StoreError, Target,
    UserRecord,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    identity: Option<Identity>,
    cursor: Cursor,
    resume: Option<ResumeCredential>,
    messages: BTreeMap<(ConversationId, u64), Held>,
    epochs: BTreeMap<ConversationId, Epochs>,
    /// By message, then by their own number.
    modifiers: BTreeMap<(ConversationId, u64, u64), Modifier>,
    outbox: BTreeMap<u64, OutboxItem>,
    places: BTreeMap<ClientMsgId, u64>,
    next_position: u64,
    checkpoints: BTreeMap<String, u64>,
    conversations: BTreeMap<ConversationId, ConversationRecord>,
    /// Through which number backlogs reach.
    behind: BTreeMap<ConversationId, u64>,
    users: BTreeMap<UserId, UserRecord>,
    marks: BTreeMap<(ConversationId, UserId), MarkRecord>,
}

#[derive(Debug)]
struct Held {
    message: Message,
    /// The application has seen it.
    shown: bool,
    hollow: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, mut item: OutboxItem) -> u64 {
        if let Some(position) = self.places.get(&item.client_msg_id) {
            return *position;
        }
        self.next_position += 1;
        item.position = self.next_position;
        self.places.insert(item.client_msg_id, item.position);
        self.outbox.insert(item.position, item);
        self.next_position
    }

    fn cut(&mut self, conversation: ConversationId, from: u64, below: u64, applied: &mut Applied) {
        let epochs = self.epochs.entry(conversation).or_default();
        if !epochs.may_hold(from, below) {
            return;
        }
        epochs.cut(from, below);
        self.modifiers.retain(|(id, _, seq), modifier| {
            *id != conversation || *seq < from || modifier.log_epoch >= below
        });
        let device = self.identity.as_ref().map(|identity| identity.device);
        let peer = self
            .conversations
            .get(&conversation)
            .and_then(|record| record.peer);
        let doomed: Vec<u64> = self
            .messages
            .range((conversation, from)..=(conversation, u64::MAX))
            .filter(|(_, held)| held.message.log_epoch < below)
            .map(|((_, seq), _)| *seq)
            .collect();
        for seq in doomed {
            let Some(held) = self.messages.remove(&(conversation, seq)) else {
                continue;
            };
            if let Some(mut item) = held.message.into_retry(device, peer, held.hollow) {
                item.position = self.enqueue(item.clone());
                applied.requeued.push(item);
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival, applied: &mut Applied) -> ArrivalOutcome {
        let Arrival {
            mut message,
            echo,
            presented,
        } = arrival;
        let key = (message.conversation, message.conv_seq);
        self.cut(key.0, key.1, message.log_epoch, applied);
        if let Some(held) = self.messages.get_mut(&key) {
            if held.message.log_epoch != message.log_epoch {
                return ArrivalOutcome::Duplicate;
            }
            if message.tombstone && !held.message.tombstone {
                held.message.erase();
                held.hollow = false;
            } else if held.hollow && !echo {
                held.message.body = message.body;
                held.message.fallback_text = message.fallback_text;
                held.hollow = false;
                held.shown = true;
                let mut whole = held.message.clone();
                self.settle(&mut whole);
                if let Some(held) = self.messages.get_mut(&key) {
                    held.message = whole.clone();
                }
                return ArrivalOutcome::New(whole);
            }
            if !presented || held.shown || held.hollow {
                return ArrivalOutcome::Duplicate;
            }
            held.shown = true;
            if message.user_seq != 0 {
                held.message.user_seq = message.user_seq;
            }
            return ArrivalOutcome::New(held.message.clone());
        }
        let body = message
            .client_msg_id
            .and_then(|id| self.places.get(&id))
            .and_then(|position| self.outbox.get(position))
            .map(|item| (item.body.clone(), item.fallback_text.clone()));
        // What was taken back has no body, whoever still has it.
        let echo = echo && !message.tombstone;
        let hollow = echo && body.is_none();
        if echo {
            (message.body, message.fallback_text) = body.unwrap_or_default();
        }
        if self.insert(&mut message, presented, hollow) {
            ArrivalOutcome::Hollow(key.0, key.1)
        } else {
            ArrivalOutcome::New(message)
        }
    }

    /// Returns whether its body is missing; an entry is shown when it is whole.
    fn insert(&mut self, message: &mut Message, presented: bool, hollow: bool) -> bool {
        let epochs = self.epochs.entry(message.conversation).or_default();
        epochs.note(message.log_epoch, message.conv_seq);
        let recalled = self.settle(message);
        let hollow = hollow && !recalled;
        let held = Held {
            message: message.clone(),
            shown: presented && !hollow,
            hollow,
        };
        let key = (message.conversation, message.conv_seq);
        self.messages.insert(key, held);
        hollow
    }

    /// Applies what is known about an entry that is about to be stored, and takes over what it
    /// does to others. Returns whether it was recalled.
    // impl[EIM-OPS-020, EIM-OPS-021]
    fn settle(&mut self, message: &mut Message) -> bool {
        let modifier = Modifier::of(message);
        let target = match &modifier {
            Some(modifier) if modifier.edits() => modifier.target,
            _ => message.conv_seq,
        };
        if !message.tombstone && self.recalled(message.conversation, target) {
            message.erase();
            return true;
        }
        if let Some(modifier) = modifier {
            self.modify(modifier);
        }
        false
    }

    fn recalled(&self, conversation: ConversationId, target: u64) -> bool {
        let (first, last) = ((conversation, target, 0), (conversation, target, u64::MAX));
        self.modifiers
            .range(first..=last)
            .any(|(_, modifier)| modifier.recalls())
    }

    fn modify(&mut self, modifier: Modifier) {
        let (conversation, target) = (modifier.conversation, modifier.target);
        let recalls = modifier.recalls();
        let key = (conversation, target, modifier.conv_seq);
        self.modifiers.insert(key, modifier);
        if !recalls {
            return;
        }
        let (first, last) = ((conversation, target, 0), (conversation, target, u64::MAX));
        let edits: Vec<u64> = self
            .modifiers
            .range(first..=last)
            .filter(|(_, modifier)| modifier.edits())
            .map(|((_, _, seq), _)| *seq)
            .collect();
        for seq in &edits {
            self.modifiers.remove(&(conversation, target, *seq));
        }
        for seq in edits.into_iter().chain([target]) {
            if let Some(held) = self.messages.get_mut(&(conversation, seq)) {
                held.message.erase();
                held.hollow = false;
            }
        }
    }

    /// Takes over what a state in history told of, unless the entries said it already.
    // impl[EIM-OPS-035]
    fn learn(&mut self, modifier: Modifier) {
        let key = (modifier.conversation, modifier.target, modifier.conv_seq);
        let recalled = self.recalled(modifier.conversation, modifier.target);
        if self.modifiers.contains_key(&key) || modifier.edits() && recalled {
            return;
        }
        let epochs = self.epochs.entry(modifier.conversation).or_default();
        epochs.note(modifier.log_epoch, modifier.conv_seq);
        self.modify(modifier);
    }

    fn truncate(&mut self, cuts: &[(ConversationId, u64)], others: bool, applied: &mut Applied) {
        if others {
            let listed: BTreeSet<_> = cuts.iter().map(|(listed, _)| *listed).collect();
            let held: BTreeSet<_> = self.messages.keys().map(|(id, _)| *id).collect();
            for conversation in held.difference(&listed) {
                self.cut(*conversation, 1, u64::MAX, applied);
            }
        }
        for (conversation, beyond) in cuts {
            self.cut(*conversation, beyond.saturating_add(1), u64::MAX, applied);
        }
        self.lower_backlogs(cuts, others);
    }

    fn apply(&mut self, batch: Batch) -> Applied {
        let mut applied = Applied::default();
        if let Some(identity) = batch.identity {
            self.identity = Some(identity);
        }
        self.truncate(&batch.truncate, batch.truncate_others, &mut applied);
        applied.positions = batch
            .outbox
            .into_iter()
            .map(|item| self.enqueue(item))
            .collect();
        for (id, time) in batch.attempted {
            if let Some(item) = self.places.get(&id).and_then(|at| self.outbox.get_mut(at)) {
                item.first_sent_at_ms = time;
            }
        }
        for arrival in batch.arrivals {
            let outcome = self.arrive(arrival, &mut applied);
            applied.arrivals.push(outcome);
        }
        for modifier in batch.modifiers {
            self.learn(modifier);
        }
        for settlement in batch.settlements {
            if let Some(mut message) = settlement.message {
                let key = (message.conversation, message.conv_seq);
                self.cut(key.0, key.1, message.log_epoch, &mut applied);
                if !self.messages.contains_key(&key) {
                    self.insert(&mut message, false, false);
                }
            }
            if let Some(position) = self.places.remove(&settlement.client_msg_id) {
                self.outbox.remove(&position);
            }
        }
        self.checkpoints.extend(
            batch
                .checkpoints
                .into_iter()
                .map(|at| (at.source, at.place)),
        );
        self.heard(batch.conversations, batch.completed);
        self.users
            .extend(batch.users.into_iter().map(|user| (user.user, user)));
        for mark in batch.marks {
            let known = self.marks.entry((mark.conversation, mark.user));
            known.and_modify(|known| known.merge(&mark)).or_insert(mark);
        }
        if let Some(change) = batch.cursor {
            self.cursor = change.over(self.cursor);
            applied.cursor = Some(self.cursor);
        }
        if let Some(resume) = batch.resume {
            self.resume = resume;
        }
        applied
    }
}

impl Message {
    /// What this device sends again when the entry is gone from the log; `None` when another
    /// device sent it or its body is not here.
    pub(super) fn into_retry(
        self,
        device: Option<eim_codec::id::DeviceId>,
        peer: Option<UserId>,
        hollow: bool,
    ) -> Option<OutboxItem> {
        let own = device.is_some() && self.sender_device == device;
        let repeats = own && !hollow && !self.tombstone && !is_modifier(self.frame_type);
        repeats.then_some(())?;
        Some(OutboxItem {
            position: 0,
            client_msg_id: self.client_msg_id?,
            // A direct conversation that is gone altogether is opened again.
            target: peer.map_or(Target::Conversation(self.conversation), Target::User),
            frame_type: self.frame_type,
            body: self.body,
            fallback_text: self.fallback_text,
            first_sent_at_ms: self.time_ms,
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, _adopt: bool) -> Result<Loaded, StoreError> {
        let state = self.state();
        Ok(Loaded {
            identity: state.identity.clone(),
            cursor: state.cursor,
            resume: state.resume.clone(),
            outbox: state.outbox.values().cloned().collect(),
            hollow: state
                .messages
                .iter()
                .filter(|(_, held)| held.hollow)
                .map(|(key, _)| *key)
                .collect(),
        })
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        Ok(self.state().apply(batch))
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        Ok(self.state().resume.clone())
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        Ok(self.state().conversations.values().cloned().collect())
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        let mut all: Vec<_> = self.state().messages.keys().map(|(id, _)| *id).collect();
        all.dedup();
        Ok(all)
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        if first > last {
            return Ok(Vec::new());
        }
        Ok(self
            .state()
            .messages
            .range((conversation, first)..=(conversation, last))
            .take(limit)
            .map(|(_, held)| held.message.clone())
            .collect())
    }

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        if first > last {
            return Ok(Vec::new());
        }
        let range = (conversation, first, 0)..=(conversation, last, u64::MAX);
        let state = self.state();
        let found = state.modifiers.range(range).map(|(_, it)| it.clone());
        Ok(found.collect())
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let mut newest: Vec<Message> = self
            .state()
            .messages
            .range((conversation, 0)..=(conversation, u64::MAX))
            .rev()
            .take(limit)
            .map(|(_, held)| held.message.clone())
            .collect();
        newest.reverse();
        Ok(newest)
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        let mut holes = Vec::new();
        let mut next = first;
        if first > last {
            return Ok(holes);
        }
        for (_, seq) in self
            .state()
            .messages
            .range((conversation, first)..=(conversation, last))
            .map(|(k, _)| k)
        {
            if *seq > next {
                holes.push((next, *seq - 1));
            }
            next = seq.saturating_add(1);
        }
        if next <= last {
            holes.push((next, last));
        }
        holes.truncate(limit);
        Ok(holes)
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.state().checkpoints.get(source).copied())
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        Ok(self
            .state()
            .users
            .values()
            .find(|user| user.name == name)
            .cloned())
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.state().users.get(&user).cloned())
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        Ok(self.state().marks.values().copied().collect())
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        Ok(self.state().outbox.len())
    }
}
