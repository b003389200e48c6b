//! A bot and its model in its small form, with the programs that were built beside it.

use std::process::Command;

// test[EIM-BOT-025]
#[test]
fn a_bot_answers_each_question_once() {
    // `cargo test --workspace` builds them; for this package alone:
    // `cargo build -p eim-server -p eim-client` first.
    let mut command = Command::new(env!("CARGO_BIN_EXE_eim-acceptance"));
    let run = command.args(["bot", "--questions", "3"]).output().unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    let complaints = String::from_utf8_lossy(&run.stderr);
    println!("{printed}");
    assert!(run.status.success(), "{printed}\n{complaints}");
    assert!(
        printed.contains("each of 9 questions got one answer")
            && printed.contains("used by hand, with its token"),
        "{printed}"
    );
}
