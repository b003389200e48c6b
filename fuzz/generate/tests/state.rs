//! The targets with a state, on inputs that are drawn: the same ones on every run. More of them:
//! `eim-fuzz-generate soak`.

use std::path::Path;

use eim_fuzz_generate::{committed, soak};
use eim_fuzz_oracles::target;

fn soak(name: &str, runs: u64) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let known = committed::read(&fuzz, "seeds", name).unwrap();
    let target = target(name).unwrap();
    for number in 0..runs {
        let octets = soak::drawn(number, &known);
        let outcome = std::panic::catch_unwind(|| (target.run)(&octets));
        let again = format!("eim-fuzz-generate soak {name} --from {number} --runs 1");
        assert!(outcome.is_ok(), "{again}");
    }
}

#[test]
fn sessions_of_two_ends() {
    soak("session_pair", 250);
}

#[test]
fn a_server_and_any_peer() {
    soak("session_server", 2_000);
}

#[test]
fn a_client_and_any_peer() {
    soak("session_client", 2_000);
}

#[cfg(feature = "store")]
#[test]
fn the_store_and_its_model() {
    soak("store_ops", 250);
}
