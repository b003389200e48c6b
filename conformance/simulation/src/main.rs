//! The command of the simulation.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    eim_simulation::cli::main()
}
