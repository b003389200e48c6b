#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eim_fuzz_oracles::frame_chunks::run(input));
