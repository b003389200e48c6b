//! Puts the parts together: from a configuration to a running server, and back to rest.

mod bots;
mod drain;
mod notify;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Http, Recorder};
use crate::blobs::{BlobError, BlobStore, FolderBlobs, GuardedBlobs, MemoryBlobs, ObjectBlobs};
use crate::calls::{self, Calls};
use crate::clock::Clock;
use crate::config::{Config, Engine, Keep};
use crate::hub::{Budget, Hub, QueueLimits};
use crate::limits::{Guard, Limits, Policy, breaker_policy};
use crate::outbox::GatewayError;
use crate::presence;
use crate::random::Random;
use crate::service::Requests;
use crate::service::accounts::Accounts;
use crate::service::auth::{AuthOptions, AuthService};
use crate::service::blobs::Blobs;
use crate::session::{ConnectionConfigs, DetachedLimits, Registry, SessionOptions, Shared, Slots};
use crate::store::kv::{Environment, Options};
use crate::store::{CommitSink, Store, StoreError, TenantId, embedded, memory};
use crate::sweeper::{self, Sweep};
use crate::transport::{
    Acceptor, Admission, Certificate, CertificateError, TlsAcceptors, Transport, bind,
    load_or_create,
};

pub use self::bots::feed;
pub use self::drain::drain;
pub use self::notify::outbox;

/// The tenant of a server that has one.
pub const TENANT: TenantId = TenantId(0);
/// How long a stopping server waits for one of its own tasks.
const HELPER_PATIENCE: Duration = Duration::from_secs(1);
/// Folder of the store inside the data folder.
const STORE_FOLDER: &str = "store";
/// Folder of the octets of blobs inside the data folder.
const BLOBS_FOLDER: &str = "blobs";

/// The server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("data folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The embedded store does not open, for example because another server has it.
    #[error(transparent)]
    Open(#[from] embedded::OpenError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What keeps the octets of files cannot be used.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Key and certificate do not fit.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// An address cannot be bound.
    #[error("cannot listen on {address} ({name}): {source}")]
    Bind {
        /// The address.
        address: String,
        /// The key of the configuration.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The admin socket cannot be bound.
    #[error("admin socket: {0}")]
    AdminSocket(io::Error),
    /// Metrics cannot be recorded.
    #[error("metrics: {0}")]
    Metrics(String),
    /// A service of notifications cannot be used.
    #[error("notifications: {0}")]
    Notifications(#[from] GatewayError),
    /// The runtime is going away.
    #[error("interrupted")]
    Interrupted,
}

/// What a server is made of beside its configuration.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Listeners with their addresses.
    pub addresses: Vec<(Transport, SocketAddr)>,
    /// Address of the admin listener.
    pub admin: Option<SocketAddr>,
    /// Addresses of the listeners for bots: HTTPS, then HTTP, as far as there are any.
    pub bots: Vec<SocketAddr>,
    /// Fingerprint of the certificate, SHA-256 in hexadecimal.
    pub fingerprint: String,
    /// Nobody vouches for the certificate.
    pub self_signed: bool,
    /// Accounts.
    pub accounts: Accounts,
    shared: Arc<Shared>,
    connections: TaskTracker,
    helpers: Vec<JoinHandle<()>>,
    closed: CancellationToken,
}

/// Creates the data folder, closed to others.
///
/// # Errors
/// [`StartError::Folder`].
pub fn create_data_dir(path: &Path) -> Result<(), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StartError::Folder {
            path: path.to_owned(),
            source,
        })
}

