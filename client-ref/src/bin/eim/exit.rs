//! How the program ends.

use std::io::ErrorKind;
use std::process::ExitCode;

use eim_client::error::{ConnectError, RequestError, SendError};
use eim_client::event::End;
use eim_client::link::LinkError;
use eim_client::store::StoreError;
use eim_codec::registry::ErrorCode;

/// Exit codes, as the help documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A reader went away: nothing is wrong.
    Quiet = 0,
    /// A message or request was refused.
    Refused = 1,
    /// Wrong usage, including files that cannot be used.
    Usage = 2,
    /// No connection.
    Connection = 3,
    /// Authentication failed.
    Authentication = 4,
    /// The load generator found something lost, doubled or out of order.
    Verification = 5,
}

/// Why the program ends with an error.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::new(Exit::Connection, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// A file cannot be used.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    /// Tells the person and makes the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("eim: {}", self.message);
        }
        ExitCode::from(self.exit as u8)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        let exit = match &end {
            End::Requested => Exit::Quiet,
            End::Authentication(_) => Exit::Authentication,
            End::Refused { code, .. } if *code == ErrorCode::LOGGED_OUT => Exit::Authentication,
            End::Store(_) => Exit::Usage,
            _ => Exit::Connection,
        };
        let hint = match &end {
            End::Refused { code, .. } if *code == ErrorCode::LOGGED_OUT => "; run `eim login`",
            End::Authentication(reason) if reason == "a password is needed" => {
                "; run `eim login`, or set EIM_PASSWORD (a bot: EIM_TOKEN)"
            }
            _ => "",
        };
        Self::new(exit, format!("{end}{hint}"))
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Ended(end) => end.into(),
            ConnectError::Link(error) => error.into(),
            ConnectError::Store(error) => error.into(),
            other => Self::connection(other.to_string()),
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        let exit = if error.is_transient() {
            Exit::Connection
        } else {
            Exit::Usage
        };
        Self::new(exit, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Closed => Self::connection(error.to_string()),
            RequestError::Store(_) => Self::usage(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::connection(error.to_string()),
            SendError::TooLong { .. } => Self::usage(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            // Whoever read our output has seen enough.
            return Self::new(Exit::Quiet, "");
        }
        Self::usage(error.to_string())
    }
}
