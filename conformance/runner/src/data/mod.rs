//! The files the suite needs: specification, vectors, scripts, schemas. Embedded in the binary, or
//! read from a checkout.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::results::Suite;
use crate::trace::project::Project;

/// Path below the project and octets, sorted within each folder given to the build.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Where the files come from.
#[derive(Clone, Debug, Default)]
pub enum Data {
    /// As they were when the binary was built.
    #[default]
    Embedded,
    /// From a checkout of the project, at its root.
    Checkout(PathBuf),
}

impl Data {
    /// The text of a file, by its path below the project.
    ///
    /// # Errors
    /// Which file, and why.
    pub fn read(&self, path: &str) -> Result<Cow<'static, str>, String> {
        match self {
            Self::Embedded => {
                let (_, octets) = EMBEDDED
                    .iter()
                    .find(|(name, _)| *name == path)
                    .ok_or_else(|| format!("{path}: not embedded"))?;
                std::str::from_utf8(octets)
                    .map(Cow::Borrowed)
                    .map_err(|error| format!("{path}: {error}"))
            }
            Self::Checkout(root) => Project::at(root).read(path).map(Cow::Owned),
        }
    }

    /// What is tested, and with what.
    ///
    /// # Errors
    /// Which file cannot be read, and why.
    pub fn suite(&self) -> Result<Suite, String> {
        let requirements = self.read("spec/registry/requirements.json")?;
        let mut cases = String::new();
        for folder in ["conformance/vectors", "conformance/live"] {
            for file in self.files(folder, "json")? {
                cases.push_str(&file);
                cases.push_str(&self.read(&file)?);
            }
        }
        Ok(Suite {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            requirements_sha256: sha256(requirements.as_bytes()),
            cases_sha256: sha256(cases.as_bytes()),
        })
    }

    /// Paths of all files below a folder whose name ends with `.` and `extension`, sorted.
    ///
    /// # Errors
    /// Which folder cannot be read, and why.
    pub fn files(&self, folder: &str, extension: &str) -> Result<Vec<String>, String> {
        match self {
            Self::Embedded => {
                let inside = |name: &&str| {
                    name.strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/'))
                        && name
                            .rsplit_once('.')
                            .is_some_and(|(_, ending)| ending == extension)
                };
                let mut names: Vec<String> = EMBEDDED
                    .iter()
                    .map(|(name, _)| *name)
                    .filter(inside)
                    .map(str::to_owned)
                    .collect();
                names.sort();
                Ok(names)
            }
            Self::Checkout(root) => Project::at(root).files(folder, extension),
        }
    }
}

/// SHA-256 of octets, lower hexadecimal.
#[must_use]
pub fn sha256(octets: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};
    Sha256::digest(octets)
        .iter()
        .fold(String::new(), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_carries_what_the_checkout_has() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let checkout = Data::Checkout(root);
        for (folder, extension) in [("spec", "toml"), ("conformance/vectors", "json")] {
            let files = checkout.files(folder, extension).unwrap();
            assert!(!files.is_empty());
            assert_eq!(Data::Embedded.files(folder, extension).unwrap(), files);
            for file in files {
                assert_eq!(
                    Data::Embedded.read(&file).unwrap(),
                    checkout.read(&file).unwrap()
                );
            }
        }
    }
}