/// Opens the store that `config` names.
///
/// # Errors
/// [`StartError`]; in particular when another process has the folder open.
pub async fn open_store(
    config: &Config,
    parts: &Parts,
    sink: Arc<dyn CommitSink>,
) -> Result<Arc<dyn Store>, StartError> {
    let options = Options {
        idempotency_ms: config.store.idempotency_ms,
        timeline_ms: config.store.timeline_ms,
        group_members: usize::try_from(config.limits.group_members).unwrap_or(usize::MAX),
        group_waiting: config.limits.group_waiting,
        edit_ms: config.limits.edit_ms,
        recall_ms: config.limits.recall_ms,
        conversation_pins: usize::try_from(config.limits.conversation_pins).unwrap_or(usize::MAX),
        contacts: config.limits.contacts.into(),
        contacts_only: config.contacts.only_contacts_may_write,
        notifications: !config.notifications.services().is_empty(),
        notify_delay_ms: config.notifications.delay_ms,
        notify_mutes: usize::try_from(config.limits.notify_mutes).unwrap_or(usize::MAX),
        write_fanout_members: usize::try_from(config.limits.write_fanout_members)
            .unwrap_or(usize::MAX),
        breaker: breaker_policy(config),
        ..Options::default()
    };
    let environment = Environment {
        clock: Arc::clone(&parts.clock),
        random: Arc::clone(&parts.random),
    };
    if config.store.engine == Engine::Memory {
        return Ok(Arc::new(memory::open(options, environment, sink).await?));
    }
    create_data_dir(&config.server.data_dir)?;
    let folder = config.server.data_dir.join(STORE_FOLDER);
    let embedded = embedded::EmbeddedOptions {
        reserve_octets: config.store.reserve_octets,
        ..engine_options()
    };
    let opened = tokio::task::spawn_blocking(move || {
        embedded::open(&folder, &embedded, options, environment, sink)
    });
    Ok(Arc::new(
        opened.await.map_err(|_| StartError::Interrupted)??,
    ))
}

/// Opens what keeps the octets of blobs; `None` when none are kept.
///
/// # Errors
/// [`StartError::Folder`].
pub fn open_blobs(
    config: &Config,
    parts: &Parts,
) -> Result<Option<Arc<dyn BlobStore>>, StartError> {
    let data_dir = &config.server.data_dir;
    let kept: Arc<dyn BlobStore> = match config.blobs.keep {
        Keep::Nothing => return Ok(None),
        Keep::Memory => Arc::new(MemoryBlobs::default()),
        Keep::S3 => Arc::new(ObjectBlobs::s3(&config.blobs.s3())?),
        Keep::Folder if config.store.engine == Engine::Memory => Arc::new(MemoryBlobs::default()),
        Keep::Folder => {
            let path = match config.blobs.folder.as_os_str().is_empty() {
                true => data_dir.join(BLOBS_FOLDER),
                false => config.blobs.folder.clone(),
            };
            let opened = FolderBlobs::open(path.clone());
            Arc::new(opened.map_err(|source| StartError::Folder { path, source })?)
        }
    };
    let guard = Guard::new("blobs", breaker_policy(config), Arc::clone(&parts.clock));
    Ok(Some(Arc::new(GuardedBlobs::new(kept, guard))))
}

#[cfg(not(feature = "negative-control"))]
fn engine_options() -> embedded::EmbeddedOptions {
    embedded::EmbeddedOptions::default()
}

#[cfg(feature = "negative-control")]
fn engine_options() -> embedded::EmbeddedOptions {
    tracing::error!("NEGATIVE CONTROL: this build answers before data is safe; never use it");
    embedded::EmbeddedOptions {
        durability: embedded::Durability::NegativeControlNoSync,
        ..embedded::EmbeddedOptions::default()
    }
}

/// What sessions share, over a store that reports to `hub`.
/// Blobs are kept in memory, if at all.
#[must_use]
pub fn share(config: &Config, parts: &Parts, store: Arc<dyn Store>, hub: Arc<Hub>) -> Arc<Shared> {
    let octets: Arc<dyn BlobStore> = Arc::new(MemoryBlobs::default());
    let octets = (config.blobs.keep != Keep::Nothing).then_some(octets);
    share_with(config, parts, store, hub, octets)
}

