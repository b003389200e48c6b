//! Codecs with one fault each: an independent implementation in which one piece of text is replaced.
//!
//! A mutant is killed when a case of a requirement that it breaks does not pass any more. Every
//! mutant has to be killed, and every case that refuses something has to kill one: a case that
//! nothing can break tests nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::score::{Mutation, Score};
use crate::codec::{self, CommandLine, Deadlines, Options};
use crate::data::Data;
use crate::trace::project::Project;
use crate::vectors::load::{Loaded, cases, load};
use crate::vectors::model::{Case, Kind};

/// Path of the list, relative to the project.
pub const FILE: &str = "conformance/mutants/codec.toml";

/// A mutant that hangs is given up after this time.
const PATIENCE: Duration = Duration::from_millis(700);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    base: BTreeMap<String, Base>,
    mutant: Vec<Mutant>,
}

/// An implementation that is mutated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    /// Folder, relative to the project.
    folder: String,
    /// What runs it, and the file in the folder.
    run: [String; 2],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    breaks: BTreeSet<String>,
    base: String,
    file: String,
    find: String,
    replace: String,
}

/// Runs all mutants. `progress` is told the name of each, and how many cases killed it.
///
/// # Errors
/// The list is wrong, a mutant does not start, or an implementation cannot be run as it is.
pub fn run(
    project: &Project,
    jobs: NonZeroUsize,
    progress: &(dyn Fn(&Mutation) + Sync),
) -> Result<Score, String> {
    let list: List =
        toml::from_str(&project.read(FILE)?).map_err(|error| format!("{FILE}: {error}"))?;
    let files = load(&Data::Checkout(project.path("")))?;
    let loaded: Vec<&Case> = cases(&files).into_iter().map(|(_, case)| case).collect();
    let mut passing = BTreeMap::new();
    for (name, base) in &list.base {
        let folder = project.path(&base.folder);
        passing.insert(name.as_str(), passed(base, &folder, &loaded, jobs)?);
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.get() {
            scope.spawn(|| {
                while let Some(mutant) = list.mutant.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = mutate(project, &list, mutant, &passing);
                    if let Ok(mutation) = &outcome {
                        progress(mutation);
                    }
                    if let Ok(mut done) = done.lock() {
                        done.push(outcome);
                    }
                }
            });
        }
    });
    let done = done.into_inner().map_err(|error| error.to_string())?;
    let mutations = done.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(score(&files, mutations))
}

/// The cases that an implementation passes as it is.
fn passed<'a>(
    base: &Base,
    folder: &Path,
    cases: &[&'a Case],
    jobs: NonZeroUsize,
) -> Result<Vec<&'a Case>, String> {
    // A case that a busy machine takes from here could kill no mutant any more.
    let results = test(base, folder, cases, (jobs, Deadlines::default()))?;
    let passing = |(case, passed): (&&'a Case, bool)| passed.then_some(*case);
    Ok(cases.iter().zip(results).filter_map(passing).collect())
}

/// Whether each case passed.
fn test(
    base: &Base,
    folder: &Path,
    cases: &[&Case],
    (jobs, deadlines): (NonZeroUsize, Deadlines),
) -> Result<Vec<bool>, String> {
    let [program, file] = &base.run;
    let file = folder.join(file).display().to_string();
    let command = CommandLine::of_words([program.clone(), file])?;
    let options = Options {
        jobs,
        splits: false,
        deadlines,
        ..Options::new(command)
    };
    let tested = codec::test(cases, &options, &|_| {}).map_err(|error| format!("{error:?}"))?;
    let results: BTreeMap<&str, bool> = tested
        .run
        .cases
        .iter()
        .map(|case| (case.id.as_str(), case.status.is_pass()))
        .collect();
    let passed = |case: &&Case| results.get(case.id.as_str()).copied().unwrap_or(false);
    Ok(cases.iter().map(passed).collect())
}

/// One mutant, in a folder of its own.
fn mutate(
    project: &Project,
    list: &List,
    mutant: &Mutant,
    passing: &BTreeMap<&str, Vec<&Case>>,
) -> Result<Mutation, String> {
    let wrong = |what: &str| format!("{FILE}: {}: {what}", mutant.name);
    let base = list
        .base
        .get(&mutant.base)
        .ok_or_else(|| wrong("no such base"))?;
    let concerned = |case: &&Case| case.req.iter().any(|id| mutant.breaks.contains(id));
    let passing = passing.get(mutant.base.as_str());
    let cases: Vec<&Case> = passing
        .into_iter()
        .flatten()
        .copied()
        .filter(concerned)
        .collect();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    copy(&project.path(&base.folder), folder.path()).map_err(|error| wrong(&error.to_string()))?;
    let file = folder.path().join(&mutant.file);
    let text = fs::read_to_string(&file).map_err(|error| wrong(&error.to_string()))?;
    if text.matches(&mutant.find).count() != 1 {
        return Err(wrong("`find` does not stand exactly once in the file"));
    }
    fs::write(&file, text.replacen(&mutant.find, &mutant.replace, 1))
        .map_err(|error| wrong(&error.to_string()))?;
    let deadlines = Deadlines {
        floor: PATIENCE,
        ..Deadlines::default()
    };
    let pace = (NonZeroUsize::MIN, deadlines);
    let results = test(base, folder.path(), &cases, pace).map_err(|e| wrong(&e))?;
    let killers = cases.iter().zip(results).filter(|(_, passed)| !passed);
    Ok(Mutation {
        name: format!("codec {}", mutant.name),
        breaks: mutant.breaks.iter().cloned().collect(),
        killed_by: killers.map(|(case, _)| case.id.clone()).collect(),
    })
}

/// Copies a folder; what is installed is linked, what is derived is left out.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let target: PathBuf = to.join(&name);
        if name == "__pycache__" {
            continue;
        }
        if name == "node_modules" {
            std::os::unix::fs::symlink(fs::canonicalize(entry.path())?, target)?;
        } else if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// What survived, and what killed nothing.
fn score(files: &[Loaded], mutations: Vec<Mutation>) -> Score {
    let useful: BTreeSet<&str> = mutations
        .iter()
        .flat_map(|mutation| mutation.killed_by.iter().map(String::as_str))
        .collect();
    let refuses = |case: &Case| matches!(case.kind, Kind::Invalid | Kind::Order | Kind::Limit);
    let idle = cases(files)
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| refuses(case) && !useful.contains(case.id.as_str()))
        .map(|case| case.id.clone())
        .collect();
    let broken: BTreeSet<&str> = mutations
        .iter()
        .flat_map(|mutation| mutation.breaks.iter().map(String::as_str))
        .collect();
    let named = cases(files).into_iter().flat_map(|(_, case)| &case.req);
    let unbroken: BTreeSet<String> = named
        .filter(|id| !broken.contains(id.as_str()))
        .cloned()
        .collect();
    Score {
        idle,
        unbroken: unbroken.into_iter().collect(),
        mutations,
    }
}
