//! Doing a fault, and waiting until the world is well again.
//!
//! A fault of a process counts only if messages were in flight: the victim is stopped first, and it
//! dies only if something is unsettled then.

use std::fmt;
use std::time::Duration;

use rustix::process::Signal;
use serde::Serialize;

use crate::Failure;
use crate::clock::pause;
use crate::device::Device;
use crate::patience::Patience;
use crate::process::Process;
use crate::proxy::{Direction, Route};
use crate::scenario::faults::plan::{Client, Cut, Fault, Fill, Step};
use crate::scenario::faults::world::World;

/// How long the world may take to be well again.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long to wait for the backlog of a fault before the next one.
const BACKLOG: Duration = Duration::from_secs(20);
/// The meter has seen what was written so long ago.
const SEEN: Duration = Duration::from_millis(50);
/// What a slow network adds.
const DELAY: Duration = Duration::from_millis(150);

/// A fault as it was done.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Struck {
    /// Round of the run, from 1.
    pub(super) round: u32,
    /// When it struck, in milliseconds of the round.
    pub(super) at_ms: u64,
    /// What was done.
    #[serde(flatten)]
    pub(super) fault: Fault,
    /// Messages without a result when it struck.
    pub(super) unsettled: u64,
    /// How long the cause lasted: until the server was ready again, the network well, the disk free.
    pub(super) lasted_ms: u64,
    /// From the strike until every sender had a new result again.
    pub(super) recovered_ms: u64,
    /// From the end of the cause until then.
    pub(super) after_cause_ms: u64,
    /// From the strike until no more was unsettled than one second offers; none: not within the wait.
    pub(super) settled_ms: Option<u64>,
    /// What else was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

impl World {
    /// Does one step of the plan when its time has come.
    pub(super) fn strike(&mut self, round: u32, step: &Step) -> Result<Struck, Failure> {
        while self.clock.ms() < step.at_ms {
            pause(Duration::from_millis(10));
        }
        self.supervise()?;
        let mut notes = Vec::new();
        let (at_ms, unsettled) = self.do_it(&step.fault, &mut notes)?;
        let over_ms = self.clock.ms();
        if matches!(step.fault, Fault::DiskFull { .. }) {
            // What came before the server noticed was taken.
            self.mark();
        }
        self.until_new_results()?;
        let recovered = self.clock.ms();
        let settled_ms = self.until_settled()?.then(|| self.clock.ms() - at_ms);
        self.supervise()?;
        Ok(Struck {
            round,
            at_ms,
            fault: step.fault.clone(),
            unsettled,
            lasted_ms: over_ms - at_ms,
            recovered_ms: recovered - at_ms,
            after_cause_ms: recovered - over_ms,
            settled_ms,
            notes,
        })
    }

    /// Cuts the power of a negative control, and does not expect that anybody recovers.
    pub(super) fn control(&mut self, step: &Step) -> Result<Struck, Failure> {
        // Some acks must be there to be lost, and the disk must not have been written by itself.
        while self.clock.ms() < step.at_ms.max(5_000) {
            pause(Duration::from_millis(10));
        }
        let (at_ms, unsettled) = self.do_it(&Fault::PowerCut, &mut Vec::new())?;
        let lasted_ms = self.clock.ms() - at_ms;
        Ok(Struck {
            round: 1,
            at_ms,
            fault: Fault::PowerCut,
            unsettled,
            lasted_ms,
            recovered_ms: lasted_ms,
            after_cause_ms: 0,
            settled_ms: None,
            notes: Vec::new(),
        })
    }

    /// Returns when it struck and what was unsettled then. The cause is over when it returns.
    fn do_it(&mut self, fault: &Fault, notes: &mut Vec<String>) -> Result<(u64, u64), Failure> {
        match *fault {
            Fault::ServerKill => {
                let struck = self.stop_server_in_flight()?;
                self.server.kill()?;
                self.until_ready()?;
                Ok(struck)
            }
            Fault::ServerStop { ms } => {
                let struck = self.stop_server_in_flight()?;
                pause(Duration::from_millis(ms));
                self.server.process()?.signal(Signal::CONT)?;
                Ok(struck)
            }
            Fault::PowerCut => self.cut_power(),
            Fault::ClientKill { client } => self.kill_client(client),
            Fault::ClientStop {
                client,
                ms,
                replaced,
            } => self.stop_client(client, ms, replaced, notes),
            Fault::Cut { cut, route, ms } => self.cut(cut, route, ms),
            Fault::DiskFull { fill, ms } => self.fill_disk(fill, ms, notes),
        }
    }

    /// Stops the server while messages are in flight.
    fn stop_server_in_flight(&mut self) -> Result<(u64, u64), Failure> {
        let mut patience = Patience::new(PATIENCE);
        loop {
            self.server.process()?.signal(Signal::STOP)?;
            let unsettled = self.meter.unsettled();
            if unsettled > 0 {
                let struck = (self.clock.ms(), unsettled);
                self.mark();
                return Ok(struck);
            }
            self.server.process()?.signal(Signal::CONT)?;
            patience.wait("messages in flight")?;
        }
    }

