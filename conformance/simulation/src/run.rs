//! One run, and what came of it.

use std::fmt;
use std::time::Duration;

use eim_client::store::Applied;
use eim_server::store::engine;
use serde::Serialize;

use crate::invariant::Judge as Invariants;
use crate::observation::{Observation, Observed};
use crate::plan::{DeviceNumber, Plan};
use crate::world::{Recorder, World};

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

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            detail,
            at,
        } = self;
        write!(
            f,
            "{invariant} violated after {} ms: {detail}",
            at.as_millis()
        )
    }
}

/// Everything that happened in a run, in one number. Equal for equal plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceHash(pub u128);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Judges a run while it happens. Every method adds what it finds to the list.
pub trait Judge: Send {
    /// Something was seen.
    fn saw(&mut self, at: Duration, what: &Observation, found: &mut Vec<Violation>);

    /// A batch became durable on the disk of the server: it survives any crash from now on.
    fn server_durable(&mut self, at: Duration, batch: &engine::Batch, found: &mut Vec<Violation>);

    /// A batch became durable on a device.
    fn device_durable(
        &mut self,
        at: Duration,
        device: DeviceNumber,
        batch: &eim_client::store::Batch,
        applied: &Applied,
        found: &mut Vec<Violation>,
    );

    /// A queue of the server holds `used` of at most `limit`.
    fn gauge(
        &mut self,
        at: Duration,
        name: &'static str,
        used: u64,
        limit: u64,
        found: &mut Vec<Violation>,
    );

    /// Nothing follows.
    fn end(&mut self, at: Duration, found: &mut Vec<Violation>);
}

/// Finds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Judge for Nobody {
    fn saw(&mut self, _: Duration, _: &Observation, _: &mut Vec<Violation>) {}

    fn server_durable(&mut self, _: Duration, _: &engine::Batch, _: &mut Vec<Violation>) {}

    fn device_durable(
        &mut self,
        _: Duration,
        _: DeviceNumber,
        _: &eim_client::store::Batch,
        _: &Applied,
        _: &mut Vec<Violation>,
    ) {
    }

    fn gauge(&mut self, _: Duration, _: &'static str, _: u64, _: u64, _: &mut Vec<Violation>) {}

    fn end(&mut self, _: Duration, _: &mut Vec<Violation>) {}
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
    /// Files that were uploaded.
    pub uploaded: u64,
    /// Files that were downloaded.
    pub fetched: u64,
    /// Calls that were started.
    pub called: u64,
    /// Answers to calls that applications heard of.
    pub answers: u64,
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

impl Stats {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.virtual_ms += other.virtual_ms;
        self.observations += other.observations;
        self.sends += other.sends;
        self.acked += other.acked;
        self.refused += other.refused;
        self.delivered += other.delivered;
        self.uploaded += other.uploaded;
        self.fetched += other.fetched;
        self.called += other.called;
        self.answers += other.answers;
        self.committed += other.committed;
        self.fresh += other.fresh;
        self.resumed += other.resumed;
        self.server_crashes += other.server_crashes;
        self.device_crashes += other.device_crashes;
        self.faults += other.faults;
        self.octets += other.octets;
    }
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

/// Runs a plan.
///
/// # Errors
/// A sentence about a plan that cannot be run.
pub fn run(plan: &Plan) -> Result<Outcome, String> {
    run_with(plan, Box::new(Invariants::new()))
}

/// Runs a plan before `judge`.
///
/// # Errors
/// A sentence about a plan that cannot be run.
pub fn run_with(plan: &Plan, judge: Box<dyn Judge>) -> Result<Outcome, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let plan = plan.clone();
    let recorded = runtime.block_on(async move {
        let recorder = Recorder::new(judge);
        Ok::<_, String>(World::new(plan, recorder)?.run().await)
    })?;
    Ok(Outcome {
        violations: recorded.violations,
        trace_hash: recorded.trace_hash,
        stats: recorded.stats,
        observations: recorded.observed,
    })
}
