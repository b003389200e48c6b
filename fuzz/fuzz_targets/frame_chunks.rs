//! Any octets in any pieces: see `eim_fuzz_oracles::frame_chunks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eim_fuzz_oracles::frame_chunks(input));
