//! `large`: one group of thousands, some of them connected; what a message to all of them costs.

use serde_json::{Value, json};

use crate::Failure;
use crate::loadgen::{LoadGenerator, Plan};
use crate::scenario::Ground;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";

/// Options of `large`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Members of the group.
    #[arg(long, default_value_t = 10_000)]
    members: u32,
    /// Members who are connected.
    #[arg(long, default_value_t = 2_000)]
    online: u32,
    /// Members who send.
    #[arg(long, default_value_t = 4)]
    senders: u32,
    /// Messages a second, all senders together.
    #[arg(long, default_value_t = 10)]
    rate: u32,
    /// Seconds of the measured run.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Octets of text.
    #[arg(long, default_value_t = 200)]
    payload: u32,
    /// Fails if a hundredth of the deliveries takes longer, in milliseconds; 0: never.
    #[arg(long, default_value_t = 0.0)]
    most_p99_ms: f64,
}

/// Runs it and prints one JSON report.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut generator = LoadGenerator::new(ground, options.members, PASSWORD)?;
    let data = ground.folder.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.set("LIMITS__HALF_OPEN_PER_ADDRESS", 65_536);
    server.start()?;
    server.import(generator.accounts())?;
    generator.trust(&server)?;
    let resting = server.process()?.resident_kib()?;
    let plan = Plan {
        pairs: 1,
        window: 16,
        payload: options.payload,
        rate: Some(options.rate),
        seconds: options.seconds,
        group: Some((options.members, options.online, options.senders)),
        again: false,
    };
    let cpu = server.process()?.cpu_seconds()?;
    let mut report = generator.run(&server.url(Transport::Tcp), &plan)?;
    let after = server.process()?.resident_kib()?;
    let cpu = server.process()?.cpu_seconds()? - cpu;
    let figure = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap_or(0.0);
    let (p99, delivered) = (figure("/delivery_ms/p99"), figure("/delivered"));
    if delivered < f64::from(options.online.saturating_sub(1)) {
        return Err(Failure::Run(format!("too little was delivered: {report}")));
    }
    if let Some(object) = report.as_object_mut() {
        object.insert("server_cpu_seconds".into(), json!(cpu));
        object.insert("server_resident_kib_before".into(), json!(resting));
        object.insert("server_resident_kib_after".into(), json!(after));
    }
    println!("{report:#}");
    let text =
        serde_json::to_string_pretty(&report).map_err(|error| Failure::Setup(error.to_string()))?;
    std::fs::write(ground.folder.join("large.json"), text)?;
    server.stop()?;
    if options.most_p99_ms > 0.0 && p99 > options.most_p99_ms {
        return Err(Failure::Run(format!(
            "a hundredth of the deliveries took longer than {p99} ms"
        )));
    }
    Ok(())
}
