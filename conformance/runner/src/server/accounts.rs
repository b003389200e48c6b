//! Accounts: made for a server that is launched, read from a file for one that runs.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::live::context::Account;
use crate::live::random::Random;
use crate::wire::hex;

/// The least number of accounts in a file.
const LEAST: usize = 8;

/// Accounts, handed out in turn: each case gets its own while there are enough.
#[derive(Debug, Default)]
pub struct Pool(Mutex<VecDeque<Account>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    account: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    password: String,
}

/// New accounts, the same for the same seed.
#[must_use]
pub fn make(seed: u64, count: usize) -> Vec<Account> {
    let mut random = Random::new(seed, "accounts");
    let account = |number| Account {
        name: format!("u{number:04}"),
        password: hex::encode(&random.octets::<12>()),
        user_id: String::new(),
    };
    (1..=count).map(account).collect()
}

/// The accounts of a file.
///
/// # Errors
/// Why it cannot be used.
pub fn read(path: &Path) -> Result<Vec<Account>, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let file: File = toml::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    if file.account.len() < LEAST {
        return Err(format!("{name}: at least {LEAST} accounts"));
    }
    let account = |named: Named| Account {
        name: named.name,
        password: named.password,
        user_id: String::new(),
    };
    Ok(file.account.into_iter().map(account).collect())
}

impl Pool {
    /// A pool of these accounts.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self(Mutex::new(accounts.into()))
    }

    /// Accounts for a case. With fewer accounts than all cases at a time need, two cases would
    /// share one; `None` then, until some are given back.
    #[must_use]
    pub fn take(&self, count: usize) -> Option<Vec<Account>> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() < count {
            return None;
        }
        Some(accounts.drain(..count).collect())
    }

    /// Takes accounts back, to be used again when all others have been.
    pub fn give_back(&self, returned: impl IntoIterator<Item = Account>) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.extend(returned);
    }
}
