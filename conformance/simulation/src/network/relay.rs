//! One connection: two directions, each with its own queue of octets under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::frames::Frames;
use crate::plan::{DeviceNumber, Direction, WorldConfig};
use crate::seed::Dice;
use crate::world::{Life, Point, Recorder, ms, now};

/// What may be done to one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    /// What is read is lost, and nobody hears of it.
    swallow: bool,
    stalled_until: Option<Instant>,
}

#[derive(Debug)]
struct State {
    cut: bool,
    /// The end of the device is reset, the server's is held open.
    reset_device: bool,
    /// Up, down.
    faults: [Faults; 2],
    slower: Duration,
    /// Directions that have ended.
    ended: usize,
}

/// What may be done to a connection.
#[derive(Debug)]
pub struct Control {
    state: Mutex<State>,
    changed: [Notify; 2],
}

/// Index of a direction.
const UP: usize = 0;
const DOWN: usize = 1;

impl Control {
    pub(super) fn new(slower: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                cut: false,
                reset_device: false,
                faults: [Faults::default(); 2],
                slower,
                ended: 0,
            }),
            changed: [Notify::new(), Notify::new()],
        }
    }

    pub(super) fn cut(&self) {
        self.change(|state| state.cut = true);
    }

    pub(super) fn swallow(&self, direction: Direction, noticed: bool) {
        self.change(|state| {
            for way in ways(direction) {
                if let Some(faults) = state.faults.get_mut(*way) {
                    faults.swallow = true;
                }
            }
            if noticed {
                // What the device does not listen to any more gets lost as well.
                state.faults = state.faults.map(|faults| Faults {
                    swallow: true,
                    ..faults
                });
                state.reset_device = true;
            }
        });
    }

    pub(super) fn stall(&self, direction: Direction, until: Instant) {
        self.change(|state| {
            for way in ways(direction) {
                if let Some(faults) = state.faults.get_mut(*way) {
                    faults.stalled_until = Some(until);
                }
            }
        });
    }

    pub(super) fn slow_down(&self, by: Duration) {
        self.change(|state| state.slower = by);
    }

    pub(super) fn heal(&self) {
        self.change(|state| {
            state.slower = Duration::ZERO;
            if state.faults.iter().any(|faults| faults.swallow) {
                state.cut = true;
            }
            state.faults = [Faults::default(); 2];
        });
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().ended == 2
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.lock());
        // One waiter each: the order does not depend on who waited first.
        self.changed.iter().for_each(Notify::notify_one);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn ways(direction: Direction) -> &'static [usize] {
    match direction {
        Direction::Up => &[UP],
        Direction::Down => &[DOWN],
        Direction::Both => &[UP, DOWN],
    }
}

/// One connection that is to be relayed.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) control: Arc<Control>,
    pub(super) device: DeviceNumber,
    pub(super) config: Arc<WorldConfig>,
    pub(super) recorder: Recorder,
    /// The processes at the ends: the device's, the server's.
    pub(super) lives: [Life; 2],
}

impl Relay {
    /// Relays between the two ends in the background.
    pub(super) fn run(self, device_end: DuplexStream, server_end: DuplexStream, dice: &Dice) {
        let (from_device, to_device) = split(device_end);
        let (from_server, to_server) = split(server_end);
        let relay = Arc::new(self);
        let halves = [(UP, from_device, to_server), (DOWN, from_server, to_device)];
        for (way, from, to) in halves {
            let direction = OneWay {
                relay: Arc::clone(&relay),
                way,
                dice: dice.fork_nth("way", way as u64),
                from: Some(from),
                to: Some(to),
                queue: VecDeque::new(),
                queued: 0,
                last_due: now(),
                ended: false,
                frames: Frames::new(way == UP),
                scratch: Vec::new(),
            };
            tokio::spawn(direction.run());
        }
    }
}

struct OneWay {
    relay: Arc<Relay>,
    way: usize,
    dice: Dice,
    /// `None` when nothing more comes.
    from: Option<ReadHalf<DuplexStream>>,
    to: Option<WriteHalf<DuplexStream>>,
    /// Under way, with the time it arrives; in order.
    queue: VecDeque<(Instant, Bytes)>,
    queued: u64,
    last_due: Instant,
    ended: bool,
    frames: Frames,
    scratch: Vec<u8>,
}

enum Woken {
    Changed,
    Read(Option<Bytes>),
    Due,
}

impl OneWay {
    async fn run(mut self) {
        while !self.ended {
            let woken = self.wait().await;
            match woken {
                Woken::Changed => self.changed(),
                Woken::Read(Some(octets)) => self.read(octets),
                Woken::Read(None) => self.from = None,
                Woken::Due => self.deliver().await,
            }
        }
        let mut state = self.relay.control.lock();
        state.ended += 1;
    }

