//! Bots, for operators: create, list, give tokens and take them away, say where a bot is told.

use eim_codec::id::UserId;
use serde::{Deserialize, Serialize};

use super::accounts::{AccountError, Accounts};
use super::auth::new_bot_token;
use super::password::{self, SALT_OCTETS};
use crate::config::is_safe;
use crate::outbox::Secret;
use crate::store::{BotRecord, BotToken, BotWebhook, Refused, ScramVerifier, TokenId, UserRecord};

/// Longest note of a token, in octets.
const NOTE_OCTETS: usize = 128;

/// A new bot.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// Login name.
    pub name: String,
    /// Shown to people; empty for the login name.
    pub display_name: String,
    /// Login name of who answers for it; empty for nobody.
    pub owner: String,
    /// Where it is told of its entries; empty for nowhere.
    pub webhook: String,
}

/// A bot, as operators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct BotAccount {
    /// Its id.
    pub user: String,
    /// Login name.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
    /// It cannot log in.
    pub disabled: bool,
    /// Login name of who answers for it; empty for nobody.
    pub owner: String,
    /// Where it is told of its entries; empty for nowhere.
    pub webhook: String,
    /// What was told, and what there is, of its timeline.
    pub told: (u64, u64),
    /// Its tokens, oldest first.
    pub tokens: Vec<TokenInfo>,
}

/// A token, as operators see it: all but the token.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Names it.
    pub id: String,
    /// What it is for.
    pub note: String,
    /// Unix milliseconds.
    pub created_ms: u64,
    /// Unix milliseconds; 0 for never.
    pub expires_ms: u64,
}

/// What is told once, and never again.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct BotSecrets {
    /// Id of the bot.
    pub user: String,
    /// A new token, if one was made.
    pub token: Option<String>,
    /// Names that token.
    pub token_id: Option<String>,
    /// The secret of its webhook, if it is new.
    pub webhook_secret: Option<String>,
}

impl Accounts {
    /// Creates a bot, with a token that never expires.
    ///
    /// # Errors
    /// Every [`AccountError`].
    // impl[EIM-BOT-005]
    pub async fn create_bot(&self, new: NewBot) -> Result<BotSecrets, AccountError> {
        let failed = |source| AccountError::Credential {
            name: new.name.clone(),
            source,
        };
        let name = password::normalise_name(&new.name).map_err(failed)?;
        let owner = match &*new.owner {
            "" => None,
            owner => Some(self.account(owner).await?.user),
        };
        let webhook = self.webhook(&new.webhook)?;
        let display_name = match new.display_name.is_empty() {
            true => new.name.clone(),
            false => new.display_name.clone(),
        };
        let user = UserId::from(self.random.octets::<16>());
        // Nobody knows what these are keys of.
        let verifier = ScramVerifier {
            iterations: self.iterations,
            salt: self.random.octets::<SALT_OCTETS>().to_vec(),
            stored_key: self.random.octets::<32>().to_vec(),
            server_key: self.random.octets::<32>().to_vec(),
        };
        let account = UserRecord {
            user,
            name: name.clone(),
            display_name,
            disabled: false,
            verifier,
            created_ms: self.clock.now_ms(),
            token_generation: 0,
        };
        let secret = webhook.as_ref().map(|webhook| webhook.secret.clone());
        let created = self.store.create_bot(self.tenant, account, owner, webhook);
        created.await?.map_err(|refused| refusal(&name, refused))?;
        let secrets = self.add_token(&name, user, "", 0).await?;
        Ok(BotSecrets {
            webhook_secret: secret,
            ..secrets
        })
    }

    /// Gives a bot another token, which ends at `expires_ms`; 0 for never.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] for whoever is no bot, [`AccountError::Refused`] beyond the number
    /// of tokens, [`AccountError::Note`], and failures of the store.
    pub async fn bot_token(
        &self,
        name: &str,
        note: &str,
        expires_ms: u64,
    ) -> Result<BotSecrets, AccountError> {
        if note.len() > NOTE_OCTETS || note.chars().any(char::is_control) {
            return Err(AccountError::Note(NOTE_OCTETS));
        }
        let bot = self.bot(name).await?;
        self.add_token(name, bot.bot, note, expires_ms).await
    }

    async fn add_token(
        &self,
        name: &str,
        bot: UserId,
        note: &str,
        expires_ms: u64,
    ) -> Result<BotSecrets, AccountError> {
        let (text, hash) = new_bot_token(&*self.random);
        let token = BotToken {
            hash,
            bot,
            note: note.to_owned(),
            created_ms: self.clock.now_ms(),
            expires_ms,
        };
        let id = token.id();
        let added = self.store.add_bot_token(self.tenant, token).await?;
        added.map_err(|refused| refusal(name, refused))?;
        Ok(BotSecrets {
            user: bot.to_string(),
            token: Some(text),
            token_id: Some(id.to_string()),
            webhook_secret: None,
        })
    }