/// As [`share`], with what keeps the octets of blobs.
#[must_use]
pub fn share_with(
    config: &Config,
    parts: &Parts,
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    octets: Option<Arc<dyn BlobStore>>,
) -> Arc<Shared> {
    let blobs = octets.map(|octets| {
        let random = Arc::clone(&parts.random);
        let options = config.blobs.options();
        Arc::new(Blobs::new(Arc::clone(&store), octets, random, options))
    });
    let auth = AuthOptions {
        secret: store.derive_secret("salts of unknown users"),
        iterations: config.auth.iterations,
        token_ms: config.session.resume_token_ms,
        tenant: TENANT,
    };
    let limits = Arc::new(Limits::new(&Policy::new(config)));
    let (clock, random) = (Arc::clone(&parts.clock), Arc::clone(&parts.random));
    let rules = config.call_rules();
    let calls = Arc::new(Calls::new(Arc::clone(&hub), Arc::clone(&clock), rules));
    let members = usize::try_from(config.limits.group_members).unwrap_or(usize::MAX);
    let write_fanout = usize::try_from(config.limits.write_fanout_members).unwrap_or(usize::MAX);
    let detached = DetachedLimits {
        sessions: config.session.detached_sessions,
        octets: config.session.detached_octets,
        keep_ms: config.session.resume_ms,
    };
    Arc::new(Shared {
        auth: AuthService::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&random),
            auth,
        ),
        requests: Requests::new(
            Arc::clone(&store),
            Arc::clone(&hub),
            Arc::clone(&calls),
            members,
            write_fanout,
        )
        .with_directory(config.directory.visible)
        .with_presence(config.presence_policy())
        .with_blobs(blobs.clone())
        .with_notifications(notify::policy(config))
        .with_limits(Arc::clone(&limits)),
        limits,
        blobs,
        detached: Registry::new(Arc::clone(&hub), detached),
        store,
        hub,
        calls,
        clock,
        random,
        slots: Arc::new(Slots::default()),
        windows: Budget::new(config.memory.windows_octets),
        stopping: CancellationToken::new(),
        options: SessionOptions::new(config),
        tenant: TENANT,
        connection: ConnectionConfigs::new(config),
    })
}

/// How often calls are looked at.
const CALL_TICK: Duration = Duration::from_millis(250);

/// The hub that `config` asks for.
#[must_use]
pub fn hub(config: &Config) -> Arc<Hub> {
    let memory = &config.memory;
    let limits = QueueLimits {
        frames: memory.queue_frames,
        octets: memory.queue_octets,
    };
    let subscriptions = usize::try_from(config.limits.presence_subscriptions);
    let hub = Hub::new(limits, memory.queues_octets);
    Arc::new(hub.with_subscriptions(subscriptions.unwrap_or(usize::MAX)))
}

/// Starts a server.
///
/// # Errors
/// Every [`StartError`].
pub async fn start(config: &Config, parts: &Parts) -> Result<Running, StartError> {
    let recorder = Recorder::install().map_err(|error| StartError::Metrics(error.to_string()))?;
    let hub = hub(config);
    let sink: Arc<dyn CommitSink> = Arc::clone(&hub) as _;
    // The store first: its lock keeps two servers off one folder.
    let store = open_store(config, parts, sink).await?;
    let certificate = certificate(config).await?;
    let tls = TlsAcceptors::new(&certificate)?;
    let octets = open_blobs(config, parts)?;
    let shared = share_with(config, parts, Arc::clone(&store), Arc::clone(&hub), octets);
    let (clock, random) = (Arc::clone(&parts.clock), Arc::clone(&parts.random));
    let accounts = Accounts::new(store, clock, random, config.auth.iterations, TENANT);
    let mut running = Running {
        addresses: Vec::new(),
        admin: None,
        bots: Vec::new(),
        fingerprint: certificate.fingerprint(),
        self_signed: certificate.self_signed,
        accounts: accounts.clone(),
        shared: Arc::clone(&shared),
        connections: TaskTracker::new(),
        helpers: Vec::new(),
        closed: CancellationToken::new(),
    };
    running.serve_bots(config, &tls).await?;
    running.listen(config, tls)?;
    running.notify(config)?;
    running
        .administrate(config, recorder, accounts, hub)
        .await?;
    Ok(running)
}

