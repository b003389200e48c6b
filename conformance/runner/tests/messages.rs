//! What the verbs say to wrong input, in a folder far from any checkout: an exit code that means something, and what to
//! do next. That they work there at all shows that the binary carries its data.

use std::path::Path;
use std::process::Command;

/// Exit code, and everything printed.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_eim-conformance"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap(), said)
}

/// Arguments, the exit code, and words of what is said.
const WRONG: &[(&[&str], i32, &str)] = &[
    (&["codec"], 2, "init-testee --lang python"),
    (
        &["codec", "--only", "nope-*", "--", "cat"],
        2,
        "`eim-conformance list`",
    ),
    (
        &["codec", "--only", "frm-ping", "--", "./nothere"],
        3,
        "show --protocol codec",
    ),
    (
        &["codec", "--only", "frm-ping", "--", "cat"],
        3,
        "try it by hand",
    ),
    (
        &["codec", "--known-failing", "list", "--", "cat"],
        2,
        "pattern # reason",
    ),
    (
        &["codec", "--known-failing", "gone", "--", "cat"],
        2,
        "gone: ",
    ),
    (&["server"], 2, "--launch <CMD>"),
    (
        &["server", "--target", "127.0.0.1:1"],
        2,
        "--accounts <FILE>",
    ),
    (
        &["server", "--launch", "./nothere", "--only", "srv-seq-gap"],
        3,
        "show --protocol server",
    ),
    (&["client"], 2, "--launch <CMD>"),
    (
        &["client", "--only", "cli-frm-*", "--", "./nothere"],
        3,
        "show --protocol client",
    ),
    (&["matrix"], 2, "matrix FILE"),
    (&["matrix", "gone.toml"], 2, "gone.toml: "),
    (&["list", "nope-*"], 2, "`list --short`"),
    (&["show", "frm-pong"], 2, "perhaps frm-ping"),
    (&["show"], 2, "CASE"),
    (
        &["explain", "EIM-FRM-999"],
        2,
        "the last of EIM-FRM is EIM-FRM-",
    ),
    (&["explain", "header"], 2, "ids look like"),
    (&["replay", "frm-ping"], 2, "init-testee --lang python"),
    (&["replay", "frm-pong", "--", "cat"], 2, "perhaps frm-ping"),
    (&["report", "bad.json"], 2, "no results file"),
    (&["self-test"], 2, "--root FOLDER"),
    (&["trace"], 2, "--root FOLDER"),
    (
        &["init-testee", "--lang", "cobol"],
        2,
        "python, node, go, java, c",
    ),
    (&["frobnicate"], 2, "--help"),
];

#[test]
fn wrong_input_is_told_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), "frm-ping\n").unwrap();
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
    for (arguments, code, hint) in WRONG {
        let (got, said) = run(folder.path(), arguments);
        assert_eq!(got, *code, "{arguments:?}: {said}");
        assert!(
            said.contains(hint),
            "{arguments:?} does not say {hint:?}: {said}"
        );
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_needs_no_checkout_works_without_one() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, shown) in [
        (&["--help"][..], "Exit codes: 0 passed"),
        (&["list", "frm-ping"], "a PING with token 1"),
        (&["show", "frm-ping", "srv-seq-gap"], "version = 1"),
        (
            &["show", "--protocol", "client"],
            "# The launch protocol for clients",
        ),
        (&["explain", "EIM-FRM-012"], "chapter   spec/10-framing.md"),
        (&["init-testee", "--lang", "go"], "go build"),
    ] {
        let (code, said) = run(folder.path(), arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert!(
            said.contains(shown),
            "{arguments:?} does not show {shown:?}: {said}"
        );
    }
    assert!(folder.path().join("eim-testee-go/go.mod").is_file());
}
