//! A file up and down with both sides killed on the way, in its small form.

use std::process::Command;

#[test]
fn a_file_survives_the_end_of_both_sides() {
    // As for the day of three devices: the programs have to be built.
    let mut command = Command::new(env!("CARGO_BIN_EXE_eim-acceptance"));
    command.args(["files", "--mib", "12", "--kills", "1", "--seconds", "0"]);
    let files = command.output().unwrap();
    let printed = String::from_utf8_lossy(&files.stdout);
    let complaints = String::from_utf8_lossy(&files.stderr);
    println!("{printed}");
    assert!(files.status.success(), "{printed}\n{complaints}");
    assert!(printed.contains("equal hashes after 4 kills"), "{printed}");
    assert!(printed.contains("a picture came upright"), "{printed}");
}