async fn certificate(config: &Config) -> Result<Certificate, StartError> {
    create_data_dir(&config.server.data_dir)?;
    let (tls, folder) = (config.tls.clone(), config.server.data_dir.clone());
    let loaded = tokio::task::spawn_blocking(move || load_or_create(&tls, &folder));
    Ok(loaded.await.map_err(|_| StartError::Interrupted)??)
}

fn address(name: &'static str, text: &str) -> Result<SocketAddr, StartError> {
    text.parse().map_err(|_| StartError::Bind {
        address: text.to_owned(),
        name,
        source: io::ErrorKind::InvalidInput.into(),
    })
}

impl Running {
    fn listen(&mut self, config: &Config, tls: TlsAcceptors) -> Result<(), StartError> {
        let limits = &config.limits;
        let acceptor = Acceptor {
            shared: Arc::clone(&self.shared),
            admission: Admission::new(limits.connections, limits.half_open_per_address),
            tls,
            origins: config.websocket.origins.clone().into(),
            tasks: self.connections.clone(),
        };
        let listen = &config.listen;
        for (transport, name, text) in [
            (Transport::Tls, "listen.tls", &listen.tls),
            (Transport::Wss, "listen.wss", &listen.wss),
            (Transport::Tcp, "listen.tcp", &listen.tcp),
            (Transport::Ws, "listen.ws", &listen.ws),
        ] {
            if text.is_empty() {
                continue;
            }
            let bound =
                bind(transport, address(name, text)?, listen.backlog).map_err(|source| {
                    StartError::Bind {
                        address: text.clone(),
                        name,
                        source,
                    }
                })?;
            self.addresses.push((transport, bound.address));
            self.helpers.push(tokio::spawn(acceptor.clone().run(bound)));
        }
        Ok(())
    }

    async fn administrate(
        &mut self,
        config: &Config,
        recorder: Recorder,
        accounts: Accounts,
        hub: Arc<Hub>,
    ) -> Result<(), StartError> {
        let stopping = self.shared.stopping.clone();
        let text = &config.admin.listen;
        if !text.is_empty() {
            let name = "admin.listen";
            let http =
                Http::bind(address(name, text)?)
                    .await
                    .map_err(|source| StartError::Bind {
                        address: text.clone(),
                        name,
                        source,
                    })?;
            self.admin = Some(http.address);
            let store = Arc::clone(&self.shared.store);
            let run = http.run(
                recorder.clone(),
                stopping.clone(),
                self.closed.clone(),
                store,
            );
            self.helpers.push(tokio::spawn(run));
        }
        let data_dir = &config.server.data_dir;
        let commands = admin::listen(data_dir, accounts, hub, TENANT, self.closed.clone())
            .map_err(StartError::AdminSocket)?;
        self.helpers.push(tokio::spawn(commands));
        let ticks = presence::run(
            Arc::clone(&self.shared.hub),
            Arc::clone(&self.shared.clock),
            Duration::from_millis(config.limits.presence_ms),
            self.shared.stopping.clone(),
        );
        self.helpers.push(tokio::spawn(ticks));
        let ticks = calls::run(
            Arc::clone(&self.shared.calls),
            CALL_TICK,
            self.shared.stopping.clone(),
        );
        self.helpers.push(tokio::spawn(ticks));
        let sweep = Sweep {
            interval: Duration::from_millis(config.store.sweep_interval_ms),
            limit: config.store.sweep_limit,
        };
        let swept = sweeper::run(Arc::clone(&self.shared), sweep, move || recorder.upkeep());
        self.helpers.push(tokio::spawn(swept));
        Ok(())
    }

    /// Stops in order: no new connections, GOAWAY to all, time to settle, then the store is closed.
    pub async fn shutdown(self) {
        let Self {
            shared,
            connections,
            helpers,
            closed,
            ..
        } = self;
        tracing::info!(connections = connections.len(), "stopping");
        drain(&shared, &connections).await;
        shared.store.close().await;
        closed.cancel();
        for mut helper in helpers {
            match tokio::time::timeout(HELPER_PATIENCE, &mut helper).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a task of the server failed"),
                // For example a page that is still being fetched.
                Err(_) => helper.abort(),
            }
        }
        tracing::info!("stopped");
    }
}
