//! `codec`: the vectors against a codec.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use super::Global;
use super::suite::{Common, command, no_testee, started};
use crate::codec::{self, Options, TestError};
use crate::report::terminal::Progress;
use crate::results::Role;
use crate::vectors::load;
use crate::vectors::model::Case;

/// Runs the vectors against a codec: `codec -- python3 testee.py`
///
/// The codec answers the testee protocol (`show --protocol codec`); `init-testee` writes a program to begin
/// with.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) testee: TesteeArgs,
    #[command(flatten)]
    common: Common,
}

/// How the testee is started, and how long it may take.
#[derive(Clone, Debug, clap::Args)]
pub struct TesteeArgs {
    /// The command of the testee in one argument, split as a shell would.
    #[arg(long, value_name = "CMD", conflicts_with = "command")]
    testee: Option<String>,
    /// Processes at the same time; default: one a processor.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// A process of its own for each case.
    #[arg(long)]
    isolate: bool,
    /// Least time a reply may take, in milliseconds; slow testees get more by themselves.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    deadline: u64,
    /// The command of the testee and its arguments, behind `--`.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl TesteeArgs {
    /// The options of a run.
    ///
    /// # Errors
    /// No command.
    pub fn options(&self) -> Result<Options, String> {
        let command = command(self.testee.as_deref(), &self.command)?;
        let mut options = Options::new(command);
        options.jobs = self.jobs.unwrap_or(options.jobs);
        options.isolate = self.isolate;
        options.deadlines.floor = Duration::from_millis(self.deadline.max(1));
        Ok(options)
    }
}

/// Runs the verb.
///
/// # Errors
/// No case fits, or files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let options = args.testee.options()?;
    let lists = args.common.lists()?;
    let files = load(&global.data())?;
    let cases: Vec<&Case> = load::cases(&files)
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| args.common.chooses(&case.id))
        .collect();
    if cases.is_empty() {
        return Err(args.common.nothing());
    }
    let started_s = started();
    let progress = Progress::new(cases.len());
    let tested = codec::test(&cases, &options, &|case| progress.ended(case));
    progress.finish();
    match tested {
        Ok(tested) => {
            let problems = &tested.problems;
            args.common
                .finish(tested.run, &lists, problems, started_s, global)
        }
        Err(TestError::Vectors(why)) => Err(why),
        Err(TestError::Testee(why)) => {
            Ok(no_testee(Role::Codec, &options.command.to_string(), &why))
        }
    }
}
