//! Devices: the real client over a simulated store, and the application that uses it.

mod actions;
mod asking;
mod calls;
mod files;
mod known;
mod program;
mod questions;
mod watching;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eim_client::{Client, Profiles};
use eim_codec::id::ConversationId;
use tokio::sync::Notify;
use tokio::time::sleep;

use self::files::Wishes;
pub use self::known::{DeviceIds, Groups};
use self::watching::Watchings;
use crate::device_store::DeviceDisk;
use crate::network::Network;
use crate::observation::{Ending, Observation, Process};
use crate::plan::{DeviceNumber, UserNumber};
use crate::seed::Dice;
use crate::world::{Life, Recorder, Trigger, WallClock, ms};

/// A program that runs on a device.
struct Running {
    life: Life,
    /// `None` until it has begun.
    client: Option<Client>,
    send_only: bool,
    ending: Option<Ending>,
}

#[derive(Default)]
struct State {
    incarnation: u32,
    running: BTreeMap<u32, Running>,
    /// The program that is started again whenever it ends.
    main: u32,
    /// The main program ended by itself.
    over: bool,
    down: Duration,
    healed: bool,
    /// A second program took its place once.
    replaced: bool,
}

impl State {
    /// How long the device stays down now.
    fn pause(&mut self) -> Duration {
        let over = std::mem::take(&mut self.over);
        if self.healed {
            return if over { AGAIN } else { Duration::ZERO };
        }
        if over {
            self.down.max(AGAIN)
        } else {
            self.down
        }
    }
}

/// A device of a world.
#[derive(Clone)]
pub struct DeviceNode(Arc<Inner>);

struct Inner {
    number: DeviceNumber,
    user: UserNumber,
    state: Mutex<State>,
    /// Applications do not read their events.
    pausing: AtomicBool,
    reads: Notify,
    /// They once did not.
    paused: AtomicBool,
    /// Another program is the main one now.
    replaced: Notify,
    /// Requests of applications that are not answered.
    asking: AtomicUsize,
    disk: DeviceDisk,
    clock: WallClock,
    network: Network,
    groups: Groups,
    ids: DeviceIds,
    /// What the application of the main program sees of others.
    watching: Mutex<Watchings>,
    /// Profiles that the device has read; they outlive its programs.
    profiles: tokio::sync::Mutex<Profiles>,
    /// Files that people still want to send; they remember it themselves.
    wishes: Mutex<Wishes>,
    /// Held while a file with such a number is uploaded.
    uploading: [tokio::sync::Mutex<()>; 4],
    /// Takes part in calls.
    phone: bool,
    /// Calls that are not over.
    calls: Mutex<calls::Open>,
    outbox_limit: usize,
    dice: Dice,
    recorder: Recorder,
}

/// What a device is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its number.
    pub number: DeviceNumber,
    /// Its user.
    pub user: UserNumber,
    /// Its disk.
    pub disk: DeviceDisk,
    /// Its wall clock.
    pub clock: WallClock,
    /// Its way to the server.
    pub network: Network,
    /// The groups of the world.
    pub groups: Groups,
    /// The ids of the devices of the world.
    pub ids: DeviceIds,
    /// It takes part in calls.
    pub phone: bool,
    /// Messages that its outbox holds.
    pub outbox_limit: usize,
    /// Its draws.
    pub dice: Dice,
    /// Where it is seen.
    pub recorder: Recorder,
}

impl std::fmt::Debug for DeviceNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DeviceNode").field(&self.0.number).finish()
    }
}

