//! The EIM reference server.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    eim_server::cli::Cli::parse().run()
}
