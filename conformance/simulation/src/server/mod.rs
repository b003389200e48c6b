//! The server and its incarnations.

mod accounts;
mod boot;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use eim_codec::tokio::StreamLink;
use eim_server::config::Config;
use eim_server::hub::Hub;
use eim_server::outbox::Http;
use eim_server::server as put_together;
use eim_server::session::{self, Shared};
use eim_server::transport::{Admission, Peer, ServerLink, Transport};
use tokio::io::DuplexStream;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

pub use self::accounts::{PASSWORD, name_of, user_id, user_name};
use crate::disk::Disk;
use crate::network::Listener;
use crate::observation::{Ending, Observation};
use crate::plan::{DeviceNumber, UserNumber};
use crate::seed::Dice;
use crate::world::{Life, Recorder, Trigger, WallClock};

/// Where a server listens, as its connections see it.
const PORT: u16 = 40_000;

/// One incarnation that runs.
struct Running {
    life: Life,
    shared: Arc<Shared>,
    hub: Arc<Hub>,
    admission: Arc<Admission>,
    connections: TaskTracker,
}

#[derive(Default)]
struct State {
    incarnation: u32,
    /// The process, from the beginning of its start on.
    life: Option<Life>,
    running: Option<Running>,
    /// How the one that ends now does.
    ending: Option<Ending>,
    /// After how long a new one starts by itself.
    down: Duration,
    /// The world heals: nothing stays down.
    healed: bool,
}

/// The server of a world.
#[derive(Clone)]
pub struct ServerNode(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    config: Config,
    users: Vec<UserNumber>,
    disk: Disk,
    clock: WallClock,
    dice: Dice,
    recorder: Recorder,
    /// Takes notifications.
    receiver: OnceLock<Arc<dyn Http>>,
}

impl std::fmt::Debug for ServerNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerNode").finish_non_exhaustive()
    }
}

impl ServerNode {
    /// A server that was never started.
    #[must_use]
    pub fn new(
        config: Config,
        users: Vec<UserNumber>,
        disk: Disk,
        clock: WallClock,
        dice: Dice,
        recorder: Recorder,
    ) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            config,
            users,
            disk,
            clock,
            dice,
            recorder,
            receiver: OnceLock::new(),
        }))
    }

    /// From the next start on, notifications go to `receiver`.
    pub fn notify(&self, receiver: Arc<dyn Http>) {
        // The first one stays.
        let _ = self.0.receiver.set(receiver);
    }

    /// Its wall clock.
    #[must_use]
    pub fn clock(&self) -> &WallClock {
        &self.0.clock
    }

    /// Its disk.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Starts it, and again whenever it has ended, for as long as the world lasts.
    pub fn keep_running(&self) {
        let node = self.clone();
        tokio::spawn(async move {
            loop {
                node.incarnation().await;
                let down = node.lock().down;
                if !node.lock().healed {
                    sleep(down).await;
                }
            }
        });
    }

    /// One incarnation, from its start to its end.
    async fn incarnation(&self) {
        let life = Life::new();
        let number = {
            let mut state = self.lock();
            state.incarnation += 1;
            state.life = Some(life.clone());
            state.ending = None;
            state.down = Duration::ZERO;
            state.incarnation
        };
        let starting = self.clone();
        let process = life.clone();
        life.spawn(async move { starting.boot(process, number).await });
        life.ended().await;
        let how = {
            let mut state = self.lock();
            state.life = None;
            state.running = None;
            state.ending.take().unwrap_or(Ending::Crash)
        };
        self.0
            .disk
            .crash(&mut self.0.dice.fork_nth("disk after", u64::from(number)));
        let incarnation = number;
        self.0
            .recorder
            .saw(Observation::ServerEnded { incarnation, how });
    }

    /// Ends it without warning when `trigger` says so; it starts again after `down`.
    pub fn crash(&self, trigger: Trigger, down: Duration) {
        let life = {
            let mut state = self.lock();
            state.down = down;
            state.life.clone()
        };
        if let Some(life) = life {
            life.arm(trigger);
        }
    }

    /// Ends it in order; it starts again after `down`.
    pub fn stop(&self, down: Duration) {
        let node = self.clone();
        let (life, shared, connections) = {
            let mut state = self.lock();
            state.down = down;
            let Some(running) = &state.running else {
                return;
            };
            (
                running.life.clone(),
                Arc::clone(&running.shared),
                running.connections.clone(),
            )
        };
        let process = life.clone();
        life.spawn(async move {
            put_together::drain(&shared, &connections).await;
            shared.store.close().await;
            node.lock().ending = Some(Ending::Orderly);
            process.end();
        });
    }

    /// Nothing stays down, and no crash is to come.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.healed = true;
        state.down = Duration::ZERO;
        self.0.disk.heal();
        if let Some(life) = &state.life {
            life.disarm();
        }
    }

    /// What sessions of the running server share.
    #[must_use]
    pub fn shared(&self) -> Option<(Life, Arc<Shared>)> {
        let state = self.lock();
        let running = state.running.as_ref()?;
        Some((running.life.clone(), Arc::clone(&running.shared)))
    }

    /// Tells the recorder how full the server's queues are.
    pub fn gauge(&self) {
        let (octets, connections) = {
            let state = self.lock();
            let Some(running) = &state.running else {
                return;
            };
            (running.hub.load().1, running.admission.connections())
        };
        let config = &self.0.config;
        let recorder = &self.0.recorder;
        recorder.gauge(
            "queued octets",
            octets as u64,
            config.memory.queues_octets as u64,
        );
        let limit = u64::from(config.limits.connections);
        recorder.gauge("connections", u64::from(connections), limit);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for ServerNode {
    fn listening(&self) -> Option<Life> {
        let state = self.lock();
        let running = state.running.as_ref()?;
        let stops = running.shared.stopping.is_cancelled();
        (running.life.is_alive() && !stops).then(|| running.life.clone())
    }

    fn accept(&self, device: DeviceNumber, stream: DuplexStream) {
        let state = self.lock();
        let Some(running) = &state.running else {
            return;
        };
        // One address a device, on loopback: secrets may cross.
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 1, device.0));
        let Ok(seat) = running.admission.admit(address) else {
            return;
        };
        let peer = Peer {
            address: SocketAddr::new(address, PORT),
            transport: Transport::Tcp,
        };
        let link = ServerLink::Pipe(Box::new(StreamLink::new(stream)));
        let deadline = Box::pin(sleep(running.shared.options.handshake));
        let shared = Arc::clone(&running.shared);
        let served = session::serve(shared, link, peer, seat, deadline);
        running.life.spawn(running.connections.track_future(served));
    }
}
