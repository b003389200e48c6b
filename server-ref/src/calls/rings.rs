//! What a session is to be told about calls: signals in order, bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Signal;

/// Signals that wait for one session; beyond that it is told to ask.
const MOST: usize = 64;

/// Signals that a session has not been told.
#[derive(Debug, Default)]
pub struct Rings {
    /// In order.
    pub signals: VecDeque<Arc<Signal>>,
    /// There were too many: some are not here.
    pub stale: bool,
}

impl Rings {
    // impl[EIM-CAL-025]
    pub(crate) fn add(&mut self, signal: Arc<Signal>) {
        if self.stale {
            return;
        }
        self.signals.push_back(signal);
        if self.signals.len() > MOST {
            *self = Self::stale();
        }
    }

    /// Nothing but that something was dropped.
    #[must_use]
    pub const fn stale() -> Self {
        Self {
            signals: VecDeque::new(),
            stale: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use eim_codec::payload::{CallEnd, CallSignalKind};

    use super::*;

    fn signal(call_seq: u64) -> Arc<Signal> {
        Arc::new(Signal {
            call: [1; 16].into(),
            call_seq,
            kind: CallSignalKind::Candidate,
            from: None,
            time_ms: 0,
            body: Bytes::new(),
            reason: CallEnd::Unspecified,
            conversation: None,
            by_server: false,
        })
    }

    // test[EIM-CAL-025]
    #[test]
    fn too_many_signals_are_dropped_as_a_whole() {
        let mut rings = Rings::default();
        for call_seq in 1..=MOST as u64 {
            rings.add(signal(call_seq));
        }
        assert_eq!((rings.signals.len(), rings.stale), (MOST, false));
        rings.add(signal(100));
        rings.add(signal(101));
        assert_eq!((rings.signals.len(), rings.stale), (0, true));
    }
}
