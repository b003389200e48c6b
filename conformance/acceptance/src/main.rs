//! Acceptance runs: real servers and clients on this machine, killed and cut off on purpose, and a
//! judge that looks only at what senders were promised and what devices hold.

mod clock;
mod device;
mod disk;
mod failure;
mod loadgen;
mod parrot;
mod patience;
mod process;
mod proxy;
mod receiver;
mod scenario;
mod seed;
mod server;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use failure::Failure;
use process::Programs;

/// Runs real servers and clients, kills them, and judges what is left.
///
/// Exit codes: 0 everything held, 1 something was lost, doubled or reordered, 2 usage or set-up.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The server under test; by default the `eim-server` beside this program.
    #[arg(long, global = true)]
    server: Option<PathBuf>,
    /// The client under test; by default the `eim` beside this program.
    #[arg(long, global = true)]
    client: Option<PathBuf>,
    /// Where to keep data, logs and the report; by default a temporary folder.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
    /// Seed of the moments of faults; printed at the start.
    #[arg(long, global = true)]
    seed: Option<u64>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Members of a group send texts line by line; offline and late devices must end equal.
    Replay(scenario::replay::Options),
    /// A steady load while processes are killed and stopped, network and power are cut, and the disk is full.
    Faults(scenario::faults::Options),
    /// Peers that misbehave before and after authentication, beside well-behaved load.
    Hostile(scenario::hostile::Options),
    /// A phone, a desktop and a web device of one user through a day; they must end equal.
    Day(scenario::day::Options),
    /// Throughput and latency beside the bare store, and memory of idle connections.
    Figures(scenario::figures::Options),
    /// A large file up and down, both sides killed on the way, messages beside it.
    Files(scenario::files::Options),
    /// Phones that are away are told through a webhook whose receiver is dead for a while.
    Notify(scenario::notify::Options),
    /// A bot answers by a model; it is killed, and the model is away for a while.
    Bot(scenario::bot::Options),
    /// A receiver of notifications that checks and prints what comes, for trying a server.
    Receiver {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// The secret that the server has in `notifications.webhook.secret`.
        #[arg(long)]
        secret: String,
    },
    /// Three times of what the server carries: nobody starves, memory is flat, order holds.
    Overload(scenario::overload::Options),
    /// One group of thousands, some of them connected: delivery times, memory, processor.
    Large(scenario::large::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Verb::Receiver { listen, secret } = &arguments.verb {
        let receiver = receiver::Receiver::start(*listen, secret, true)?;
        println!("listening at http://{}/", receiver.address());
        receiver.wait();
        return Ok(());
    }
    let programs = Programs::locate(arguments.server, arguments.client)?;
    let temporary = tempfile::tempdir()?;
    let folder = match arguments.out {
        Some(folder) => {
            std::fs::create_dir_all(&folder)?;
            folder.canonicalize()?
        }
        None => temporary.path().to_owned(),
    };
    let seed = arguments.seed.map_or_else(seed::fresh, Ok)?;
    println!("seed {seed}, folder {}", folder.display());
    let ground = scenario::Ground {
        programs,
        folder,
        seed,
    };
    match arguments.verb {
        Verb::Replay(options) => scenario::replay::run(&ground, &options),
        Verb::Faults(options) => scenario::faults::run(&ground, &options),
        Verb::Hostile(options) => scenario::hostile::run(&ground, &options),
        Verb::Day(options) => scenario::day::run(&ground, &options),
        Verb::Figures(options) => scenario::figures::run(&ground, &options),
        Verb::Files(options) => scenario::files::run(&ground, &options),
        Verb::Bot(options) => scenario::bot::run(&ground, &options),
        Verb::Notify(options) => scenario::notify::run(&ground, &options),
        Verb::Overload(options) => scenario::overload::run(&ground, &options),
        Verb::Receiver { .. } => Ok(()),
        Verb::Large(options) => scenario::large::run(&ground, &options),
    }
}
