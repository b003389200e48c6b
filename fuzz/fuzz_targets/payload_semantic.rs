#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eim_fuzz_oracles::payload_semantic::run(input));
