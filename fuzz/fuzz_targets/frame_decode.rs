//! Any octets: see `eim_fuzz_oracles::frame_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| eim_fuzz_oracles::frame_decode(octets));
