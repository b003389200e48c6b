//! Where everything that is seen comes together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eim_client::ConnectionState;
use eim_codec::id::{DeviceId, UserId};
use eim_codec::payload::CallSignalKind;
use eim_server::store::{CommitSink, Committed, LoggedOut, Marked, TenantId};
use tokio::time::Instant;

use super::life::{Life, Point};
use super::time::now;
use super::trace::Trace;
use crate::observation::{Ending, Observation, Observed, Reply};
use crate::plan::DeviceNumber;
use crate::run::{Judge, Stats, TraceHash, Violation};

/// Violations after which a run says no more.
const ENOUGH: usize = 16;

struct State {
    beginning: Instant,
    observed: Vec<Observed>,
    trace: Trace,
    stats: Stats,
    judge: Box<dyn Judge>,
    violations: Vec<Violation>,
}

/// Where everything that is seen comes together: it is recorded, judged and hashed at once.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<State>>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// What a recorder has at the end.
#[derive(Debug)]
pub struct Recorded {
    /// Violations in order.
    pub violations: Vec<Violation>,
    /// The run in one number.
    pub trace_hash: TraceHash,
    /// Counts.
    pub stats: Stats,
    /// Everything that was seen.
    pub observed: Vec<Observed>,
}

impl Recorder {
    /// Begins now.
    #[must_use]
    pub fn new(judge: Box<dyn Judge>) -> Self {
        Self(Arc::new(Mutex::new(State {
            beginning: now(),
            observed: Vec::new(),
            trace: Trace::default(),
            stats: Stats::default(),
            judge,
            violations: Vec::new(),
        })))
    }

    /// Virtual time since the beginning.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.lock().at()
    }

    /// Something was seen.
    pub fn saw(&self, what: Observation) {
        tracing::debug!(?what, "seen");
        let mut state = self.lock();
        let at = state.at();
        state.stats.count(&what);
        let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        state.trace.number(micros);
        what.trace(&mut state.trace);
        state.judged(|judge, violations| judge.saw(at, &what, violations));
        state.observed.push(Observed { at, what });
    }

    /// A batch became durable on the disk of the server.
    pub fn server_durable(&self, batch: &eim_server::store::engine::Batch) {
        let mut state = self.lock();
        let at = state.at();
        state.judged(|judge, violations| judge.server_durable(at, batch, violations));
    }

    /// A batch became durable on a device.
    pub fn device_durable(
        &self,
        device: DeviceNumber,
        batch: &eim_client::store::Batch,
        applied: &eim_client::store::Applied,
    ) {
        let mut state = self.lock();
        let at = state.at();
        state.judged(|judge, violations| {
            judge.device_durable(at, device, batch, applied, violations);
        });
    }

    /// How full a queue is, and its bound.
    pub fn gauge(&self, name: &'static str, used: u64, limit: u64) {
        let mut state = self.lock();
        let at = state.at();
        state.judged(|judge, violations| judge.gauge(at, name, used, limit, violations));
    }

    /// Octets crossed the network.
    pub fn crossed(&self, octets: usize, trace: impl FnOnce(&mut Trace)) {
        let mut state = self.lock();
        let micros = u64::try_from(state.at().as_micros()).unwrap_or(u64::MAX);
        state.stats.octets += octets as u64;
        state.trace.number(micros);
        trace(&mut state.trace);
    }

    /// Adds a violation that the world itself has found.
    pub fn violated(&self, invariant: &str, detail: String) {
        let mut state = self.lock();
        let at = state.at();
        state.violations.push(Violation {
            invariant: invariant.to_owned(),
            detail,
            at,
        });
    }

    /// Whether there are enough violations.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.lock().violations.is_empty()
    }

    /// The end of the run.
    #[must_use]
    pub fn finish(&self) -> Recorded {
        let mut state = self.lock();
        let at = state.at();
        if state.violations.is_empty() {
            state.judged(|judge, violations| judge.end(at, violations));
        }
        state.stats.virtual_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        state.stats.observations = state.observed.len() as u64;
        Recorded {
            violations: std::mem::take(&mut state.violations),
            trace_hash: state.trace.hash(),
            stats: state.stats,
            observed: std::mem::take(&mut state.observed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(&self) -> Duration {
        now().saturating_duration_since(self.beginning)
    }

    fn judged(&mut self, judge: impl FnOnce(&mut dyn Judge, &mut Vec<Violation>)) {
        if self.violations.len() < ENOUGH {
            judge(&mut *self.judge, &mut self.violations);
        }
    }
}

impl Stats {
    fn count(&mut self, what: &Observation) {
        match what {
            Observation::SendBegun { .. } => self.sends += 1,
            Observation::Acked { .. } => self.acked += 1,
            Observation::Refused { .. } => self.refused += 1,
            Observation::Delivered { .. } => self.delivered += 1,
            Observation::Committed { .. } => self.committed += 1,
            Observation::Uploaded { .. } => self.uploaded += 1,
            Observation::Answered {
                reply: Reply::Fetched(_),
                ..
            } => self.fetched += 1,
            Observation::Answered {
                reply: Reply::Called(_),
                ..
            } => self.called += 1,
            Observation::Signal { signal, .. } => {
                self.answers += u64::from(signal.kind == CallSignalKind::Answer);
            }
            Observation::Fault(_) => self.faults += 1,
            Observation::ServerEnded { how, .. } if *how != Ending::Orderly => {
                self.server_crashes += 1;
            }
            Observation::DeviceEnded {
                how: Ending::Crash, ..
            } => self.device_crashes += 1,
            Observation::Connection {
                state: ConnectionState::Open { resumed, .. },
                ..
            } => {
                self.resumed += u64::from(*resumed);
                self.fresh += u64::from(!*resumed);
            }
            _ => {}
        }
    }
}

/// Tells the recorder of commits, then the server's own sink.
pub struct CommitTee {
    /// Where it is recorded.
    pub recorder: Recorder,
    /// The server, which may end after it was told.
    pub life: Life,
    /// The server's own.
    pub next: Arc<dyn CommitSink>,
}

impl fmt::Debug for CommitTee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitTee").finish_non_exhaustive()
    }
}

impl CommitSink for CommitTee {
    fn committed(&self, commits: &[Committed]) {
        for commit in commits {
            self.recorder.saw(Observation::Committed {
                entry: Arc::clone(&commit.entry),
                recipients: Arc::clone(&commit.recipients),
            });
        }
        self.next.committed(commits);
        let _ = self.life.reach(Point::Announced);
    }

    fn marked(&self, marked: &[Marked]) {
        self.next.marked(marked);
        let _ = self.life.reach(Point::Announced);
    }

    fn logged_out(&self, devices: &[LoggedOut]) {
        self.next.logged_out(devices);
        let _ = self.life.reach(Point::Announced);
    }

    fn attends(&self, tenant: TenantId, user: UserId, device: DeviceId) -> bool {
        self.next.attends(tenant, user, device)
    }

    fn owed(&self) {
        self.next.owed();
    }
}
