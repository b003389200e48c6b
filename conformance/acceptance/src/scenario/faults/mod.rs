//! `faults`: a steady load while processes are killed and stopped, the network and the power are
//! cut, and the disk is full. Judged by the histories that the clients wrote.

mod feed;
mod meter;
mod page;
mod plan;
mod report;
mod strike;
mod world;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use eim_conformance::history::{self, Event, Op};

use crate::Failure;
use crate::clock::{beside, pause};
pub(crate) use meter::Meter;
use meter::Second;

use crate::disk::Disk;
use crate::scenario::Ground;
use crate::scenario::judge::{Judged, judge};
use crate::seed::Dice;

use plan::{Counts, Fault, Step};
use report::{Report, Round};
use strike::Struck;
use world::{End, Setting, Totals, World};

/// Options of `faults`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    counts: Counts,
    /// Messages offered a second, by all senders together, whatever becomes of them.
    #[arg(long, default_value_t = 2000)]
    rate: u64,
    /// Rounds, each with a new server and new devices: all faults are spread over them.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Seconds of load of one round.
    #[arg(long, default_value_t = 210)]
    seconds: u64,
    /// Size of the disk, in MiB.
    #[arg(long, default_value_t = 3072)]
    disk_mib: u64,
    /// The server's reserve on that disk, in MiB.
    #[arg(long, default_value_t = 128)]
    reserve_mib: u64,
    /// Two minutes, without root: no full disks and no power cuts.
    #[arg(long)]
    smoke: bool,
    /// Does the faults of this file, one round, instead of drawing them from the seed.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Draws the plan, prints it and ends.
    #[arg(long)]
    dry_run: bool,
    /// The server is a negative control, which answers before it syncs: the power is cut, and the
    /// run passes only if the checker finds that something was lost.
    #[arg(long)]
    expect_loss: bool,
    /// Keeps the histories of every round, not only of those that failed.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// The short version is one round of what needs no root.
    fn effective(&self) -> Self {
        let mut options = self.clone();
        if self.smoke {
            options.rounds = 1;
            options.seconds = 90;
            options.counts = Counts {
                server_kills: 6,
                client_kills: 3,
                server_stops: 1,
                client_stops: 3,
                network_cuts: 7,
                disk_fulls: 0,
                power_cuts: 0,
            };
        }
        if self.expect_loss {
            options.rounds = 1;
            options.seconds = 20;
            options.counts = Counts::none();
            options.counts.power_cuts = 1;
        }
        options
    }
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let options = options.effective();
    let mut dice = Dice::new(ground.seed);
    let plans = plans(&options, &mut dice)?;
    let text =
        serde_json::to_string_pretty(&plans).map_err(|error| Failure::Setup(error.to_string()))?;
    std::fs::write(ground.folder.join("plan.json"), &text)?;
    if options.dry_run {
        println!("{text}");
        return Ok(());
    }
    if plans.iter().flatten().any(needs_disk) {
        Disk::possible()?;
    } else {
        println!("left out: full disks and power cuts, which need root");
    }
    let mut report = Report::new(ground.seed, options.rate);
    // While a round is judged, the next one runs.
    let mut last: Option<Done> = None;
    for (number, plan) in (1..).zip(&plans) {
        let folder = ground.folder.join(format!("round-{number}"));
        let setting = Setting {
            rate: options.rate,
            disk_mib: plan.iter().any(needs_disk).then_some(options.disk_mib),
            reserve_mib: options.reserve_mib,
            settled: options.expect_loss,
        };
        let round = Run {
            ground,
            options: &options,
            folder: &folder,
            number,
        };
        let done = round.run(plan, &setting, dice.below(u64::MAX))?;
        if let Some(before) = last.replace(done) {
            before.judge(ground, &options, &mut report)?;
        }
    }
    if let Some(before) = last {
        before.judge(ground, &options, &mut report)?;
    }
    report.close(&ground.folder, options.expect_loss)
}

