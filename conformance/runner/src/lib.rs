//! The EIM conformance suite.
//!
//! It is the second reading of the specification: everything it knows about the protocol it reads
//! from `spec/`, and it shares no code with the implementations it judges.
//!
//! - [`spec`]: chapters to requirements, and the rules a chapter keeps.
//! - [`registry`]: the numbers, and the tables that show them in the chapters.
//! - [`data`]: the files of the suite, embedded or from a checkout.
//! - [`results`]: the results file, from which every report is made.
//! - [`wire`]: frames, payloads, transports, SCRAM and compression, from the specification alone.
//! - [`live`]: scripts for servers and clients, and the engine that runs them.
//! - [`server`]: what is special about servers as testees.
//! - [`report`]: JUnit, HTML and Markdown, made from results.
//! - [`codec`]: codecs as testees: processes, requests, judge.
//! - [`diff`]: codecs against each other, over octets that no case has.
//! - [`catalogue`], [`pattern`], [`known`]: all cases in short, choosing them, those known to fail.
//! - [`matrix`]: many testees, one results file.
//! - [`history`]: what drivers of a deployment saw, and whether anything was lost.
//! - [`init`]: testees to begin with, in several languages.
//! - [`self_test`]: the suite tested, with faults put into implementations.
//! - [`cli`]: the verbs of the command line.
//! - [`vectors`]: octets and verdicts as data: form, lint, generators.
//! - [`trace`]: everything together: lint, generated files, tags in code, summary.

pub mod catalogue;
pub mod cli;
pub mod client;
pub mod codec;
pub mod data;
pub mod diff;
pub mod history;
pub mod init;
pub mod known;
pub mod live;
pub mod matrix;
pub mod pattern;
pub mod registry;
pub mod report;
pub mod results;
pub mod self_test;
pub mod server;
pub mod spec;
pub mod trace;
pub mod vectors;
pub mod wire;
