//! The verbs `codec`, `list`, `show` and `replay`: what they print, and with which code they end.

mod faulty;

use std::process::{Command, Output};

/// A case that the helper gets right.
const EASY: &str = "div-frame-and-half";

/// A case that is beyond the helper, which knows no types.
const HARD: &str = "frm-order-2";

fn suite(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eim-conformance"))
        .args(arguments)
        .output()
        .expect("the suite runs")
}

/// Runs `codec` with arguments, then the helper with others.
fn codec(arguments: &[&str], testee: &[&str]) -> Output {
    let program = faulty::program();
    let mut all = vec!["codec"];
    all.extend(arguments);
    all.extend(["--", &program]);
    all.extend(testee);
    suite(&all)
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}{errors}");
    for word in words {
        let said = text.contains(word) || errors.contains(word);
        assert!(said, "no {word} in:\n{text}{errors}");
    }
}

fn file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("known.txt");
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn what_passes_ends_with_0() {
    let words = ["codec faulty 1: 1 cases, 1 passed, 0 failed"];
    assert_ends(&codec(&["--only", EASY], &["none"]), 0, &words);
    let line = format!("'{}' none", faulty::program());
    assert_ends(
        &suite(&["codec", "--only", EASY, "--testee", &line]),
        0,
        &words,
    );
    let isolated = codec(
        &["--only", "div-header-*", "--isolate", "--jobs", "3"],
        &["none"],
    );
    assert_ends(&isolated, 0, &["0 failed"]);
}

#[test]
fn what_fails_ends_with_1_and_says_everything() {
    let output = codec(&["--only", HARD], &["none"]);
    let words = [
        "FAILED frm-order-2",
        "EIM-FRM-008 A receiver MUST examine the header in the order",
        "expected  no frame, then rejected with INVALID_TYPE (header)",
        "actual    ",
        "compression = 9",
        "replay    eim-conformance replay frm-order-2 -- ",
        "by hand   printf '%s\\n' '{\"id\":0,\"op\":\"decode\"",
        "1 cases, 0 passed, 1 failed",
    ];
    assert_ends(&output, 1, &words);
    let output = codec(&["--only", EASY], &["crash", EASY]);
    assert_ends(
        &output,
        1,
        &["CRASHED div-frame-and-half", "exit code 7", "1 CRASHED"],
    );
}

#[test]
fn results_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("results.json");
    let name = path.to_str().expect("UTF-8");
    let output = codec(&["--only", EASY, HARD, "--results", name], &["none"]);
    assert_ends(&output, 1, &[]);
    let text = std::fs::read_to_string(&path).expect("the results");
    let results: eim_conformance::results::Results = serde_json::from_str(&text).expect("results");
    let cases = &results.runs[0].cases;
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, [EASY, HARD]);
    let octets = &cases[1].log[1].octets;
    assert_eq!(octets[0].name, "version");
}

#[test]
fn wrong_usage_ends_with_2() {
    assert_ends(
        &codec(&["--only", "no-such-*"], &["none"]),
        2,
        &["no case of this suite fits no-such-*"],
    );
    assert_ends(
        &suite(&["codec", "--only", EASY]),
        2,
        &["no command for the testee"],
    );
    assert_ends(&suite(&["list", "no-such-*"]), 2, &["no case fits"]);
    assert_ends(
        &suite(&["show", "no-such-case"]),
        2,
        &["no case no-such-case"],
    );
    assert_ends(
        &suite(&["show", "frm-order"]),
        2,
        &["no case frm-order; perhaps ", "frm-order-1, frm-order-2"],
    );
    assert_ends(
        &suite(&["replay", "no-such-case", "--", "x"]),
        2,
        &["no case"],
    );
    let folder = tempfile::tempdir().expect("a folder");
    let list = file(&folder, HARD);
    let output = codec(&["--only", HARD, "--known-failing", &list], &["none"]);
    assert_ends(&output, 2, &["known.txt:1: frm-order-2 has no reason"]);
}

