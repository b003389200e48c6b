//! `replay`: one case, with everything that is exchanged. `live` has the cases of servers and clients.

mod live;

use std::process::ExitCode;

use super::codec::TesteeArgs;
use super::show::find;
use super::suite::no_testee;
use super::{FAILED, Global, PASSED, exit};
use crate::catalogue;
use crate::codec::{self, Exchange, TestError};
use crate::report::terminal::{Requirements, failure, summary};
use crate::results::{Role, Run, Status, Testee};
use crate::vectors::load;

/// Runs one case alone and shows what is exchanged: `replay CASE -- CMD`
///
/// CMD starts a codec, or launches a server or a client, as the case needs.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Id of the case.
    case: String,
    /// Shows all requests, not only the first and those that failed.
    #[arg(long)]
    all: bool,
    /// Seed of ids and nonces of a case for servers or clients, as the run printed it.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    testee: TesteeArgs,
}

/// Runs the verb.
///
/// # Errors
/// An unknown case, or files that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let data = global.data();
    let entries = catalogue::all(&data)?;
    let entry = find(&entries, &args.case)?;
    let options = args.testee.options()?;
    if entry.role != Role::Codec {
        let command = &options.command;
        return live::replay(entry.role, &args.case, command, args.seed, &data);
    }
    let files = load(&data)?;
    let cases = load::cases(&files);
    let (_, case) = cases
        .iter()
        .find(|(_, case)| case.id == entry.id)
        .ok_or("the case has gone")?;
    let mut asked = 0_usize;
    let outcome = codec::replay(case, &options, |exchange| {
        if asked == 0 || args.all || !exchange.is_right {
            print(exchange);
        }
        asked += 1;
    });
    let result = match outcome {
        Ok(result) => result,
        Err(TestError::Vectors(why)) => return Err(why),
        Err(TestError::Testee(why)) => {
            return Ok(no_testee(Role::Codec, &options.command.to_string(), &why));
        }
    };
    println!("{asked} requests");
    let status = result.status;
    let run = Run {
        role: Role::Codec,
        name: String::new(),
        testee: Testee::default(),
        command: options.command.to_string(),
        cases: vec![result],
        ms: 0,
    };
    let requirements = Requirements::read(&data)?;
    if status.is_failure() {
        run.cases
            .iter()
            .for_each(|case| print!("{}", failure(&run, case, &requirements)));
        return Ok(exit(FAILED));
    }
    if status == Status::NotApplicable {
        print!("{}", summary(&run));
    }
    Ok(exit(PASSED))
}

fn print(exchange: &Exchange) {
    println!("{}", exchange.form);
    println!("  > {}", exchange.request);
    match &exchange.reply {
        Ok(reply) => println!("  < {reply}"),
        Err(why) => println!("  ! {why}"),
    }
    if !exchange.is_right {
        println!("  this is not what was expected");
    }
}
