//! What is durable on the devices, batch by batch, by a naive reading of what a client must store.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::store::{Applied, Backlog, Batch, Cursor, CursorChange, Message, OutboxItem};
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::payload::Act;
use eim_codec::registry::FrameType;
use eim_server::store::Entry;

use super::operated::{erase, operation};
use super::server::Place;
use crate::plan::DeviceNumber;

/// All devices.
#[derive(Debug, Default)]
pub struct Devices(pub BTreeMap<DeviceNumber, Held>);

/// What one device holds.
#[derive(Debug, Default)]
pub struct Held {
    /// Entries.
    pub messages: BTreeMap<Place, Message>,
    /// Its cursor.
    pub cursor: Cursor,
    /// How far its entries have reached in each epoch. A second program that begins from an
    /// older cursor takes nothing away.
    pub reached: BTreeMap<u64, u64>,
    /// Unsettled messages, by position.
    pub outbox: BTreeMap<u64, OutboxItem>,
    /// Position of every message that was ever in the outbox.
    pub positions: BTreeMap<ClientMsgId, u64>,
    /// Messages that went back into the outbox because a new epoch took them.
    pub requeued: BTreeSet<ClientMsgId>,
    /// Ends of messages, in order: `None` for refused ones.
    pub settled: BTreeMap<ClientMsgId, Vec<Option<Place>>>,
    /// Conversations of which something is left to be read, and through which number.
    pub behind: BTreeMap<ConversationId, u64>,
    /// How far users have read, as far as the device knows.
    pub read: BTreeMap<(ConversationId, UserId), u64>,
    /// The cursor once jumped over numbers: a snapshot was taken.
    pub snapshots: u32,
    /// Messages that were taken back, with the number of the RECALL.
    pub recalled: BTreeMap<Place, u64>,
}

/// What a batch changed.
#[derive(Clone, Debug, Default)]
pub struct DeviceChange {
    /// New or replaced entries, in order.
    pub stored: Vec<Message>,
    /// Entries that a new epoch took away.
    pub taken: Vec<Message>,
    /// Ends of messages that are new: `None` for refused ones.
    pub settled: Vec<(ClientMsgId, Option<Place>)>,
    /// Messages that are durable in the outbox now.
    pub queued: Vec<ClientMsgId>,
    /// What became of the cursor.
    pub cursor: Option<CursorStep>,
}

/// What a batch did to the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorStep {
    /// The cursor before.
    pub before: Cursor,
    /// The cursor after.
    pub after: Cursor,
    /// The device began anew on purpose.
    pub reset: bool,
}

impl Devices {
    /// What a device holds.
    #[must_use]
    pub fn get(&self, device: DeviceNumber) -> Option<&Held> {
        self.0.get(&device)
    }

    /// Takes over a batch.
    pub fn apply(
        &mut self,
        device: DeviceNumber,
        batch: &Batch,
        applied: &Applied,
    ) -> DeviceChange {
        self.0.entry(device).or_default().apply(batch, applied)
    }
}

impl Held {
    fn apply(&mut self, batch: &Batch, applied: &Applied) -> DeviceChange {
        let mut change = DeviceChange::default();
        self.truncate(batch, &mut change);
        for (item, position) in batch.outbox.iter().zip(&applied.positions) {
            change.queued.push(item.client_msg_id);
            self.enqueue(item, *position);
        }
        for (id, time) in &batch.attempted {
            let position = self.positions.get(id);
            if let Some(item) = position.and_then(|at| self.outbox.get_mut(at)) {
                item.first_sent_at_ms = *time;
            }
        }
        for arrival in &batch.arrivals {
            self.store(&arrival.message, arrival.echo, &mut change);
        }
        for modifier in batch.modifiers.iter().filter(|it| it.recalls()) {
            let place = (modifier.conversation, modifier.target);
            self.recall(place, modifier.conv_seq);
        }
        for settlement in &batch.settlements {
            let id = settlement.client_msg_id;
            let mut place = settlement.message.as_ref().map(|message| {
                self.store(message, false, &mut change);
                (message.conversation, message.conv_seq)
            });
            // Settled by its entry, which stands for the result.
            let entry = batch.arrivals.iter().map(|arrival| &arrival.message);
            let mut entry = entry.filter(|message| message.client_msg_id == Some(id));
            place = place.or_else(|| {
                let message = entry.next()?;
                Some((message.conversation, message.conv_seq))
            });
            if let Some(position) = self.positions.get(&id)
                && self.outbox.remove(position).is_some()
            {
                self.settled.entry(id).or_default().push(place);
                change.settled.push((id, place));
            }
        }
        for mark in &batch.marks {
            let read = self.read.entry((mark.conversation, mark.user)).or_default();
            *read = (*read).max(mark.read);
        }
        for item in &applied.requeued {
            self.requeued.insert(item.client_msg_id);
            self.enqueue(item, item.position);
        }
        for record in &batch.conversations {
            if record.backlog > Backlog::None {
                let through = self.behind.entry(record.conversation).or_default();
                *through = record.conv_seq.max(*through);
            }
        }
        for (conversation, through) in &batch.completed {
            let last = self.behind.get(conversation);
            if last.is_some_and(|last| last <= through) {
                self.behind.remove(conversation);
            }
        }
        if let Some(wanted) = batch.cursor {
            // Whether it may leave the cursor where it was is judged elsewhere.
            let after = applied.cursor.unwrap_or_else(|| wanted.wanted());
            change.cursor = Some(CursorStep {
                before: self.cursor,
                after,
                reset: matches!(wanted, CursorChange::Reset(_)),
            });
            let reached = self.reached.entry(after.log_epoch).or_insert(0);
            *reached = after.user_seq.max(*reached);
            self.cursor = after;
        }
        change
    }

