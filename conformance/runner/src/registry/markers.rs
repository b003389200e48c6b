//! Generated tables inside chapters: `<!-- registry:NAME -->` … `<!-- /registry -->`.

use super::{Registries, tables};

const OPEN: &str = "<!-- registry:";
const CLOSE: &str = "<!-- /registry -->";

/// The chapter with every marked table generated anew.
///
/// # Errors
/// Line and fault of a marker: unknown table, not closed, closed without being open.
pub fn fill(text: &str, registries: &Registries) -> Result<String, (usize, String)> {
    let mut filled = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let name = line
            .trim()
            .strip_prefix(OPEN)
            .and_then(|rest| rest.strip_suffix("-->"));
        match (name.map(str::trim), open) {
            (Some(_), Some(_)) => return Err((number, "marker inside a marked table".to_owned())),
            (Some(name), None) => {
                let table = tables::table(name, registries)
                    .ok_or_else(|| (number, format!("unknown table `{name}`")))?;
                push(&mut filled, line);
                filled.push_str(&table);
                open = Some(number);
            }
            (None, Some(_)) if line.trim() == CLOSE => {
                push(&mut filled, line);
                open = None;
            }
            (None, Some(_)) => {}
            (None, None) if line.trim() == CLOSE => {
                return Err((number, "end marker without a table".to_owned()));
            }
            (None, None) => push(&mut filled, line),
        }
    }
    match open {
        Some(number) => Err((number, "marked table is not closed".to_owned())),
        None => Ok(filled),
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
