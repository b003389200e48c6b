//! How a run fails.

use std::process::ExitCode;

/// Why a run ended early or with a bad verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The machine or the arguments do not allow the run.
    #[error("cannot run: {0}")]
    Setup(String),
    /// A program under test did something it must not.
    #[error("failed: {0}")]
    Run(String),
    /// The judge found something.
    #[error("verdict: {0}")]
    Verdict(String),
    /// Files or sockets of the runner.
    #[error("cannot run: {0}")]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// 1 for the programs under test, 2 for the set-up.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Run(_) | Self::Verdict(_) => ExitCode::from(1),
            Self::Setup(_) | Self::Io(_) => ExitCode::from(2),
        }
    }
}
