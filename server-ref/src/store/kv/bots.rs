//! Bots: written in the commit loop.

use eim_codec::id::{DeviceId, UserId};
use eim_codec::registry::ErrorCode;

use super::command::BotCommand;
use super::committer::{Committer, Failure, OrRefused as _, refuse};
use super::keys;
use super::record::bot::{BotRow, BotTokenRow};
use super::record::state::{self, DeviceRow};
use crate::store::{
    BOT_TOKENS, BotToken, BotWebhook, LogoutReason, StoreError, TenantId, TokenId, UserRecord,
};

impl Committer {
    /// Carries out what is asked of bots.
    pub(super) fn carry_out_of_bots(&mut self, command: BotCommand) {
        match command {
            BotCommand::Create {
                tenant,
                account,
                owner,
                webhook,
                reply,
            } => {
                let outcome = self.create_bot(tenant, account, owner, webhook);
                self.answer(reply, outcome.or_refused());
            }
            BotCommand::Webhook {
                tenant,
                bot,
                webhook,
                reply,
            } => {
                let outcome = self.set_bot_webhook(tenant, bot, webhook);
                self.answer(reply, outcome.or_refused());
            }
            BotCommand::Told {
                tenant,
                bot,
                log_epoch,
                user_seq,
                reply,
            } => {
                let outcome = self.bot_told(tenant, bot, log_epoch, user_seq);
                self.answer(reply, outcome);
            }
            BotCommand::AddToken {
                tenant,
                token,
                reply,
            } => {
                let outcome = self.add_bot_token(tenant, token);
                self.answer(reply, outcome.or_refused());
            }
            BotCommand::RevokeToken {
                tenant,
                bot,
                token,
                reply,
            } => {
                let outcome = self.revoke_bot_token(tenant, bot, token);
                self.answer(reply, outcome.or_refused());
            }
        }
    }

    pub(super) fn bot_row(
        &self,
        tenant: TenantId,
        bot: UserId,
    ) -> Result<Option<BotRow>, StoreError> {
        self.pending
            .state(&*self.engine, &keys::bot(tenant, bot))?
            .map(|row| state::decode("bot", &row))
            .transpose()
    }

    fn put_bot(&mut self, tenant: TenantId, bot: UserId, row: &BotRow) {
        self.pending
            .put_state(&keys::bot(tenant, bot), state::encode(row));
    }

    /// Creates a bot with its account.
    // impl[EIM-BOT-001]
    pub(super) fn create_bot(
        &mut self,
        tenant: TenantId,
        account: UserRecord,
        owner: Option<UserId>,
        webhook: Option<BotWebhook>,
    ) -> Result<(), Failure> {
        let bot = account.user;
        if let Err(refused) = self.create_user(tenant, account)? {
            return Err(Failure::Refused(refused));
        }
        let mut profile = self.profile_row(tenant, bot)?;
        profile.bot = true;
        self.put_profile(tenant, bot, profile)?;
        let row = BotRow {
            owner: owner.map(|owner| owner.to_bytes()).unwrap_or_default(),
            log_epoch: self.meta.log_epoch,
            ..BotRow::default()
        };
        self.put_bot(tenant, bot, &row.with_webhook(webhook));
        Ok(())
    }

    /// Sets or takes away a webhook.
    pub(super) fn set_bot_webhook(
        &mut self,
        tenant: TenantId,
        bot: UserId,
        webhook: Option<BotWebhook>,
    ) -> Result<(), Failure> {
        let Some(mut row) = self.bot_row(tenant, bot)? else {
            return refuse(ErrorCode::NOT_FOUND, "no such bot");
        };
        if row.url.is_empty() && webhook.is_some() {
            row.log_epoch = self.meta.log_epoch;
            row.told = self.timeline(tenant, bot)?.head;
        }
        self.put_bot(tenant, bot, &row.with_webhook(webhook));
        Ok(())
    }

