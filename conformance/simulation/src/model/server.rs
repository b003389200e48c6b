//! What is durable at the server, batch by batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eim_codec::id::{BlobId, ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::FrameType;
use eim_server::store::Entry;
use eim_server::store::kv::inspect::{Name, Record};

use super::contacts::{Lists, News};
use super::conversation::{Conversation, Effect};
use super::files::{BlobRow, Files};
pub use super::rows::{Place2, Rows};

/// Conversation and number of an entry.
pub type Place = (ConversationId, u64);

/// What is durable at the server.
#[derive(Debug, Default)]
pub struct Server {
    /// All users that exist.
    pub users: BTreeSet<UserId>,
    /// Epoch of all logs and timelines; 0 before the store was made.
    pub log_epoch: u64,
    /// Logs, and what follows from them.
    pub conversations: BTreeMap<ConversationId, Conversation>,
    /// Timelines, by number.
    pub timelines: BTreeMap<UserId, BTreeMap<u64, Place>>,
    /// Highest number removed from each timeline.
    pub floors: BTreeMap<UserId, u64>,
    /// Where each entry with a key is, newest first where there are several.
    pub places: BTreeMap<(UserId, ClientMsgId), Vec<Place>>,
    /// Idempotency keys of messages.
    pub keys: BTreeMap<(UserId, ClientMsgId), Outcome>,
    /// Idempotency keys of requests.
    pub requests: BTreeMap<(UserId, [u8; 16]), Outcome>,
    /// Cursors: epoch and number.
    pub cursors: BTreeMap<(UserId, DeviceId), (u64, u64)>,
    /// Generations of connections.
    pub generations: BTreeMap<(UserId, DeviceId), u64>,
    /// Lists of contacts, as the personal logs describe them.
    pub contacts: Lists,
    /// When devices logged in last, by the clock of the server.
    pub logged_in: BTreeMap<(UserId, DeviceId), u64>,
    /// Devices that are logged out.
    pub logged_out: BTreeSet<(UserId, DeviceId)>,
    /// Marks: read, countable entries through it, delivered.
    pub marks: BTreeMap<Place2, (u64, u64, u64)>,
    /// Conversations to which users want to come back.
    pub flags: BTreeSet<Place2>,
    /// Rows beside the logs.
    pub rows: Rows,
    /// Files.
    pub files: Files,
}

/// First outcome of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it went; number 0 for a request that changed nothing.
    pub place: Place,
    /// Commit time in Unix milliseconds.
    pub time_ms: u64,
    /// Number in the timeline of the user.
    pub user_seq: u64,
}

/// A new entry and what it does.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Number that was due.
    pub due: u64,
    /// The entry before it, if any.
    pub before: Option<Arc<Entry>>,
    /// What it does.
    pub effect: Effect,
}

/// Whose cursor moved, from which (log_epoch, user_seq) to which.
pub type CursorMove = (UserId, DeviceId, (u64, u64), (u64, u64));

/// Whose marks changed, from which (read, countable, delivered) to which.
pub type MarkMove = (Place2, (u64, u64, u64), (u64, u64, u64));

/// What a batch changed.
#[derive(Clone, Debug, Default)]
pub struct ServerChange {
    /// New entries, in order within each conversation.
    pub entries: Vec<Appended>,
    /// Entries written over: before and after.
    pub rewritten: Vec<(Arc<Entry>, Arc<Entry>)>,
    /// Entries removed.
    pub removed: Vec<Place>,
    /// New references: user, number, the number that was due, place.
    pub references: Vec<(UserId, u64, u64, Place)>,
    /// References that are gone or changed: user, number, before, after.
    pub moved: Vec<(UserId, u64, Place, Option<Place>)>,
    /// New idempotency keys of messages.
    pub keys: Vec<(UserId, ClientMsgId, Outcome)>,
    /// New idempotency keys of requests.
    pub requests: Vec<(UserId, [u8; 16], Outcome)>,
    /// Idempotency keys written over with another outcome, in words.
    pub changed_keys: Vec<String>,
    /// Cursors that moved: before, after.
    pub cursors: Vec<CursorMove>,
    /// Devices that were logged out.
    pub put_out: Vec<(UserId, DeviceId)>,
    /// Marks that were written: whose, before, after.
    pub marks: Vec<MarkMove>,
    /// Flags that were set or cleared.
    pub flags: Vec<(Place2, bool)>,
    /// Profiles that were written: whose, version before and after.
    pub profiles: Vec<(UserId, u64, u64)>,
    /// Files that were written: which, before and after.
    pub files: Vec<(BlobId, Option<BlobRow>, Option<BlobRow>)>,
    /// Conversations whose rows or logs changed.
    pub touched: BTreeSet<ConversationId>,
    /// The epoch before and after.
    pub epoch: Option<(u64, u64)>,
}

