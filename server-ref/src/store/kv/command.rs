//! What callers ask of the commit loop.

use std::sync::Arc;

use eim_codec::id::{BlobId, UserId};
use tokio::sync::oneshot;

use eim_codec::payload::{InvalidSend, Modifier};

use super::marks::MarkOutcome;
use super::member_index::Changes;
use super::mentions::Mentions;
use super::record::act::ContentHash;
use super::record::entry::Seal;
use crate::store::{
    Append, Appended, BlobView, BotToken, BotWebhook, Change, Changed, Directory, DirectoryChange,
    Fate, Garbage, LogOut, LoggedIn, Login, MarkChange, NewBlob, NotifyChange, Origin, Owed,
    Refused, SenderOrder, SessionRecord, StoreError, Swept, TenantId, TokenId, UserRecord,
};
use eim_codec::id::ConversationId;

/// Where an outcome goes, after the commit.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One act of one caller.
#[derive(Debug)]
pub(super) enum Command {
    Append {
        origin: Origin,
        order: SenderOrder,
        batch: Vec<Prepared>,
        reply: Reply<Vec<Result<Appended, Refused>>>,
    },
    Change {
        change: Change,
        hash: ContentHash,
        reply: Reply<Result<Changed, Refused>>,
    },
    Mark {
        origin: Origin,
        log_epoch: u64,
        changes: Vec<MarkChange>,
        reply: Reply<MarkOutcome>,
    },
    /// Changes among members that the log of an old group told.
    IndexMembers {
        tenant: TenantId,
        conversation: ConversationId,
        changes: Changes,
        reply: Reply<()>,
    },
    Account(AccountCommand),
    Blob(BlobCommand),
    Bot(BotCommand),
    Notify(NotifyCommand),
    Sweep {
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
        reply: Reply<Swept>,
    },
    Close {
        reply: Reply<()>,
    },
}

/// One act on blobs.
#[derive(Debug)]
pub(super) enum BlobCommand {
    Create {
        origin: Origin,
        new: NewBlob,
        reply: Reply<Result<BlobView, Refused>>,
    },
    Complete {
        tenant: TenantId,
        blob: BlobId,
        reply: Reply<Option<BlobView>>,
    },
    Discard {
        tenant: TenantId,
        blob: BlobId,
        reply: Reply<()>,
    },
    Collected {
        tenant: TenantId,
        removed: Vec<Garbage>,
        reply: Reply<()>,
    },
}

/// One act on bots.
#[derive(Debug)]
pub(super) enum BotCommand {
    Create {
        tenant: TenantId,
        account: UserRecord,
        owner: Option<UserId>,
        webhook: Option<BotWebhook>,
        reply: Reply<Result<(), Refused>>,
    },
    Webhook {
        tenant: TenantId,
        bot: UserId,
        webhook: Option<BotWebhook>,
        reply: Reply<Result<(), Refused>>,
    },
    Told {
        tenant: TenantId,
        bot: UserId,
        log_epoch: u64,
        user_seq: u64,
        reply: Reply<()>,
    },
    AddToken {
        tenant: TenantId,
        token: BotToken,
        reply: Reply<Result<(), Refused>>,
    },
    RevokeToken {
        tenant: TenantId,
        bot: UserId,
        token: TokenId,
        reply: Reply<Result<(), Refused>>,
    },
}

/// One act on notifications.
#[derive(Debug)]
pub(super) enum NotifyCommand {
    Change {
        origin: Origin,
        change: NotifyChange,
        reply: Reply<Result<(), Refused>>,
    },
    Settle {
        tenant: TenantId,
        fates: Vec<(Owed, Fate)>,
        reply: Reply<()>,
    },
}

/// One act on accounts, devices or the directory.
#[derive(Debug)]
pub(super) enum AccountCommand {
    CreateUsers {
        tenant: TenantId,
        users: Vec<UserRecord>,
        reply: Reply<Vec<Result<(), Refused>>>,
    },
    SetDisabled {
        tenant: TenantId,
        user: UserId,
        disabled: bool,
        reply: Reply<bool>,
    },
    LogIn {
        tenant: TenantId,
        user: UserId,
        login: Login,
        reply: Reply<Result<LoggedIn, Refused>>,
    },
    LogOut {
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
        hash: ContentHash,
        reply: Reply<Result<(), Refused>>,
    },
    PutSession {
        tenant: TenantId,
        record: SessionRecord,
        reply: Reply<()>,
    },
    Notice {
        tenant: TenantId,
        user: UserId,
        text: String,
        reply: Reply<Result<u64, Refused>>,
    },
    ImportDirectory {
        tenant: TenantId,
        directory: Arc<Directory>,
        dry_run: bool,
        /// What changed, and whether there is more to do.
        reply: Reply<Result<(DirectoryChange, bool), Refused>>,
    },
}

/// A message with what is computed before it waits for the commit loop, so that callers share
/// that work and the loop stays short.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) append: Append,
    pub(super) conversation: ConversationId,
    pub(super) hash: ContentHash,
    pub(super) seal: Seal,
    /// What an operation asks for; `None` for messages.
    pub(super) modifier: Result<Option<Modifier>, InvalidSend>,
    /// Whom it calls.
    pub(super) mentions: Mentions,
}
