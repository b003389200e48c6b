//! Many testees, one results file.
//!
//! The list is a TOML file:
//!
//! ```text
//! folder = ".."                       # where the commands run, from the folder of this file
//!
//! [variables]
//! testee = "target/release/eim-testee"    # replaces {testee} in commands
//!
//! [[testee]]
//! role = "codec"                      # codec, server or client
//! name = "python"                     # unique in its role
//! command = "python3 conformance/testees/python/testee.py"
//! known_failing = "python.failing"    # optional, as --known-failing; from `folder`
//! known_flaky = "python.flaky"        # optional
//! needs = [{ program = "python3", from = "the Debian package python3" }]
//! ```
//!
//! The first testee of a role is the reference: it is the one that the gate of `trace` judges.

pub mod run;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::results::Role;

/// The list of the project, relative to it.
pub const FILE: &str = "conformance/matrix.toml";

/// A list of testees.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Where commands run; relative to the folder of the file when read.
    #[serde(default)]
    pub folder: PathBuf,
    /// What stands for `{name}` in commands.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The testees.
    pub testee: Vec<Testee>,
}

/// A testee of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Testee {
    /// The suite that it runs through.
    pub role: Role,
    /// Its name in the results.
    pub name: String,
    /// What starts it.
    pub command: String,
    /// Cases that are known to fail.
    pub known_failing: Option<PathBuf>,
    /// Cases that are known to be flaky.
    pub known_flaky: Option<PathBuf>,
    /// What has to be there before it can start.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// Something that a testee needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// A program, looked for as a shell does.
    pub program: Option<String>,
    /// A file or folder.
    pub file: Option<PathBuf>,
    /// Where it comes from, in words.
    pub from: String,
}

impl Matrix {
    /// Reads a list. Paths in it count from its `folder` afterwards.
    ///
    /// # Errors
    /// A file that cannot be read, or a list that contradicts itself.
    pub fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
        let mut matrix: Self = toml::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
        let around = file.parent().unwrap_or_else(|| Path::new(""));
        matrix.folder = around.join(&matrix.folder);
        if matrix.testee.is_empty() {
            return Err(format!("{name}: no [[testee]]"));
        }
        let mut names = BTreeSet::new();
        for testee in &matrix.testee {
            if !names.insert((testee.role, &testee.name)) {
                let (role, twice) = (testee.role.name(), &testee.name);
                return Err(format!("{name}: {role} {twice} stands there twice"));
            }
        }
        Ok(matrix)
    }

    /// What has to be there and is not, in words; none means that all testees can start.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for testee in &self.testee {
            for need in testee
                .needs
                .iter()
                .filter(|need| !need.is_there(&self.folder))
            {
                let (role, name) = (testee.role.name(), &testee.name);
                missing.push(format!("{role} {name} needs {}", need.in_words()));
            }
        }
        missing
    }

    /// The command of a testee, with the variables put in.
    ///
    /// # Errors
    /// A variable that is not in the list.
    pub fn command(&self, testee: &Testee) -> Result<String, String> {
        let mut command = String::new();
        let mut rest = testee.command.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { without }")?;
            let known = self.variables.get(name);
            let value = known.ok_or_else(|| format!("{{{name}}} is not in [variables]"))?;
            command.push_str(before);
            command.push_str(value);
            rest = after;
        }
        command.push_str(rest);
        Ok(command)
    }
}

impl Need {
    fn is_there(&self, folder: &Path) -> bool {
        let file = self
            .file
            .as_ref()
            .is_none_or(|file| folder.join(file).exists());
        let program = self
            .program
            .as_ref()
            .is_none_or(|program| on_path(program, folder));
        file && program
    }

    fn in_words(&self) -> String {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        let what: Vec<String> = self.program.iter().cloned().chain(file).collect();
        format!("{}: {}", what.join(" and "), self.from)
    }
}

/// Whether a program is found: by its path, or in a folder of `PATH`.
fn on_path(program: &str, folder: &Path) -> bool {
    if program.contains('/') {
        return folder.join(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|place| {
        let windows = cfg!(windows) && place.join(format!("{program}.exe")).is_file();
        windows || place.join(program).is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(text: &str) -> Result<Matrix, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("matrix.toml");
        fs::write(&file, text).unwrap();
        Matrix::read(&file)
    }

    #[test]
    fn the_list_of_the_project_has_a_reference_for_each_role() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(FILE);
        let matrix = Matrix::read(&file).unwrap();
        for role in [Role::Codec, Role::Server, Role::Client] {
            let reference = matrix
                .testee
                .iter()
                .find(|testee| testee.role == role)
                .unwrap();
            assert_eq!(reference.name, "rust");
        }
        for testee in &matrix.testee {
            matrix.command(testee).unwrap();
        }
    }

    #[test]
    fn variables_are_put_in() {
        let text = "variables = { a = 'x y' }\n[[testee]]\nrole = 'codec'\nname = 'n'\ncommand = '{a} z {a}'";
        let list = matrix(text).unwrap();
        assert_eq!(list.command(&list.testee[0]).unwrap(), "x y z x y");
        let list = matrix(&text.replace("z {a}", "{b}")).unwrap();
        let error = list.command(&list.testee[0]).unwrap_err();
        assert_eq!(error, "{b} is not in [variables]");
    }

    #[test]
    fn what_is_missing_is_named() {
        let list = matrix(
            "[[testee]]\nrole = 'codec'\nname = 'n'\ncommand = 'c'\n\
             needs = [{ program = 'no-such-program', from = 'the package p' }, { file = 'gone', from = 'make it' },\n\
             { file = 'matrix.toml', from = 'here' }]",
        );
        let list = list.unwrap();
        let missing = list.missing();
        assert_eq!(missing[0], "codec n needs no-such-program: the package p");
        assert_eq!(missing[1], "codec n needs gone: make it");
    }

    #[test]
    fn a_list_without_testees_or_with_one_twice_is_wrong() {
        assert!(matrix("testee = []").unwrap_err().contains("no [[testee]]"));
        let one = "[[testee]]\nrole = 'client'\nname = 'n'\ncommand = 'c'\n";
        assert!(
            matrix(&one.repeat(2))
                .unwrap_err()
                .contains("client n stands there twice")
        );
        assert!(matrix(&one.replace("command", "comand")).is_err());
    }
}
