//! What a case has beside connections: testees, listeners, the truth of the server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use super::faults::EventFault;
use super::listen::{Identity, Listeners};
use super::testee::{Launch, Testee};
use super::world::World;
use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::wire::scram::{First, Server};

/// A testee with its user and folder; the process may have been killed.
#[derive(Debug)]
pub struct Actor {
    /// The process.
    pub process: Option<Testee>,
    /// Role of its user.
    pub user: String,
    /// Its folder.
    pub data: PathBuf,
    /// Commands whose answers are fetched later: ids.
    pub unanswered: Vec<u64>,
}

/// An authentication under way.
#[derive(Debug)]
pub enum Exchange {
    /// SCRAM: AUTH was read.
    First {
        /// What AUTH said.
        auth: Value,
        /// Our part.
        server: Server,
        /// The client's first message.
        first: First,
    },
    /// The challenge was sent.
    Challenged {
        /// What AUTH said.
        auth: Value,
        /// Our part.
        server: Server,
        /// The client's first message.
        first: First,
    },
    /// Everything is proven; the last octets of the mechanism.
    Proven {
        /// What AUTH said.
        auth: Value,
        /// Data of AUTH_OK.
        data: Vec<u8>,
    },
}

/// The extension of [`Context`] for clients.
#[derive(Debug)]
pub struct Stage {
    /// Starts a testee.
    pub launch: Launch,
    /// Where the folders of testees are.
    pub folder: TempDir,
    /// Testees by name.
    pub actors: BTreeMap<String, Actor>,
    /// Listeners.
    pub listeners: Listeners,
    /// The certificate of the listeners.
    pub identity: Identity,
    /// The truth of the server.
    pub world: Arc<Mutex<World>>,
    /// Authentications under way, by connection.
    pub exchanges: BTreeMap<String, Exchange>,
    /// Fault on events, for each testee that starts.
    pub event_fault: Option<EventFault>,
}

impl Stage {
    /// A stage for one case.
    ///
    /// # Errors
    /// There is no place for a folder.
    pub fn new(launch: &Launch, identity: &Identity, world: World) -> Result<Self, Stop> {
        let failed = |error: std::io::Error| Stop::Testee(format!("temporary folder: {error}"));
        Ok(Self {
            launch: launch.clone(),
            folder: tempfile::Builder::new()
                .prefix("eim-")
                .tempdir()
                .map_err(failed)?,
            actors: BTreeMap::new(),
            listeners: Listeners::new(),
            identity: identity.clone(),
            world: Arc::new(Mutex::new(world)),
            exchanges: BTreeMap::new(),
            event_fault: None,
        })
    }

    /// The truth of the server, locked.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A running testee.
    ///
    /// # Errors
    /// The script has not started it.
    pub fn testee(&mut self, name: &str) -> Result<&mut Testee, Stop> {
        let process = self
            .actors
            .get_mut(name)
            .and_then(|actor| actor.process.as_mut());
        process.ok_or_else(|| Stop::script(format!("no testee {name}")))
    }
}

/// The stage of a case.
///
/// # Errors
/// The case is not one of clients.
pub fn stage(cx: &mut Context) -> Result<&mut Stage, Stop> {
    let stage = cx
        .extension
        .as_mut()
        .and_then(|extension| extension.downcast_mut());
    stage.ok_or_else(|| Stop::script("a step for clients"))
}
