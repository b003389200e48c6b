//! Account commands: one JSON object a line, answered by one.

use serde::{Deserialize, Serialize};

use crate::hub::{Hub, Signal};
use crate::service::accounts::{Account, AccountError, Accounts, NewUser};
use crate::service::bots::{BotAccount, BotSecrets, NewBot};
use crate::store::{DirectoryChange, TenantId};

/// What an operator asks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// Creates accounts.
    UserAdd {
        /// The accounts.
        users: Vec<NewUser>,
    },
    /// Lists accounts.
    UserList,
    /// Disables an account, and ends its connections.
    UserDisable {
        /// Login name.
        name: String,
    },
    /// Enables an account.
    UserEnable {
        /// Login name.
        name: String,
    },
    /// Makes the directory what two CSV files say.
    DirectoryImport {
        /// `code,parent,name`, and `group` if there are groups.
        departments: String,
        /// `user,department,title`.
        members: String,
        /// Only tells what would change.
        dry_run: bool,
    },
    /// Writes a text into the personal logs of users.
    Notice {
        /// Login names; nobody means everybody.
        names: Vec<String>,
        /// The text.
        text: String,
    },
    /// Logs a device out: its connections end, and its resume tokens are worth nothing.
    DeviceLogout {
        /// Login name.
        name: String,
        /// Device id, hexadecimal.
        device: String,
    },
    /// Creates a bot with a token.
    BotCreate {
        /// The bot.
        bot: NewBot,
    },
    /// Lists bots.
    BotList,
    /// Gives a bot another token.
    BotToken {
        /// Login name.
        name: String,
        /// What it is for.
        note: String,
        /// Unix milliseconds; 0 for never.
        expires_ms: u64,
    },
    /// Takes a token of a bot away, and ends its connections.
    BotRevoke {
        /// Login name.
        name: String,
        /// Id of the token; all of them without one.
        token: Option<String>,
    },
    /// Says where a bot is told of its entries.
    BotWebhook {
        /// Login name.
        name: String,
        /// Address; empty for nowhere.
        url: String,
    },
}

/// The answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// Done; the accounts concerned.
    Accounts {
        /// The accounts.
        accounts: Vec<Account>,
    },
    /// The directory is what was asked.
    Imported {
        /// What changed, for people.
        summary: String,
    },
    /// Written to so many users.
    Noticed {
        /// How many.
        users: usize,
    },
    /// All bots.
    Bots {
        /// The bots.
        bots: Vec<BotAccount>,
    },
    /// What is told once.
    Secrets {
        /// Secrets of a bot.
        secrets: BotSecrets,
    },
    /// So many tokens are gone.
    Revoked {
        /// How many.
        tokens: usize,
    },
    /// Done.
    Done,
    /// Not done.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// Executes a command. `hub` ends the connections of disabled accounts when a server runs.
pub async fn execute(
    accounts: &Accounts,
    hub: Option<(&Hub, TenantId)>,
    command: Command,
) -> Reply {
    match attempt(accounts, hub, command).await {
        Ok(reply) => reply,
        Err(error) => Reply::Failed {
            reason: error.to_string(),
        },
    }
}

async fn attempt(
    accounts: &Accounts,
    hub: Option<(&Hub, TenantId)>,
    command: Command,
) -> Result<Reply, AccountError> {
    match command {
        Command::UserAdd { users } => Ok(Reply::Accounts {
            accounts: accounts.add(users).await?,
        }),
        Command::UserList => Ok(Reply::Accounts {
            accounts: accounts.list().await?,
        }),
        Command::UserDisable { name } => {
            let user = accounts.set_disabled(&name, true).await?;
            if let Some((hub, tenant)) = hub {
                // impl[EIM-SEC-004]
                hub.signal_user(tenant, user, Signal::Disabled);
            }
            Ok(Reply::Done)
        }
        Command::UserEnable { name } => {
            accounts.set_disabled(&name, false).await?;
            Ok(Reply::Done)
        }
        Command::DirectoryImport {
            departments,
            members,
            dry_run,
        } => {
            let change = accounts
                .import_directory(&departments, &members, dry_run)
                .await?;
            Ok(Reply::Imported {
                summary: summary(&change),
            })
        }
        Command::Notice { names, text } => Ok(Reply::Noticed {
            users: accounts.notice(&names, &text).await?,
        }),
        Command::DeviceLogout { name, device } => {
            accounts.log_out(&name, &device).await?;
            Ok(Reply::Done)
        }
        Command::BotList => Ok(Reply::Bots {
            bots: accounts.bots().await?,
        }),
        Command::BotCreate { bot } => Ok(Reply::Secrets {
            secrets: accounts.create_bot(bot).await?,
        }),
        Command::BotToken {
            name,
            note,
            expires_ms,
        } => Ok(Reply::Secrets {
            secrets: accounts.bot_token(&name, &note, expires_ms).await?,
        }),
        Command::BotRevoke { name, token } => Ok(Reply::Revoked {
            tokens: accounts.revoke_bot_token(&name, token.as_deref()).await?,
        }),
        Command::BotWebhook { name, url } => Ok(Reply::Secrets {
            secrets: accounts.set_bot_webhook(&name, &url).await?,
        }),
    }
}

fn summary(change: &DirectoryChange) -> String {
    let DirectoryChange {
        added,
        changed,
        removed,
        joined,
        retitled,
        left,
        profiles,
        groups_added,
        groups_renamed,
        groups_joined,
        groups_left,
    } = change;
    format!(
        "departments {added} added, {changed} changed, {removed} removed; members {joined} joined, \
         {retitled} with another title, {left} left; {profiles} profiles; groups {groups_added} added, \
         {groups_renamed} renamed, {groups_joined} members joined, {groups_left} left"
    )
}
