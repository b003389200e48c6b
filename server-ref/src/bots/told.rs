//! What a webhook is told: JSON, signed as Standard Webhooks has it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eim_codec::id::UserId;
use eim_codec::payload::Content;
use serde::Serialize;

use super::feed::FeedParts;
use crate::clock::Clock;
use crate::outbox::{Key, Post, Secret, rfc3339};
use crate::store::{BotRecord, Store, StoreError, TenantId, TimelineItem};

/// Numbers of a timeline that are gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) from: u64,
    pub(super) through: u64,
}

/// Composes what one webhook is told.
pub(super) struct Teller {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    bot: UserId,
    url: String,
    key: Key,
}

#[derive(Serialize)]
struct Event<T> {
    r#type: &'static str,
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct GapData {
    bot: String,
    log_epoch: u64,
    from: u64,
    through: u64,
}

#[derive(Serialize)]
struct EntryData {
    bot: String,
    user_seq: u64,
    log_epoch: u64,
    conversation: String,
    conv_seq: u64,
    /// Name of the type, or its number.
    entry: String,
    time_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_name: Option<String>,
    sender_bot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_msg_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    mentioned: bool,
    #[serde(skip_serializing_if = "is_zero")]
    reply_to: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    fallback_text: String,
    /// Base64.
    body: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Teller {
    /// For the webhook of a bot; `None` without one that has a secret.
    pub(super) fn new(parts: &FeedParts, record: &BotRecord) -> Option<Self> {
        let webhook = record.webhook.as_ref()?;
        Some(Self {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            tenant: parts.tenant,
            bot: record.bot,
            url: webhook.url.clone(),
            key: Secret::from(&*webhook.secret).key().ok()?,
        })
    }

    /// Entries were removed before the webhook was told.
    pub(super) fn gap(&self, gap: &Gap) -> Result<Post, StoreError> {
        let log_epoch = self.store.log_epoch();
        let data = GapData {
            bot: self.bot.to_string(),
            log_epoch,
            from: gap.from,
            through: gap.through,
        };
        let id = format!("{}-{log_epoch:x}-gap-{}", self.bot, gap.through);
        self.post("bot.gap", id, self.clock.now_ms(), data)
    }

    /// An entry.
    // impl[EIM-BOT-019]
    pub(super) async fn entry(&self, item: &TimelineItem) -> Result<Post, StoreError> {
        let entry = &*item.entry;
        let sender = match entry.sender {
            Some(sender) => self.store.profile(self.tenant, sender).await?,
            None => None,
        };
        let content = Content::of(entry.frame_type, &entry.body).ok().flatten();
        let reply_to = content.as_ref().map_or(0, Content::reply_to);
        let (text, mentioned) = match content {
            Some(Content::Text(body)) => {
                let named = body
                    .mentions
                    .iter()
                    .any(|user| user[..] == self.bot.as_bytes()[..]);
                (Some(body.text), named || body.mention_all)
            }
            Some(Content::Notice(body)) => (Some(body.text), false),
            _ => (None, false),
        };
        let data = EntryData {
            bot: self.bot.to_string(),
            user_seq: item.user_seq,
            log_epoch: entry.log_epoch,
            conversation: entry.conversation.to_string(),
            conv_seq: entry.conv_seq,
            entry: entry.frame_type.to_string(),
            time_ms: entry.time_ms,
            sender: entry.sender.map(|sender| sender.to_string()),
            sender_bot: sender.as_ref().is_some_and(|sender| sender.bot),
            sender_name: sender.map(|sender| sender.display_name),
            client_msg_id: entry.client_msg_id.map(|id| id.to_string()),
            text,
            mentioned,
            reply_to,
            fallback_text: entry.fallback_text.clone(),
            body: STANDARD.encode(&entry.body),
        };
        let id = format!("{}-{:x}-{}", self.bot, entry.log_epoch, item.user_seq);
        self.post("bot.entry", id, entry.time_ms, data)
    }

    // impl[EIM-BOT-021]
    fn post(
        &self,
        r#type: &'static str,
        id: String,
        time_ms: u64,
        data: impl Serialize,
    ) -> Result<Post, StoreError> {
        let event = Event {
            r#type,
            timestamp: rfc3339(time_ms),
            data,
        };
        let unwritable = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
        let body = serde_json::to_vec(&event).map_err(unwritable)?;
        let timestamp = self.clock.now_ms() / 1000;
        let signature = self.key.sign(&id, timestamp, &body);
        Ok(Post {
            url: self.url.clone(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("webhook-id", id),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature),
            ],
            body: body.into(),
        })
    }
}
