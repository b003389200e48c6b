//! The network between devices and server: every connection of a device goes through a relay that
//! delays, cuts and loses as it is told.

mod frames;
mod relay;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eim_client::link::{ClientLink, Connector, LinkError};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};

pub use self::relay::Control;
use self::relay::Relay;
use crate::plan::{DeviceNumber, Direction, WorldConfig};
use crate::seed::Dice;
use crate::world::{Life, Recorder, ms, now};

/// How long an attempt to reach a server that is not there takes at most.
const GIVING_UP: Duration = Duration::from_secs(20);

/// Where connections arrive.
pub trait Listener: Send + Sync {
    /// The process that listens, if there is one.
    fn listening(&self) -> Option<Life>;

    /// A connection from a device has arrived.
    fn accept(&self, device: DeviceNumber, stream: DuplexStream);
}

/// What the network does to a device.
#[derive(Debug, Default)]
struct Line {
    slower: Duration,
    unreachable_until: Option<Instant>,
    connections: Vec<Arc<Control>>,
    dialled: u64,
}

struct State {
    lines: BTreeMap<DeviceNumber, Line>,
    listener: Option<Arc<dyn Listener>>,
}

/// The network.
#[derive(Clone)]
pub struct Network {
    state: Arc<Mutex<State>>,
    config: Arc<WorldConfig>,
    dice: Dice,
    recorder: Recorder,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// A network without faults. Nobody listens yet.
    #[must_use]
    pub fn new(config: Arc<WorldConfig>, dice: Dice, recorder: Recorder) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                lines: BTreeMap::new(),
                listener: None,
            })),
            config,
            dice,
            recorder,
        }
    }

    /// From now on `listener` gets the connections.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.lock().listener = Some(listener);
    }

    /// The way of a process on a device to the server.
    #[must_use]
    pub fn connector(&self, device: DeviceNumber, life: Life) -> Arc<dyn Connector> {
        Arc::new(Dial {
            network: self.clone(),
            device,
            life,
        })
    }

    /// Resets the connections of a device.
    pub fn cut(&self, device: DeviceNumber) {
        self.each(device, Control::cut);
    }

    /// Octets vanish on the connections of a device. With `noticed`, the device's end is reset.
    pub fn half_open(&self, device: DeviceNumber, direction: Direction, noticed: bool) {
        self.each(device, |control| control.swallow(direction, noticed));
    }

    /// Nothing moves on the connections of a device.
    pub fn stall(&self, device: DeviceNumber, direction: Direction, time: Duration) {
        let until = now() + time;
        self.each(device, |control| control.stall(direction, until));
    }

    /// The line of a device is slower from now on.
    pub fn slow_down(&self, device: DeviceNumber, by: Duration) {
        self.line(device, |line| line.slower = by);
        self.each(device, |control| control.slow_down(by));
    }

    /// Connecting fails for a while.
    pub fn unreachable(&self, device: DeviceNumber, time: Duration) {
        self.line(device, |line| line.unreachable_until = Some(now() + time));
    }

    /// All faults end: what was half open is reset, what was stalled or slow is not any more.
    pub fn heal(&self) {
        let mut state = self.lock();
        for line in state.lines.values_mut() {
            line.slower = Duration::ZERO;
            line.unreachable_until = None;
            line.connections.retain(|control| !control.is_over());
            line.connections.iter().for_each(|control| control.heal());
        }
    }

    /// Connections whose relay has not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        let state = self.lock();
        let lines = state.lines.values();
        lines
            .flat_map(|line| &line.connections)
            .filter(|control| !control.is_over())
            .count()
    }

    fn each(&self, device: DeviceNumber, act: impl Fn(&Control)) {
        self.line(device, |line| {
            line.connections.retain(|control| !control.is_over());
            line.connections.iter().for_each(|control| act(control));
        });
    }

    fn line<T>(&self, device: DeviceNumber, act: impl FnOnce(&mut Line) -> T) -> T {
        act(self.lock().lines.entry(device).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn delay(&self, dice: &mut Dice) -> Duration {
        let range = self.config.delay_ms;
        ms(dice.between(range.low, range.high))
    }

    async fn dial(&self, device: DeviceNumber, life: &Life) -> Result<ClientLink, LinkError> {
        let (number, slower, unreachable) = self.line(device, |line| {
            line.dialled += 1;
            (line.dialled, line.slower, line.unreachable_until)
        });
        let mut dice = self
            .dice
            .fork_nth("device", u64::from(device.0))
            .fork_nth("connection", number);
        if unreachable.is_some_and(|until| until > now()) {
            // Half of the time nobody answers, else somebody says no.
            let patience = if dice.chance(500) {
                GIVING_UP
            } else {
                self.delay(&mut dice)
            };
            sleep(patience).await;
            return Err(refused());
        }
        sleep(self.delay(&mut dice) + slower).await;
        let listener = self.lock().listener.clone().ok_or_else(refused)?;
        let Some(server) = listener.listening() else {
            sleep(self.delay(&mut dice) + slower).await;
            return Err(refused());
        };
        let buffer = usize::try_from(self.config.buffer_octets).unwrap_or(usize::MAX);
        let (near, device_end) = tokio::io::duplex(buffer);
        let (server_end, far) = tokio::io::duplex(buffer);
        let control = Arc::new(Control::new(slower));
        self.line(device, |line| {
            line.connections.retain(|control| !control.is_over());
            line.connections.push(Arc::clone(&control));
        });
        let relay = Relay {
            control,
            device,
            config: Arc::clone(&self.config),
            recorder: self.recorder.clone(),
            lives: [life.clone(), server],
        };
        relay.run(device_end, server_end, &dice);
        let far = match self.config.canary {
            Some(canary) => canary.link(far, buffer, &dice),
            None => far,
        };
        listener.accept(device, far);
        sleep(self.delay(&mut dice) + slower).await;
        Ok(ClientLink::pipe(near))
    }
}

fn refused() -> LinkError {
    LinkError::Io(io::ErrorKind::ConnectionRefused.into())
}

struct Dial {
    network: Network,
    device: DeviceNumber,
    life: Life,
}

#[async_trait]
impl Connector for Dial {
    async fn connect(&self) -> Result<ClientLink, LinkError> {
        self.network.dial(self.device, &self.life).await
    }

    fn server(&self) -> String {
        "simulated".to_owned()
    }
}
