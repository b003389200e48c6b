//! The independent codecs: their own tests pass, and what they generate from the specification is current.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Runs a command in a folder; what it printed is shown when it fails.
fn succeeds(folder: &Path, package: &str, command: &[&str]) {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}; install the Debian package {package}", command[0]));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{command:?}:\n{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn python_passes_its_own_tests() {
    let folder = project().join("conformance/testees/python");
    succeeds(&folder, "python3", &["python3", "-m", "unittest"]);
}

#[test]
fn javascript_passes_its_own_tests() {
    let folder = project().join("conformance/testees/javascript");
    let mut command = vec!["node", "--test"];
    let mut files: Vec<String> = fs::read_dir(folder.join("test"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".test.mjs"))
        .map(|name| format!("test/{name}"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    command.extend(files.iter().map(String::as_str));
    succeeds(&folder, "nodejs", &command);
}

/// The generator writes beside itself, so a copy of it writes into a folder of its own.
#[test]
fn tables_of_javascript_are_those_of_the_specification() {
    let codec = project().join("conformance/testees/javascript");
    let folder = tempfile::tempdir().unwrap();
    for name in ["tools", "eim"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let generator = "tools/generate.mjs";
    fs::copy(codec.join(generator), folder.path().join(generator)).unwrap();
    let spec = project().join("spec");
    succeeds(
        folder.path(),
        "nodejs",
        &["node", generator, spec.to_str().unwrap()],
    );
    for entry in fs::read_dir(folder.path().join("eim")).unwrap() {
        let name = entry.unwrap().file_name();
        let generated = fs::read_to_string(folder.path().join("eim").join(&name)).unwrap();
        let current = fs::read_to_string(codec.join("eim").join(&name)).unwrap();
        assert!(
            generated == current,
            "{} is not current: run `node tools/generate.mjs ../../../spec` in conformance/testees/javascript",
            name.display()
        );
    }
}
