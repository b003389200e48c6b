//! What an application makes of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use eim_client::{CallSignal, Client};
use eim_codec::id::CallId;
use eim_codec::payload::CallSignalKind;

use super::DeviceNode;
use super::asking::Asking;
use crate::observation::{Observation, Process, Question, Reply};

/// Calls that are not over, as the applications of a device know, by process.
pub(super) type Open = BTreeMap<u32, BTreeSet<CallId>>;

/// Calls somebody.
pub(super) async fn call(client: &Client, question: &Question) -> Reply {
    let body = Bytes::from_static(b"a description");
    let answered = match question {
        Question::Call { conversation } => client
            .start_call(*conversation, body)
            .await
            .map(Reply::Called),
        Question::Signal { call, kind } => client
            .signal_call(*call, *kind, body)
            .await
            .map(Reply::Signalled),
        _ => return Reply::None,
    };
    answered.unwrap_or_else(super::questions::failed)
}

impl DeviceNode {
    fn open_calls(&self) -> MutexGuard<'_, Open> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application hears of a call.
    pub(super) fn heard(&self, process: Process, signal: CallSignal, rings: bool) -> Observation {
        let mut open = self.open_calls();
        let open = open.entry(process.incarnation).or_default();
        if signal.kind == CallSignalKind::End {
            open.remove(&signal.call);
        } else {
            open.insert(signal.call);
            self.0.groups.called(signal.call);
        }
        Observation::Signal {
            process,
            signal,
            rings,
        }
    }

    /// The application hears that a call is not known any more.
    pub(super) fn call_gone(&self, process: Process, call: CallId) -> Observation {
        let mut open = self.open_calls();
        open.entry(process.incarnation).or_default().remove(&call);
        Observation::CallGone { process, call }
    }

    /// Calls of which the main program does not know that they are over.
    #[must_use]
    pub fn calls_now(&self) -> usize {
        let number = self.lock().main;
        self.open_calls().get(&number).map_or(0, BTreeSet::len)
    }

    /// The person takes part in no call any more.
    pub fn hang_up(&self) {
        let Some((_, life, client)) = self.main() else {
            return;
        };
        let asking = Asking::new(self);
        life.spawn(async move {
            let calls = client.calls().await.unwrap_or_default();
            for info in calls {
                // Whoever does not take part has nothing to end.
                let hangup = CallSignalKind::Hangup;
                let _ = client.signal_call(info.call, hangup, Bytes::new()).await;
            }
            drop(asking);
        });
    }
}
