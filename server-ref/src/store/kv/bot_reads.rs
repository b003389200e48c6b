//! Bots, as callers see them.

use std::ops::ControlFlow;

use async_trait::async_trait;
use eim_codec::id::UserId;

use super::command::{BotCommand, Command, Reply};
use super::keys;
use super::record::bot::{BotRow, BotTokenRow};
use super::record::state;
use super::store::KvStore;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    BotRecord, BotToken, BotWebhook, Bots, Refused, StoreError, TenantId, TokenId, UserRecord,
};

#[async_trait]
impl Bots for KvStore {
    async fn create_bot(
        &self,
        tenant: TenantId,
        account: UserRecord,
        owner: Option<UserId>,
        webhook: Option<BotWebhook>,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.submit_bot(|reply| BotCommand::Create {
            tenant,
            account,
            owner,
            webhook,
            reply,
        })
        .await
    }

    async fn set_bot_webhook(
        &self,
        tenant: TenantId,
        bot: UserId,
        webhook: Option<BotWebhook>,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.submit_bot(|reply| BotCommand::Webhook {
            tenant,
            bot,
            webhook,
            reply,
        })
        .await
    }

    async fn bot_told(
        &self,
        tenant: TenantId,
        bot: UserId,
        log_epoch: u64,
        user_seq: u64,
    ) -> Result<(), StoreError> {
        self.submit_bot(|reply| BotCommand::Told {
            tenant,
            bot,
            log_epoch,
            user_seq,
            reply,
        })
        .await
    }

    async fn bot(&self, tenant: TenantId, bot: UserId) -> Result<Option<BotRecord>, StoreError> {
        let record = self.reader()?.get(Space::State, &keys::bot(tenant, bot))?;
        let Some(record) = record else {
            return Ok(None);
        };
        let row: BotRow = state::decode("bot", &record)?;
        row.record(bot).map(Some)
    }

    async fn bots(
        &self,
        tenant: TenantId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<BotRecord>, bool), StoreError> {
        page(&*self.reader()?, tenant, after, limit)
    }

    async fn add_bot_token(
        &self,
        tenant: TenantId,
        token: BotToken,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.submit_bot(|reply| BotCommand::AddToken {
            tenant,
            token,
            reply,
        })
        .await
    }

    async fn revoke_bot_token(
        &self,
        tenant: TenantId,
        bot: UserId,
        token: TokenId,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.submit_bot(|reply| BotCommand::RevokeToken {
            tenant,
            bot,
            token,
            reply,
        })
        .await
    }

    // impl[EIM-BOT-007]
    async fn bot_token(
        &self,
        tenant: TenantId,
        hash: &[u8; 32],
    ) -> Result<Option<BotToken>, StoreError> {
        let found = token(&*self.reader()?, tenant, TokenId::of(hash))?;
        // Found by half of the hash; the rest has to be right too.
        Ok(found.filter(|found| found.hash == *hash))
    }

    async fn bot_tokens(&self, tenant: TenantId, bot: UserId) -> Result<Vec<BotToken>, StoreError> {
        let reader = self.reader()?;
        let Some(record) = reader.get(Space::State, &keys::bot(tenant, bot))? else {
            return Ok(Vec::new());
        };
        let row: BotRow = state::decode("bot", &record)?;
        let mut tokens = Vec::with_capacity(row.tokens.len());
        for id in row.tokens {
            let id = TokenId(state::array("bot token", &id)?);
            tokens.extend(token(&*reader, tenant, id)?);
        }
        Ok(tokens)
    }
}

impl KvStore {
    async fn submit_bot<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> BotCommand,
    ) -> Result<T, StoreError> {
        self.submit(|reply| Command::Bot(command(reply))).await
    }
}

fn token(
    reader: &dyn Reader,
    tenant: TenantId,
    id: TokenId,
) -> Result<Option<BotToken>, StoreError> {
    let Some(record) = reader.get(Space::State, &keys::bot_token(tenant, id))? else {
        return Ok(None);
    };
    let row: BotTokenRow = state::decode("bot token", &record)?;
    row.token().map(Some)
}

fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    after: Option<UserId>,
    limit: usize,
) -> Result<(Vec<BotRecord>, bool), StoreError> {
    let (first, last) = keys::bots(tenant);
    let first = after.map_or(first, |after| keys::bot(tenant, after));
    let (mut bots, mut more) = (Vec::new(), false);
    reader.scan(
        Space::State,
        &first,
        &last,
        Order::Ascending,
        &mut |key, record| {
            let bot: UserId = keys::last_id(key)?;
            if Some(bot) == after {
                return Ok(ControlFlow::Continue(()));
            }
            if bots.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            bots.push(state::decode::<BotRow>("bot", record)?.record(bot)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok((bots, more))
}
