//! Records of bots.

use bytes::Bytes;
use eim_codec::id::UserId;
use prost::Message;

use super::state;
use crate::store::{BotRecord, BotToken, BotWebhook, StoreError};

/// A bot, beside its account.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct BotRow {
    /// Empty for nobody.
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) owner: Bytes,
    /// Empty without a webhook.
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) url: String,
    #[prost(string, tag = "3")]
    pub(in crate::store::kv) secret: String,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) log_epoch: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) told: u64,
    /// Ids of its tokens, oldest first.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(in crate::store::kv) tokens: Vec<Vec<u8>>,
}

/// A token, under its id.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct BotTokenRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) bot: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::store::kv) hash: Bytes,
    #[prost(string, tag = "3")]
    pub(in crate::store::kv) note: String,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) created_ms: u64,
    /// 0 for never.
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) expires_ms: u64,
}

impl BotRow {
    /// The same bot with another webhook, or none.
    pub(in crate::store::kv) fn with_webhook(self, webhook: Option<BotWebhook>) -> Self {
        let (url, secret) = webhook
            .map(|webhook| (webhook.url, webhook.secret))
            .unwrap_or_default();
        Self {
            url,
            secret,
            ..self
        }
    }

    /// As callers see it.
    pub(in crate::store::kv) fn record(self, bot: UserId) -> Result<BotRecord, StoreError> {
        let owner = match &self.owner[..] {
            [] => None,
            id => Some(state::id("owner of a bot", id)?),
        };
        let (url, secret) = (self.url, self.secret);
        Ok(BotRecord {
            bot,
            owner,
            webhook: (!url.is_empty()).then_some(BotWebhook { url, secret }),
            log_epoch: self.log_epoch,
            told: self.told,
        })
    }
}

impl From<BotToken> for BotTokenRow {
    fn from(token: BotToken) -> Self {
        Self {
            bot: token.bot.to_bytes(),
            hash: Bytes::copy_from_slice(&token.hash),
            note: token.note,
            created_ms: token.created_ms,
            expires_ms: token.expires_ms,
        }
    }
}

impl BotTokenRow {
    /// As callers see it.
    pub(in crate::store::kv) fn token(self) -> Result<BotToken, StoreError> {
        Ok(BotToken {
            hash: state::array("bot token", &self.hash)?,
            bot: state::id("bot of a token", &self.bot)?,
            note: self.note,
            created_ms: self.created_ms,
            expires_ms: self.expires_ms,
        })
    }
}
