//! Passing notifications on, as a part of a server.

use std::sync::Arc;
use std::time::Duration;

use super::{Running, StartError};
use crate::clock::Clock;
use crate::config::Config;
use crate::outbox::{self, GatewayError, Network, Outbox};
use crate::service::notifications::NotifyPolicy;
use crate::session::Shared;

/// What devices are told about notifications.
pub(super) fn policy(config: &Config) -> NotifyPolicy {
    NotifyPolicy {
        services: config.notifications.services(),
        content: config.notifications.content.into(),
        web_push_key: outbox::web_push_key(config),
    }
}

/// The outbox of a server, over `http`; `clock` is that of the runtime, by which it waits.
///
/// # Errors
/// [`GatewayError`].
pub fn outbox(
    config: &Config,
    shared: &Shared,
    http: &Arc<dyn outbox::Http>,
    clock: Arc<dyn Clock>,
) -> Result<Outbox, GatewayError> {
    Ok(Outbox::new(outbox::Parts {
        store: Arc::clone(&shared.store),
        hub: Arc::clone(&shared.hub),
        random: Arc::clone(&shared.random),
        gateways: outbox::gateways(config, http, &clock)?,
        clock,
        policy: outbox::Policy::new(config),
        tenant: shared.tenant,
    }))
}

impl Running {
    /// Passes notifications on, where there is somebody to pass them on.
    pub(super) fn notify(&mut self, config: &Config) -> Result<(), StartError> {
        if config.notifications.services().is_empty() {
            return Ok(());
        }
        let timeout = Duration::from_millis(config.notifications.timeout_ms);
        let http = Network::new(timeout).map_err(GatewayError::from)?;
        let http: Arc<dyn outbox::Http> = Arc::new(http);
        let clock = Arc::clone(&self.shared.clock);
        let outbox = outbox(config, &self.shared, &http, clock)?;
        let run = outbox.run(self.shared.stopping.clone());
        self.helpers.push(tokio::spawn(run));
        Ok(())
    }
}
