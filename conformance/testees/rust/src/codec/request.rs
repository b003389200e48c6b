//! Members of requests.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A request or a part of one.
pub(super) type Members = Map<String, Value>;

/// Takes a member that has to be there.
///
/// # Errors
/// It is absent or has another form.
pub(super) fn take<T: DeserializeOwned>(members: &mut Members, key: &str) -> Result<T, String> {
    let value = members.remove(key).ok_or_else(|| format!("no {key}"))?;
    serde_json::from_value(value).map_err(|error| format!("{key}: {error}"))
}

/// Takes a member that may be absent.
///
/// # Errors
/// It has another form.
pub(super) fn take_or_default<T: DeserializeOwned + Default>(
    members: &mut Members,
    key: &str,
) -> Result<T, String> {
    match members.remove(key) {
        Some(value) => serde_json::from_value(value).map_err(|error| format!("{key}: {error}")),
        None => Ok(T::default()),
    }
}

/// A decimal number of 64 bits.
///
/// # Errors
/// It is not.
pub(super) fn decimal(text: &str) -> Result<u64, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}
