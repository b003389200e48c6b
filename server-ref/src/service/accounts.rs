//! User accounts, for operators: add, list, disable, enable, import.

use std::collections::BTreeMap;
use std::sync::Arc;

use eim_codec::id::UserId;
use eim_codec::payload::{Content, NoticeBody};
use eim_codec::registry::{FrameType, limits};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::directory_import::{self, Problems};
use super::password::{self, CredentialError};
use crate::clock::Clock;
use crate::random::Random;
use crate::store::{
    DirectoryChange, LogOut, LogoutReason, Refused, ScramVerifier, Store, StoreError, TenantId,
    UserRecord,
};

/// A new account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Login name.
    pub name: String,
    /// Shown to people; empty for the login name.
    pub display_name: String,
    /// Password, or `scram:…` with a verifier of another server.
    pub credential: String,
}

/// An account, as operators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its id.
    pub user: String,
    /// Login name.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
    /// It cannot log in.
    pub disabled: bool,
    /// Unix milliseconds.
    pub created_ms: u64,
}

/// An account command failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Name or password cannot be used.
    #[error("{name}: {source}")]
    Credential {
        /// Which account.
        name: String,
        /// Why.
        source: CredentialError,
    },
    /// A notice without text, or with too much of it.
    #[error("a notice has 1 to {} octets", limits::CAPTION_OCTETS.default)]
    Text,
    /// The store refused it.
    #[error("{name}: {}", .refused.detail)]
    Refused {
        /// Which account.
        name: String,
        /// Why.
        refused: Refused,
    },
    /// There is no such account.
    #[error("{0}: no such user")]
    Unknown(String),
    /// There is no such device.
    #[error("{0}: no such device")]
    Device(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A line of an import file is not `name,display name,credential`.
    #[error(
        "line {0}: expected name,display name,password or scram:ITERATIONS:SALT:STOREDKEY:SERVERKEY"
    )]
    Line(usize),
    /// The files of a directory do not fit together.
    #[error(transparent)]
    Directory(#[from] Problems),
    /// A group of a department cannot be what the files say, or there is no room.
    #[error("{0}")]
    Groups(String),
    /// The account is that of a person.
    #[error("{0} is no bot")]
    NoBot(String),
    /// The bot has no such token.
    #[error("{0}: no such token")]
    Token(String),
    /// A note that is too long, or not one line.
    #[error("a note is one line of at most {0} octets")]
    Note(usize),
    /// No address of a webhook.
    #[error("a webhook is an address that begins with https://, or with http:// on this machine")]
    Url,
    /// The runtime is going away.
    #[error("interrupted")]
    Interrupted,
}

