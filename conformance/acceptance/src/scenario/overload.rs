//! `overload`: three times of what the server carries, for minutes. Nobody may be starved, memory stays
//! flat, refusals say when to come again and are kept to, and in the end everything that was accepted is
//! there, once and in order.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::clock::{Clock, pause};
use crate::loadgen::{LoadGenerator, Plan};
use crate::scenario::Ground;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Options of `overload`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds of overload.
    #[arg(long, default_value_t = 300)]
    duration: u32,
    /// Seconds in which the sustainable rate is measured.
    #[arg(long, default_value_t = 20)]
    measure: u32,
    /// Users who want far more than they can have.
    #[arg(long, default_value_t = 24)]
    heavy: u32,
    /// Users who want a quarter of an equal share.
    #[arg(long, default_value_t = 8)]
    light: u32,
    /// Times the sustainable rate that is wanted.
    #[arg(long, default_value_t = 3)]
    times: u32,
    /// What of the measured rate all users may have together, in percent: the generator runs on the
    /// same machine.
    #[arg(long, default_value_t = 60)]
    percent: u32,
    /// Octets of text.
    #[arg(long, default_value_t = 200)]
    payload: u32,
}

/// Who sends how much.
struct Offer {
    sustainable: f64,
    capacity: u32,
    /// Messages a second of each group of senders.
    heavy: u32,
    light: u32,
}

/// Runs it, prints one JSON report, and judges it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut heavy = LoadGenerator::named(ground, "heavy", 2 * options.heavy, PASSWORD)?;
    let mut light = LoadGenerator::named(ground, "light", 2 * options.light, PASSWORD)?;
    let offer = measure(ground, options, &mut heavy, &mut light)?;
    println!(
        "sustainable {:.0} /s; all may have {} /s; wanted {} /s by {} users and {} /s by {} users",
        offer.sustainable, offer.capacity, offer.heavy, options.heavy, offer.light, options.light
    );
    let mut server = server(ground, "server.log")?;
    server.set("RATES__TENANT_MESSAGES_PER_S", offer.capacity);
    server.set("STORE__BACKLOG_MESSAGES", offer.capacity.max(64));
    server.start()?;
    let memory = overload(&mut server, options, &offer, &heavy, &light)?;
    let limited = server.counter("eim_limited_total{limit=\"messages\",by=\"tenant\"}");
    let report = report(
        options,
        &offer,
        &heavy.report()?,
        &light.report()?,
        &memory,
        limited,
    );
    println!("{report:#}");
    let text =
        serde_json::to_string_pretty(&report).map_err(|error| Failure::Setup(error.to_string()))?;
    std::fs::write(ground.folder.join("overload.json"), text)?;
    server.stop()?;
    judge(&report)?;
    println!("nobody was starved, and everything is there");
    Ok(())
}

fn server(ground: &Ground, log: &str) -> Result<Server, Failure> {
    let data = ground.folder.join("data");
    Server::new(&ground.programs, &data, &ground.folder.join(log))
}

/// What the server carries when nobody is limited, by senders that wait for their results.
fn measure(
    ground: &Ground,
    options: &Options,
    heavy: &mut LoadGenerator,
    light: &mut LoadGenerator,
) -> Result<Offer, Failure> {
    let mut server = server(ground, "measured.log")?;
    server.start()?;
    server.import(heavy.accounts())?;
    server.import(light.accounts())?;
    heavy.trust(&server)?;
    light.trust(&server)?;
    let plan = Plan {
        pairs: options.heavy,
        payload: options.payload,
        seconds: options.measure,
        ..Plan::default()
    };
    let measured = heavy.run(&server.url(Transport::Tcp), &plan)?;
    server.stop()?;
    let sustainable = figure(&measured, "/accepted_per_s");
    let users = f64::from(options.heavy + options.light);
    let capacity = (sustainable * f64::from(options.percent) / 100.0).max(users);
    Ok(Offer {
        sustainable,
        capacity: capacity as u32,
        heavy: (sustainable * f64::from(options.times)) as u32,
        light: (capacity / users / 4.0 * f64::from(options.light)).max(1.0) as u32,
    })
}

/// Both groups at once; gives back the resident memory of the server over time, in KiB.
fn overload(
    server: &mut Server,
    options: &Options,
    offer: &Offer,
    heavy: &LoadGenerator,
    light: &LoadGenerator,
) -> Result<Vec<u64>, Failure> {
    let url = server.url(Transport::Tcp);
    let plan = |pairs, rate| Plan {
        pairs,
        payload: options.payload,
        rate: Some(rate),
        seconds: options.duration,
        again: true,
        ..Plan::default()
    };
    let mut crowd = heavy.start(&url, &plan(options.heavy, offer.heavy))?;
    // A wide window: who sends little is not to be held up by a machine that stands still for a moment.
    let patient = Plan {
        window: 64,
        ..plan(options.light, offer.light)
    };
    let mut few = light.start(&url, &patient)?;
    let clock = Clock::start();
    // The generators give up by themselves a minute after the end.
    let latest = Duration::from_secs(u64::from(options.duration) + 180);
    let mut memory = Vec::new();
    loop {
        memory.push(server.process()?.resident_kib()?);
        if crowd.ended()?.is_some() && few.ended()?.is_some() {
            break;
        }
        if clock.now() > latest {
            return Err(Failure::Run("the generators do not end".into()));
        }
        pause(LOOK);
    }
    // Each verifies that nothing is lost, twice or out of order, and ends with an error otherwise.
    crowd.finish()?;
    few.finish()?;
    Ok(memory)
}

