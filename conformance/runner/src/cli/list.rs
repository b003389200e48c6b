//! `list`: the cases of the suite.

use std::process::ExitCode;

use super::{Global, PASSED, exit};
use crate::catalogue::{self, Entry};
use crate::pattern::{Pattern, any_fits};
use crate::report::terminal::role_name;

/// Lists cases: role, id, requirements, description
///
/// All that is given has to fit.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Patterns of ids (`*` and `?`).
    #[arg(value_name = "GLOB", value_parser = clap::value_parser!(Pattern))]
    ids: Vec<Pattern>,
    /// Only cases for codecs, servers or clients.
    #[arg(long, value_parser = ["codec", "server", "client"])]
    role: Option<String>,
    /// Only cases that test this requirement, or requirements that fit a pattern: `EIM-FRM-*`.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(Pattern))]
    req: Option<Pattern>,
    /// Only cases of this area.
    #[arg(long)]
    area: Option<String>,
    /// Only cases of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only ids, one a line.
    #[arg(long)]
    short: bool,
}

/// Runs the verb.
///
/// # Errors
/// No case fits, or files that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let mut entries = catalogue::all(&global.data())?;
    entries.retain(|entry| args.fits(entry));
    if entries.is_empty() {
        return Err(
            "no case fits all that was given; `list --short` names every case, and patterns need \
             quotes: list 'frm-*'"
                .into(),
        );
    }
    for entry in &entries {
        if args.short {
            println!("{}", entry.id);
            continue;
        }
        let role = role_name(entry.role);
        let (id, req) = (&entry.id, entry.req.join(" "));
        println!("{role:<6} {id:<48} {req}\n       {}", entry.desc);
    }
    if !args.short {
        println!("{} cases", entries.len());
    }
    Ok(exit(PASSED))
}

impl Args {
    fn fits(&self, entry: &Entry) -> bool {
        let role = self.role.as_deref();
        let area = self.area.as_deref();
        let kind = self.kind.as_deref();
        any_fits(&self.ids, &entry.id)
            && role.is_none_or(|role| role == role_name(entry.role))
            && area.is_none_or(|area| area.eq_ignore_ascii_case(&entry.area))
            && kind.is_none_or(|kind| kind == entry.kind)
            && self
                .req
                .as_ref()
                .is_none_or(|wanted| entry.req.iter().any(|req| wanted.fits(req)))
    }
}
