//! `eim-fuzz-generate`: writes seeds for the fuzz targets.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_conformance::data::Data;
use eim_fuzz_generate::{Input, committed, dictionary, seeds, soak};
use eim_fuzz_oracles::{TARGETS, Target};

/// Makes what the fuzz targets begin with. Run it at the root of the repository.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Root of the repository.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Writes all seeds and regressions, a folder for each target.
    Seeds {
        /// Where to.
        #[arg(default_value = "fuzz/corpus")]
        folder: PathBuf,
        /// These targets instead of all.
        #[arg(long)]
        target: Vec<String>,
        /// Leaves out what is longer: large inputs make a fuzzer slow.
        #[arg(long, default_value_t = 65_536)]
        max_octets: usize,
    },
    /// Writes the dictionary.
    Dictionary,
    /// Runs every seed once through its target: what coverage from seeds alone is measured with.
    Replay {
        /// These targets instead of all.
        #[arg(long)]
        target: Vec<String>,
    },
    /// Runs drawn inputs through one target, without a fuzzer; what breaks it is kept in a file.
    Soak {
        /// The target.
        target: String,
        /// Number of the first input.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        runs: u64,
        /// Where what breaks it is kept.
        #[arg(long, default_value = "fuzz/artifacts")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.verb {
        Verb::Seeds {
            folder,
            target,
            max_octets,
        } => write_seeds(&cli.root, folder, target, *max_octets),
        Verb::Dictionary => write_dictionary(&cli.root),
        Verb::Replay { target } => replay(&cli.root, target),
        Verb::Soak {
            target,
            from,
            runs,
            folder,
        } => run_soak(&cli.root, target, *from, *runs, folder),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("eim-fuzz-generate: {message}");
            ExitCode::FAILURE
        }
    }
}

fn write_dictionary(root: &Path) -> Result<(), String> {
    let text = dictionary::text(&Data::Checkout(root.to_owned()))?;
    let path = root.join("fuzz").join(dictionary::PATH);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The targets of these names, or all.
fn chosen(names: &[String]) -> impl Iterator<Item = &'static Target> {
    TARGETS
        .iter()
        .filter(|it| names.is_empty() || names.iter().any(|name| name == it.name))
}

/// Those made from vectors, and the committed ones.
fn all_seeds(root: &Path, target: &str) -> Result<Vec<Input>, String> {
    let mut inputs = seeds::of(target, &Data::Checkout(root.to_owned()))?;
    inputs.extend(committed::read(&root.join("fuzz"), "seeds", target)?);
    Ok(inputs)
}

fn replay(root: &Path, only: &[String]) -> Result<(), String> {
    for target in chosen(only) {
        let inputs = all_seeds(root, target.name)?;
        for input in &inputs {
            (target.run)(&input.octets);
        }
        println!("{}: {} inputs", target.name, inputs.len());
    }
    Ok(())
}

fn run_soak(root: &Path, name: &str, from: u64, runs: u64, folder: &Path) -> Result<(), String> {
    let target = eim_fuzz_oracles::target(name).ok_or_else(|| format!("no target {name}"))?;
    let known = all_seeds(root, name)?;
    let mut broken = 0_u32;
    for (done, number) in (1_u64..).zip(from..from.saturating_add(runs)) {
        let octets = soak::drawn(number, &known);
        if std::panic::catch_unwind(|| (target.run)(&octets)).is_err() {
            broken += 1;
            let path = folder.join(format!("{name}-{number}"));
            let say = |error: std::io::Error| format!("{}: {error}", path.display());
            std::fs::create_dir_all(folder).map_err(say)?;
            std::fs::write(&path, &octets).map_err(say)?;
            println!("{name}: input {number} breaks it, see {}", path.display());
        }
        if done.is_multiple_of(1_000) {
            println!("{name}: {done} runs, {broken} broke it");
        }
    }
    if broken == 0 {
        Ok(())
    } else {
        Err(format!("{broken} inputs broke {name}"))
    }
}

fn write_seeds(
    root: &Path,
    folder: &Path,
    only: &[String],
    max_octets: usize,
) -> Result<(), String> {
    for target in chosen(only) {
        let mut inputs = all_seeds(root, target.name)?;
        inputs.extend(committed::read(
            &root.join("fuzz"),
            "regressions",
            target.name,
        )?);
        let into = folder.join(target.name);
        let say = |error: std::io::Error| format!("{}: {error}", into.display());
        std::fs::create_dir_all(&into).map_err(say)?;
        let (mut files, mut octets) = (0_usize, 0_usize);
        for input in inputs.iter().filter(|it| it.octets.len() <= max_octets) {
            std::fs::write(into.join(&input.name), &input.octets).map_err(say)?;
            files += 1;
            octets += input.octets.len();
        }
        println!(
            "{}: {files} inputs, {octets} octets, {} left out",
            target.name,
            inputs.len() - files
        );
    }
    Ok(())
}
