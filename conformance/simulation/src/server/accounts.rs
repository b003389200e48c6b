//! The users of a world.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use eim_codec::id::UserId;
use eim_codec::registry::limits;
use eim_server::clock::Clock;
use eim_server::random::Random;
use eim_server::server::TENANT;
use eim_server::service::accounts::{AccountError, Accounts, NewUser};
use eim_server::service::password;
use eim_server::store::{Store, StoreError};

use crate::plan::UserNumber;
use crate::seed::Dice;
use crate::world::Randomness;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// The id of a user.
#[must_use]
pub fn user_id(user: UserNumber) -> UserId {
    UserId::from([user.0.wrapping_add(1); 16])
}

/// The name of a user.
#[must_use]
pub fn user_name(user: UserNumber) -> String {
    format!("user{}", user.0)
}

/// The name of the user with an id.
#[must_use]
pub fn name_of(user: UserId) -> Option<String> {
    let [first, ..] = *user.as_bytes();
    let number = UserNumber(first.checked_sub(1)?);
    (user_id(number) == user).then(|| user_name(number))
}

/// The password as another server exports it, derived once for all runs.
fn credential() -> Option<&'static str> {
    static DERIVED: OnceLock<Option<String>> = OnceLock::new();
    let derive = || {
        let random = Randomness::new(Dice::new(0));
        let minimum = limits::SCRAM_ITERATIONS.minimum;
        let verifier = password::derive(PASSWORD, minimum, &random).ok()?;
        let [salt, stored, server] = [&verifier.salt, &verifier.stored_key, &verifier.server_key]
            .map(|octets| BASE64.encode(octets));
        Some(format!(
            "scram:{}:{salt}:{stored}:{server}",
            verifier.iterations
        ))
    };
    DERIVED.get_or_init(derive).as_deref()
}

/// Gives users the ids by which plans know them.
#[derive(Debug)]
struct Ids(Mutex<std::vec::IntoIter<UserId>>);

impl Random for Ids {
    fn fill(&self, out: &mut [u8]) {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).next();
        if let Some(id) = next {
            let length = out.len().min(id.as_bytes().len());
            if let (Some(out), Some(id)) = (out.get_mut(..length), id.as_bytes().get(..length)) {
                out.copy_from_slice(id);
            }
        }
    }
}

/// Imports the users that do not exist, as an operator does.
pub(super) async fn create(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    users: &[UserNumber],
) -> Result<(), StoreError> {
    let credential = credential().ok_or_else(|| StoreError::Engine("no verifier".to_owned()))?;
    let accounts = |ids: Vec<UserId>| {
        Accounts::new(
            Arc::clone(store),
            Arc::clone(clock),
            Arc::new(Ids(Mutex::new(ids.into_iter()))),
            limits::SCRAM_ITERATIONS.minimum,
            TENANT,
        )
    };
    let there = accounts(Vec::new()).list().await.map_err(failed)?;
    let is_missing = |user: &&UserNumber| {
        let name = user_name(**user);
        there.iter().all(|account| account.name != name)
    };
    let missing: Vec<UserNumber> = users.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let new = |user: &UserNumber| NewUser {
        name: user_name(*user),
        display_name: String::new(),
        credential: credential.to_owned(),
    };
    let ids = missing.iter().copied().map(user_id).collect();
    let added = accounts(ids).add(missing.iter().map(new).collect()).await;
    added.map(|_| ()).map_err(failed)
}

fn failed(error: AccountError) -> StoreError {
    match error {
        AccountError::Store(error) => error,
        other => StoreError::Engine(other.to_string()),
    }
}
