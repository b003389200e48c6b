//! `faults`: the same texts while the server and clients are killed and the power is cut.
//!
//! A fault counts only if messages were in flight when it struck: the server is stopped first, the
//! outboxes of the senders are read, and only then it dies.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::Failure;
use crate::disk::Disk;
use crate::patience::Patience;
use crate::process::Process;
use crate::scenario::Ground;
use crate::scenario::group::{Group, Load, all_ended, close};
use crate::seed::Dice;
use crate::server::Server;

/// Options of `faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    load: Load,
    /// How often the server is killed.
    #[arg(long, default_value_t = 20)]
    server_kills: u32,
    /// How often a sender is killed.
    #[arg(long, default_value_t = 5)]
    client_kills: u32,
    /// How often the power is cut (needs root for a loop mount).
    #[arg(long, default_value_t = 5)]
    power_cuts: u32,
    /// Size of the disk whose power is cut, in MiB.
    #[arg(long, default_value_t = 4096)]
    disk_mib: u64,
    /// The server is a negative control, which answers before it syncs: the power is cut once, and
    /// the run passes only if something was lost.
    #[arg(long)]
    expect_loss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ServerKill,
    ClientKill,
    PowerCut,
}

/// A run in progress.
struct Run<'a> {
    ground: &'a Ground,
    server: Server,
    disk: Option<Disk>,
    group: Group,
    senders: Vec<Process>,
    dice: Dice,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let disk = (options.power_cuts > 0)
        .then(|| Disk::create(&ground.folder, options.disk_mib))
        .transpose()?;
    let root = disk.as_ref().map_or(ground.folder.as_path(), Disk::path);
    let data: PathBuf = root.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.start()?;
    let group = Group::create(ground, &server, &options.load)?;
    let senders = (0..group.senders.len())
        .map(|at| group.start_sender(at))
        .collect::<Result<Vec<_>, _>>()?;
    let dice = Dice::new(ground.seed);
    let mut run = Run {
        ground,
        server,
        disk,
        group,
        senders,
        dice,
    };

    if options.expect_loss {
        return run.control();
    }
    let plan = run.plan(options);
    let faults = plan.len() as u64;
    for (number, fault) in plan.into_iter().enumerate() {
        let share = run.group.total() * 8 / 10;
        let base = share * number as u64 / faults.max(1);
        let moment = base + run.dice.below(share / faults.max(1));
        run.wait_for(moment)?;
        run.strike(fault)?;
    }
    let mut patience = Patience::new(Duration::from_secs(600));
    while !all_ended(&mut run.senders)? {
        patience.wait("the senders")?;
    }
    let verdict = run.group.judge()?;
    run.server.stop()?;
    drop(run.disk.take());
    close(run.ground, &verdict)
}

impl Run<'_> {
    /// One power cut under a server that answers before it syncs. It may forget even accounts, so
    /// the senders are not waited for: a new device reads what is left.
    fn control(mut self) -> Result<(), Failure> {
        let moment = self.group.total() / 4 + self.dice.below(self.group.total() / 4);
        self.wait_for(moment)?;
        self.strike(Fault::PowerCut)?;
        self.senders.clear();
        let verdict = self.group.judge_late()?;
        self.server.kill()?;
        println!("{verdict}");
        if verdict.lost.is_empty() {
            return Err(Failure::Verdict(
                "the negative control lost nothing: the method is blind".into(),
            ));
        }
        println!("the negative control lost what it had acknowledged, as it must");
        Ok(())
    }

    /// All faults in a random order.
    fn plan(&mut self, options: &Options) -> Vec<Fault> {
        let mut plan = vec![Fault::ServerKill; options.server_kills as usize];
        plan.extend(vec![Fault::ClientKill; options.client_kills as usize]);
        plan.extend(vec![Fault::PowerCut; options.power_cuts as usize]);
        for at in (1..plan.len()).rev() {
            let other = self.dice.below(at as u64 + 1) as usize;
            plan.swap(at, other);
        }
        plan
    }

    /// Waits for about so many acks.
    fn wait_for(&mut self, acked: u64) -> Result<(), Failure> {
        let mut patience = Patience::new(Duration::from_secs(600));
        while self.group.acked_about() < acked {
            patience.wait("acks")?;
            if all_ended(&mut self.senders)? {
                return Err(Failure::Run(
                    "the senders were through before all faults".into(),
                ));
            }
        }
        Ok(())
    }

    fn strike(&mut self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::ClientKill => self.kill_client(),
            Fault::ServerKill | Fault::PowerCut => self.kill_server(fault),
        }
    }

    /// Stops the server with messages in flight, then ends it, with or without its page cache.
    fn kill_server(&mut self, fault: Fault) -> Result<(), Failure> {
        let mut patience = Patience::new(Duration::from_secs(60));
        let unsettled = loop {
            self.server.process()?.signal(Signal::STOP)?;
            let unsettled = self.unsettled()?;
            if unsettled > 0 {
                break unsettled;
            }
            self.server.process()?.signal(Signal::CONT)?;
            patience.wait("messages in flight")?;
        };
        println!(
            "{fault:?} at about {} acked, {unsettled} unsettled in outboxes",
            self.group.acked_about()
        );
        if fault == Fault::PowerCut {
            let disk = self
                .disk
                .as_mut()
                .ok_or_else(|| Failure::Setup("no disk".into()))?;
            let copy = disk.freeze()?;
            self.server.kill()?;
            disk.replace(copy)?;
        } else {
            self.server.kill()?;
        }
        self.server.start()
    }

    /// Kills a sender that has something in flight, and starts it again.
    fn kill_client(&mut self) -> Result<(), Failure> {
        let mut patience = Patience::new(Duration::from_secs(60));
        loop {
            let at = self.dice.below(self.senders.len() as u64) as usize;
            let (Some(process), Some(device)) =
                (self.senders.get_mut(at), self.group.senders.get(at))
            else {
                return Err(Failure::Setup("no sender".into()));
            };
            if process.ended()?.is_none() {
                process.signal(Signal::STOP)?;
                let unsettled = device.unsettled()?;
                if unsettled > 0 {
                    println!(
                        "ClientKill of {}, {unsettled} unsettled in its outbox",
                        device.name
                    );
                    process.kill()?;
                    self.senders[at] = self.group.start_sender(at)?;
                    return Ok(());
                }
                process.signal(Signal::CONT)?;
            }
            patience.wait("a sender with messages in flight")?;
        }
    }

    fn unsettled(&self) -> Result<u64, Failure> {
        self.group
            .senders
            .iter()
            .map(crate::device::Device::unsettled)
            .sum()
    }
}
