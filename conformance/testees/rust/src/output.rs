//! Lines on standard output.

use std::io::Write as _;

use serde::Serialize;

/// Writes one line.
///
/// # Errors
/// The suite has gone.
pub(crate) fn line(value: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}
