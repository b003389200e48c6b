//! `history`: what a deployment did to people's messages.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{FAILED, Global, PASSED, exit};
use crate::data::Data;
use crate::history::{Header, Rules, Writer, check_files, generate, report, self_test};
use crate::live::random::fresh_seed;
use crate::report::terminal::Requirements;

/// Judges a history: was anything lost, duplicated, reordered or invented?
///
/// The files are what the clients and drivers of a deployment wrote down (`show --protocol history` is the
/// form; `eim send`, `eim tail` and `eim export` write it with --history). Several files are one history.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Files of the history, in any order.
    #[arg(value_name = "FILE", required_unless_present_any = ["self_test", "generate"])]
    files: Vec<PathBuf>,
    /// Others send too, from devices that write no history.
    #[arg(long)]
    open: bool,
    /// Writes the verdict, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    json: Option<PathBuf>,
    /// Writes one page of HTML: time line, findings and what proves them.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    html: Option<PathBuf>,
    /// Writes JUnit XML, a test for each rule.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    junit: Option<PathBuf>,
    /// Tests the checker: good histories have to pass, and faults put into them have to be found.
    #[arg(long, conflicts_with_all = ["files", "generate"])]
    self_test: bool,
    /// Writes a good history of about so many steps to the only FILE instead of judging one.
    #[arg(long, value_name = "STEPS", requires = "files")]
    generate: Option<usize>,
    /// Seed of generated histories.
    #[arg(long)]
    seed: Option<u64>,
    /// Histories of the self-test.
    #[arg(long, value_name = "N", default_value_t = 300, requires = "self_test")]
    runs: u64,
}

/// Most steps of a history of the self-test.
const STEPS: usize = 150;

/// Runs the verb.
///
/// # Errors
/// Files that cannot be read or written, or are no history.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let seed = args.seed.unwrap_or_else(fresh_seed);
    if args.self_test {
        return Ok(test(seed, args.runs));
    }
    if let Some(steps) = args.generate {
        return write(&args.files, seed, steps);
    }
    judge(args, &global.data())
}

fn judge(args: &Args, data: &Data) -> Result<ExitCode, String> {
    let requirements = Requirements::read(data)?;
    let requirement = |id: &str| requirements.text(id).to_owned();
    let judged = check_files(&args.files, Rules { open: args.open })?;
    print!("{}", report::text(&judged, &requirement));
    if let Some(file) = &args.json {
        save(file, &report::json(&judged)?)?;
    }
    if let Some(file) = &args.html {
        save(file, &report::html(&judged, &requirement))?;
    }
    if let Some(file) = &args.junit {
        save(file, &report::junit(&judged)?)?;
    }
    let clean = judged.verdict.is_clean();
    Ok(exit(if clean { PASSED } else { FAILED }))
}

fn save(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn test(seed: u64, runs: u64) -> ExitCode {
    println!("seed {seed}");
    let outcome = self_test::run(seed, runs, STEPS);
    for alarm in &outcome.false_alarms {
        println!("FALSE ALARM {alarm}");
    }
    for tried in &outcome.tried {
        let wrong = tried.problems.len();
        println!(
            "  {:<28} in {:>5} histories, {wrong} not found as it must be",
            tried.name, tried.times
        );
        for problem in tried.problems.iter().take(3) {
            println!("    {problem}");
        }
    }
    println!(
        "self-test {}: {} good histories of {} events, {} false alarms; {} faults",
        if outcome.is_sound() {
            "passed"
        } else {
            "FAILED"
        },
        outcome.good,
        outcome.events,
        outcome.false_alarms.len(),
        outcome.tried.len()
    );
    exit(if outcome.is_sound() { PASSED } else { FAILED })
}

fn write(files: &[PathBuf], seed: u64, steps: usize) -> Result<ExitCode, String> {
    let [file] = files else {
        return Err("--generate writes one file".into());
    };
    println!("seed {seed}");
    let name = file.display();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let header = Header {
        seed: Some(seed),
        ..Header::new("eim-conformance history --generate")
    };
    let to = std::fs::File::create(file).map_err(failed)?;
    let mut writer = Writer::new(std::io::BufWriter::new(to), &header).map_err(failed)?;
    for event in generate::good(seed, steps) {
        writer.add(&event).map_err(failed)?;
    }
    writer.into_inner().flush().map_err(failed)?;
    Ok(exit(PASSED))
}
