//! Every seed and every regression of every target, and octets that are likely to mean something:
//! what `fuzz/` knows, on stable and without a fuzzer.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eim_conformance::data::Data;
use eim_fuzz_generate::{committed, dictionary, seeds};
use eim_fuzz_oracles::{TARGETS, frame_chunks, frame_decode};
use proptest::collection::vec;
use proptest::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs an input and says which one it was when that panics.
fn run(target: &eim_fuzz_oracles::Target, kind: &str, input: &eim_fuzz_generate::Input) {
    let outcome = std::panic::catch_unwind(|| (target.run)(&input.octets));
    assert!(outcome.is_ok(), "{}: {kind} {}", target.name, input.name);
}

#[test]
fn seeds_keep_every_invariant() {
    let data = Data::Checkout(root());
    for target in TARGETS {
        let mut inputs = seeds::of(target.name, &data).unwrap();
        inputs.extend(committed::read(&root().join("fuzz"), "seeds", target.name).unwrap());
        assert!(!inputs.is_empty(), "{} has no seeds", target.name);
        for input in &inputs {
            run(target, "seed", input);
        }
    }
}

#[test]
fn what_once_broke_stays_fixed() {
    for target in TARGETS {
        for input in committed::read(&root().join("fuzz"), "regressions", target.name).unwrap() {
            run(target, "regression", &input);
        }
    }
}

#[test]
fn the_dictionary_is_that_of_the_registry() {
    let text = dictionary::text(&Data::Checkout(root())).unwrap();
    let path = root().join("fuzz").join(dictionary::PATH);
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        text == committed,
        "run: cargo run -p eim-fuzz-generate -- dictionary"
    );
}

/// A target is a module in `TARGETS`, a file of glue and an entry of the manifest, under one name.
#[test]
fn no_target_is_forgotten() {
    let names: BTreeSet<String> = TARGETS.iter().map(|it| it.name.to_owned()).collect();
    let fuzz = root().join("fuzz");
    let glue: BTreeSet<String> = std::fs::read_dir(fuzz.join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(glue, names, "files in fuzz_targets");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let listed: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"))
        .map(|rest| rest.trim_end_matches(".rs\"").to_owned())
        .collect();
    assert_eq!(listed, names, "binaries in fuzz/Cargo.toml");
    for kind in ["seeds", "regressions"] {
        for entry in std::fs::read_dir(fuzz.join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                name.starts_with('.') || names.contains(&name),
                "fuzz/{kind}/{name}"
            );
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
        frame_decode::run(&octets);
    }

    #[test]
    fn any_pieces(sizes in vec(any::<u8>(), 0..16), octets in likely()) {
        let count = u8::try_from(sizes.len()).unwrap();
        frame_chunks::run(&[&[count], sizes.as_slice(), octets.as_slice()].concat());
    }
}
