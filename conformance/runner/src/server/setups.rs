//! `setups.json`: the limits that servers are launched with.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::data::Data;

/// One way to set a server up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Limits by the names of the registry.
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
}

/// All of them by name.
pub type Setups = BTreeMap<String, Setup>;

/// Reads them.
///
/// # Errors
/// Why they cannot be read.
pub fn load(data: &Data) -> Result<Setups, String> {
    let path = "conformance/live/setups.json";
    serde_json::from_str(&data.read(path)?).map_err(|error| format!("{path}: {error}"))
}
