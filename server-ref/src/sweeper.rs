//! Removes what has expired: timeline references, idempotency keys, tokens, detached sessions.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};

use crate::metrics::names;
use crate::session::Shared;
use crate::store::{StoreError, Swept};

/// How often detached sessions and gauges are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Contents of blobs that are removed at once.
const OCTETS: usize = 64;

/// How the store is swept.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Pause between sweeps.
    pub interval: Duration,
    /// Records one step removes.
    pub limit: usize,
}

/// Sweeps until the server stops; `tick` is called every second.
pub async fn run(shared: Arc<Shared>, sweep: Sweep, tick: impl Fn() + Send + 'static) {
    let mut due = sweep.interval;
    loop {
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        tick();
        report(&shared);
        due = due.saturating_sub(TICK);
        if due.is_zero() {
            due = sweep.interval;
            if let Err(error) = sweep_store(&shared, sweep.limit).await {
                tracing::error!(%error, "sweeping the store failed");
            }
            if let Err(error) = sweep_octets(&shared, OCTETS).await {
                tracing::error!(%error, "sweeping the octets of blobs failed");
            }
        }
    }
}

/// Removes all that has expired, in small steps, so that commits go on in between.
///
/// # Errors
/// When the store fails.
pub async fn sweep_store(shared: &Shared, limit: usize) -> Result<Swept, StoreError> {
    let now_ms = shared.clock.now_ms();
    let mut total = Swept::default();
    loop {
        let swept = shared.store.sweep(shared.tenant, now_ms, limit).await?;
        if swept == Swept::default() {
            return Ok(total);
        }
        total.timeline += swept.timeline;
        total.idempotency += swept.idempotency;
        total.sessions += swept.sessions;
        counter!(names::SWEPT, "kind" => "timeline").increment(swept.timeline);
        counter!(names::SWEPT, "kind" => "idempotency").increment(swept.idempotency);
        total.blobs += swept.blobs;
        counter!(names::SWEPT, "kind" => "sessions").increment(swept.sessions);
        counter!(names::SWEPT, "kind" => "blobs").increment(swept.blobs);
    }
}

/// Removes the octets of blobs that nothing needs any more. What cannot be removed now stays for the
/// next time.
///
/// # Errors
/// When the store fails.
pub async fn sweep_octets(shared: &Shared, limit: usize) -> Result<usize, StoreError> {
    let (Some(blobs), mut total) = (&shared.blobs, 0) else {
        return Ok(0);
    };
    loop {
        let collected = blobs.collect(shared.tenant, limit).await?;
        total += collected;
        counter!(names::BLOBS_COLLECTED).increment(collected as u64);
        if collected < limit {
            return Ok(total);
        }
    }
}

fn report(shared: &Shared) {
    shared.limits.sweep();
    let detached = shared.detached.expire(shared.clock.now_ms());
    let (users, octets) = shared.hub.load();
    gauge!(names::SESSIONS_DETACHED).set(detached as f64);
    gauge!(names::USERS_ONLINE).set(users as f64);
    gauge!(names::QUEUE_OCTETS).set(octets as f64);
    if let Some(room) = shared.store.room() {
        gauge!(names::STORE_FREE).set(room.free as f64);
        gauge!(names::STORE_RESERVE).set(room.reserve as f64);
        gauge!(names::STORE_READ_ONLY).set(f64::from(u8::from(room.short)));
    }
}
