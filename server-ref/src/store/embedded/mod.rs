//! The embedded store: everything in one folder, on fjall (a log-structured merge tree in pure
//! Rust).
//!
//! Commits run on a thread of their own, because a sync blocks. When a sync fails nobody knows
//! what is on the disk, so the process ends: see [`Fatal`].

mod engine;
mod folder;
mod journal;
mod space;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;

use self::engine::EmbeddedEngine;
pub use self::engine::{Durability, Sizes};
use self::folder::Folder;
pub use self::folder::{FORMAT, FolderError};
use super::kv::{Committing, Environment, KvStore, Options};
use super::{CommitSink, StoreError};

/// What happens when the store can no longer keep its promises: a sync failed, or its thread
/// panicked. [`Fatal::abort`] is the only choice for production.
#[derive(Clone)]
pub struct Fatal(Arc<dyn Fn(&str) + Send + Sync>);

impl Fatal {
    /// Logs the reason and ends the process at once, without answering anybody.
    #[must_use]
    pub fn abort() -> Self {
        Self::new(|reason| {
            tracing::error!(reason, "the store failed; ending the process");
            std::process::abort();
        })
    }

    /// Calls `hook` with the reason. When it returns, the store is closed without having
    /// answered what was under way.
    pub fn new(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fatal").finish_non_exhaustive()
    }
}

/// How the embedded engine runs.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// When a commit counts as durable.
    pub durability: Durability,
    /// Sizes of the engine.
    pub sizes: Sizes,
    /// Octets of the disk that stay free: with less, messages and changes are refused.
    pub reserve_octets: u64,
    /// What happens when a sync fails.
    pub fatal: Fatal,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            sizes: Sizes::default(),
            reserve_octets: 0,
            fatal: Fatal::abort(),
        }
    }
}

/// Why an embedded store did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The engine or a record in it cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread for commits.
    #[error("store thread: {0}")]
    Thread(std::io::Error),
}

/// Opens the store in `folder`, creating it when it is missing or empty. Blocks while the engine
/// recovers what the last process wrote.
///
/// # Errors
/// [`OpenError`]; in particular [`FolderError::Locked`] while another process has it open.
pub fn open(
    folder: &Path,
    embedded: &EmbeddedOptions,
    options: Options,
    environment: Environment,
    sink: Arc<dyn CommitSink>,
) -> Result<KvStore, OpenError> {
    let folder = Folder::open(folder)?;
    let engine = Arc::new(EmbeddedEngine::open(folder, embedded)?);
    let (store, committing) = at_once(KvStore::open(engine, options, environment, sink))?;
    start(committing, embedded.fatal.clone()).map_err(OpenError::Thread)?;
    Ok(store)
}

/// Raises the epoch of the store in `folder`, which no process may have open. See
/// [`kv::raise_log_epoch`](super::kv::raise_log_epoch).
///
/// # Errors
/// [`OpenError`].
pub fn raise_log_epoch(folder: &Path, environment: &Environment) -> Result<u64, OpenError> {
    let folder = Folder::open(folder)?;
    let engine = EmbeddedEngine::open(folder, &EmbeddedOptions::default())?;
    Ok(at_once(super::kv::raise_log_epoch(&engine, environment))?)
}

/// Commits of this engine block, so what only waits for commits is done when first asked.
fn at_once<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let unfinished = || StoreError::Engine("a commit waited".to_owned());
    future.now_or_never().unwrap_or_else(|| Err(unfinished()))
}

fn start(committing: Committing, fatal: Fatal) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let thread = std::thread::Builder::new().name("store-commit".to_owned());
    thread.spawn(move || {
        let guard = PanicGuard(&fatal);
        let outcome = runtime.block_on(committing.run());
        drop(guard);
        if let Err(error) = outcome {
            (fatal.0)(&error.to_string());
        }
    })?;
    Ok(())
}

/// A commit thread that panics leaves the store without a writer: as bad as a failed sync.
struct PanicGuard<'a>(&'a Fatal);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0.0)("the commit thread panicked");
        }
    }
}
