//! `eim-conformance`: the command line of the conformance suite.
//!
//! Exit codes: 0 all required passed; 1 failures; 2 wrong usage, no case matched, files that cannot
//! be read; 3 the testee did not start or broke its protocol; 4 a stale entry in a list of known
//! failures; 5 flaky cases only.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_conformance::cli::{self, Global, USAGE};

/// The EIM conformance suite.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Codec(cli::codec::Args),
    List(cli::list::Args),
    Show(cli::show::Args),
    Replay(cli::replay::Args),
    Trace(cli::trace::Args),
    Vectors(cli::vectors::Args),
    Explain(cli::explain::Args),
    Report(cli::report::Args),
    SelfTest(cli::self_test::Args),
    Server(cli::server::Args),
    Client(cli::client::Args),
    Matrix(cli::matrix::Args),
    InitTestee(cli::init_testee::Args),
}

fn main() -> ExitCode {
    let Cli { global, verb } = Cli::parse();
    let outcome = match &verb {
        Verb::Codec(args) => cli::codec::run(args, &global),
        Verb::List(args) => cli::list::run(args, &global),
        Verb::Show(args) => cli::show::run(args, &global),
        Verb::Replay(args) => cli::replay::run(args, &global),
        Verb::Vectors(args) => cli::vectors::run(args, &global),
        Verb::Trace(args) => cli::trace::run(args, &global),
        Verb::Explain(args) => cli::explain::run(args, &global),
        Verb::Report(args) => cli::report::run(args, &global),
        Verb::SelfTest(args) => cli::self_test::run(args, &global),
        Verb::Server(args) => cli::server::run(args, &global),
        Verb::Client(args) => cli::client::run(args, &global),
        Verb::Matrix(args) => cli::matrix::run(args, &global),
        Verb::InitTestee(args) => cli::init_testee::run(args, &global),
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("eim-conformance: {message}");
        cli::exit(USAGE)
    })
}