    /// The webhook was told.
    // impl[EIM-BOT-022]
    pub(super) fn bot_told(
        &mut self,
        tenant: TenantId,
        bot: UserId,
        log_epoch: u64,
        user_seq: u64,
    ) -> Result<(), StoreError> {
        let Some(mut row) = self.bot_row(tenant, bot)? else {
            return Ok(());
        };
        if row.log_epoch == log_epoch && row.told >= user_seq {
            return Ok(());
        }
        (row.log_epoch, row.told) = (log_epoch, user_seq);
        self.put_bot(tenant, bot, &row);
        Ok(())
    }

    /// Adds a token; one that is over makes room.
    // impl[EIM-BOT-006]
    pub(super) fn add_bot_token(
        &mut self,
        tenant: TenantId,
        token: BotToken,
    ) -> Result<(), Failure> {
        let bot = token.bot;
        let Some(mut row) = self.bot_row(tenant, bot)? else {
            return refuse(ErrorCode::NOT_FOUND, "no such bot");
        };
        let mut kept = Vec::new();
        for id in std::mem::take(&mut row.tokens) {
            let key = keys::bot_token(tenant, TokenId(state::array("bot token", &id)?));
            let known = self.pending.state(&*self.engine, &key)?;
            let known: Option<BotTokenRow> = known
                .map(|record| state::decode("bot token", &record))
                .transpose()?;
            if known.is_some_and(|known| known.expires_ms == 0 || known.expires_ms > self.now_ms) {
                kept.push(id);
            } else {
                self.pending.delete_state(&key);
            }
        }
        row.tokens = kept;
        if row.tokens.len() >= BOT_TOKENS {
            return refuse(ErrorCode::LIMIT_REACHED, "the bot has too many tokens");
        }
        let id = token.id();
        row.tokens.push(id.0.to_vec());
        self.pending.put_state(
            &keys::bot_token(tenant, id),
            state::encode(&BotTokenRow::from(token)),
        );
        self.put_bot(tenant, bot, &row);
        Ok(())
    }

    /// Takes a token away; whoever logged in with it is out.
    // impl[EIM-BOT-008]
    pub(super) fn revoke_bot_token(
        &mut self,
        tenant: TenantId,
        bot: UserId,
        token: TokenId,
    ) -> Result<(), Failure> {
        let unknown = "the bot has no such token";
        let Some(mut row) = self.bot_row(tenant, bot)? else {
            return refuse(ErrorCode::NOT_FOUND, unknown);
        };
        let before = row.tokens.len();
        row.tokens.retain(|id| id[..] != token.0);
        if row.tokens.len() == before {
            return refuse(ErrorCode::NOT_FOUND, unknown);
        }
        self.pending.delete_state(&keys::bot_token(tenant, token));
        self.put_bot(tenant, bot, &row);
        let (first, last) = keys::devices(tenant, bot);
        let mut out: Vec<(DeviceId, DeviceRow)> = Vec::new();
        for (key, record) in self.pending.states(&*self.engine, &first, &last)? {
            let device: DeviceRow = state::decode("device", &record)?;
            if device.logged_out == 0 && device.token[..] == token.0 {
                out.push((keys::last_id(&key)?, device));
            }
        }
        // What came by HTTP comes from a device that nobody logs in, named as the token.
        let http = DeviceId::from(token.0);
        if self.device_row(tenant, bot, http)?.is_none() {
            out.push((http, DeviceRow::default()));
        }
        for (device, row) in out {
            self.put_out(tenant, bot, device, row, LogoutReason::Operator)?;
        }
        Ok(())
    }

    /// Whether a token opens connections of a bot now: it may have been taken away since it was
    /// looked at.
    // impl[EIM-BOT-004]
    pub(super) fn check_bot_token(
        &self,
        tenant: TenantId,
        bot: UserId,
        token: TokenId,
    ) -> Result<(), Failure> {
        let record = self
            .pending
            .state(&*self.engine, &keys::bot_token(tenant, token))?;
        let row: Option<BotTokenRow> = record
            .map(|record| state::decode("bot token", &record))
            .transpose()?;
        let works = row.is_some_and(|row| {
            row.bot[..] == bot.as_bytes()[..]
                && (row.expires_ms == 0 || row.expires_ms > self.now_ms)
        });
        if works {
            Ok(())
        } else {
            refuse(ErrorCode::AUTH_FAILED, "the token is not valid")
        }
    }
}