    async fn wait(&mut self) -> Woken {
        let relay = Arc::clone(&self.relay);
        let Some(changed) = relay.control.changed.get(self.way) else {
            return Woken::Changed;
        };
        let due = self.due();
        let wants = self.queued < relay.config.buffer_octets;
        let range = relay.config.chunk_octets;
        let chunk = self.dice.between(range.low, range.high).max(1);
        self.scratch.resize(usize::try_from(chunk).unwrap_or(1), 0);
        tokio::select! {
            biased;
            () = changed.notified() => Woken::Changed,
            () = at(due) => Woken::Due,
            octets = read(&mut self.from, &mut self.scratch), if wants => Woken::Read(octets),
        }
    }

    /// When something is to be done with the queue, or with its end.
    fn due(&self) -> Option<Instant> {
        let stalled = self.faults().stalled_until;
        let due = match (self.queue.front(), &self.from) {
            (Some((due, _)), _) => *due,
            (None, None) => self.last_due,
            (None, Some(_)) => return None,
        };
        Some(stalled.map_or(due, |until| until.max(due)))
    }

    fn faults(&self) -> Faults {
        let state = self.relay.control.lock();
        state.faults.get(self.way).copied().unwrap_or_default()
    }

    fn changed(&mut self) {
        let (cut, reset) = {
            let state = self.relay.control.lock();
            (state.cut, state.reset_device)
        };
        if cut {
            self.over();
        } else if reset {
            // The device sees the end of the connection; the server's halves stay open.
            if self.way == UP {
                self.from = None;
            } else {
                self.to = None;
            }
            self.queue.clear();
            self.queued = 0;
        }
    }

    fn over(&mut self) {
        self.ended = true;
        self.from = None;
        self.to = None;
        self.queue.clear();
    }

    fn read(&mut self, octets: Bytes) {
        let relay = &self.relay;
        let frames = &mut self.frames;
        let (device, way) = (relay.device, self.way as u64);
        let mut cursors = Vec::new();
        relay.recorder.crossed(octets.len(), |trace| {
            trace.number(u64::from(device.0) << 1 | way);
            frames.feed(&octets, trace, &mut cursors);
        });
        for (log_epoch, user_seq) in cursors {
            relay
                .recorder
                .saw(crate::observation::Observation::CursorTold {
                    device,
                    log_epoch,
                    user_seq,
                });
        }
        let faults = self.faults();
        let sender = &relay.lives[self.way];
        if !faults.swallow {
            let range = relay.config.delay_ms;
            let slower = relay.control.lock().slower;
            let delay = ms(self.dice.between(range.low, range.high)) + slower;
            self.last_due = self.last_due.max(now() + delay);
            self.queued += octets.len() as u64;
            self.queue.push_back((self.last_due, octets));
        }
        let _ = sender.reach(Point::Sent);
    }

    /// Delivers what is due, or the end.
    async fn deliver(&mut self) {
        let faults = self.faults();
        if faults.stalled_until.is_some_and(|until| until > now()) {
            return;
        }
        let Some((_, octets)) = self.queue.pop_front() else {
            return self.end(faults).await;
        };
        self.queued -= octets.len() as u64;
        if faults.swallow {
            return;
        }
        if self.write(&octets).await {
            let _ = self.relay.lives[1 - self.way].reach(Point::Received);
        } else if !self.ended {
            // The far end is gone: the near end is reset.
            self.relay.control.cut();
            self.over();
        }
    }

    /// Writes all of `octets`; `false` when the far end is gone or the connection is cut.
    async fn write(&mut self, octets: &[u8]) -> bool {
        let relay = Arc::clone(&self.relay);
        let Some(changed) = relay.control.changed.get(self.way) else {
            return false;
        };
        let mut done = 0;
        while let Some(rest) = octets.get(done..).filter(|rest| !rest.is_empty()) {
            let Some(to) = &mut self.to else {
                return true;
            };
            let written = tokio::select! {
                biased;
                () = changed.notified() => None,
                written = to.write(rest) => Some(written),
            };
            match written {
                None => self.changed(),
                Some(Ok(written)) if written > 0 => done += written,
                Some(_) => return false,
            }
            if self.ended {
                return false;
            }
        }
        true
    }

    async fn end(&mut self, faults: Faults) {
        if faults.swallow {
            // Nobody hears of the end; the halves stay open until the connection is cut.
            self.held().await;
        } else {
            if let Some(to) = &mut self.to {
                // The other side may be gone as well.
                let _ = to.shutdown().await;
            }
            self.ended = true;
        }
    }

    /// Waits for the network to heal.
    async fn held(&mut self) {
        let relay = Arc::clone(&self.relay);
        let Some(changed) = relay.control.changed.get(self.way) else {
            return;
        };
        changed.notified().await;
        self.changed();
    }
}

async fn read(from: &mut Option<ReadHalf<DuplexStream>>, scratch: &mut [u8]) -> Option<Bytes> {
    let Some(from) = from else {
        return std::future::pending().await;
    };
    match from.read(scratch).await {
        Ok(count) if count > 0 => scratch.get(..count).map(Bytes::copy_from_slice),
        _ => None,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) if due <= now() => {}
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
