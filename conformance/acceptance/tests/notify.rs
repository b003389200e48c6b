//! A dead receiver in its small form, with the programs that were built beside it.

use std::process::Command;

#[test]
fn a_dead_receiver_loses_no_notification() {
    // `cargo test --workspace` builds them; for this package alone:
    // `cargo build -p eim-server -p eim-client` first.
    let mut command = Command::new(env!("CARGO_BIN_EXE_eim-acceptance"));
    let run = command.args(["notify", "--dead", "10"]).output().unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    let complaints = String::from_utf8_lossy(&run.stderr);
    println!("{printed}");
    assert!(run.status.success(), "{printed}\n{complaints}");
    assert!(printed.contains("nothing was lost"), "{printed}");
}
