//! The users of a world.

use std::sync::OnceLock;

use eim_codec::id::UserId;
use eim_codec::registry::limits;
use eim_server::server::TENANT;
use eim_server::service::password;
use eim_server::store::{ScramVerifier, Store, StoreError, UserRecord};

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

/// The verifier of the password, derived once for all runs.
fn verifier() -> Option<&'static ScramVerifier> {
    static DERIVED: OnceLock<Option<ScramVerifier>> = OnceLock::new();
    let derive = || {
        let random = Randomness::new(Dice::new(0));
        password::derive(PASSWORD, limits::SCRAM_ITERATIONS.minimum, &random).ok()
    };
    DERIVED.get_or_init(derive).as_ref()
}

/// Creates the users that do not exist.
pub(super) async fn create(store: &dyn Store, users: &[UserNumber]) -> Result<(), StoreError> {
    let verifier = verifier().ok_or_else(|| StoreError::Engine("no verifier".to_owned()))?;
    let mut missing = Vec::new();
    for user in users {
        if store.user(TENANT, user_id(*user)).await?.is_none() {
            missing.push(UserRecord {
                user: user_id(*user),
                name: user_name(*user),
                display_name: String::new(),
                disabled: false,
                verifier: verifier.clone(),
                created_ms: 0,
                token_generation: 0,
            });
        }
    }
    if !missing.is_empty() {
        store.create_users(TENANT, missing).await?;
    }
    Ok(())
}
