//! `--history`: what this process saw, for the history checker of the conformance suite, which says
//! what became of the messages. The form is written down in `conformance/history.md`.
//!
//! Messages asked for are written down before they are in the outbox, entries when they are in the
//! store, results when they are settled: whoever is killed in between leaves no more behind than
//! what happened.

mod form;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use eim_client::environment::{Environment, Ticks};
use eim_client::options::Options;
use eim_client::store::{
    Applied, ArrivalOutcome, Batch, ConversationRecord, Loaded, MarkRecord, Message, Modifier,
    OutboxItem, ResumeCredential, Store, StoreError, Target, UserRecord,
};
use eim_client::{Settled, body_digest};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::FanOut;
use eim_codec::registry::FrameType;
use serde::Serialize;

use self::form::{Entry, Header, Line, Op};
use crate::exit::Failure;

/// The lines of one process.
#[derive(Clone)]
pub(crate) struct Witness(Arc<Mutex<Lines>>);

struct Lines {
    path: PathBuf,
    file: File,
    ticks: Ticks,
    process: String,
    /// Lines of one batch, written together.
    waiting: Vec<u8>,
}

impl Witness {
    /// Watches a client that is about to start, if a history is wanted.
    pub(crate) async fn attach(
        path: Option<&Path>,
        options: &mut Options,
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let witness = Self::open(path, &*options.store).await?;
        options.store = witness.watch(Arc::clone(&options.store));
        Ok(Some(witness))
    }

    /// Goes on in `path` as a process of the device whose store this is.
    pub(crate) async fn open(path: &Path, store: &dyn Store) -> Result<Self, Failure> {
        let identity = store.load(false).await?.identity;
        let (Some(user), Some(device)) = (
            identity.as_ref().and_then(|identity| identity.user),
            identity.map(|identity| identity.device),
        ) else {
            return Err(Failure::usage(
                "this profile has never logged in: run `eim login`",
            ));
        };
        let environment = Environment::default();
        let file = begin(path).map_err(|error| Failure::file(path, &error))?;
        let unique: String = environment
            .octets::<4>()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let mut lines = Lines {
            path: path.to_owned(),
            file,
            ticks: Ticks::default(),
            process: format!("{device}-{unique}"),
            waiting: Vec::new(),
        };
        let header = Header {
            history: 1,
            writer: concat!("eim ", env!("CARGO_PKG_VERSION")),
            started_us: environment.clock.unix_ms().saturating_mul(1000),
        };
        lines.add_line(&header);
        lines.add(Op::Start {
            user: user.to_string(),
            device: device.to_string(),
            outbox: device.to_string(),
        });
        lines.flush()?;
        Ok(Self(Arc::new(Mutex::new(lines))))
    }

    /// The store, watched.
    fn watch(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Watched {
            large: Mutex::default(),
            store,
            witness: self.clone(),
        })
    }

    /// A message has its result.
    pub(crate) fn settled(&self, settled: &Settled) -> Result<(), Failure> {
        self.write(|lines| {
            let key = settled.item.client_msg_id.to_string();
            lines.add(match &settled.outcome {
                Ok(sent) => Op::Ack {
                    key,
                    conversation: sent.conversation.to_string(),
                    log_epoch: sent.log_epoch,
                    conv_seq: sent.conv_seq,
                },
                Err(refused) => Op::Fail {
                    key,
                    code: refused.code.to_string(),
                },
            });
        })
    }

    /// A part of a reading of all that the device holds of a conversation.
    pub(crate) fn read(
        &self,
        record: &ConversationRecord,
        (from, through): (u64, u64),
        more: bool,
        page: &[Message],
    ) -> Result<(), Failure> {
        self.write(|lines| {
            lines.add(Op::Read {
                conversation: record.conversation.to_string(),
                from,
                through,
                complete: true,
                more,
                visible_through: Some(record.visible_through).filter(|&last| last > 0),
                entries: page.iter().map(Entry::new).collect(),
            });
        })
    }

    /// A person has read this far, and the server knows.
    pub(crate) fn marked(&self, mark: &MarkRecord) -> Result<(), Failure> {
        if mark.read == 0 {
            return Ok(());
        }
        self.write(|lines| {
            lines.add(Op::Mark {
                conversation: mark.conversation.to_string(),
                log_epoch: mark.log_epoch,
                read: mark.read,
            });
        })
    }

    /// What the server says of a conversation of which the user is a member.
    pub(crate) fn unread(
        &self,
        record: &ConversationRecord,
        mark: &MarkRecord,
        unread: u64,
    ) -> Result<(), Failure> {
        self.write(|lines| {
            lines.add(Op::Unread {
                conversation: record.conversation.to_string(),
                log_epoch: mark.log_epoch,
                from: record.visible_from.max(1),
                read: mark.read,
                unread,
            });
        })
    }

    /// The process ends in order.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        self.write(|lines| lines.add(Op::End))
    }

    fn write(&self, add: impl FnOnce(&mut Lines)) -> Result<(), Failure> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut lines);
        lines.flush()
    }
}

