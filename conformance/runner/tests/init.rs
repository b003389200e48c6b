//! Testees to begin with: each is written into an empty folder, built, and passes the cases that it
//! claims to pass.
//!
//! Python, JavaScript and C always; Java and Go with `cargo test -p eim-conformance --test init -- --ignored`.

use std::path::Path;
use std::process::Command;

use eim_conformance::codec::{self, CommandLine, Options};
use eim_conformance::data::Data;
use eim_conformance::init::{CLAIMS, Template, template};
use eim_conformance::pattern::{Pattern, any_fits};
use eim_conformance::results::{Run, Status};
use eim_conformance::vectors::load::{cases, load};
use eim_conformance::vectors::model::Case;

/// Runs the cases that fit a pattern.
fn test(command: &CommandLine, patterns: &[&str]) -> Run {
    let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(*text)).collect();
    let files = load(&Data::Embedded).unwrap();
    let chosen: Vec<&Case> = cases(&files)
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| any_fits(&patterns, &case.id))
        .collect();
    let tested = codec::test(&chosen, &Options::new(command.clone()), &|_| {}).unwrap();
    assert_eq!(tested.problems, [""; 0]);
    tested.run
}

/// Builds a testee, and gives the command that starts it from anywhere.
fn built(template: &Template, folder: &Path, package: &str) -> CommandLine {
    template.write(folder, &Data::Embedded).unwrap();
    if let Some((program, arguments)) = template.build.split_first() {
        let built = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}; install the Debian package {package}"));
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        assert_eq!(said, "", "the template is built without a warning");
    }
    let (program, arguments) = template.run.split_first().unwrap();
    let found = Command::new(program).arg("--version").output();
    assert!(
        program.starts_with("./") || found.is_ok(),
        "{program} is missing; install the Debian package {package}"
    );
    // What stands in the folder is given by its whole path.
    let whole = |word: &&str| {
        let there = folder.join(word);
        let word = (*word).to_owned();
        if there.exists() {
            there.display().to_string()
        } else {
            word
        }
    };
    let words = [program].into_iter().chain(arguments);
    CommandLine::of_words(words.map(whole)).unwrap()
}

fn is_green_at_once(language: &str, package: &str) {
    let folder = tempfile::tempdir().unwrap();
    let command = built(template(language).unwrap(), folder.path(), package);
    let run = test(&command, &CLAIMS);
    assert!(run.cases.len() >= 100, "only {} cases", run.cases.len());
    for case in &run.cases {
        let (id, actual) = (&case.id, &case.actual);
        assert_eq!(case.status, Status::Passed, "{id}: {actual}");
    }
    let run = test(&command, &["enc-*", "flw-*"]);
    assert!(run.cases.len() >= 100, "only {} cases", run.cases.len());
    for case in &run.cases {
        assert_eq!(
            case.status,
            Status::NotApplicable,
            "{}: {}",
            case.id,
            case.actual
        );
    }
    // What is not written yet fails, with an answer that says where to go on.
    let run = test(&command, &["frm-ping"]);
    assert_eq!(run.cases[0].status, Status::Failed);
    assert!(
        run.cases[0].actual.contains("not written yet"),
        "{}",
        run.cases[0].actual
    );
}

#[test]
fn python_is_green_at_once() {
    is_green_at_once("python", "python3");
}

#[test]
fn node_is_green_at_once() {
    is_green_at_once("node", "nodejs");
}

#[test]
fn c_is_green_at_once() {
    is_green_at_once("c", "gcc");
}

#[test]
#[ignore = "needs a JDK; run with --ignored"]
fn java_is_green_at_once() {
    is_green_at_once("java", "default-jdk-headless");
}

#[test]
#[ignore = "needs Go; run with --ignored"]
fn go_is_green_at_once() {
    is_green_at_once("go", "golang-go");
}
