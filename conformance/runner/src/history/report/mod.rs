//! A verdict for people and for machines.

mod html;
mod junit;
mod svg;
mod text;

pub use html::html;
pub use junit::junit;
pub use text::{line, text};

use serde::Serialize;

use super::event::Header;
use super::files::Judged;
use super::timeline::Timeline;
use super::verdict::Verdict;

/// The verdict as JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// The form: 1.
    format: u32,
    clean: bool,
    headers: &'a [Header],
    torn: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
    timeline: &'a Timeline,
}

/// The verdict as JSON.
///
/// # Errors
/// It cannot be written.
pub fn json(judged: &Judged) -> Result<String, String> {
    let document = Document {
        format: 1,
        clean: judged.verdict.is_clean(),
        headers: &judged.headers,
        torn: judged.torn,
        verdict: &judged.verdict,
        timeline: &judged.timeline,
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// A number with its thousands apart.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people.
fn seconds(us: u64) -> String {
    format!("{}.{:03} s", number(us / 1_000_000), us / 1000 % 1000)
}
