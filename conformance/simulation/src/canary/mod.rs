//! Servers and clients that are wrong on purpose: a simulation that does not catch them proves
//! nothing.
//!
//! Each is the real code with a wrapper at one of its seams, so nothing of it can ship: the engine
//! under the store, the sink above it, what keeps octets of files, the store of a device, the server's end of a
//! connection. A plan names its canary, and so replays and shrinks like any other.

mod early;
mod early_octets;
mod forgetful_octets;
mod hunt;
mod late_sink;
mod lossy_resume;
mod push_first;
mod split_device_store;
mod split_engine;

use std::fmt;
use std::sync::Arc;

use eim_client::store as device;
use eim_server::blobs::BlobStore;
use eim_server::store::CommitSink;
use eim_server::store::engine::Engine;
use serde::{Deserialize, Serialize};
use tokio::io::DuplexStream;

use self::early::Early;
pub use self::hunt::{Caught, SEEDS, hunt_all};
use crate::seed::Dice;
use crate::world::Life;

/// A wrong implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// The server answers a message before its batch is synced.
    ResultBeforeCommit,
    /// A device makes its cursor durable, then the entries before it.
    CursorBeforeStore,
    /// The server writes idempotency keys in a batch of their own, after the entries.
    KeyOutsideBatch,
    /// After a session was resumed, the server loses one frame: a repeated result, a retransmitted
    /// push, or a retransmitted message.
    ResumeDropsFrame,
    /// The server pushes a message before its batch is synced.
    PushBeforeCommit,
    /// The server says that octets of a file are durable, and makes them so later.
    OctetsBeforeSync,
    /// The server wants all octets of a file again whenever an upload goes on.
    UploadsBeginAnew,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ResultBeforeCommit,
        Self::CursorBeforeStore,
        Self::KeyOutsideBatch,
        Self::ResumeDropsFrame,
        Self::PushBeforeCommit,
        Self::OctetsBeforeSync,
        Self::UploadsBeginAnew,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResultBeforeCommit => "result-before-commit",
            Self::CursorBeforeStore => "cursor-before-store",
            Self::KeyOutsideBatch => "key-outside-batch",
            Self::ResumeDropsFrame => "resume-drops-frame",
            Self::PushBeforeCommit => "push-before-commit",
            Self::OctetsBeforeSync => "octets-before-sync",
            Self::UploadsBeginAnew => "uploads-begin-anew",
        }
    }

    /// The invariants that are about what it does wrong. That a run with it does not come to rest,
    /// or breaks something else on the way, does not count as finding it.
    #[must_use]
    pub const fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::ResultBeforeCommit => &["acked-is-durable"],
            Self::CursorBeforeStore => &["cursor-is-backed"],
            Self::KeyOutsideBatch => &["key-has-one-place"],
            // Results go to the messages after their own, or never come.
            Self::ResumeDropsFrame => &["acked-is-durable", "device-holds-the-log", "one-result"],
            Self::PushBeforeCommit => &["announced-is-durable"],
            Self::OctetsBeforeSync => &["files-are-kept"],
            Self::UploadsBeginAnew => &["uploads-go-on"],
        }
    }

    /// What goes around the parts of one incarnation of the server.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub async fn server(
        self,
        life: &Life,
        engine: Arc<dyn Engine>,
        sink: Arc<dyn CommitSink>,
    ) -> Result<ServerParts, eim_server::store::StoreError> {
        Ok(match self {
            Self::ResultBeforeCommit => {
                let early = Early::over(engine, life).await?;
                let sink = late_sink::LateSink::new(sink, Arc::clone(&early), life);
                ServerParts {
                    engine: early,
                    sink: Arc::new(sink),
                }
            }
            Self::PushBeforeCommit => {
                let (engine, sink) = push_first::PushFirst::new(engine, sink);
                ServerParts {
                    engine: Arc::new(engine),
                    sink,
                }
            }
            Self::KeyOutsideBatch => ServerParts {
                engine: Arc::new(split_engine::SplitEngine::new(engine)),
                sink,
            },
            Self::CursorBeforeStore
            | Self::ResumeDropsFrame
            | Self::OctetsBeforeSync
            | Self::UploadsBeginAnew => ServerParts { engine, sink },
        })
    }

    /// What goes around that which keeps octets of files.
    #[must_use]
    pub fn octets(self, life: &Life, octets: Arc<dyn BlobStore>) -> Arc<dyn BlobStore> {
        match self {
            Self::OctetsBeforeSync => Arc::new(early_octets::EarlyOctets::new(octets, life)),
            Self::UploadsBeginAnew => Arc::new(forgetful_octets::ForgetfulOctets(octets)),
            _ => octets,
        }
    }

    /// What goes around the store of a program on a device.
    #[must_use]
    pub fn device_store(self, store: Arc<dyn device::Store>) -> Arc<dyn device::Store> {
        match self {
            Self::CursorBeforeStore => Arc::new(split_device_store::SplitStore::new(store)),
            _ => store,
        }
    }

    /// What goes around the server's end of a connection, which octets of at most `buffer` cross.
    #[must_use]
    pub fn link(self, far: DuplexStream, buffer: usize, dice: &Dice) -> DuplexStream {
        match self {
            Self::ResumeDropsFrame => lossy_resume::wrap(far, buffer, dice.fork("canary")),
            _ => far,
        }
    }
}

/// Parts of one incarnation of the server, wrapped or not.
pub struct ServerParts {
    /// The engine for the store.
    pub engine: Arc<dyn Engine>,
    /// The sink for the store.
    pub sink: Arc<dyn CommitSink>,
}

impl fmt::Debug for ServerParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerParts")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
