//! `figures`: what the server costs, always beside the bare store in the same run.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::Failure;
use crate::loadgen::{LoadGenerator, Plan};
use crate::process::output;
use crate::scenario::Ground;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";

/// Options of `figures`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the store before anything is measured.
    #[arg(long, default_value_t = 1_000_000)]
    preload: u64,
    /// Seconds of each measured run.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Senders, each with one receiver.
    #[arg(long, default_value_t = 64)]
    pairs: u32,
    /// Messages in flight of one sender.
    #[arg(long, default_value_t = 16)]
    window: u32,
    /// Octets of text.
    #[arg(long, default_value_t = 200)]
    payload: u32,
    /// Idle connections whose memory is measured.
    #[arg(long, default_value_t = 10_000)]
    idle: u32,
    /// The program that writes the store directly (`cargo build --release -p eim-server --example
    /// store_bench`); without it there is no ratio.
    #[arg(long)]
    store_bench: Option<PathBuf>,
}

/// Runs it and prints one JSON report.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut report = serde_json::Map::new();
    let mut generator = LoadGenerator::new(ground, options.idle.max(2 * options.pairs), PASSWORD)?;
    let data = ground.folder.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.start()?;
    server.import(generator.accounts())?;
    generator.trust(&server)?;

    preload(&server, &generator, options)?;
    for transport in [Transport::Tcp, Transport::Tls] {
        let figures = measure(&mut server, &generator, transport, options)?;
        println!("{transport:?}: {figures:#}");
        report.insert(format!("{transport:?}"), figures);
    }
    server.stop()?;
    if let Some(program) = &options.store_bench {
        let figures = direct(ground, program, options)?;
        println!("store: {figures:#}");
        report.insert("store".into(), figures);
    }
    for transport in [Transport::Tcp, Transport::Tls] {
        let octets = idle(ground, &mut generator, transport, options)?;
        println!("idle {transport:?}: {octets} octets resident a connection");
        report.insert(format!("idle {transport:?}"), json!(octets));
    }
    let text = serde_json::to_string_pretty(&Value::Object(report))
        .map_err(|error| Failure::Setup(error.to_string()))?;
    std::fs::write(ground.folder.join("figures.json"), text)?;
    Ok(())
}

fn preload(server: &Server, generator: &LoadGenerator, options: &Options) -> Result<(), Failure> {
    let mut stored = 0;
    while stored < options.preload {
        let plan = plan(options, 20);
        let report = generator.run(&server.url(Transport::Tcp), &plan)?;
        let accepted = report
            .pointer("/accepted")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        if accepted == 0 {
            return Err(Failure::Run(format!(
                "the preload was not accepted: {report}"
            )));
        }
        stored += accepted;
        println!("preload: {stored} of {}", options.preload);
    }
    Ok(())
}

fn measure(
    server: &mut Server,
    generator: &LoadGenerator,
    transport: Transport,
    options: &Options,
) -> Result<Value, Failure> {
    let url = server.url(transport);
    let before = server.process()?.cpu_seconds()?;
    let mut figures = generator.run(&url, &plan(options, options.seconds))?;
    let cpu = server.process()?.cpu_seconds()? - before;
    let resident = server.process()?.resident_kib()?;
    if let Some(object) = figures.as_object_mut() {
        object.insert("server_cpu_seconds".into(), json!(cpu));
        object.insert("server_resident_kib".into(), json!(resident));
    }
    Ok(figures)
}

fn plan(options: &Options, seconds: u32) -> Plan {
    Plan {
        pairs: options.pairs,
        window: options.window,
        payload: options.payload,
        rate: None,
        seconds,
        group: None,
        again: false,
    }
}

/// The same store written directly: same records, outstanding count, payload and duration.
fn direct(ground: &Ground, program: &PathBuf, options: &Options) -> Result<Value, Failure> {
    let mut command = Command::new(program);
    command
        .args(["--dir"])
        .arg(ground.folder.join("direct"))
        .args(["--messages", &options.preload.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .args([
            "--outstanding",
            &(options.pairs * options.window).to_string(),
        ])
        .args(["--payload", &options.payload.to_string()]);
    // The bench prints for people; its lines are the report.
    let printed = output(&mut command)?;
    Ok(json!(printed.lines().collect::<Vec<_>>()))
}

/// Resident octets a connection, from the difference that many of them make on a fresh server.
fn idle(
    ground: &Ground,
    generator: &mut LoadGenerator,
    transport: Transport,
    options: &Options,
) -> Result<u64, Failure> {
    let data = ground.folder.join(format!("idle-{transport:?}"));
    let log = ground.folder.join(format!("idle-{transport:?}.log"));
    let mut server = Server::new(&ground.programs, &data, &log)?;
    server.set("LIMITS__HALF_OPEN_PER_ADDRESS", 65_536);
    server.start()?;
    server.import(generator.accounts())?;
    generator.trust(&server)?;
    drop(generator.hold(&server.url(transport), 16)?);
    let before = server.process()?.resident_kib()?;
    let crowd = generator.hold(&server.url(transport), options.idle)?;
    let after = server.process()?.resident_kib()?;
    drop(crowd);
    server.kill()?;
    Ok(after.saturating_sub(before) * 1024 / u64::from(options.idle.max(1)))
}
