//! Account commands: one JSON object a line, answered by one.

use serde::{Deserialize, Serialize};

use crate::hub::{Hub, Signal};
use crate::service::accounts::{Account, AccountError, Accounts, NewUser};
use crate::store::TenantId;

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
    /// Logs a device out: its connections end, and its resume tokens are worth nothing.
    DeviceLogout {
        /// Login name.
        name: String,
        /// Device id, hexadecimal.
        device: String,
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
        Command::DeviceLogout { name, device } => {
            accounts.log_out(&name, &device).await?;
            Ok(Reply::Done)
        }
    }
}
