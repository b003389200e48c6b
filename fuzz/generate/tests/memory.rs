//! What the targets say about memory: with an allocator that counts, one input after another. Alone in its
//! program, since everything that runs beside would be counted too.

use std::alloc::System;
use std::path::Path;

use eim_conformance::data::Data;
use eim_fuzz_generate::{committed, seeds, soak};
use eim_fuzz_oracles::{meter, target};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn nothing_asks_for_more_than_it_may() {
    assert!(meter::counts());
    let data = Data::Checkout(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    for name in ["frame_decode", "decompress_limits"] {
        let target = target(name).unwrap();
        let inputs = seeds::of(name, &data).unwrap();
        assert!(inputs.len() > 500, "{name}: {} inputs", inputs.len());
        for input in &inputs {
            (target.run)(&input.octets);
        }
    }
    // What a connection keeps is measured when it goes.
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["session_client", "session_server"] {
        let target = target(name).unwrap();
        let known = committed::read(&fuzz, "seeds", name).unwrap();
        for number in 0..300 {
            (target.run)(&soak::drawn(number, &known));
        }
    }
}
