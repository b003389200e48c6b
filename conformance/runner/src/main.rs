//! `eim-conformance`: the command line of the conformance suite.
//!
//! Exit codes: 0 all required passed; 1 failures; 2 wrong usage, no case matched, files that cannot
//! be read; 3 the testee did not start or broke its protocol; 4 a stale entry in a list of known
//! failures; 5 flaky cases only.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_conformance::cli::{self, Global, USAGE};

/// The EIM conformance suite: judges codecs, servers and clients in any language
#[derive(Debug, Parser)]
#[command(name = "eim-conformance", version, after_help = HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const HELP: &str = "\
Begin with:
  eim-conformance init-testee --lang python      a codec testee to grow
  eim-conformance codec -- python3 testee.py     the codec suite against it
  eim-conformance explain EIM-FRM-012            what a requirement says

Exit codes: 0 passed; 1 failures; 2 wrong usage, no case fits, unreadable files; 3 the testee did not start or
broke its protocol; 4 a list of known failures is stale; 5 flaky cases only.";

#[derive(Debug, Subcommand)]
enum Verb {
    InitTestee(cli::init_testee::Args),
    Codec(cli::codec::Args),
    Server(cli::server::Args),
    Client(cli::client::Args),
    Matrix(cli::matrix::Args),
    History(cli::history::Args),
    List(cli::list::Args),
    Show(cli::show::Args),
    Explain(cli::explain::Args),
    Replay(cli::replay::Args),
    Diff(cli::diff::Args),
    Report(cli::report::Args),
    SelfTest(cli::self_test::Args),
    Trace(cli::trace::Args),
    Vectors(cli::vectors::Args),
}

fn main() -> ExitCode {
    let Cli { global, verb } = Cli::parse();
    let outcome = match &verb {
        Verb::Codec(args) => cli::codec::run(args, &global),
        Verb::List(args) => cli::list::run(args, &global),
        Verb::Show(args) => cli::show::run(args, &global),
        Verb::Diff(args) => cli::diff::run(args, &global),
        Verb::Replay(args) => cli::replay::run(args, &global),
        Verb::Vectors(args) => cli::vectors::run(args, &global),
        Verb::Trace(args) => cli::trace::run(args, &global),
        Verb::Explain(args) => cli::explain::run(args, &global),
        Verb::Report(args) => cli::report::run(args, &global),
        Verb::SelfTest(args) => cli::self_test::run(args, &global),
        Verb::Server(args) => cli::server::run(args, &global),
        Verb::Client(args) => cli::client::run(args, &global),
        Verb::History(args) => cli::history::run(args, &global),
        Verb::Matrix(args) => cli::matrix::run(args, &global),
        Verb::InitTestee(args) => cli::init_testee::run(args, &global),
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("eim-conformance: {message}");
        cli::exit(USAGE)
    })
}