impl Server {
    /// An entry of a log.
    #[must_use]
    pub fn entry(&self, (conversation, conv_seq): Place) -> Option<&Arc<Entry>> {
        self.conversations.get(&conversation)?.entry(conv_seq)
    }

    /// An entry as it was when it was written; `None` if nobody ever saw it so.
    #[must_use]
    pub fn original(&self, (conversation, conv_seq): Place) -> Option<&Arc<Entry>> {
        self.conversations.get(&conversation)?.original(conv_seq)
    }

    /// Last number of a timeline, removed ones included.
    #[must_use]
    pub fn head(&self, user: UserId) -> u64 {
        let timeline = self.timelines.get(&user);
        let last = timeline.and_then(|timeline| timeline.last_key_value());
        let floor = self.floors.get(&user).copied().unwrap_or(0);
        last.map_or(floor, |(number, _)| (*number).max(floor))
    }

    /// Takes over a batch. Entries and references come in the order of their numbers, whatever the
    /// order of the writes: a batch is durable as a whole.
    pub fn apply(&mut self, mut batch: Vec<(Name, Option<Record>)>) -> ServerChange {
        batch.sort_by_key(|(name, _)| *name);
        let mut change = ServerChange::default();
        for (name, record) in batch {
            match name {
                Name::Entry(conversation, conv_seq) => {
                    self.log((conversation, conv_seq), record, &mut change);
                }
                Name::Chunk(user, last) => self.timeline(user, last, record, &mut change),
                Name::Message(user, id) => self.key(user, id.into(), record, &mut change),
                Name::Request(user, id) => self.request(user, id, record, &mut change),
                Name::Blob(blob) => {
                    let (before, after) = self.files.write(blob, record);
                    // Written more than once in a batch, it is what it was last.
                    match change.files.last_mut().filter(|last| last.0 == blob) {
                        Some(last) => last.2 = after,
                        None => change.files.push((blob, before, after)),
                    }
                }
                _ => self.state(name, record, &mut change),
            }
        }
        self.files.log(&change);
        change
    }

    fn log(&mut self, place: Place, record: Option<Record>, change: &mut ServerChange) {
        change.touched.insert(place.0);
        let Some(Record::Entry(entry)) = record else {
            change.removed.push(place);
            return;
        };
        let entry: Arc<Entry> = Arc::from(entry);
        let conversation = self.conversations.entry(place.0).or_default();
        if let Some(before) = conversation.entry(place.1) {
            // What a recovery finds again is no change.
            if **before != *entry {
                let before = Arc::clone(before);
                conversation.rewrite(&before, &entry);
                change.rewritten.push((before, entry));
            }
            return;
        }
        if let (Some(sender), Some(id)) = (entry.sender, entry.client_msg_id) {
            self.places.entry((sender, id)).or_default().push(place);
        }
        let due = conversation.head() + 1;
        let before = conversation.entries.last().cloned();
        let mut effect = conversation.append(&entry, &self.users);
        if let (FrameType::CONTACT, Some(owner)) =
            (entry.frame_type, conversation.members.keys().next())
        {
            let news = News::of(&entry);
            let broken = match news {
                Some(news) => news.apply(&mut self.contacts, *owner),
                None => Some("CONTACT without a body".to_owned()),
            };
            effect.broken.extend(broken);
        }
        change.entries.push(Appended {
            entry,
            due,
            before,
            effect,
        });
    }