/// Opens a history to go on in it. A line that a killed process left torn is ended.
fn begin(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

impl Lines {
    fn add(&mut self, op: Op) {
        let at_us = self.ticks.now().as_micros();
        let process = std::mem::take(&mut self.process);
        self.add_line(&Line {
            at_us,
            process: &process,
            op,
        });
        self.process = process;
    }

    fn add_line(&mut self, line: &impl Serialize) {
        // Names and numbers only: writing them to memory cannot fail.
        let written = serde_json::to_writer(&mut self.waiting, line);
        debug_assert!(written.is_ok(), "{written:?}");
        self.waiting.push(b'\n');
    }

    /// Everything is in the file when this returns, so that a kill takes nothing back.
    fn flush(&mut self) -> Result<(), Failure> {
        let written = self.file.write_all(&self.waiting);
        self.waiting.clear();
        written.map_err(|error| Failure::file(&self.path, &error))
    }
}

/// A store whose changes are written down.
struct Watched {
    store: Arc<dyn Store>,
    witness: Witness,
    /// Conversations that are read from their logs. What the timeline has of them are single
    /// entries, which follow upon nothing.
    large: Mutex<BTreeSet<ConversationId>>,
}

impl Watched {
    fn note_large(&self, records: &[ConversationRecord]) {
        let large = records
            .iter()
            .filter(|record| record.fan_out == FanOut::Read);
        let mut all = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(large.map(|record| record.conversation));
    }

    fn write(&self, add: impl FnOnce(&mut Lines)) -> Result<(), StoreError> {
        let failed = |_| StoreError::Engine("the history cannot be written".to_owned());
        self.witness.write(add).map_err(failed)
    }
}

fn asked(item: &OutboxItem) -> Op {
    let (conversation, to_user) = match item.target {
        Target::Conversation(id) => (Some(id.to_string()), None),
        Target::User(user) => (None, Some(user.to_string())),
    };
    Op::Send {
        key: item.client_msg_id.to_string(),
        conversation,
        to_user,
        frame_type: item.frame_type.0,
        sha256: body_digest(&item.body),
    }
}

#[async_trait]
impl Store for Watched {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.note_large(&self.store.conversations().await?);
        self.store.load(adopt).await
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        if !batch.outbox.is_empty() {
            self.write(|lines| batch.outbox.iter().map(asked).for_each(|op| lines.add(op)))?;
        }
        self.note_large(&batch.conversations);
        let presented: Vec<bool> = batch.arrivals.iter().map(|one| one.presented).collect();
        let applied = self.store.commit(batch).await?;
        let new = presented.iter().zip(&applied.arrivals);
        let new = new.filter_map(|(presented, outcome)| match outcome {
            ArrivalOutcome::New(message) if *presented => Some(message),
            _ => None,
        });
        let new: Vec<&Message> = new.collect();
        if !new.is_empty() {
            let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
            self.write(|lines| {
                for message in new {
                    let mode = message.frame_type == FrameType::MODE;
                    let past = large.contains(&message.conversation) && !mode;
                    if mode {
                        large.insert(message.conversation);
                    }
                    lines.add(Op::Deliver {
                        conversation: message.conversation.to_string(),
                        entry: Entry::new(message),
                        past: past || message.user_seq == 0,
                    });
                }
            })?;
        }
        Ok(applied)
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        self.store.resume().await
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        self.store.conversations().await
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.store.message_conversations().await
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.store.messages(conversation, first, last, limit).await
    }

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        self.store.modifiers(conversation, first, last).await
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.store.latest(conversation, limit).await
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        self.store.missing(conversation, first, last, limit).await
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        self.store.checkpoint(source).await
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.store.user_by_name(name).await
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.store.user(user).await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.store.marks().await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.store.outbox_len().await
    }
}

#[cfg(test)]
mod tests {
    use eim_client::store::MemoryStore;

    use super::*;

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    async fn store() -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::default());
        let identity = eim_client::store::Identity {
            device: [2; 16].into(),
            user: Some([1; 16].into()),
            user_name: "ann".to_owned(),
        };
        let batch = Batch {
            identity: Some(identity),
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
        store
    }

    fn item() -> OutboxItem {
        OutboxItem {
            position: 0,
            client_msg_id: [7; 16].into(),
            target: Target::User([3; 16].into()),
            frame_type: FrameType::TEXT,
            body: bytes::Bytes::from_static(b"x"),
            fallback_text: String::new(),
            first_sent_at_ms: 0,
        }
    }

    #[tokio::test]
    async fn what_is_asked_for_is_written_before_it_is_stored_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let store = store().await;
        let witness = Witness::open(&path, &*store).await.unwrap();
        let watched = witness.watch(store);
        let batch = Batch {
            outbox: vec![item()],
            ..Batch::default()
        };
        watched.commit(batch).await.unwrap();
        watched.load(true).await.unwrap();
        witness.end().unwrap();
        let lines = lines(&path);
        let ops: Vec<_> = lines
            .iter()
            .filter_map(|line| line["op"].as_str())
            .collect();
        assert_eq!(ops, ["start", "send", "end"]);
        assert_eq!(lines[0]["history"], 1);
        assert_eq!(lines[2]["to_user"], "03".repeat(16));
        assert_eq!(lines[2]["type"], 0x20);
    }

    #[tokio::test]
    async fn a_torn_line_spoils_no_other_and_processes_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let store = store().await;
        Witness::open(&path, &*store).await.unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"at_us\":1,\"proc").unwrap();
        Witness::open(&path, &*store).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let whole: Vec<serde_json::Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        assert_eq!(whole.len(), 4);
        assert_ne!(whole[1]["process"], whole[3]["process"]);
    }
}