fn plans(options: &Options, dice: &mut Dice) -> Result<Vec<Vec<Step>>, Failure> {
    if let Some(file) = &options.plan {
        let text = std::fs::read_to_string(file)?;
        let wrong =
            |error: serde_json::Error| Failure::Setup(format!("{}: {error}", file.display()));
        let plans: Vec<Vec<Step>> = serde_json::from_str(&text).map_err(wrong)?;
        return Ok(plans);
    }
    let length_ms = options.seconds * 1000;
    let draw = |round| {
        let counts = options.counts.share(round, options.rounds);
        plan::draw(dice, &counts, World::targets(), length_ms)
    };
    Ok((0..options.rounds).map(draw).collect())
}

fn needs_disk(step: &Step) -> bool {
    matches!(step.fault, Fault::DiskFull { .. } | Fault::PowerCut)
}

struct Run<'a> {
    ground: &'a Ground,
    options: &'a Options,
    folder: &'a Path,
    number: u32,
}

impl Run<'_> {
    fn run(&self, plan: &[Step], setting: &Setting, dice: u64) -> Result<Done, Failure> {
        println!("round {}: {} faults", self.number, plan.len());
        let mut world = World::create(self.ground, self.folder, setting, dice)?;
        if let (true, Some(step)) = (self.options.expect_loss, plan.first()) {
            let struck = world.control(step)?;
            println!("  {struck}");
            return self.done(vec![struck], world.abandon()?);
        }
        let mut struck = Vec::new();
        let mut diary = Diary::new(self.folder, self.ground.seed)?;
        for step in plan {
            let done = world.strike(self.number, step)?;
            println!("  {done}");
            diary.write(&done)?;
            struck.push(done);
        }
        while world.clock.ms() < self.options.seconds * 1000 && self.options.plan.is_none() {
            world.supervise()?;
            pause(std::time::Duration::from_millis(100));
        }
        let mut end = world.finish()?;
        end.histories.push(diary.path);
        self.done(struck, end)
    }

    fn done(&self, struck: Vec<Struck>, end: End) -> Result<Done, Failure> {
        if !self.options.keep {
            clear(self.folder)?;
        }
        let histories = end.histories;
        Ok(Done {
            number: self.number,
            folder: self.folder.to_owned(),
            totals: end.totals,
            struck,
            seconds: end.seconds,
            verdict: beside(move || judge(&histories)),
        })
    }
}

/// Removes what is large, but for histories and logs.
fn clear(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kept = path
            .extension()
            .is_some_and(|extension| extension == "jsonl" || extension == "log");
        if path.is_dir() {
            std::fs::remove_dir_all(path)?;
        } else if !kept {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A round that is over and not judged yet.
struct Done {
    number: u32,
    folder: PathBuf,
    totals: Totals,
    struck: Vec<Struck>,
    seconds: Vec<Second>,
    verdict: JoinHandle<Result<Judged, Failure>>,
}

impl Done {
    /// Waits for the verdict and adds the round to the report.
    fn judge(self, ground: &Ground, options: &Options, report: &mut Report) -> Result<(), Failure> {
        let verdict = self
            .verdict
            .join()
            .map_err(|_| Failure::Run("the checker panicked".into()))??;
        let round = Round {
            number: self.number,
            totals: self.totals,
            struck: self.struck,
            seconds: self.seconds,
            verdict,
        };
        println!("round {}: {}", round.number, round.summary());
        let clean = round.verdict.is_clean();
        report.add(round);
        report.write(&ground.folder)?;
        if clean && !options.keep {
            std::fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }
}

/// The runner's own history: what it did.
struct Diary {
    path: PathBuf,
    writer: history::Writer<File>,
}

impl Diary {
    fn new(folder: &Path, seed: u64) -> Result<Self, Failure> {
        let path = folder.join("faults.jsonl");
        let header = history::Header {
            seed: Some(seed),
            ..history::Header::new("eim-acceptance")
        };
        let writer = history::Writer::append(&path, &header)?;
        Ok(Self { path, writer })
    }

    fn write(&mut self, struck: &Struck) -> Result<(), Failure> {
        let fault = history::Fault {
            kind: struck.fault.kind().replace('_', "-"),
            detail: struck.what(),
            for_us: Some(struck.lasted_ms * 1000),
        };
        self.writer.event(&Event {
            at_us: struck.at_ms * 1000,
            process: "eim-acceptance".into(),
            op: Op::Fault(fault),
        })?;
        Ok(())
    }
}
