//! Why a case stops before its end.

use std::fmt;

use crate::results::Status;

/// The reason; only the first is a verdict about the testee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The testee did something else than expected.
    Failed(Box<Failure>),
    /// The script is wrong: an unknown variable, a field that does not exist, a step out of place.
    Script(String),
    /// The testee cannot be reached or driven at all.
    Testee(String),
    /// The testee, or the way it is tested, lacks what the case needs.
    NotApplicable(String),
}

/// What was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// [`Status::Failed`], or [`Status::TimedOut`] when nothing came at all.
    pub status: Status,
    /// For people.
    pub expected: String,
    /// For people.
    pub actual: String,
}

impl Stop {
    /// A failure.
    #[must_use]
    pub fn failed(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Failed(Box::new(Failure {
            status: Status::Failed,
            expected: expected.into(),
            actual: actual.into(),
        }))
    }

    /// Nothing came in time.
    #[must_use]
    pub fn timed_out(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Failed(Box::new(Failure {
            status: Status::TimedOut,
            expected: expected.into(),
            actual: actual.into(),
        }))
    }

    /// An error of the script.
    #[must_use]
    pub fn script(text: impl Into<String>) -> Self {
        Self::Script(text.into())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => {
                write!(f, "expected {}; got {}", failure.expected, failure.actual)
            }
            Self::Script(text) => write!(f, "script error: {text}"),
            Self::Testee(text) => write!(f, "testee: {text}"),
            Self::NotApplicable(text) => write!(f, "not applicable: {text}"),
        }
    }
}
