//! Cases that a person plays.

use super::suite::{Planned, SuiteError};
use crate::data::Data;
use crate::results::Run;

/// Nothing yet.
///
/// # Errors
/// Always.
pub async fn test(_: &Data, _: Vec<Planned>, _: u64) -> Result<Run, SuiteError> {
    Err(SuiteError::Scripts("not yet".into()))
}
