//! `vectors`: computes the generated vectors, checks all of them, and writes down what they are.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::{FAILED, Global, exit};
use crate::data::Data;
use crate::trace::project::Project;
use crate::vectors::generate;
use crate::vectors::lint::{IDS, Knowledge, lint};
use crate::vectors::load::{FOLDER, cases, load};
use crate::vectors::manifest::{MANIFEST, Manifest};

/// Generates, checks and lists the vectors.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Writes the files that are computed.
    Generate {
        /// Compares them instead; fails if one is not current.
        #[arg(long)]
        check: bool,
    },
    /// Checks all cases, and that they are enough.
    Lint,
    /// Writes MANIFEST.json and adds new ids to ids.txt.
    Manifest,
}

/// Runs the verb.
///
/// # Errors
/// Files that cannot be read or written; no checkout where one is needed.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    match args.action {
        Action::Generate { check: true } => compare(&global.data()),
        Action::Generate { check: false } => write(&global.project()?),
        Action::Lint => check(&global.data()),
        Action::Manifest => manifest(&global.project()?),
    }
}

fn write(project: &Project) -> Result<ExitCode, String> {
    let root = project.path("");
    for (path, text) in generate::files(&Data::Checkout(root.clone()))? {
        put(&root, &path, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file unless it is current.
fn put(root: &Path, path: &str, text: &str) -> Result<(), String> {
    let full = root.join(path);
    if std::fs::read_to_string(&full).is_ok_and(|current| current == text) {
        return Ok(());
    }
    let folder = full.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).map_err(|error| format!("{path}: {error}"))?;
    std::fs::write(&full, text).map_err(|error| format!("{path}: {error}"))?;
    println!("written: {path}");
    Ok(())
}

fn compare(data: &Data) -> Result<ExitCode, String> {
    let files = generate::files(data)?;
    let mut stale = Vec::new();
    for (path, text) in &files {
        if !data.read(path).is_ok_and(|current| current == *text) {
            stale.push(format!("{path} is not current: run `vectors generate`"));
        }
    }
    for loaded in load(data)? {
        if loaded.file.generator.is_some() && !files.contains_key(&loaded.path) {
            stale.push(format!("{}: no family writes it", loaded.path));
        }
    }
    report(&stale)
}

fn check(data: &Data) -> Result<ExitCode, String> {
    let files = load(data)?;
    let (mut findings, totals) = lint(&files, &Knowledge::load(data)?);
    if data.read(MANIFEST)? != Manifest::of(data, &files, &totals)?.text()? {
        findings.push(format!("{MANIFEST} is not current: run `vectors manifest`"));
    }
    print!("{totals}");
    report(&findings)
}

fn manifest(project: &Project) -> Result<ExitCode, String> {
    let root = project.path("");
    let data = Data::Checkout(root.clone());
    let files = load(&data)?;
    let before = data.read(IDS).unwrap_or_default();
    let mut ids: BTreeSet<&str> = before.lines().collect();
    ids.extend(cases(&files).iter().map(|(_, case)| &*case.id));
    let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
    put(&root, IDS, &text)?;
    let (_, totals) = lint(&files, &Knowledge::load(&data)?);
    put(
        &root,
        MANIFEST,
        &Manifest::of(&data, &files, &totals)?.text()?,
    )?;
    print!("{totals}");
    Ok(ExitCode::SUCCESS)
}

fn report(findings: &[String]) -> Result<ExitCode, String> {
    for finding in findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{FOLDER}: nothing found");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} findings", findings.len());
    Ok(exit(FAILED))
}
