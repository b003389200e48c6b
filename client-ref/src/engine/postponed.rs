//! Requests that the server refused for a time: they are asked again by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use eim_codec::id::RequestId;
use eim_codec::payload::{ErrorInfo, Request};
use eim_codec::registry::ErrorCode;
use eim_codec::time::Timestamp;

use super::requests::Purpose;
use crate::environment::Environment;
use crate::reconnect::Backoff;

/// Whoever asks is told of a longer wait instead.
const LONGEST_MS: u64 = 10_000;
/// So often something is asked again.
const ATTEMPTS: u32 = 5;

/// What is asked again.
#[derive(Debug, Default)]
pub(super) struct Postponed {
    waiting: BTreeMap<RequestId, (Timestamp, Purpose, Request)>,
    /// Those that were asked more than once and are not answered yet.
    repeated: BTreeMap<RequestId, (u32, Backoff)>,
}

impl Postponed {
    /// How long a request waits after this refusal; `None` if whoever asked decides.
    // impl[EIM-LIM-019, EIM-ERR-014, EIM-ERR-026]
    pub(super) fn pause(
        &mut self,
        id: RequestId,
        error: &ErrorInfo,
        environment: &Environment,
    ) -> Option<Duration> {
        let unavailable = error.code == u32::from(ErrorCode::UNAVAILABLE.0);
        let passes = error.code >> 8 == 6 || unavailable;
        let wait = error.retry_after_ms;
        if !error.retryable || !passes || wait == 0 || wait > LONGEST_MS {
            return None;
        }
        let (attempts, backoff) = self.repeated.entry(id).or_default();
        if *attempts >= ATTEMPTS {
            return None;
        }
        *attempts += 1;
        Some(backoff.next(environment, Duration::from_millis(wait)))
    }

    /// Keeps a request until then.
    pub(super) fn keep(
        &mut self,
        id: RequestId,
        until: Timestamp,
        purpose: Purpose,
        request: Request,
    ) {
        self.waiting.insert(id, (until, purpose, request));
    }

    /// It is answered, one way or the other.
    pub(super) fn answered(&mut self, id: RequestId) {
        self.repeated.remove(&id);
    }

    /// Takes what may be asked again by now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(RequestId, Purpose, Request)> {
        let due = self.waiting.extract_if(.., |_, (until, ..)| *until <= now);
        due.map(|(id, (_, purpose, request))| (id, purpose, request))
            .collect()
    }

    /// When something is to be asked again next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.waiting.values().map(|(until, ..)| *until).min()
    }
}