    fn cut_power(&mut self) -> Result<(u64, u64), Failure> {
        let struck = self.stop_server_in_flight()?;
        let disk = self
            .disk
            .as_mut()
            .ok_or_else(|| Failure::Setup("no disk".into()))?;
        let copy = disk.freeze()?;
        self.server.kill()?;
        disk.replace(copy)?;
        self.until_ready()?;
        Ok(struck)
    }

    fn kill_client(&mut self, client: Client) -> Result<(u64, u64), Failure> {
        let struck = (self.clock.ms(), self.meter.unsettled());
        match client {
            Client::Sender(at) => {
                let sender = get(&mut self.senders, at)?;
                sender.process.kill()?;
                self.mark();
                let sender = get(&mut self.senders, at)?;
                let (process, input) = sender.device.start_feeding(&sender.place)?;
                sender.process = process;
                sender.feed.lead_to(input);
            }
            Client::Receiver(at) => {
                let receiver = get(&mut self.receivers, at)?;
                receiver.process.kill()?;
                receiver.process = receiver.device.start_tail()?;
                self.mark();
            }
        }
        Ok(struck)
    }

    /// Others must go on: senders who are not stopped are acknowledged meanwhile. With `replaced`,
    /// a new process of the device waits for the server to give up the one that stands still.
    fn stop_client(
        &mut self,
        client: Client,
        ms: u64,
        replaced: bool,
        notes: &mut Vec<String>,
    ) -> Result<(u64, u64), Failure> {
        let before = self.meter.counts();
        let struck = (self.clock.ms(), self.meter.unsettled());
        let name = self.process(client)?.0.name.clone();
        self.process(client)?.1.signal(Signal::STOP)?;
        self.mark();
        let mut replaced_one = None;
        if let (true, Client::Receiver(at)) = (replaced, client) {
            let receiver = get(&mut self.receivers, at)?;
            let new = receiver.device.start_tail()?;
            replaced_one = Some(std::mem::replace(&mut receiver.process, new));
        }
        pause(Duration::from_millis(ms));
        let after = self.meter.counts();
        let mut others = 0;
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            // A process that stands still may hold the store of its device.
            let same_device = self
                .senders
                .get(at)
                .is_some_and(|one| one.device.name == name);
            if !same_device && after.acked == before.acked {
                return Err(Failure::Run(format!(
                    "sender {at} heard nothing while {name} stood still for {ms} ms"
                )));
            }
            others += after.acked - before.acked;
        }
        notes.push(format!(
            "{name} stood still, {others} acknowledged meanwhile"
        ));
        match replaced_one {
            Some(old) => notes.push(self.one_left(client, old)?),
            None => self.process(client)?.1.signal(Signal::CONT)?,
        }
        Ok(struck)
    }

    /// Two processes of one device: the newer connection stays, the other one ends. That is the one
    /// that stood still, unless it had no connection then: it makes one now.
    fn one_left(&mut self, client: Client, mut old: Process) -> Result<String, Failure> {
        old.signal(Signal::CONT)?;
        let mut patience = Patience::new(PATIENCE);
        let (_, new) = self.process(client)?;
        loop {
            if old.ended()?.is_some() {
                return Ok("its place was taken for good".into());
            }
            if new.ended()?.is_some() {
                *new = old;
                return Ok("it took its place back".into());
            }
            patience.wait("one of two processes of a device to end")?;
        }
    }

    fn process(&mut self, client: Client) -> Result<(&Device, &mut Process), Failure> {
        match client {
            Client::Sender(at) => {
                let sender = get(&mut self.senders, at)?;
                Ok((&sender.device, &mut sender.process))
            }
            Client::Receiver(at) => {
                let receiver = get(&mut self.receivers, at)?;
                Ok((&receiver.device, &mut receiver.process))
            }
        }
    }

    fn cut(&mut self, cut: Cut, route: Option<usize>, ms: u64) -> Result<(u64, u64), Failure> {
        let routes: Vec<Route> = match route {
            Some(at) => vec![get(&mut self.routes, at)?.clone()],
            None => self.routes.clone(),
        };
        let struck = (self.clock.ms(), self.meter.unsettled());
        for route in &routes {
            match cut {
                Cut::Reset => route.reset(true),
                Cut::Flap => route.reset(false),
                Cut::Silent => {
                    route.silence(Direction::Up);
                    route.silence(Direction::Down);
                }
                Cut::Up => route.silence(Direction::Up),
                Cut::Down => route.silence(Direction::Down),
                Cut::Lost => route.lose(),
                Cut::Delay => route.delay(DELAY),
            }
        }
        self.mark();
        pause(Duration::from_millis(ms));
        for route in &routes {
            route.heal();
        }
        Ok(struck)
    }

    fn fill_disk(
        &mut self,
        fill: Fill,
        ms: u64,
        notes: &mut Vec<String>,
    ) -> Result<(u64, u64), Failure> {
        let leave = match fill {
            Fill::Reserve => self.reserve / 2,
            Fill::Everything => 0,
        };
        let struck = (self.clock.ms(), self.meter.unsettled());
        self.disk()?.fill(leave)?;
        if fill == Fill::Reserve {
            self.until_read_only(true)?;
            self.visit(notes)?;
        }
        pause(Duration::from_millis(ms));
        if fill == Fill::Reserve && !self.server.runs()? {
            return Err(Failure::Run(
                "the server ended although its reserve was not used up".into(),
            ));
        }
        let free = self.disk()?.free()?;
        notes.push(format!("{} KiB were free", free >> 10));
        self.disk()?.empty()?;
        let starts = self.until_ready()?;
        if starts > 0 {
            notes.push("the server had ended and was started again".into());
        }
        self.until_read_only(false)?;
        Ok(struck)
    }

    /// Reading goes on while nothing can be written: somebody logs in on a new device and reads.
    fn visit(&mut self, notes: &mut Vec<String>) -> Result<(), Failure> {
        let began = self.clock.ms();
        // All of it was kept before; a fault right at the beginning finds less. The last sender
        // writes to one person.
        let counts = self.meter.counts();
        let group = counts.iter().take(counts.len().saturating_sub(1));
        let kept = group.map(|count| count.acked).sum::<u64>().min(20) as usize;
        let visitor = self.visitor()?;
        let read = visitor.newest(&self.group, 20)?;
        if read < kept {
            return Err(Failure::Run(format!(
                "a new device read {read} of {kept} messages while the disk was full"
            )));
        }
        notes.push(format!(
            "a new device logged in and read in {} ms",
            self.clock.ms() - began
        ));
        Ok(())
    }

    /// Waits until the server's metric says that it takes no messages, or takes them again.
    fn until_read_only(&self, wanted: bool) -> Result<(), Failure> {
        let line = format!("eim_store_read_only {}", u8::from(wanted));
        let mut patience = Patience::new(PATIENCE);
        loop {
            let page = self.server.admin_page("/metrics").unwrap_or_default();
            if page.lines().any(|found| found == line) {
                return Ok(());
            }
            patience.wait(&line)?;
        }
    }

    fn disk(&self) -> Result<&crate::disk::Disk, Failure> {
        self.disk
            .as_ref()
            .ok_or_else(|| Failure::Setup("no disk".into()))
    }

    /// What was asked for until now; looked at after the meter has seen it.
    fn mark(&mut self) {
        pause(SEEN);
        self.marks = self.meter.counts().iter().map(|count| count.sent).collect();
    }

    /// Waits until every sender has the result of something that it asked for after the mark. The
    /// results of one conversation come in order.
    fn until_new_results(&mut self) -> Result<(), Failure> {
        let mut patience = Patience::new(PATIENCE);
        loop {
            let counts = self.meter.counts();
            let late = counts.iter().zip(&self.marks).enumerate();
            let late = late.filter(|(_, (count, mark))| count.acked + count.failed <= **mark);
            let late: Vec<usize> = late.map(|(at, _)| at).collect();
            if late.is_empty() {
                return Ok(());
            }
            self.supervise()?;
            patience.wait(&format!("results for senders {late:?}"))?;
        }
    }

    /// Whether the backlog was worked off in time.
    fn until_settled(&self) -> Result<bool, Failure> {
        let until = self.clock.now() + BACKLOG;
        while self.clock.now() < until {
            if self.meter.unsettled() <= self.rate {
                return Ok(true);
            }
            pause(Duration::from_millis(10));
        }
        Ok(false)
    }
}

