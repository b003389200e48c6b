#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eim_fuzz_oracles::codec_diff::run(input));
