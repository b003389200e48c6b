//! All files of vectors.

use super::model::{Case, FORMAT, File};
use crate::data::Data;

/// Folder of the vectors, below the project.
pub const FOLDER: &str = "conformance/vectors";

/// A file and where it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Path below the project.
    pub path: String,
    /// What it holds.
    pub file: File,
}

/// All files of vectors, in the order of their paths. Only the form is checked; `vectors lint` checks
/// the rest.
///
/// # Errors
/// A file that cannot be read or has another form.
pub fn load(data: &Data) -> Result<Vec<Loaded>, String> {
    let paths = data.files(FOLDER, "json")?;
    let parse = |path: String| {
        let text = data.read(&path)?;
        let file: File = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        if file.format != FORMAT {
            return Err(format!("{path}: format {}", file.format));
        }
        Ok(Loaded { path, file })
    };
    paths
        .into_iter()
        .filter(|path| !path.ends_with("/MANIFEST.json"))
        .map(parse)
        .collect()
}

/// All cases of files, in the order of their ids.
#[must_use]
pub fn cases(files: &[Loaded]) -> Vec<(&Loaded, &Case)> {
    let mut cases: Vec<_> = files
        .iter()
        .flat_map(|loaded| loaded.file.cases.iter().map(move |case| (loaded, case)))
        .collect();
    cases.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written() {
        let data = Data::Embedded;
        for Loaded { path, file } in load(&data).unwrap() {
            let text = data.read(&path).unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(&file).unwrap(), read, "{path}");
        }
    }

    #[test]
    fn unknown_and_foreign_keys_are_refused() {
        let good = r#"{"id":"a","req":[],"level":"must","since":"1.0","op":"derive","kind":"valid",
            "desc":"","about":{"field":"f","class":"c"},"function":"f","arguments":{},"expect":{"value":1}}"#;
        assert!(serde_json::from_str::<Case>(good).is_ok());
        for (from, to) in [
            (r#""kind""#, r#""king":1,"kind""#),
            (r#""kind""#, r#""input":[],"kind""#),
            (r#""kind""#, r#""config":{},"kind""#),
            (r#""value":1"#, r#""value":1,"octets":"""#),
            (r#""class""#, r#""more":1,"class""#),
            (r#""arguments":{},"#, ""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(serde_json::from_str::<Case>(&bad).is_err(), "{bad}");
        }
    }
}
