//! Inputs that are committed: seeds written by hand or found, and everything that once broke a target.

use std::path::Path;

use crate::Input;

/// The files of `fuzz/<kind>/<target>`, in the order of their names; none when there is no such
/// folder. Names that begin with a dot are left out.
///
/// # Errors
/// What cannot be read, and why.
pub fn read(fuzz: &Path, kind: &str, target: &str) -> Result<Vec<Input>, String> {
    let folder = fuzz.join(kind).join(target);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(say)? {
        let path = entry.map_err(say)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') {
            continue;
        }
        let octets = std::fs::read(&path).map_err(say)?;
        inputs.push(Input { name, octets });
    }
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(inputs)
}
