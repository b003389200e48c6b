//! `diff`: codecs against each other.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{FAILED, Global, PASSED, TESTEE, exit};
use crate::codec::{Asker, CommandLine, Deadlines};
use crate::diff::{self, Disagreement, Options, Report};
use crate::live::random::fresh_seed;

/// Codecs against each other over octets that no case has: `diff --a CMD --b CMD`
///
/// Sends mutations of vectors, and the files of a corpus, to all of them. What they disagree about is made
/// small, shown, and written down as a candidate for a vector, which a person judges.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The command of a testee, split as a shell would.
    #[arg(long, value_name = "CMD")]
    a: String,
    /// The command of another testee.
    #[arg(long, value_name = "CMD")]
    b: String,
    /// The command of one more testee.
    #[arg(long, value_name = "CMD")]
    also: Vec<String>,
    /// A folder of octet strings, such as the corpus of a fuzzer, to begin with.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Where the randomness begins; printed when it is not given.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Mutations of vectors.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    count: u64,
    /// Ends after so many seconds, even with mutations left.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Folder for candidates.
    #[arg(long, value_name = "DIR")]
    candidates: Option<PathBuf>,
    /// Least time a reply may take, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    deadline: u64,
}

/// Runs the verb.
///
/// # Errors
/// Files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let mut testees = Vec::new();
    for command in [&args.a, &args.b].into_iter().chain(&args.also) {
        match open(command, args.deadline) {
            Ok(testee) => testees.push(testee),
            Err(why) => {
                eprintln!("the testee {command} did not start: {why}");
                return Ok(exit(TESTEE));
            }
        }
    }
    let options = Options {
        corpus: args.corpus.clone(),
        seed: args.seed.unwrap_or_else(fresh_seed),
        count: args.count,
        time: args.seconds.map(Duration::from_secs),
    };
    let names: Vec<String> = testees.iter().map(|it| it.name().to_owned()).collect();
    println!("{}; seed {}", names.join(", "), options.seed);
    let report = diff::run(&mut testees, &global.data(), &options, |found| {
        print(found, &names);
    })?;
    summarise(&report);
    if let Some(folder) = &args.candidates {
        for found in &report.found {
            write(folder, &found.candidate(&testees, options.seed))?;
        }
    }
    Ok(exit(if report.found.is_empty() {
        PASSED
    } else {
        FAILED
    }))
}

fn open(command: &str, deadline: u64) -> Result<Asker, String> {
    let deadlines = Deadlines {
        floor: Duration::from_millis(deadline.max(1)),
        ..Deadlines::default()
    };
    Asker::open(CommandLine::parse(command)?, deadlines)
}

fn print(found: &Disagreement, names: &[String]) {
    let entry = &found.small;
    let config = serde_json::to_string(&entry.config).unwrap_or_default();
    println!("\n{} of {}, for {config}:", entry.operation(), entry.base);
    println!("  {}", crate::vectors::octets::to_hex(&entry.octets));
    for (name, opinion) in names.iter().zip(&found.opinions) {
        println!("  {name}: {opinion}");
    }
}

fn summarise(report: &Report) {
    println!("\n{} octet strings, of one opinion:", report.entries);
    let mut kinds: Vec<_> = report.agreed.iter().collect();
    kinds.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    for (kind, times) in kinds {
        println!("{times:>9}  {kind}");
    }
    let again: u64 = report.found.iter().map(|found| found.again).sum();
    println!(
        "{} kinds of disagreement, {} octet strings",
        report.found.len(),
        again + u64::try_from(report.found.len()).unwrap_or(0)
    );
}

fn write(folder: &std::path::Path, candidate: &serde_json::Value) -> Result<(), String> {
    let name = candidate["case"]["id"].as_str().unwrap_or("candidate");
    let path = folder.join(format!("{name}.json"));
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(say)?;
    let text = serde_json::to_string_pretty(candidate).map_err(|error| error.to_string())?;
    std::fs::write(&path, text + "\n").map_err(say)?;
    println!("{}", path.display());
    Ok(())
}
