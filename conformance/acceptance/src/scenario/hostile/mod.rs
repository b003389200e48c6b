//! `hostile`: peers that misbehave, beside well-behaved load.

mod cases;
mod crowd;
mod peer;

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::Failure;
use crate::device::Device;
use crate::loadgen::{LoadGenerator, Plan};
use crate::scenario::Ground;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";

/// The well-behaved load uses the first 32 accounts; hostile peers have some to themselves.
const ACCOUNTS: u32 = 64;

/// Options of `hostile`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections that never send HELLO.
    #[arg(long, default_value_t = 5000)]
    silent: u32,
    /// Authenticated connections that fall silent without FIN.
    #[arg(long, default_value_t = 5000)]
    frozen: u32,
    /// Seconds of well-behaved load in the calm and in the hostile part.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Plays the single peers only, without crowds and load.
    #[arg(long)]
    only_cases: bool,
    /// Messages a second of the well-behaved load.
    #[arg(long, default_value_t = 2000)]
    rate: u32,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let data = ground.folder.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.set("SESSION__HEARTBEAT_MS", 4000);
    server.set("LIMITS__HALF_OPEN_PER_ADDRESS", 256);
    server.start()?;
    let mut generator = LoadGenerator::new(ground, ACCOUNTS.max(options.frozen), PASSWORD)?;
    server.import(generator.accounts())?;
    generator.trust(&server)?;
    if options.only_cases {
        return play_cases(&server);
    }
    let address = server.tcp_address();
    let url = server.url(Transport::Tcp);

    println!(
        "calm: {} messages a second for {} s",
        options.rate, options.seconds
    );
    let plan = Plan {
        seconds: options.seconds,
        rate: Some(options.rate),
        ..Plan::default()
    };
    let calm = generator.run(&url, &plan)?;
    let calm_kib = server.process()?.resident_kib()?;

    println!("hostile: the same load beside hostile peers");
    let mut load = generator.start(&url, &plan)?;
    play_cases(&server)?;
    let silent = crowd::silent(address, options.silent)?;
    println!("  {} connections that never say HELLO", silent.len());
    let frozen = generator.hold(&url, options.frozen)?;
    frozen.signal(Signal::STOP)?;
    println!(
        "  {} authenticated connections without a sign of life",
        options.frozen
    );
    let deaf = crowd::deaf(address, "load62", PASSWORD)?;
    let text = ground.folder.join("flood.txt");
    std::fs::write(&text, "x".repeat(1024))?;
    let flooder = Device::new(&ground.programs, &ground.folder, "flooder", "load63");
    flooder.login(&url, None, PASSWORD)?;
    flooder.send_to("load62", &text, 20_000)?;
    println!("  20,000 messages of 1 KiB to a peer that never reads");
    let hostile_kib = server.process()?.resident_kib()?;
    load.finish()?;
    let hostile = generator.report()?;
    compare(&calm, &hostile);
    println!("resident: calm {calm_kib} KiB, at the worst {hostile_kib} KiB");
    wait_until_forgotten(&server)?;
    println!("every silent peer was forgotten while it still held its connection");
    drop((silent, frozen, deaf));
    let after_kib = server.process()?.resident_kib()?;
    server.stop()?;
    println!("resident afterwards: {after_kib} KiB");
    Ok(())
}

fn play_cases(server: &Server) -> Result<(), Failure> {
    for line in cases::play(server.tcp_address(), "load61", PASSWORD)? {
        println!("  {line}");
    }
    Ok(())
}

/// The dead interval ends every silent connection.
fn wait_until_forgotten(server: &Server) -> Result<(), Failure> {
    let mut patience = crate::patience::Patience::new(Duration::from_secs(60));
    loop {
        let page = server.admin_page("/metrics")?;
        // One line for each transport.
        let connections: Vec<f64> = page
            .lines()
            .filter(|line| {
                line.starts_with("eim_connections ") || line.starts_with("eim_connections{")
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        if !connections.is_empty() && connections.iter().sum::<f64>() == 0.0 {
            return Ok(());
        }
        patience.wait("the server to forget silent peers")?;
    }
}

fn compare(calm: &Value, hostile: &Value) {
    let p99 = |report: &Value| report.pointer("/delivery_ms/p99").and_then(Value::as_f64);
    println!(
        "delivery p99 in ms: calm {:?}, hostile {:?}",
        p99(calm),
        p99(hostile)
    );
}
