//! The testee with a fault.

use std::process::Command;
use std::sync::OnceLock;

/// The testee: an example, which cargo builds beside the tests unless only some targets were asked for.
#[must_use]
pub(crate) fn program() -> String {
    static BUILT: OnceLock<String> = OnceLock::new();
    let build = || {
        let mut path = std::env::current_exe().expect("a test has a path");
        path.pop();
        path.pop();
        let name = format!("faulty_codec{}", std::env::consts::EXE_SUFFIX);
        let path = path.join("examples").join(name);
        if !path.exists() {
            let built = Command::new(env!("CARGO"))
                .args([
                    "build",
                    "--package",
                    "eim-conformance",
                    "--example",
                    "faulty_codec",
                ])
                .status();
            assert!(built.expect("cargo runs").success());
        }
        path.to_str().expect("UTF-8").to_owned()
    };
    BUILT.get_or_init(build).clone()
}
