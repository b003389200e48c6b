//! Histories: what drivers saw of a deployment, and the verdict on it.
//!
//! Clients, test drivers and simulations write down what they sent, what they were promised and what
//! their devices hold, never the server. `conformance/history.md` is the form.
//!
//! - [`event`]: the lines.
//! - [`mod@write`]: writing them.
//! - [`verdict`]: what is found.
//! - [`generate`], [`corrupt`], [`self_test`]: good histories, bad ones, and whether they are told apart.
//! - [`check`], [`check_files`], [`Checker`]: finding it.
//! - [`report`]: showing it.

mod check;
mod collect;
pub mod corrupt;
mod digest;
pub mod event;
mod facts;
mod files;
pub mod generate;
mod judge;
mod line;
mod log;
mod names;
pub mod report;
mod runs;
pub mod self_test;
mod timeline;
pub mod verdict;
mod witness;
pub mod write;

pub use check::{Checker, check, check_by};
pub use event::{
    Ack, Deliver, Entry, Event, Fail, Fault, Header, Op, Read, ReadMark, Send, Start, Unread,
};
pub use files::{Judged, check_files};
pub use timeline::{Column, Mark, Timeline};
pub use verdict::{Counts, Finding, Kind, Rule, Rules, Subject, Verdict};
pub use write::Writer;

/// Why a history cannot be judged: its writer is wrong, not the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// An event of a process before its start.
    NotStarted(String),
    /// A second start of a process.
    StartedTwice(String),
    /// A `send` with neither or both of `conversation` and `to_user`.
    Target,
    /// An epoch or number 0.
    Zero,
    /// A `key` without a `sender`.
    NoSender(String),
    /// A reading shows a number that it says it does not cover.
    OutsideOfReading(u64),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotStarted(process) => write!(f, "process {process} has no start before this"),
            Self::StartedTwice(process) => write!(f, "process {process} has a start already"),
            Self::Target => f.write_str("a send has either conversation or to_user"),
            Self::Zero => f.write_str("log_epoch and conv_seq begin at 1"),
            Self::NoSender(key) => write!(f, "the entry with key {key} has no sender"),
            Self::OutsideOfReading(seq) => write!(f, "entry {seq} is outside of the reading"),
        }
    }
}

impl std::error::Error for Malformed {}