impl DeviceNode {
    /// A device that was never switched on.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            number: parts.number,
            user: parts.user,
            state: Mutex::default(),
            pausing: AtomicBool::new(false),
            reads: Notify::new(),
            paused: AtomicBool::new(false),
            replaced: Notify::new(),
            asking: AtomicUsize::new(0),
            disk: parts.disk,
            clock: parts.clock,
            network: parts.network,
            groups: parts.groups,
            ids: parts.ids,
            watching: Mutex::default(),
            profiles: tokio::sync::Mutex::default(),
            wishes: Mutex::default(),
            phone: parts.phone,
            calls: Mutex::default(),
            uploading: Default::default(),
            outbox_limit: parts.outbox_limit,
            dice: parts.dice,
            recorder: parts.recorder,
        }))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> DeviceNumber {
        self.0.number
    }

    /// Its user.
    #[must_use]
    pub fn user(&self) -> UserNumber {
        self.0.user
    }

    /// Whether a second program took the place of another one.
    #[must_use]
    pub fn was_replaced(&self) -> bool {
        self.lock().replaced
    }

    /// Its wall clock.
    #[must_use]
    pub fn clock(&self) -> &WallClock {
        &self.0.clock
    }

    /// Its disk.
    #[must_use]
    pub fn disk(&self) -> &DeviceDisk {
        &self.0.disk
    }

    /// Starts its program after `first`, and again whenever it has ended.
    pub fn keep_running(&self, first: Duration) {
        let node = self.clone();
        tokio::spawn(async move {
            sleep(first).await;
            loop {
                let (number, life) = node.begin(false);
                node.lock().main = number;
                node.launch(number, &life);
                node.main_ended().await;
                let down = node.lock().pause();
                sleep(down).await;
            }
        });
    }

    /// Waits until there is no main program, whichever took whose place meanwhile.
    async fn main_ended(&self) {
        loop {
            let main = {
                let state = self.lock();
                state.running.get(&state.main).map(|main| main.life.clone())
            };
            let Some(main) = main.filter(Life::is_alive) else {
                return;
            };
            tokio::select! {
                biased;
                () = self.0.replaced.notified() => {}
                () = main.ended() => {}
            }
        }
    }

    /// Registers a new process.
    fn begin(&self, send_only: bool) -> (u32, Life) {
        let life = Life::new();
        let mut state = self.lock();
        state.incarnation += 1;
        let number = state.incarnation;
        let running = Running {
            life: life.clone(),
            client: None,
            send_only,
            ending: None,
        };
        state.running.insert(number, running);
        drop(state);
        let (node, process) = (self.clone(), life.clone());
        tokio::spawn(async move {
            process.ended().await;
            node.ended(number);
        });
        (number, life)
    }

    fn ended(&self, number: u32) {
        let (ending, last) = {
            let mut state = self.lock();
            let running = state.running.remove(&number);
            let ending = running.and_then(|running| running.ending);
            (ending.unwrap_or(Ending::Crash), state.running.is_empty())
        };
        let how = ending;
        if how == Ending::Crash && last {
            let mut dice = self.0.dice.fork_nth("disk after", u64::from(number));
            self.0.disk.crash(&mut dice);
        }
        let process = self.process(number);
        self.0
            .recorder
            .saw(Observation::DeviceEnded { process, how });
    }

    fn process(&self, incarnation: u32) -> Process {
        Process {
            device: self.0.number,
            incarnation,
        }
    }

    /// Ends all its processes without warning when `trigger` says so; the program starts again
    /// after `down`.
    pub fn crash(&self, trigger: Trigger, down: Duration) {
        let lives: Vec<Life> = {
            let mut state = self.lock();
            state.down = down;
            state
                .running
                .values()
                .map(|running| running.life.clone())
                .collect()
        };
        let Some((first, rest)) = lives.split_first() else {
            return;
        };
        for other in rest {
            let other = other.clone();
            first.at_end(move || other.end());
        }
        first.arm(trigger);
    }

    /// Ends its program in order; it starts again after `down`.
    pub fn stop(&self, down: Duration) {
        self.lock().down = down;
        if let Some((life, client)) = self.client() {
            life.spawn(async move { client.close().await });
        }
    }

    /// A second program takes the place of the one that runs, which is not told.
    pub fn replace(&self) {
        let (number, life) = self.begin(false);
        let mut state = self.lock();
        state.main = number;
        state.replaced = true;
        drop(state);
        self.0.replaced.notify_one();
        self.launch(number, &life);
    }

    /// Whether there is a network, as the application says.
    pub fn set_network(&self, available: bool) {
        if let Some((life, client)) = self.client() {
            life.spawn(async move { client.set_network(available).await });
        }
    }

    /// The application goes to the background; zero returns.
    pub fn set_background(&self, next_contact: Duration) {
        if let Some((life, client)) = self.client() {
            life.spawn(async move { client.set_background(next_contact).await });
        }
    }

    /// The application reads its events, or does not.
    pub fn set_reading(&self, reads: bool) {
        self.0.pausing.store(!reads, Ordering::Relaxed);
        self.0.paused.fetch_or(!reads, Ordering::Relaxed);
        self.0.reads.notify_waiters();
    }

    /// Everything that was done to it ends.
    pub fn heal(&self) {
        let others: Vec<(Life, Option<Client>)> = {
            let mut state = self.lock();
            state.healed = true;
            state.down = Duration::ZERO;
            let main = state.main;
            for running in state.running.values() {
                running.life.disarm();
            }
            let others = state
                .running
                .iter()
                .filter(|(number, running)| **number != main && !running.send_only);
            others
                .map(|(_, running)| (running.life.clone(), running.client.clone()))
                .collect()
        };
        for (life, client) in others {
            match client {
                Some(client) => life.clone().spawn(async move { client.close().await }),
                None => life.end(),
            }
        }
        self.0.disk.heal();
        self.set_reading(true);
        self.set_network(true);
        self.set_background(Duration::ZERO);
    }

    /// The main program, if it has begun.
    #[must_use]
    pub fn client(&self) -> Option<(Life, Client)> {
        let state = self.lock();
        let running = state.running.get(&state.main)?;
        Some((running.life.clone(), running.client.clone()?))
    }

    fn main(&self) -> Option<(Process, Life, Client)> {
        let number = self.lock().main;
        let (life, client) = self.client()?;
        Some((self.process(number), life, client))
    }

    /// Processes that run, and requests and uploads of applications that wait.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (
            self.lock().running.len(),
            self.0.asking.load(Ordering::Relaxed) + self.wishes().len(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watching(&self) -> MutexGuard<'_, Watchings> {
        let watching = self.0.watching.lock();
        watching.unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self, group: crate::plan::GroupNumber) -> Option<ConversationId> {
        self.0.groups.get(group)
    }
}

/// Before the next try after a program ended by itself.
const AGAIN: Duration = ms(1500);