    /// Takes a token away, named by its id, or all of them; says how many.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] for whoever is no bot, [`AccountError::Token`], and failures of
    /// the store.
    // impl[EIM-BOT-008]
    pub async fn revoke_bot_token(
        &self,
        name: &str,
        token: Option<&str>,
    ) -> Result<usize, AccountError> {
        let bot = self.bot(name).await?.bot;
        let missing = |text: &str| AccountError::Token(text.to_owned());
        let ids: Vec<TokenId> = match token {
            Some(text) => vec![text.parse().map_err(|_| missing(text))?],
            None => {
                let tokens = self.store.bot_tokens(self.tenant, bot).await?;
                tokens.iter().map(BotToken::id).collect()
            }
        };
        for id in &ids {
            let revoked = self.store.revoke_bot_token(self.tenant, bot, *id).await?;
            revoked.map_err(|_| missing(&id.to_string()))?;
        }
        Ok(ids.len())
    }

    /// Says where a bot is told of its entries; an empty address for nowhere.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] for whoever is no bot, [`AccountError::Url`], and failures of the
    /// store.
    pub async fn set_bot_webhook(&self, name: &str, url: &str) -> Result<BotSecrets, AccountError> {
        let bot = self.bot(name).await?.bot;
        let webhook = self.webhook(url)?;
        let secret = webhook.as_ref().map(|webhook| webhook.secret.clone());
        let set = self.store.set_bot_webhook(self.tenant, bot, webhook);
        set.await?.map_err(|refused| refusal(name, refused))?;
        Ok(BotSecrets {
            user: bot.to_string(),
            webhook_secret: secret,
            ..BotSecrets::default()
        })
    }

    /// All bots, in id order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bots(&self) -> Result<Vec<BotAccount>, AccountError> {
        let (mut bots, mut after) = (Vec::new(), None);
        loop {
            let (page, more) = self.store.bots(self.tenant, after, 100).await?;
            after = page.last().map(|bot| bot.bot);
            for bot in page {
                bots.extend(self.describe(bot).await?);
            }
            if !more {
                return Ok(bots);
            }
        }
    }

    async fn describe(&self, bot: BotRecord) -> Result<Option<BotAccount>, AccountError> {
        let (store, tenant) = (&self.store, self.tenant);
        let Some(account) = store.user(tenant, bot.bot).await? else {
            return Ok(None);
        };
        let owner = match bot.owner {
            Some(owner) => store.user(tenant, owner).await?,
            None => None,
        };
        let tokens = store.bot_tokens(tenant, bot.bot).await?;
        let (head, _) = store.timeline_head(tenant, bot.bot).await?;
        Ok(Some(BotAccount {
            user: bot.bot.to_string(),
            name: account.name,
            display_name: account.display_name,
            disabled: account.disabled,
            owner: owner.map(|owner| owner.name).unwrap_or_default(),
            webhook: bot.webhook.map(|webhook| webhook.url).unwrap_or_default(),
            told: (bot.told, head),
            tokens: tokens.into_iter().map(info).collect(),
        }))
    }

    async fn account(&self, name: &str) -> Result<UserRecord, AccountError> {
        let unknown = || AccountError::Unknown(name.to_owned());
        let normal = password::normalise_name(name).map_err(|_| unknown())?;
        let found = self.store.user_by_name(self.tenant, &normal).await?;
        found.ok_or_else(unknown)
    }

    async fn bot(&self, name: &str) -> Result<BotRecord, AccountError> {
        let user = self.account(name).await?.user;
        let bot = self.store.bot(self.tenant, user).await?;
        bot.ok_or_else(|| AccountError::NoBot(name.to_owned()))
    }

    /// A webhook with a new secret; `None` for an empty address.
    // impl[EIM-BOT-026]
    fn webhook(&self, url: &str) -> Result<Option<BotWebhook>, AccountError> {
        if url.is_empty() {
            return Ok(None);
        }
        if !is_safe(url) || url.len() > 2048 || !url.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(AccountError::Url);
        }
        Ok(Some(BotWebhook {
            url: url.to_owned(),
            secret: Secret::generate(&*self.random).expose().to_owned(),
        }))
    }
}

fn info(token: BotToken) -> TokenInfo {
    TokenInfo {
        id: token.id().to_string(),
        note: token.note,
        created_ms: token.created_ms,
        expires_ms: token.expires_ms,
    }
}

fn refusal(name: &str, refused: Refused) -> AccountError {
    AccountError::Refused {
        name: name.to_owned(),
        refused,
    }
}
