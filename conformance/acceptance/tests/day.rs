//! The day of three devices in its small form, with the programs that were built beside it.

use std::process::Command;

#[test]
fn three_devices_end_the_day_equal() {
    // `cargo test --workspace` builds them; for this package alone:
    // `cargo build -p eim-server -p eim-client` first.
    let mut command = Command::new(env!("CARGO_BIN_EXE_eim-acceptance"));
    let day = command.args(["day", "--missed", "40"]).output().unwrap();
    let printed = String::from_utf8_lossy(&day.stdout);
    let complaints = String::from_utf8_lossy(&day.stderr);
    println!("{printed}");
    assert!(day.status.success(), "{printed}\n{complaints}");
    assert!(printed.contains("the three devices are equal"), "{printed}");
}
