//! One run, and what came of it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::observation::Observed;

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Name of the invariant, such as `acked-is-durable`. Shrinking looks for the same name.
    pub invariant: String,
    /// What happened, for people.
    pub detail: String,
    /// Virtual time.
    pub at: Duration,
}

/// Everything that happened in a run, in one number. Equal for equal plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceHash(pub u128);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Virtual time of the run in milliseconds.
    pub virtual_ms: u64,
    /// Observations.
    pub observations: u64,
    /// Messages that applications sent.
    pub sends: u64,
    /// Messages acked.
    pub acked: u64,
    /// Messages refused for good.
    pub refused: u64,
    /// Messages shown to applications.
    pub delivered: u64,
    /// Entries committed by the store.
    pub committed: u64,
    /// Connections opened afresh.
    pub fresh: u64,
    /// Connections that went on.
    pub resumed: u64,
    /// Crashes of the server.
    pub server_crashes: u64,
    /// Crashes of devices.
    pub device_crashes: u64,
    /// Faults of any kind.
    pub faults: u64,
    /// Octets that crossed the network.
    pub octets: u64,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What must not have happened; empty when all is well.
    pub violations: Vec<Violation>,
    /// The run in one number.
    pub trace_hash: TraceHash,
    /// Counts.
    pub stats: Stats,
    /// Everything that was seen.
    pub observations: Vec<Observed>,
}
