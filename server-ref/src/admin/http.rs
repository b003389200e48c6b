//! `/metrics`, `/healthz` and `/readyz`.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{describe, names};
use crate::store::Store;

/// The metrics recorder of the process.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Installs the recorder, once for the process; later calls return the same one.
    ///
    /// # Errors
    /// The buckets are refused, or another recorder was installed.
    pub fn install() -> Result<Self, BuildError> {
        // Held meanwhile: of two servers that start at once, both get the one that is installed.
        static INSTALLED: Mutex<Option<Recorder>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorder) = &*installed {
            return Ok(recorder.clone());
        }
        let buckets = [
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0,
        ];
        let batch = Matcher::Full(names::COMMIT_BATCH_SIZE.to_owned());
        let recorder = PrometheusBuilder::new().set_buckets_for_metric(batch, &buckets)?;
        let recorder = recorder.build_recorder();
        let handle = Self(recorder.handle());
        if metrics::set_global_recorder(recorder).is_ok() {
            describe();
        }
        Ok(installed.insert(handle).clone())
    }

    /// Must be called now and then: histograms are kept in pieces until it is.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    /// The metrics in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// The HTTP listener.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    /// Its address, with the port the system chose if 0 was asked for.
    pub address: SocketAddr,
}

#[derive(Clone)]
struct Pages {
    recorder: Recorder,
    stopping: CancellationToken,
    store: Arc<dyn Store>,
}

impl Http {
    /// Binds `address`.
    ///
    /// # Errors
    /// As the system says.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Serves until `closed`; `/readyz` says no from `stopping` on.
    pub async fn run(
        self,
        recorder: Recorder,
        stopping: CancellationToken,
        closed: CancellationToken,
        store: Arc<dyn Store>,
    ) {
        let pages = Router::new()
            .route("/metrics", get(metrics_page))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready_page))
            .with_state(Pages {
                recorder,
                stopping,
                store,
            });
        let server = axum::serve(self.listener, pages);
        if let Err(error) = server
            .with_graceful_shutdown(closed.cancelled_owned())
            .await
        {
            tracing::error!(%error, "admin listener ended");
        }
    }
}

async fn metrics_page(State(pages): State<Pages>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        pages.recorder.render(),
    )
}

/// A server without room is ready: it serves all that can be read, and takes messages again by
/// itself. What it says is for people; the metric is for alarms.
async fn ready_page(State(pages): State<Pages>) -> impl IntoResponse {
    if pages.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if pages.store.room().is_some_and(|room| room.short) {
        let text = "ready, read-only: the disk is nearly full, messages are refused\n";
        (StatusCode::OK, text)
    } else {
        (StatusCode::OK, "ready\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_start_at_once_share_what_is_installed() {
        let recorders: Vec<Recorder> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(Recorder::install)).collect();
            let started = starts.into_iter().map(|start| start.join().unwrap());
            started.collect::<Result<_, _>>().unwrap()
        });
        metrics::counter!(names::MESSAGES_ACCEPTED).increment(1);
        for recorder in recorders {
            assert!(recorder.render().contains(names::MESSAGES_ACCEPTED));
        }
    }
}
