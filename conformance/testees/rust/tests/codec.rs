//! All vectors against the reference codec.

use std::path::PathBuf;

use eim_conformance::codec::{self, CommandLine, Options};
use eim_conformance::data::Data;
use eim_conformance::report::terminal::{Requirements, report};
use eim_conformance::results::Status;
use eim_conformance::vectors::{Case, load};

#[test]
fn the_reference_codec_passes_every_vector() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let data = Data::Checkout(root);
    let files = load(&data).expect("vectors");
    let cases: Vec<&Case> = files.iter().flat_map(|loaded| &loaded.file.cases).collect();
    let words = [env!("CARGO_BIN_EXE_eim-testee"), "codec"].map(str::to_owned);
    let command = CommandLine::of_words(words).expect("a command");
    let tested = codec::test(&cases, &Options::new(command), &|_| {}).expect("the testee runs");
    assert_eq!(tested.problems, [""; 0]);
    let passed = |status| status == Status::Passed;
    if !tested.run.cases.iter().all(|case| passed(case.status)) {
        let requirements = Requirements::read(&data).expect("requirements");
        panic!("{}", report(&tested.run, &requirements));
    }
}