fn report(
    options: &Options,
    offer: &Offer,
    heavy: &Value,
    light: &Value,
    memory: &[u64],
    limited: u64,
) -> Value {
    let users = f64::from(options.heavy + options.light);
    let share = f64::from(offer.capacity) / users;
    let each = |report: &Value| {
        let seconds = figure(report, "/seconds").max(1.0);
        let shares = report["shares"].as_array().cloned().unwrap_or_default();
        let mut rates: Vec<f64> = shares
            .iter()
            .filter_map(Value::as_f64)
            .map(|count| count / seconds)
            .collect();
        rates.sort_by(f64::total_cmp);
        rates
    };
    let group = |report: &Value, users: u32, wanted: u32| {
        let rates = each(report);
        json!({
            "users": users,
            "served_users": rates.len(),
            "wanted_each_per_s": f64::from(wanted) / f64::from(users.max(1)),
            "accepted_per_s": rates.iter().sum::<f64>(),
            "least_each_per_s": rates.first(),
            "most_each_per_s": rates.last(),
            "result_p50_ms": figure(report, "/result_ms/p50"),
            "result_p99_ms": figure(report, "/result_ms/p99"),
            "delivery_p50_ms": figure(report, "/delivery_ms/p50"),
            "delivery_p99_ms": figure(report, "/delivery_ms/p99"),
            "refused_by_a_limit": figure(report, "/limited"),
            "refused_after_waiting": figure(report, "/limited_again"),
            "sent_again": figure(report, "/postponed"),
            "accepted": figure(report, "/accepted"),
            "delivered": figure(report, "/delivered"),
        })
    };
    let middle = |part: &[u64]| {
        let mut sorted = part.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    };
    let quarters: Vec<u64> = memory
        .chunks(memory.len().div_ceil(4).max(1))
        .map(middle)
        .collect();
    json!({
        "sustainable_per_s": offer.sustainable,
        "capacity_per_s": offer.capacity,
        "equal_share_per_s": share,
        "seconds": options.duration,
        "heavy": group(heavy, options.heavy, offer.heavy),
        "light": group(light, options.light, offer.light),
        "server_counted_refusals": limited,
        "server_resident_kib_by_quarter": quarters,
        "server_resident_kib_most": memory.iter().max(),
    })
}

fn judge(report: &Value) -> Result<(), Failure> {
    let at = |path: &str| figure(report, path);
    let mut wrong = Vec::new();
    for group in ["heavy", "light"] {
        let of = |name: &str| at(&format!("/{group}/{name}"));
        if of("served_users") < of("users") {
            wrong.push(format!("some {group} users were never served"));
        }
        if of("accepted") > of("delivered") {
            wrong.push(format!("{group}: less was delivered than accepted"));
        }
    }
    let (share, least) = (at("/equal_share_per_s"), at("/heavy/least_each_per_s"));
    if least < share / 2.0 {
        wrong.push(format!(
            "a user had {least:.1} /s of a share of {share:.1} /s"
        ));
    }
    let (wanted, least) = (
        at("/light/wanted_each_per_s"),
        at("/light/least_each_per_s"),
    );
    if least < wanted * 0.9 {
        wrong.push(format!("a user who wants {wanted:.1} /s had {least:.1} /s"));
    }
    let accepted = at("/heavy/accepted_per_s") + at("/light/accepted_per_s");
    if accepted > at("/capacity_per_s") * 1.1 {
        wrong.push(format!("{accepted:.0} /s were accepted"));
    }
    let (refused, again) = (
        at("/heavy/refused_by_a_limit"),
        at("/heavy/refused_after_waiting"),
    );
    if refused < 1.0 {
        wrong.push("nothing was refused: that was no overload".into());
    }
    if again * 4.0 > refused {
        wrong.push(format!(
            "{again} of {refused} refusals came after the wait was kept to"
        ));
    }
    let quarters = report["server_resident_kib_by_quarter"].as_array();
    let quarter = |number: usize| {
        let kib = quarters.and_then(|all| all.get(number)?.as_f64());
        kib.unwrap_or(0.0)
    };
    // Caches and tables of the store still fill in the first quarter.
    if quarter(3) > quarter(1) * 1.15 + 24_576.0 {
        wrong.push(format!(
            "memory grew from {} to {} KiB",
            quarter(1),
            quarter(3)
        ));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::Verdict(wrong.join("; "))),
    }
}

fn figure(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or(0.0)
}