fn get<T>(list: &mut [T], at: usize) -> Result<&mut T, Failure> {
    list.get_mut(at)
        .ok_or_else(|| Failure::Setup(format!("nothing has number {at}")))
}

impl Struck {
    /// The fault with its parameters, for people.
    pub(super) fn what(&self) -> String {
        match &self.fault {
            Fault::ServerKill | Fault::PowerCut => self.fault.kind().replace('_', " "),
            Fault::ClientKill { client } => format!("client kill: {client:?}"),
            Fault::ServerStop { ms } => format!("server stop for {ms} ms"),
            Fault::ClientStop {
                client,
                ms,
                replaced,
            } => {
                let replaced = if *replaced { ", its place taken" } else { "" };
                format!("client stop for {ms} ms: {client:?}{replaced}")
            }
            Fault::Cut { cut, route, ms } => {
                let whom = route.map_or_else(|| "all".to_owned(), |route| format!("route {route}"));
                format!("network: {cut:?} of {whom} for {ms} ms")
            }
            Fault::DiskFull { fill, ms } => format!("disk full ({fill:?}) for {ms} ms"),
        }
    }
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.1} s  {}: {} unsettled, recovered after {} ms",
            self.at_ms as f64 / 1000.0,
            self.what(),
            self.unsettled,
            self.recovered_ms
        )?;
        if !self.notes.is_empty() {
            write!(f, " ({})", self.notes.join("; "))?;
        }
        Ok(())
    }
}
