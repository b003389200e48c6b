//! The commit loop: everything that waits is checked and numbered against what is committed and
//! what the batch already holds, made durable together, announced in order, then answered.
//!
//! It is single-threaded and deterministic; time and randomness are arguments. A batch forms by
//! itself: while one is being synced, the next one gathers in the queue.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::cache::Caches;
use super::command::{AccountCommand, BlobCommand, Command, NotifyCommand, Reply};
use super::cursors::Cursors;
use super::keys;
use super::meta::Meta;
use super::options::{Environment, Options};
use super::pending::Pending;
use super::sweep::SweepPositions;
use crate::store::engine::Engine;
use crate::store::{CommitSink, Origin, Refused, StoreError};
use eim_codec::registry::ErrorCode;

/// Commands taken at once.
const TAKEN: usize = 1024;

/// The commit loop of a store, to be run where the engine likes it.
pub struct Committing {
    committer: Committer,
    queue: mpsc::Receiver<Command>,
}

impl std::fmt::Debug for Committing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committing")
            .field("engine", &self.committer.engine)
            .finish_non_exhaustive()
    }
}

pub(super) struct Committer {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) options: Options,
    pub(super) environment: Environment,
    pub(super) sink: Arc<dyn CommitSink>,
    pub(super) meta: Meta,
    pub(super) cursors: Arc<Cursors>,
    pub(super) caches: Caches,
    pub(super) pending: Pending,
    pub(super) sweep: SweepPositions,
    /// Messages and changes are refused for want of room.
    pub(super) short: bool,
    /// Wall clock of the batch under way.
    pub(super) now_ms: u64,
    cursors_written_ms: u64,
}

impl Committing {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        options: Options,
        environment: Environment,
        sink: Arc<dyn CommitSink>,
        meta: Meta,
        cursors: Arc<Cursors>,
        queue: mpsc::Receiver<Command>,
    ) -> Self {
        let committer = Committer {
            engine,
            options,
            environment,
            sink,
            meta,
            cursors,
            caches: Caches::default(),
            pending: Pending::default(),
            sweep: SweepPositions::default(),
            short: false,
            now_ms: 0,
            cursors_written_ms: 0,
        };
        Self { committer, queue }
    }

    /// Runs until the store is closed or dropped. Commits what is queued before it ends.
    ///
    /// # Errors
    /// [`StoreError`] when a commit failed: nothing of it was answered, and what is on the disk
    /// is unknown, so the caller must end the process.
    pub async fn run(self) -> Result<(), StoreError> {
        let Self {
            mut committer,
            mut queue,
        } = self;
        let mut taken = Vec::new();
        while committer.wait(&mut queue, &mut taken).await? {
            if let Some(closing) = committer.take(taken.drain(..)).await? {
                queue.close();
                drop(committer);
                _ = closing.send(Ok(()));
                return Ok(());
            }
        }
        committer.commit_cursors().await
    }
}

impl Committer {
    /// Waits for commands, and writes moved cursors when none come in time. `false` when there
    /// will be no more commands.
    async fn wait(
        &mut self,
        queue: &mut mpsc::Receiver<Command>,
        taken: &mut Vec<Command>,
    ) -> Result<bool, StoreError> {
        let cursors = Arc::clone(&self.cursors);
        loop {
            tokio::select! {
                biased;
                count = queue.recv_many(taken, TAKEN) => return Ok(count > 0),
                () = cursors.due(self.options.cursor_delay) => {
                    self.now_ms = self.environment.clock.now_ms();
                    self.commit_cursors().await?;
                }
            }
        }
    }

