//! Bots: accounts of programs, their tokens, and the place up to which their webhooks were told.

use std::fmt;

use async_trait::async_trait;
use eim_codec::id::UserId;

use super::{Refused, StoreError, TenantId, UserRecord};

/// Octets of a [`TokenId`].
const ID_OCTETS: usize = 16;

/// Names a token without being worth anything: the first octets of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; ID_OCTETS]);

impl TokenId {
    /// The id of the token with this SHA-256.
    #[must_use]
    pub fn of(hash: &[u8; 32]) -> Self {
        let mut id = [0; ID_OCTETS];
        id.copy_from_slice(&hash[..ID_OCTETS]);
        Self(id)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl std::str::FromStr for TokenId {
    type Err = eim_codec::id::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|id: UserId| Self(id.into()))
    }
}

/// A token of a bot; only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Whose.
    pub bot: UserId,
    /// What it is for, in the words of the operator.
    pub note: String,
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// When it stops working, Unix milliseconds; 0 for never.
    pub expires_ms: u64,
}

impl BotToken {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> TokenId {
        TokenId::of(&self.hash)
    }

    /// Whether it stopped working at `now_ms` or before.
    #[must_use]
    pub const fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ms != 0 && self.expires_ms <= now_ms
    }
}

/// Where a bot is told of its entries.
#[derive(Clone, PartialEq, Eq)]
pub struct BotWebhook {
    /// Address.
    pub url: String,
    /// Secret that signs, as its receiver writes it.
    pub secret: String,
}

impl fmt::Debug for BotWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a secret of its own.
        f.write_str("BotWebhook")
    }
}

/// What is kept of a bot beside its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotRecord {
    /// The bot.
    pub bot: UserId,
    /// Who answers for it.
    pub owner: Option<UserId>,
    /// Where it is told of its entries.
    pub webhook: Option<BotWebhook>,
    /// Epoch of `told`.
    pub log_epoch: u64,
    /// The webhook was told of its timeline through this number.
    pub told: u64,
}

/// Most tokens of a bot: enough to change them one at a time, few enough to look through.
pub const BOT_TOKENS: usize = 16;

/// Bots. Part of [`Store`](super::Store).
#[async_trait]
pub trait Bots: Send + Sync + 'static {
    /// Creates the account of a bot; `ErrorCode::ALREADY_EXISTS` for a name in use. A webhook is told
    /// of everything from the beginning.
    async fn create_bot(
        &self,
        tenant: TenantId,
        account: UserRecord,
        owner: Option<UserId>,
        webhook: Option<BotWebhook>,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// Sets or takes away the webhook of a bot. One that had none is told of what comes from now on.
    /// `ErrorCode::NOT_FOUND` for whoever is no bot.
    async fn set_bot_webhook(
        &self,
        tenant: TenantId,
        bot: UserId,
        webhook: Option<BotWebhook>,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// Takes down that a webhook was told of the timeline through `user_seq`; never goes back within
    /// an epoch. Durable when this returns.
    async fn bot_told(
        &self,
        tenant: TenantId,
        bot: UserId,
        log_epoch: u64,
        user_seq: u64,
    ) -> Result<(), StoreError>;

    /// A bot; `None` for whoever is none.
    async fn bot(&self, tenant: TenantId, bot: UserId) -> Result<Option<BotRecord>, StoreError>;

    /// A page of bots in id order after `after`.
    async fn bots(
        &self,
        tenant: TenantId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<BotRecord>, bool), StoreError>;

    /// Adds a token. `ErrorCode::NOT_FOUND` for whoever is no bot, `ErrorCode::LIMIT_REACHED` beyond
    /// [`BOT_TOKENS`], of which those that are over do not count.
    async fn add_bot_token(
        &self,
        tenant: TenantId,
        token: BotToken,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// Takes a token away, and logs out all devices that logged in with it, in the same batch.
    /// `ErrorCode::NOT_FOUND` when the bot has no such token. Durable when this returns.
    async fn revoke_bot_token(
        &self,
        tenant: TenantId,
        bot: UserId,
        token: TokenId,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// The token with this SHA-256, whether it is over or not.
    async fn bot_token(
        &self,
        tenant: TenantId,
        hash: &[u8; 32],
    ) -> Result<Option<BotToken>, StoreError>;

    /// All tokens of a bot, in the order in which they were made.
    async fn bot_tokens(&self, tenant: TenantId, bot: UserId) -> Result<Vec<BotToken>, StoreError>;
}
