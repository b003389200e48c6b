//! `eim-compression train` and `eim-compression measure`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_codec::compression::Level;
use eim_compression::{measure, table, train};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a dictionary; without options, `zstd-dict-1` again, octet by octet.
    Train {
        /// Where it goes.
        file: PathBuf,
        /// Largest size in octets.
        #[arg(long, default_value_t = train::DICTIONARY_OCTETS)]
        octets: usize,
        /// Of the generator of the samples.
        #[arg(long, default_value_t = train::SEED)]
        seed: u64,
        /// How many samples.
        #[arg(long, default_value_t = train::SAMPLES)]
        samples: usize,
    },
    /// Prints octets on the wire and CPU for each algorithm: synthetic chat, and documents.
    Measure {
        /// A folder of UTF-8 texts, or texts.
        documents: Vec<PathBuf>,
        /// Frames of each synthetic set.
        #[arg(long, default_value_t = 2000)]
        frames: usize,
        /// Level of Zstandard.
        #[arg(long, default_value_t = 5, allow_negative_numbers = true)]
        level: i32,
        /// Times that everything is done for the clock; the quickest counts.
        #[arg(long, default_value_t = 20)]
        rounds: u32,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("eim-compression: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Train {
            file,
            octets,
            seed,
            samples,
        } => {
            let dictionary =
                train::dictionary(octets, seed, samples).map_err(|fault| fault.to_string())?;
            println!("{} octets", dictionary.len());
            std::fs::write(&file, dictionary)
                .map_err(|fault| format!("{}: {fault}", file.display()))
        }
        Command::Measure {
            documents,
            frames,
            level,
            rounds,
        } => {
            let mut sets = measure::synthetic(frames);
            let texts = read(&documents)?;
            if !texts.is_empty() {
                sets.extend(measure::documents(&texts));
            }
            for set in &sets {
                println!("{}", table::of(set, Level::new(level), rounds)?);
            }
            Ok(())
        }
    }
}

/// The texts, in the order of their names.
fn read(paths: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for path in paths {
        let fault = |fault| format!("{}: {fault}", path.display());
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(fault)?;
            let mut inside: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
            inside.sort();
            files.extend(inside.into_iter().filter(|file| file.is_file()));
        } else {
            files.push(path.clone());
        }
    }
    files
        .iter()
        .map(|file| {
            let octets =
                std::fs::read(file).map_err(|fault| format!("{}: {fault}", file.display()))?;
            Ok(String::from_utf8_lossy(&octets).into_owned())
        })
        .collect()
}
