//! `eim-testee`: the reference codec, server and client, as the testee protocols want them.

use clap::Parser;

/// The reference implementations as testees.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {}

fn main() {
    let Cli {} = Cli::parse();
}