#[test]
fn a_testee_that_cannot_be_tested_ends_with_3() {
    assert_ends(
        &codec(&["--only", EASY], &["silent"]),
        3,
        &["exit code 9", "no mood"],
    );
    assert_ends(
        &suite(&["codec", "--", "no-such-program"]),
        3,
        &["no-such-program"],
    );
    assert_ends(
        &codec(&["--only", EASY], &["yes-man"]),
        3,
        &["what no testee has"],
    );
    assert_ends(
        &codec(&["--only", EASY], &["bad-bye"]),
        3,
        &["bye: ended with exit code 1"],
    );
}

#[test]
fn known_failures_end_with_0_and_stale_lines_with_4() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = file(
        &folder,
        "# types are not done\nfrm-order-* # no types yet\n",
    );
    let known = ["--known-failing", list.as_str(), "--only"];
    let output = codec(&[&known[..], &[HARD, EASY]].concat(), &["none"]);
    assert_ends(&output, 0, &["1 passed, 0 failed, 1 known failing"]);
    // One case of the pattern passes.
    let output = codec(&[&known[..], &[HARD, "frm-order-1"]].concat(), &["none"]);
    assert_ends(
        &output,
        4,
        &["stale: line 2: frm-order-*: frm-order-1 passes"],
    );
    let list = file(&folder, "gone-* # gone\n");
    let output = codec(&["--known-failing", &list, "--only", EASY], &["none"]);
    assert_ends(&output, 4, &["stale: line 1: gone-*: fits no case"]);
}

#[test]
fn flaky_cases_end_with_5_unless_they_are_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("marker");
    let testee = ["hang-once", EASY, marker.to_str().expect("UTF-8")];
    let quick = ["--only", EASY, "--deadline", "400"];
    assert_ends(
        &codec(&quick, &testee),
        5,
        &["FLAKY div-frame-and-half", "1 FLAKY"],
    );
    std::fs::remove_file(&marker).expect("the marker");
    let list = file(&folder, "div-* # slow machine\n");
    let known = [&quick[..], &["--known-flaky", &list]].concat();
    assert_ends(&codec(&known, &testee), 0, &["1 known flaky"]);
}

#[test]
fn cases_can_be_listed_by_requirement_area_and_role() {
    let by_requirement = suite(&["list", "--role", "codec", "--req", "EIM-FRM-008"]);
    assert_ends(&by_requirement, 0, &["frm-order-1", "EIM-FRM-008"]);
    let short = suite(&["list", "--short", "--area", "FRM", "frm-order-*"]);
    let ids = String::from_utf8_lossy(&short.stdout).into_owned();
    assert!(ids.lines().all(|id| id.starts_with("frm-order-")), "{ids}");
    assert_ends(
        &suite(&["list", "--role", "server", "--short"]),
        0,
        &["srv-"],
    );
}

#[test]
fn a_case_is_shown_with_its_requirement_and_octets() {
    let words = [
        "frm-order-2 (codec order, must, conformance/vectors/framing/",
        "EIM-FRM-008 A receiver MUST",
        "compression = 9",
        "expected  no frame, then rejected with INVALID_TYPE (header)",
    ];
    assert_ends(&suite(&["show", HARD]), 0, &words);
}

#[test]
fn a_case_is_replayed_with_what_is_exchanged() {
    let program = faulty::program();
    let replay = |id: &str, fault: &[&str]| {
        suite(&[&["replay", id, "--", program.as_str()], fault].concat())
    };
    let words = [
        "> {\"id\":1,\"op\":\"decode\"",
        "< {\"frames\":",
        "requests",
    ];
    assert_ends(&replay(EASY, &["none"]), 0, &words);
    assert_ends(
        &replay(HARD, &["none"]),
        1,
        &["not what was expected", "FAILED frm-order-2"],
    );
    let crashed = replay(EASY, &["crash", EASY]);
    assert_ends(
        &crashed,
        1,
        &["! the testee ended with exit code 7", "CRASHED"],
    );
    assert_ends(&replay(EASY, &["silent"]), 3, &["exit code 9"]);
}
