//! Live scripts: cases as data, run against a server or a client.
//!
//! - [`script`]: files, cases and faults as they are written (`conformance/live/README.md`).
//! - [`step`], [`steps`]: one file a family of steps.
//! - [`connection`], [`state`] (with its `session`), [`rules`]: a connection of the suite, its inboxes, and what every
//!   frame of a testee has to keep.
//! - [`context`], [`case`]: a case that runs.
//! - [`look`], [`pulse`]: waiting, and what a busy machine does to it.
//! - [`faults`]: mutants, between the testee and the suite.
//! - [`lint`]: what the scripts themselves have to keep.

pub mod case;
pub mod clock;
pub mod connection;
pub mod context;
pub mod faults;
pub mod lint;
pub mod log;
pub mod look;
pub mod matcher;
pub mod numbers;
pub mod outcome;
pub mod past;
pub mod pulse;
pub mod random;
pub mod rules;
pub mod script;
mod sent;
mod session;
pub mod state;
pub mod step;
pub mod steps;
pub mod value;
