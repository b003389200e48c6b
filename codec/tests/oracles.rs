//! The oracles of `fuzz/`, on stable: framing vectors, generated octets, and every input that
//! once broke something.

use std::path::{Path, PathBuf};

use eim_fuzz_oracles::{frame_chunks, frame_decode};
use proptest::collection::vec;
use proptest::prelude::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join(folder)).expect("the folder can be read");
    entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect()
}

#[test]
fn vectors_keep_every_invariant() {
    let mut inputs = 0;
    for path in files("conformance/vectors/framing") {
        let text = std::fs::read_to_string(&path).expect("the vectors can be read");
        let file: serde_json::Value = serde_json::from_str(&text).expect("vectors are JSON");
        for hex in file["cases"]
            .as_array()
            .expect("cases")
            .iter()
            .map(|case| &case["input_hex"])
        {
            let Some(hex) = hex.as_str() else { continue };
            let octet =
                |place| u8::from_str_radix(&hex[place..place + 2], 16).expect("hexadecimal");
            let octets: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
            frame_decode(&octets);
            frame_chunks(&[&[3, 0, 6, 10], octets.as_slice()].concat());
            inputs += 1;
        }
    }
    assert!(inputs >= 80, "{inputs} inputs");
}

#[test]
fn what_once_broke_stays_fixed() {
    for (folder, oracle) in [
        ("fuzz/regressions/frame_decode", frame_decode as fn(&[u8])),
        ("fuzz/regressions/frame_chunks", frame_chunks),
    ] {
        for path in files(folder) {
            oracle(&std::fs::read(path).expect("the input can be read"));
        }
    }
}

/// Octets in which headers are likely to be good.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let header = (
        prop_oneof![9 => Just(1_u8), 1 => any::<u8>()],
        prop_oneof![
            Just(0x20_u8),
            Just(0x10),
            Just(0x08),
            Just(0xE5),
            any::<u8>()
        ],
        any::<u32>(),
        prop_oneof![4 => Just(0_u8), 1 => 0_u8..6],
        vec(any::<u8>(), 0..40),
        prop_oneof![9 => Just(0_u32), 1 => any::<u32>()],
    );
    let frame = header.prop_map(
        |(version, frame_type, sequence, compression, payload, wrong)| {
            let length = u32::try_from(payload.len()).unwrap() ^ wrong;
            let head = [version, frame_type];
            [
                &head[..],
                &sequence.to_be_bytes(),
                &[compression],
                &length.to_be_bytes(),
                &payload,
            ]
            .concat()
        },
    );
    vec(frame, 0..6).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn any_octets(octets in prop_oneof![likely(), vec(any::<u8>(), 0..100)]) {
        frame_decode(&octets);
    }

    #[test]
    fn any_pieces(sizes in vec(any::<u8>(), 0..16), octets in likely()) {
        let count = u8::try_from(sizes.len()).unwrap();
        frame_chunks(&[&[count], sizes.as_slice(), octets.as_slice()].concat());
    }
}
