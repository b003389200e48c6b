//! `requirements.json`: all requirements, for machines.

use super::requirement::Requirement;

/// The text of `requirements.json`: sorted by id, one trailing newline.
///
/// # Errors
/// When a requirement cannot be written as JSON.
pub fn catalogue(requirements: &[Requirement]) -> Result<String, serde_json::Error> {
    let mut sorted: Vec<&Requirement> = requirements.iter().collect();
    sorted.sort_by(|a, b| {
        a.id.cmp(&b.id)
            .then(a.file.cmp(&b.file))
            .then(a.line.cmp(&b.line))
    });
    let mut text = serde_json::to_string_pretty(&sorted)?;
    text.push('\n');
    Ok(text)
}
