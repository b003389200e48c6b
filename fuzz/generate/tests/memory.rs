//! What the targets say about memory: with an allocator that counts, one input after another. Alone in its
//! program, since everything that runs beside would be counted too.

use std::alloc::System;
use std::path::Path;

use eim_conformance::data::Data;
use eim_fuzz_generate::seeds;
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
}
