//! All suites against everything this project has: the codec, the server, the client, and the independent
//! codecs in Python and JavaScript. Then once more: two runs give the same results. Then the gate: no MUST without a
//! case that ran and passed.
//!
//! It is one test, so that nothing else of this file takes the processors away from cases about time.
//! `conformance/check` does the same in release, writes reports, and runs the whole self-test.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use eim_conformance::data::Data;
use eim_conformance::live::clock::Patience;
use eim_conformance::live::random::fresh_seed;
use eim_conformance::matrix::run::{Options, enter, run};
use eim_conformance::matrix::{FILE, Matrix};
use eim_conformance::report::terminal::{Requirements, report};
use eim_conformance::results::{FORMAT, Results, Status};
use eim_conformance::trace::project::Project;
use eim_conformance::trace::tests::TestLog;
use eim_conformance::trace::{self, Mode, gate};

/// Packages of the JavaScript codec, which `npm ci` installs.
const JAVASCRIPT: &str = "conformance/testees/javascript";

/// A sync of a disk may take seconds beside whatever else this machine does; a case that passes never waits so long.
const BUSY: Patience = Patience {
    floor: Duration::from_secs(15),
    ..Patience::JUDGING
};

#[test]
fn all_suites_pass_and_show_every_requirement_and_do_so_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize();
    let root = root.expect("the project");
    let matrix = matrix(&root);
    enter(&matrix).expect("the folder of the project");
    let data = Data::Checkout(root.clone());
    let options = Options {
        only: Vec::new(),
        seed: fresh_seed(),
        jobs: 8,
        patience: BUSY,
    };
    println!("seed {}", options.seed);

    let first = results(&matrix, &data, &options, |_| true);
    no_failures(&first, &data);

    // The independent codecs are as deterministic as ours; once more would only cost time.
    let ours = |name: &str| name == "rust";
    let mut again = first.clone();
    again.runs.retain(|run| ours(&run.name));
    let second = results(&matrix, &data, &options, ours);
    same(&again.without_times(), &second.without_times());

    no_must_is_left(&first, &root);
}

/// The list of the project, with the binary that cargo has built for this test.
fn matrix(root: &Path) -> Matrix {
    for (program, package) in [("python3", "python3"), ("node", "nodejs"), ("npm", "npm")] {
        let found = Command::new(program).arg("--version").output();
        assert!(
            found.is_ok(),
            "{program} is missing: install the Debian package {package}"
        );
    }
    if !root.join(JAVASCRIPT).join("node_modules").is_dir() {
        let mut npm = Command::new("npm");
        let installed = npm
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(root.join(JAVASCRIPT));
        assert!(
            installed.status().is_ok_and(|it| it.success()),
            "npm ci in {JAVASCRIPT} failed"
        );
    }
    let mut matrix = Matrix::read(&root.join(FILE)).expect("the list of testees");
    let testee = env!("CARGO_BIN_EXE_eim-testee").to_owned();
    matrix.variables.insert("testee".to_owned(), testee);
    assert_eq!(matrix.missing(), [""; 0]);
    matrix
}

/// One run of each testee whose name is chosen.
fn results(
    matrix: &Matrix,
    data: &Data,
    options: &Options,
    chosen: impl Fn(&str) -> bool,
) -> Results {
    let mut runs = Vec::new();
    for testee in matrix.testee.iter().filter(|testee| chosen(&testee.name)) {
        let began = now();
        let outcome = run(matrix, testee, data, options, &|_| {});
        let outcome = outcome
            .expect("a testee that starts")
            .expect("cases of its role");
        let (role, name) = (testee.role.name(), &testee.name);
        assert_eq!(
            outcome.problems, [""; 0],
            "{role} {name} broke its protocol"
        );
        assert_eq!(outcome.stale, [""; 0], "{role} {name}: lists are stale");
        println!(
            "{role} {name}: {} cases, {:.0?}",
            outcome.run.cases.len(),
            began.elapsed()
        );
        runs.push(outcome.run);
    }
    let suite = data.suite().expect("the files of the suite");
    Results {
        format: FORMAT,
        suite,
        started_s: 0,
        runs,
    }
}

/// Nothing failed, and nothing passed only when repeated.
fn no_failures(results: &Results, data: &Data) {
    let requirements = Requirements::read(data).expect("requirements.json");
    let bad = |status: Status| status.is_failure() || status == Status::Flaky;
    let mut failed = 0;
    for run in &results.runs {
        let count = run.cases.iter().filter(|case| bad(case.status)).count();
        if count > 0 {
            print!("{}", report(run, &requirements));
        }
        failed += count;
    }
    assert_eq!(failed, 0, "cases failed; they are printed above");
}

/// The gate is open: what the tests show is shown by this very `cargo test --workspace`.
fn no_must_is_left(results: &Results, root: &Path) {
    let report = trace::run(&Project::at(root), Mode::Check).expect("the specification");
    let gate = gate::judge(&report, results, &TestLog::same_command());
    for finding in report.findings.iter().chain(&gate.findings) {
        println!("{finding}");
    }
    assert_eq!(
        report.findings.len() + gate.findings.len(),
        0,
        "findings are printed above"
    );
}

/// Two results files are the same; what differs is printed.
fn same(first: &Results, second: &Results) {
    for (first, second) in first.runs.iter().zip(&second.runs) {
        let role = first.role.name();
        for (one, other) in first.cases.iter().zip(&second.cases) {
            if one != other {
                println!("{role}: first {one:#?}\nthen {other:#?}");
            }
        }
        assert!(
            first == second,
            "the {role} suite gave other results in a second run"
        );
    }
    assert_eq!(first.suite, second.suite);
    assert_eq!(first.runs.len(), second.runs.len());
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a suite takes is printed"
)]
fn now() -> Instant {
    Instant::now()
}