    fn enqueue(&mut self, item: &OutboxItem, position: u64) {
        self.positions.insert(item.client_msg_id, position);
        let item = OutboxItem {
            position,
            ..item.clone()
        };
        self.outbox.insert(position, item);
    }

    fn truncate(&mut self, batch: &Batch, change: &mut DeviceChange) {
        if batch.truncate.is_empty() && !batch.truncate_others {
            return;
        }
        let cuts: BTreeMap<_, _> = batch.truncate.iter().copied().collect();
        for (conversation, through) in &mut self.behind {
            match cuts.get(conversation) {
                Some(last) => *through = (*through).min(*last),
                None if batch.truncate_others => *through = 0,
                None => {}
            }
        }
        let doomed: Vec<Place> = self
            .messages
            .keys()
            .filter(|(conversation, number)| match cuts.get(conversation) {
                Some(last) => number > last,
                None => batch.truncate_others,
            })
            .copied()
            .collect();
        self.take(doomed, change);
    }

    fn take(&mut self, doomed: Vec<Place>, change: &mut DeviceChange) {
        for place in doomed {
            change.taken.extend(self.messages.remove(&place));
            self.recalled
                .retain(|(conversation, _), number| (*conversation, *number) != place);
        }
    }

    // Entries of an older epoch end where one of a newer epoch begins.
    fn store(&mut self, message: &Message, echo: bool, change: &mut DeviceChange) {
        let place = (message.conversation, message.conv_seq);
        let doomed: Vec<Place> = self
            .messages
            .range(place..=(place.0, u64::MAX))
            .filter(|(_, held)| held.log_epoch < message.log_epoch)
            .map(|(place, _)| *place)
            .collect();
        self.take(doomed, change);
        let mut message = message.clone();
        if let Some((body, fallback_text)) = self.body_of(&message, echo) {
            (message.body, message.fallback_text) = (body, fallback_text);
        }
        let operation = operation(message.frame_type, &message.body);
        let target = match &operation {
            Some(edit) if edit.act == Act::Edit => edit.target,
            _ => message.conv_seq,
        };
        if self.recalled.contains_key(&(message.conversation, target)) {
            erase(&mut message);
        }
        if let Some(recall) = operation.filter(|it| it.act == Act::Recall) {
            let by = message.conv_seq;
            self.recall((message.conversation, recall.target), by);
        }
        let Some(held) = self.messages.get_mut(&place) else {
            change.stored.push(message.clone());
            self.messages.insert(place, message);
            return;
        };
        if held.log_epoch != message.log_epoch {
            return;
        }
        if held.user_seq == 0 {
            held.user_seq = message.user_seq;
        }
        if message.tombstone {
            held.tombstone = true;
            held.body = bytes::Bytes::new();
            held.fallback_text = String::new();
        } else if held.body.is_empty() && !echo {
            held.body.clone_from(&message.body);
            held.fallback_text.clone_from(&message.fallback_text);
        }
    }

    /// Nothing is left of a message that was taken back, nor of the EDITs of it.
    fn recall(&mut self, place: Place, by: u64) {
        self.recalled.insert(place, by);
        let (conversation, target) = place;
        for (at, held) in self.messages.range_mut((conversation, target)..) {
            if at.0 != conversation {
                break;
            }
            let edits = held.frame_type == FrameType::EDIT
                && operation(held.frame_type, &held.body).is_some_and(|it| it.target == target);
            if at.1 == target || edits {
                erase(held);
            }
        }
    }

    /// An echo has no body: the outbox has it, or it comes later.
    fn body_of(&self, message: &Message, echo: bool) -> Option<(bytes::Bytes, String)> {
        let echo = echo && !message.tombstone;
        let id = message.client_msg_id.filter(|_| echo)?;
        let item = self.outbox.get(self.positions.get(&id)?)?;
        Some((item.body.clone(), item.fallback_text.clone()))
    }
}

/// In what a stored entry differs from that of the log; `None` when it does not. The place is not
/// compared.
#[must_use]
pub fn same_entry(message: &Message, entry: &Entry) -> Option<&'static str> {
    let fields = [
        ("epoch", message.log_epoch == entry.log_epoch),
        ("type", message.frame_type == entry.frame_type),
        ("sender", message.sender == entry.sender),
        (
            "sender device",
            message.sender_device == entry.sender_device,
        ),
        ("key", message.client_msg_id == entry.client_msg_id),
        ("time", message.time_ms == entry.time_ms),
        ("tombstone", message.tombstone == entry.tombstone),
        (
            "fallback text",
            message.fallback_text == entry.fallback_text,
        ),
        ("body", message.body == entry.body),
    ];
    fields.iter().find(|(_, same)| !same).map(|(name, _)| *name)
}