    /// Carries out commands and commits them. Gives back who asked to close, after which no
    /// command is carried out.
    async fn take(
        &mut self,
        commands: impl Iterator<Item = Command> + Send,
    ) -> Result<Option<Reply<()>>, StoreError> {
        self.now_ms = self.environment.clock.now_ms();
        self.short = self.engine.room().is_some_and(|room| room.short);
        let mut closing = None;
        for command in commands {
            if let Command::Close { reply } = command {
                closing = Some(reply);
                break;
            }
            if matches!(
                command,
                Command::Sweep { .. } | Command::Account(AccountCommand::ImportDirectory { .. })
            ) {
                // These look at what is committed.
                self.commit().await?;
            }
            self.carry_out(command);
            if self.pending.octets() >= self.options.batch_octets {
                self.commit().await?;
            }
        }
        let waited = self.now_ms.abs_diff(self.cursors_written_ms);
        if u128::from(waited) >= self.options.cursor_delay.as_millis() {
            let more = self.write_cursors();
            self.cursors_written_ms = if more { 0 } else { self.now_ms };
        }
        self.commit().await?;
        if closing.is_some() {
            self.commit_cursors().await?;
        }
        Ok(closing)
    }

    /// Commits all moved cursors.
    async fn commit_cursors(&mut self) -> Result<(), StoreError> {
        while self.write_cursors() {
            self.commit().await?;
        }
        self.cursors_written_ms = self.now_ms;
        self.commit().await
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Append {
                origin,
                order,
                batch,
                reply,
            } => {
                let outcome = self.append(origin, &order, batch);
                self.answer(reply, Ok(outcome));
            }
            Command::Change {
                change,
                hash,
                reply,
            } => {
                let outcome = self.change(&change, hash);
                self.answer(reply, outcome.or_refused());
            }
            Command::Mark {
                origin,
                log_epoch,
                changes,
                reply,
            } => {
                let outcome = self.mark(origin, log_epoch, &changes);
                self.answer(reply, outcome.or_refused());
            }
            Command::IndexMembers {
                tenant,
                conversation,
                changes,
                reply,
            } => {
                let outcome = self.index_members(tenant, conversation, &changes);
                self.answer(reply, outcome);
            }
            Command::Account(command) => self.carry_out_of_accounts(command),
            Command::Blob(command) => self.carry_out_of_blobs(command),
            Command::Bot(command) => self.carry_out_of_bots(command),
            Command::Notify(command) => self.carry_out_of_notifications(command),
            Command::Sweep {
                tenant,
                now_ms,
                limit,
                reply,
            } => {
                let outcome = self.sweep(tenant, now_ms, limit);
                self.answer(reply, outcome);
            }
            Command::Close { .. } => {}
        }
    }

    fn carry_out_of_blobs(&mut self, command: BlobCommand) {
        match command {
            BlobCommand::Create { origin, new, reply } => {
                let outcome = self.blob_create(&origin, new);
                self.answer(reply, outcome.or_refused());
            }
            BlobCommand::Complete {
                tenant,
                blob,
                reply,
            } => {
                let outcome = self.blob_complete(tenant, blob);
                self.answer(reply, outcome);
            }
            BlobCommand::Discard {
                tenant,
                blob,
                reply,
            } => {
                let outcome = self.blob_discard(tenant, blob);
                self.answer(reply, outcome);
            }
            BlobCommand::Collected {
                tenant,
                removed,
                reply,
            } => {
                for garbage in removed {
                    let key = keys::garbage(tenant, garbage.content);
                    self.pending.delete_state(&key);
                }
                self.answer(reply, Ok(()));
            }
        }
    }

    fn carry_out_of_accounts(&mut self, command: AccountCommand) {
        match command {
            AccountCommand::CreateUsers {
                tenant,
                users,
                reply,
            } => {
                let outcome = self.create_users(tenant, users);
                self.answer(reply, outcome);
            }
            AccountCommand::SetDisabled {
                tenant,
                user,
                disabled,
                reply,
            } => {
                let outcome = self.set_disabled(tenant, user, disabled);
                self.answer(reply, outcome);
            }
            AccountCommand::LogIn {
                tenant,
                user,
                login,
                reply,
            } => {
                let outcome = self.log_in(tenant, user, login);
                self.answer(reply, outcome.or_refused());
            }
            AccountCommand::LogOut {
                tenant,
                user,
                log_out,
                hash,
                reply,
            } => {
                let outcome = self.log_out(tenant, user, log_out, hash);
                self.answer(reply, outcome.or_refused());
            }
            AccountCommand::PutSession {
                tenant,
                record,
                reply,
            } => {
                self.put_session(tenant, &record);
                self.answer(reply, Ok(()));
            }
            AccountCommand::Notice {
                tenant,
                user,
                text,
                reply,
            } => {
                let outcome = self.notice(tenant, user, text);
                self.answer(reply, outcome.or_refused());
            }
            AccountCommand::ImportDirectory {
                tenant,
                directory,
                dry_run,
                reply,
            } => {
                let outcome = self.import_directory(tenant, &directory, dry_run);
                self.answer(reply, outcome.or_refused());
            }
        }
    }

    fn carry_out_of_notifications(&mut self, command: NotifyCommand) {
        match command {
            NotifyCommand::Change {
                origin,
                change,
                reply,
            } => {
                let outcome = self.notify(&origin, change);
                self.answer(reply, outcome.or_refused());
            }
            NotifyCommand::Settle {
                tenant,
                fates,
                reply,
            } => {
                let outcome = self.settle(tenant, &fates);
                self.answer(reply, outcome);
            }
        }
    }

    pub(super) fn answer<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        outcome: Result<T, StoreError>,
    ) {
        // A caller that went away does not want its outcome.
        self.pending.answer(move || drop(reply.send(outcome)));
    }

    /// Makes the batch durable, then tells the sink, then the callers.
    // impl[EIM-MSG-001] impl[EIM-MSG-002] impl[EIM-MSG-003] nobody hears of a batch before its sync
    async fn commit(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.pending.seal(self.now_ms);
        if !self.pending.batch.is_empty() {
            self.engine.commit(&self.pending.batch).await?;
        }
        if !self.pending.commits.is_empty() {
            self.sink.committed(&self.pending.commits);
        }
        if !self.pending.marks.notes.is_empty() {
            self.sink.marked(&self.pending.marks.notes);
        }
        if !self.pending.logged_out.is_empty() {
            self.sink.logged_out(&self.pending.logged_out);
        }
        if std::mem::take(&mut self.pending.owes) {
            self.sink.owed();
        }
        for answer in self.pending.committed() {
            answer();
        }
        self.caches.rotate(self.options.cached);
        Ok(())
    }

    /// Refuses what makes the store grow while there is no room. What was carried out before is
    /// told from its key first: a repeat needs none.
    // impl[EIM-MSG-072]
    pub(super) fn check_room(&self) -> Result<(), Failure> {
        if self.short {
            return refuse(
                ErrorCode::OVERLOADED,
                "the disk of the server is nearly full",
            );
        }
        Ok(())
    }

    /// Refuses writes of a connection that is not the newest of its device, or whose device is
    /// logged out.
    pub(super) fn check_origin(&mut self, origin: &Origin) -> Result<(), Failure> {
        let standing = self.standing(origin.tenant, origin.user, origin.device)?;
        // impl[EIM-DEV-008]
        if let Some(reason) = standing.logged_out {
            return refuse(ErrorCode::LOGGED_OUT, reason.detail());
        }
        if origin
            .generation
            .is_none_or(|generation| generation == standing.generation)
        {
            return Ok(());
        }
        refuse(
            ErrorCode::REPLACED,
            "a newer connection of this device took over",
        )
    }
}

/// Why a write did not happen: it was refused, or the engine could not be read.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refused),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Refuses with a code and a sentence for people.
pub(super) fn refuse<T>(code: ErrorCode, detail: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(Refused::new(code, detail)))
}

/// Keeps refusals apart from failures of the engine.
pub(super) trait OrRefused<T> {
    fn or_refused(self) -> Result<Result<T, Refused>, StoreError>;
}

impl<T> OrRefused<T> for Result<T, Failure> {
    fn or_refused(self) -> Result<Result<T, Refused>, StoreError> {
        match self {
            Ok(value) => Ok(Ok(value)),
            Err(Failure::Refused(refused)) => Ok(Err(refused)),
            Err(Failure::Store(error)) => Err(error),
        }
    }
}
