//! See `eim_fuzz_oracles::session_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| eim_fuzz_oracles::session_client::run(octets));
