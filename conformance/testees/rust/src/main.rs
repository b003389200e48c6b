//! `eim-testee`: the reference codec, server and client, as the testee protocols want them.

mod client;
mod codec;
mod output;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The reference implementations as testees: they read commands from standard input and answer on
/// standard output, one JSON object a line.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// The testee protocol for codecs, around the reference codec.
    Codec,
    /// The launch protocol for servers, around the reference server.
    Server,
    /// The launch protocol for clients, around the reference client.
    Client,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().role {
        Role::Codec => codec::run(),
        Role::Server => server::run(),
        Role::Client => client::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("eim-testee: {message}");
            ExitCode::FAILURE
        }
    }
}