    fn timeline(
        &mut self,
        user: UserId,
        last: u64,
        record: Option<Record>,
        change: &mut ServerChange,
    ) {
        let head = self.head(user);
        let timeline = self.timelines.entry(user).or_default();
        let Some(Record::Chunk(references)) = record else {
            // The key names the last number; what is below went with it or before.
            let keep = timeline.split_off(&(last + 1));
            for (number, place) in std::mem::replace(timeline, keep) {
                change.moved.push((user, number, place, None));
            }
            return;
        };
        let mut due = head + 1;
        for (number, conversation, conv_seq) in references {
            let place = (conversation, conv_seq);
            match timeline.insert(number, place) {
                None => {
                    change.references.push((user, number, due, place));
                    due = number + 1;
                }
                Some(before) if before != place => {
                    change.moved.push((user, number, before, Some(place)));
                }
                Some(_) => {}
            }
        }
    }

    fn key(
        &mut self,
        user: UserId,
        id: ClientMsgId,
        record: Option<Record>,
        change: &mut ServerChange,
    ) {
        let Some(outcome) = outcome(record) else {
            self.keys.remove(&(user, id));
            return;
        };
        match self.keys.insert((user, id), outcome) {
            Some(before) if before != outcome => {
                let words = format!("message {id} of {user}: {before:?}, then {outcome:?}");
                change.changed_keys.push(words);
            }
            Some(_) => {}
            None => change.keys.push((user, id, outcome)),
        }
    }

    fn request(
        &mut self,
        user: UserId,
        id: [u8; 16],
        record: Option<Record>,
        change: &mut ServerChange,
    ) {
        let Some(outcome) = outcome(record) else {
            self.requests.remove(&(user, id));
            return;
        };
        match self.requests.insert((user, id), outcome) {
            Some(before) if before != outcome => {
                let words = format!("request {id:02x?} of {user}: {before:?}, then {outcome:?}");
                change.changed_keys.push(words);
            }
            Some(_) => {}
            None => change.requests.push((user, id, outcome)),
        }
    }

    fn state(&mut self, name: Name, record: Option<Record>, change: &mut ServerChange) {
        match (name, record) {
            (
                Name::Cursor(user, device),
                Some(Record::Cursor {
                    log_epoch,
                    user_seq,
                }),
            ) => {
                let after = (log_epoch, user_seq);
                let before = self
                    .cursors
                    .insert((user, device), after)
                    .unwrap_or_default();
                change.cursors.push((user, device, before, after));
            }
            (Name::Mark(user, conversation), Some(record)) => {
                self.mark((conversation, user), &record, change);
            }
            (Name::Device(user, device), record) => self.device((user, device), record, change),
            (Name::Floor(user), Some(Record::Floor(floor))) => {
                self.floors.insert(user, floor);
            }
            (Name::Meta, Some(Record::Meta { log_epoch })) => {
                change.epoch = Some((self.log_epoch, log_epoch));
                self.log_epoch = log_epoch;
            }
            (Name::User(user), Some(_)) => {
                self.users.insert(user);
            }
            (name, record) => self.rows.apply(name, record, change),
        }
    }

    fn mark(&mut self, key: Place2, record: &Record, change: &mut ServerChange) {
        let Record::Mark {
            read,
            countable,
            delivered,
            marked_unread,
            ..
        } = *record
        else {
            return;
        };
        let after = (read, countable, delivered);
        let before = self.marks.insert(key, after).unwrap_or_default();
        change.marks.push((key, before, after));
        let changed = if marked_unread {
            self.flags.insert(key)
        } else {
            self.flags.remove(&key)
        };
        if changed {
            change.flags.push((key, marked_unread));
        }
    }

    fn device(
        &mut self,
        key: (UserId, DeviceId),
        record: Option<Record>,
        change: &mut ServerChange,
    ) {
        match record {
            Some(Record::Device {
                generation,
                logged_out,
                logged_in_ms,
            }) => {
                self.logged_in.insert(key, logged_in_ms);
                self.generations.insert(key, generation);
                if !logged_out {
                    self.logged_out.remove(&key);
                } else if self.logged_out.insert(key) {
                    change.put_out.push(key);
                }
            }
            None => {
                self.generations.remove(&key);
                self.logged_out.remove(&key);
            }
            Some(_) => {}
        }
    }
}

fn outcome(record: Option<Record>) -> Option<Outcome> {
    match record {
        Some(Record::Outcome {
            conversation,
            conv_seq,
            time_ms,
            user_seq,
        }) => Some(Outcome {
            place: (conversation, conv_seq),
            time_ms,
            user_seq,
        }),
        _ => None,
    }
}
