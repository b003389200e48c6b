//! Putting a server together over the simulated disk, as its own main program does over a real one.

use std::sync::Arc;
use std::time::Duration;

use eim_server::blobs::{BlobStore, GuardedBlobs};
use eim_server::calls;
use eim_server::limits::{Guard, breaker_policy};
use eim_server::presence;
use eim_server::server::{self, Parts};
use eim_server::store::kv::{Environment, KvStore, Options};
use eim_server::store::{CommitSink, Store, StoreError};
use eim_server::sweeper::{self, Sweep};
use eim_server::transport::Admission;
use tokio_util::task::TaskTracker;

use super::{Running, ServerNode, accounts};
use crate::canary::ServerParts;
use crate::observation::{Ending, Observation};
use crate::world::{CommitTee, Life, Randomness};

/// How often calls are looked at, as in the server itself.
const CALL_TICK: Duration = Duration::from_millis(250);

impl ServerNode {
    /// Starts an incarnation. Whatever fails ends it.
    pub(super) async fn boot(self, life: Life, incarnation: u32) {
        if let Err(error) = self.start(&life, incarnation).await {
            self.failed(&life, &error);
        }
    }

    fn failed(&self, life: &Life, error: &StoreError) {
        self.lock().ending = Some(Ending::StoreFailed(error.to_string()));
        life.end();
    }

    /// What the store is told.
    fn options(&self) -> Options {
        let config = &self.0.config;
        Options {
            idempotency_ms: config.store.idempotency_ms,
            timeline_ms: config.store.timeline_ms,
            group_members: usize::try_from(config.limits.group_members).unwrap_or(usize::MAX),
            edit_ms: config.limits.edit_ms,
            recall_ms: config.limits.recall_ms,
            conversation_pins: usize::try_from(config.limits.conversation_pins)
                .unwrap_or(usize::MAX),
            write_fanout_members: usize::try_from(config.limits.write_fanout_members)
                .unwrap_or(usize::MAX),
            notifications: self.0.receiver.get().is_some(),
            notify_delay_ms: config.notifications.delay_ms,
            ..Options::default()
        }
    }

    /// What keeps octets of files.
    fn octets(&self, life: &Life, parts: &Parts) -> Arc<dyn BlobStore> {
        let (octets, policy) = (self.0.disk.octets(life), breaker_policy(&self.0.config));
        let guard = Guard::new("blobs", policy, Arc::clone(&parts.clock));
        Arc::new(GuardedBlobs::new(octets, guard))
    }

    async fn start(&self, life: &Life, incarnation: u32) -> Result<(), StoreError> {
        let inner = &self.0;
        let config = &inner.config;
        let dice = inner.dice.fork_nth("randomness", u64::from(incarnation));
        let parts = Parts {
            clock: Arc::new(inner.clock.clone()),
            random: Arc::new(Randomness::new(dice)),
        };
        let hub = server::hub(config);
        let sink: Arc<dyn CommitSink> = Arc::new(CommitTee {
            recorder: inner.recorder.clone(),
            life: life.clone(),
            next: Arc::clone(&hub) as _,
        });
        let environment = Environment {
            clock: Arc::clone(&parts.clock),
            random: Arc::clone(&parts.random),
        };
        let ServerParts { engine, sink } = inner.disk.parts(life, sink).await?;
        let (store, committing) = KvStore::open(engine, self.options(), environment, sink).await?;
        let (node, process) = (self.clone(), life.clone());
        life.spawn(async move {
            // As the real server, which ends at once: what is on the disk is not known.
            if let Err(error) = committing.run().await {
                node.failed(&process, &error);
            }
        });
        let store: Arc<dyn Store> = Arc::new(store);
        accounts::create(&store, &parts.clock, &inner.users).await?;
        let octets = self.octets(life, &parts);
        let shared = server::share_with(config, &parts, store, Arc::clone(&hub), Some(octets));
        let sweep = Sweep {
            interval: Duration::from_millis(config.store.sweep_interval_ms),
            limit: config.store.sweep_limit,
        };
        life.spawn(calls::run(
            Arc::clone(&shared.calls),
            CALL_TICK,
            shared.stopping.clone(),
        ));
        life.spawn(sweeper::run(Arc::clone(&shared), sweep, || {}));
        life.spawn(presence::run(
            Arc::clone(&shared.hub),
            Arc::clone(&shared.clock),
            Duration::from_millis(config.limits.presence_ms),
            shared.stopping.clone(),
        ));
        if let Some(http) = inner.receiver.get() {
            let outbox = server::outbox(config, &shared, http, Arc::clone(&parts.clock))
                .map_err(|error| StoreError::Engine(error.to_string()))?;
            life.spawn(outbox.run(shared.stopping.clone()));
        }
        let limits = &config.limits;
        let running = Running {
            life: life.clone(),
            shared,
            hub,
            admission: Admission::new(limits.connections, limits.half_open_per_address),
            connections: TaskTracker::new(),
        };
        self.lock().running = Some(running);
        inner
            .recorder
            .saw(Observation::ServerStarted { incarnation });
        Ok(())
    }
}
