//! See `eim_fuzz_oracles::store_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| eim_fuzz_oracles::store_ops::run(octets));
