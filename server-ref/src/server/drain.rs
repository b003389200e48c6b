//! The end of all connections, in order.

use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::hub::Signal;
use crate::session::Shared;

/// How long a stopping server waits for last octets after the drain deadline.
const LAST_OCTETS: Duration = Duration::from_secs(3);

/// Says GOAWAY to all connections and waits for them, first for their clients to settle, then only
/// for the last octets.
pub async fn drain(shared: &Shared, connections: &TaskTracker) {
    shared.stopping.cancel();
    connections.close();
    shared.hub.signal_all(Signal::Drain);
    let patience = shared.options.drain;
    if tokio::time::timeout(patience, connections.wait())
        .await
        .is_ok()
    {
        return;
    }
    tracing::info!(
        connections = connections.len(),
        "closing what has not settled"
    );
    shared.hub.signal_all(Signal::Stop);
    let last = tokio::time::timeout(LAST_OCTETS, connections.wait());
    if last.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections left behind");
    }
}
