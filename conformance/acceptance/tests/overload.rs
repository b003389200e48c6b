//! Overload in its small form, with the programs that were built beside it.

use std::process::Command;

#[test]
fn three_times_too_much_starves_nobody() {
    // `cargo test --workspace` builds them; for this package alone:
    // `cargo build -p eim-server -p eim-client` first.
    let mut command = Command::new(env!("CARGO_BIN_EXE_eim-acceptance"));
    let few = ["--heavy", "4", "--light", "2"];
    let short = ["--measure", "2", "--duration", "6", "--percent", "30"];
    let run = command.arg("overload").args(few).args(short);
    let run = run.output().unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    let complaints = String::from_utf8_lossy(&run.stderr);
    println!("{printed}");
    assert!(run.status.success(), "{printed}\n{complaints}");
    assert!(printed.contains("nobody was starved"), "{printed}");
}
