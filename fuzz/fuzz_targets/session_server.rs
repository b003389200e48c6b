//! See `eim_fuzz_oracles::session_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| eim_fuzz_oracles::session_server::run(octets));