/// Manages accounts in a store.
#[derive(Clone)]
pub struct Accounts {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) iterations: u32,
    pub(super) tenant: TenantId,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Makes the directory what two CSV files say; a dry run only tells what would change.
    ///
    /// # Errors
    /// [`AccountError::Directory`] with all that is wrong by line, [`AccountError::Groups`], or the
    /// store failed.
    pub async fn import_directory(
        &self,
        departments: &str,
        members: &str,
        dry_run: bool,
    ) -> Result<DirectoryChange, AccountError> {
        let users: BTreeMap<String, UserId> = self
            .list()
            .await?
            .into_iter()
            .filter_map(|account| Some((account.name, account.user.parse().ok()?)))
            .collect();
        let find = |name: &str| {
            let name = password::normalise_name(name).ok()?;
            users.get(&name).copied()
        };
        let directory = directory_import::read(departments, members, find)?;
        let imported = self.store.import_directory(self.tenant, directory, dry_run);
        imported
            .await?
            .map_err(|refused| AccountError::Groups(refused.detail))
    }

    /// Accounts of `tenant`; new passwords get `iterations`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        iterations: u32,
        tenant: TenantId,
    ) -> Self {
        Self {
            store,
            clock,
            random,
            iterations,
            tenant,
        }
    }

    /// Creates accounts, all or, at the first that is refused, those before it.
    ///
    /// # Errors
    /// Every [`AccountError`].
    pub async fn add(&self, users: Vec<NewUser>) -> Result<Vec<Account>, AccountError> {
        let mut records = Vec::with_capacity(users.len());
        for user in users {
            records.push(self.record(user).await?);
        }
        let outcomes = self
            .store
            .create_users(self.tenant, records.clone())
            .await?;
        for (record, outcome) in records.iter().zip(outcomes) {
            let name = || record.name.clone();
            outcome.map_err(|refused| AccountError::Refused {
                name: name(),
                refused,
            })?;
        }
        Ok(records.iter().map(to_account).collect())
    }

    /// All accounts in name order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Account>, AccountError> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let after = accounts.last().map(|account| account.name.clone());
            let (page, more) = self.store.users(self.tenant, after.as_deref(), 500).await?;
            accounts.extend(page.iter().map(to_account));
            if !more || page.is_empty() {
                return Ok(accounts);
            }
        }
    }

    /// Disables or enables the account called `name`; returns its id.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] and failures of the store.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<UserId, AccountError> {
        let unknown = || AccountError::Unknown(name.to_owned());
        let normal = password::normalise_name(name).map_err(|_| unknown())?;
        let user = self
            .store
            .user_by_name(self.tenant, &normal)
            .await?
            .ok_or_else(unknown)?
            .user;
        self.store.set_disabled(self.tenant, user, disabled).await?;
        Ok(user)
    }

    /// Logs a device out: its connections end, and its resume tokens are worth nothing any more.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], [`AccountError::Device`] and failures of the store.
    // impl[EIM-AUT-042]
    pub async fn log_out(&self, name: &str, device: &str) -> Result<(), AccountError> {
        let unknown = || AccountError::Unknown(name.to_owned());
        let normal = password::normalise_name(name).map_err(|_| unknown())?;
        let (store, tenant) = (&self.store, self.tenant);
        let found = store.user_by_name(tenant, &normal).await?;
        let user = found.ok_or_else(unknown)?.user;
        let missing = || AccountError::Device(device.to_owned());
        let log_out = LogOut {
            device: device.parse().map_err(|_| missing())?,
            reason: LogoutReason::Operator,
            asked: None,
        };
        store
            .log_out(tenant, user, log_out)
            .await?
            .map_err(|_| missing())
    }

    /// Writes a text to the users called `names`, or to everybody when there are none; says how
    /// many got it.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], [`AccountError::Text`] and failures of the store. Those before
    /// the one that failed have got it.
    // impl[EIM-CNT-008, EIM-CNT-018]
    pub async fn notice(&self, names: &[String], text: &str) -> Result<usize, AccountError> {
        let body = NoticeBody {
            text: text.to_owned(),
        };
        let checked = Content::of(FrameType::NOTICE, &body.encode_to_vec().into());
        if text.is_empty() || checked.is_err() {
            return Err(AccountError::Text);
        }
        let mut users = Vec::new();
        for name in names {
            let unknown = || AccountError::Unknown(name.clone());
            let normal = password::normalise_name(name).map_err(|_| unknown())?;
            let found = self.store.user_by_name(self.tenant, &normal).await?;
            users.push((normal, found.ok_or_else(unknown)?.user));
        }
        if names.is_empty() {
            for account in self.list().await?.into_iter().filter(|it| !it.disabled) {
                let unknown = |_| AccountError::Unknown(account.name.clone());
                users.push((account.name.clone(), account.user.parse().map_err(unknown)?));
            }
        }
        let count = users.len();
        for (name, user) in users {
            let outcome = self.store.notice(self.tenant, user, text.to_owned());
            let refused = |refused| AccountError::Refused { name, refused };
            outcome.await?.map_err(refused)?;
        }
        Ok(count)
    }

    async fn record(&self, new: NewUser) -> Result<UserRecord, AccountError> {
        let failed = |source| AccountError::Credential {
            name: new.name.clone(),
            source,
        };
        let name = password::normalise_name(&new.name).map_err(failed)?;
        let display_name = if new.display_name.is_empty() {
            new.name.clone()
        } else {
            new.display_name.clone()
        };
        let verifier = self
            .verifier(new.credential.clone())
            .await?
            .map_err(failed)?;
        Ok(UserRecord {
            // impl[EIM-SEC-008]
            user: UserId::from(self.random.octets::<16>()),
            name,
            display_name,
            disabled: false,
            verifier,
            created_ms: self.clock.now_ms(),
            token_generation: 0,
        })
    }

    /// Hashing takes milliseconds, so it runs where it blocks nobody.
    async fn verifier(
        &self,
        credential: String,
    ) -> Result<Result<ScramVerifier, CredentialError>, AccountError> {
        if credential.starts_with("scram:") {
            return Ok(password::parse_verifier(&credential));
        }
        let (iterations, random) = (self.iterations, Arc::clone(&self.random));
        tokio::task::spawn_blocking(move || password::derive(&credential, iterations, &*random))
            .await
            .map_err(|_| AccountError::Interrupted)
    }
}

/// Reads an import file: `name,display name,credential` a line; blank lines and `#` are skipped. The
/// credential is the rest of the line, so that passwords may contain commas.
///
/// # Errors
/// [`AccountError::Line`].
pub fn parse_import(text: &str) -> Result<Vec<NewUser>, AccountError> {
    let mut users = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut parts = line.splitn(3, ',');
        let (Some(name), Some(display), Some(credential)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(AccountError::Line(index + 1));
        };
        users.push(NewUser {
            name: name.trim().to_owned(),
            display_name: display.trim().to_owned(),
            credential: credential.to_owned(),
        });
    }
    Ok(users)
}

fn to_account(record: &UserRecord) -> Account {
    Account {
        user: record.user.to_string(),
        name: record.name.clone(),
        display_name: record.display_name.clone(),
        disabled: record.disabled,
        created_ms: record.created_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_files_allow_comments_and_commas_in_passwords() {
        let users = parse_import("# people\n\nalice, Alice A ,pa,ss\nbob,,x\n").unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].name, "alice");
        assert_eq!(users[0].display_name, "Alice A");
        assert_eq!(users[0].credential, "pa,ss");
        assert!(matches!(
            parse_import("ok,ok,ok\nbad"),
            Err(AccountError::Line(2))
        ));
    }
}
