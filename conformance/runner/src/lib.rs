//! The EIM conformance suite.
//!
//! It is the second reading of the specification: everything it knows about the protocol it reads
//! from `spec/`, and it shares no code with the implementations it judges.
//!
//! - [`spec`]: chapters to requirements, and the rules a chapter keeps.
//! - [`registry`]: the numbers, and the tables that show them in the chapters.
//! - [`trace`]: everything together: lint, generated files, tags in code, summary.

pub mod registry;
pub mod spec;
pub mod trace;
