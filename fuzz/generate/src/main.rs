//! `eim-fuzz-generate`: writes seeds for the fuzz targets.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_conformance::data::Data;
use eim_fuzz_generate::{committed, seeds};
use eim_fuzz_oracles::TARGETS;

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
        /// One target instead of all.
        #[arg(long)]
        target: Option<String>,
        /// Leaves out what is longer: large inputs make a fuzzer slow.
        #[arg(long, default_value_t = 65_536)]
        max_octets: usize,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.verb {
        Verb::Seeds {
            folder,
            target,
            max_octets,
        } => write_seeds(&cli.root, folder, target.as_deref(), *max_octets),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("eim-fuzz-generate: {message}");
            ExitCode::FAILURE
        }
    }
}

fn write_seeds(
    root: &Path,
    folder: &Path,
    only: Option<&str>,
    max_octets: usize,
) -> Result<(), String> {
    let data = Data::Checkout(root.to_owned());
    let fuzz = root.join("fuzz");
    for target in TARGETS
        .iter()
        .filter(|it| only.is_none_or(|name| name == it.name))
    {
        let mut inputs = seeds::of(target.name, &data)?;
        for kind in ["seeds", "regressions"] {
            inputs.extend(committed::read(&fuzz, kind, target.name)?);
        }
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
