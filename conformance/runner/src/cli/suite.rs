//! What the verbs that run a suite have in common: which cases, what is known, what is written.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{FAILED, FLAKY, Global, PASSED, STALE, TESTEE, exit};
use crate::catalogue;
use crate::codec::CommandLine;
use crate::data::Data;
use crate::known::Lists;
use crate::pattern::{Pattern, any_fits};
use crate::report::files::Files;
use crate::report::terminal::{self, Requirements};
use crate::results::{FORMAT, Results, Role, Run, Status};

/// Which cases, what is known to fail, and which files are written.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Common {
    /// Only cases whose id fits one of these patterns (`*` and `?`).
    #[arg(long, value_name = "GLOB", num_args = 1.., value_parser = clap::value_parser!(Pattern))]
    pub only: Vec<Pattern>,
    /// Cases that are known to fail: lines of `pattern # reason`.
    #[arg(long, value_name = "FILE")]
    pub known_failing: Option<PathBuf>,
    /// Cases that are known to be flaky: lines of `pattern # reason`.
    #[arg(long, value_name = "FILE")]
    pub known_flaky: Option<PathBuf>,
    /// Files to write.
    #[command(flatten)]
    pub files: Files,
}

impl Common {
    /// Whether a case was chosen.
    #[must_use]
    pub fn chooses(&self, id: &str) -> bool {
        any_fits(&self.only, id)
    }

    /// What to say when no case was chosen.
    #[must_use]
    pub fn nothing(&self) -> String {
        let patterns: Vec<&str> = self.only.iter().map(Pattern::text).collect();
        let patterns = patterns.join(" ");
        format!("no case of this suite fits {patterns}; `eim-conformance list` shows all")
    }

    /// The lists of what is known. Read before a suite runs, so that a mistake in them costs no time.
    ///
    /// # Errors
    /// A file that cannot be read, or a line without a reason.
    pub fn lists(&self) -> Result<Lists, String> {
        Lists::read(self.known_failing.as_deref(), self.known_flaky.as_deref())
    }

    /// Marks what is known, prints the run and writes the files. `problems` are what the testee did wrong
    /// outside of cases; they count once nothing else failed.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish(
        &self,
        mut run: Run,
        lists: &Lists,
        problems: &[String],
        started_s: u64,
        global: &Global,
    ) -> Result<ExitCode, String> {
        let data = global.data();
        let all = ids(&data, run.role)?;
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let stale = lists.apply(&mut run, &all);
        print!("{}", terminal::report(&run, &Requirements::read(&data)?));
        for problem in problems {
            println!("the testee broke its protocol: {problem}");
        }
        for line in &stale {
            println!("stale: {line}");
        }
        let code = exit_code(&run, !stale.is_empty(), !problems.is_empty());
        let results = Results {
            format: FORMAT,
            suite: data.suite()?,
            started_s,
            runs: vec![run],
        };
        self.files.write(&results, &data)?;
        Ok(exit(code))
    }
}

/// The command of a testee: one argument, or the words behind `--`.
///
/// # Errors
/// There is none; a quote does not end.
pub fn command(line: Option<&str>, words: &[String]) -> Result<CommandLine, String> {
    match line {
        Some(line) => CommandLine::parse(line),
        None if words.is_empty() => Err(NO_COMMAND.into()),
        None => CommandLine::of_words(words.iter().cloned()),
    }
}

const NO_COMMAND: &str = "no command for the testee: give it behind `--`, as in `-- python3 testee.py`; \
    `init-testee --lang python` writes a testee to begin with";

/// Says why a testee cannot be tested, and what to try.
#[must_use]
pub fn no_testee(role: Role, command: &str, why: &str) -> ExitCode {
    eprintln!("eim-conformance: the testee cannot be tested: {why}");
    match role {
        Role::Server if command.is_empty() => {}
        Role::Server => eprintln!("start it by hand to see more: {command}"),
        Role::Codec | Role::Client => {
            eprintln!(
                "try it by hand: echo '{{\"id\":0,\"op\":\"hello\",\"protocol\":1}}' | {command}"
            );
        }
    }
    let role = role.name();
    eprintln!("what it has to answer: eim-conformance show --protocol {role}");
    exit(TESTEE)
}

fn ids(data: &Data, role: Role) -> Result<Vec<String>, String> {
    let entries = catalogue::all(data)?.into_iter();
    let of_role = entries.filter(|entry| entry.role == role);
    Ok(of_role.map(|entry| entry.id).collect())
}

/// The exit code of a run: failures, then a broken protocol, stale lists, flaky cases.
#[must_use]
pub fn exit_code(run: &Run, stale: bool, problems: bool) -> u8 {
    let any = |wanted: fn(Status) -> bool| run.cases.iter().any(|case| wanted(case.status));
    if any(Status::is_failure) {
        FAILED
    } else if problems {
        TESTEE
    } else if stale || any(|status| status == Status::UnexpectedlyPassed) {
        STALE
    } else if any(|status| status == Status::Flaky) {
        FLAKY
    } else {
        PASSED
    }
}

/// Unix time in seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: when the results were made"
)]
#[must_use]
pub fn started() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
