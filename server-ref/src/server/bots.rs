//! What bots do without a connection, as a part of a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Running, StartError, address};
use crate::bots::{Bots, Doors, Entrance, Feed, FeedParts, FeedPolicy, router};
use crate::clock::Clock;
use crate::config::Config;
use crate::outbox::{GatewayError, Http, Network};
use crate::session::Shared;
use crate::transport::TlsAcceptors;

/// The feed of the webhooks of a server, over `http`; `clock` is that of the runtime, by which it
/// waits.
#[must_use]
pub fn feed(config: &Config, shared: &Shared, http: Arc<dyn Http>, clock: Arc<dyn Clock>) -> Feed {
    Feed::new(FeedParts {
        store: Arc::clone(&shared.store),
        hub: Arc::clone(&shared.hub),
        random: Arc::clone(&shared.random),
        policy: FeedPolicy::new(config),
        tenant: shared.tenant,
        clock,
        http,
    })
}

impl Running {
    /// Opens the doors of bots, and tells their webhooks.
    pub(super) async fn serve_bots(
        &mut self,
        config: &Config,
        tls: &TlsAcceptors,
    ) -> Result<(), StartError> {
        let wanted = &config.bots;
        let bots = Arc::new(Bots::new(config, Arc::clone(&self.shared)));
        let seats = Arc::new(Semaphore::new(wanted.connections));
        for (name, text, tls) in [
            ("bots.https", &wanted.https, Some(tls.clone())),
            ("bots.http", &wanted.http, None),
        ] {
            if text.is_empty() {
                continue;
            }
            let entrance = Entrance {
                tls,
                seats: Arc::clone(&seats),
                patience: Duration::from_millis(wanted.request_ms),
            };
            let stopping = self.shared.stopping.clone();
            let doors = Doors::open(address(name, text)?, entrance, stopping.clone());
            let doors = doors.await.map_err(|source| StartError::Bind {
                address: text.clone(),
                name,
                source,
            })?;
            self.bots.push(doors.address);
            let server = axum::serve(doors, router(Arc::clone(&bots)));
            self.helpers.push(tokio::spawn(async move {
                let served = server.with_graceful_shutdown(stopping.cancelled_owned());
                if let Err(error) = served.await {
                    tracing::error!(%error, "listener of bots ended");
                }
            }));
        }
        let timeout = Duration::from_millis(wanted.webhook_ms);
        let http = Arc::new(Network::new(timeout).map_err(GatewayError::from)?);
        let clock = Arc::clone(&self.shared.clock);
        let feed = feed(config, &self.shared, http, clock);
        let run = feed.run(self.shared.stopping.clone());
        self.helpers.push(tokio::spawn(run));
        Ok(())
    }
}
