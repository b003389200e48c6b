//! `MANIFEST.json`: what the vectors are, so that two runs can be seen to be of the same suite.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::generate::VERSION;
use super::lint::Totals;
use super::load::{FOLDER, Loaded};
use super::model::FORMAT;
use super::octets::to_hex;
use crate::data::Data;

/// Path below the project.
pub const MANIFEST: &str = "conformance/vectors/MANIFEST.json";

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the generators.
    pub generators: u32,
    /// All cases.
    pub cases: usize,
    /// Cases that differ in requirement, stage, field or boundary class.
    pub distinct: usize,
    /// Requirements that vectors verify, all of them with cases.
    pub requirements: usize,
    /// SHA-256 over the paths and hashes of all files, hexadecimal.
    pub sha256: String,
    /// One for each file, in the order of paths.
    pub files: Vec<Entry>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path below `conformance/vectors`.
    pub path: String,
    /// Whether a generator wrote it.
    pub generated: bool,
    /// Its cases.
    pub cases: usize,
    /// SHA-256 of its octets, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// What the manifest of these files says.
    ///
    /// # Errors
    /// Which file cannot be read, and why.
    pub fn of(data: &Data, files: &[Loaded], totals: &Totals) -> Result<Self, String> {
        let mut entries = Vec::new();
        let mut all = Sha256::new();
        for Loaded { path, file } in files {
            let sha256 = to_hex(&Sha256::digest(data.read(path)?.as_bytes()));
            let path = path
                .trim_start_matches(FOLDER)
                .trim_start_matches('/')
                .to_owned();
            all.update(format!("{sha256}  {path}\n"));
            let (generated, cases) = (file.generator.is_some(), file.cases.len());
            entries.push(Entry {
                path,
                generated,
                cases,
                sha256,
            });
        }
        Ok(Self {
            format: FORMAT,
            generators: VERSION,
            cases: totals.cases,
            distinct: totals.distinct,
            requirements: totals.required,
            sha256: to_hex(&all.finalize()),
            files: entries,
        })
    }

    /// As it is written.
    ///
    /// # Errors
    /// None for what serde can write.
    pub fn text(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }
}
