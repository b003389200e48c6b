//! The command line: one file a verb.

pub mod diff;
pub mod explain;
pub mod history;
pub mod init_testee;
pub mod matrix;
pub mod report;
pub mod self_test;
pub mod server;
pub mod trace;
pub mod vectors;

pub mod client;
pub mod codec;
pub mod list;
pub mod replay;
pub mod show;
pub mod suite;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::data::Data;
use crate::trace::project::Project;

/// All required cases passed.
pub const PASSED: u8 = 0;
/// Cases or checks failed.
pub const FAILED: u8 = 1;
/// Wrong usage; no case matched; files that cannot be read.
pub const USAGE: u8 = 2;
/// The testee did not start, or broke its protocol.
pub const TESTEE: u8 = 3;
/// An entry of a list of known failures is stale.
pub const STALE: u8 = 4;
/// Nothing failed, but cases were flaky.
pub const FLAKY: u8 = 5;

/// Options of every verb.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Checkout of the project to read from instead of what the binary carries.
    #[arg(long, global = true)]
    pub root: Option<PathBuf>,
}

impl Global {
    /// Where files come from: the checkout if one is given.
    #[must_use]
    pub fn data(&self) -> Data {
        self.root.clone().map_or(Data::Embedded, Data::Checkout)
    }

    /// The same, whatever the current folder will be.
    ///
    /// # Errors
    /// The current folder cannot be read.
    pub fn absolute(&self) -> Result<Self, String> {
        let root = self.root.as_ref().map(std::path::absolute).transpose();
        Ok(Self {
            root: root.map_err(|e| e.to_string())?,
        })
    }

    /// The checkout: the one given, or the one around the current folder.
    ///
    /// # Errors
    /// There is none.
    pub fn project(&self) -> Result<Project, String> {
        if let Some(root) = &self.root {
            return Ok(Project::at(root));
        }
        let here = std::env::current_dir().map_err(|e| e.to_string())?;
        Project::around(&here).ok_or_else(|| NO_PROJECT.into())
    }
}

/// This verb reads code and chapters, which no binary carries.
const NO_PROJECT: &str = "this needs a checkout of the project, and there is none around the current folder; \
    go there or give --root FOLDER";

/// The exit code `code`.
#[must_use]
pub fn exit(code: u8) -> ExitCode {
    ExitCode::from(code)
}
