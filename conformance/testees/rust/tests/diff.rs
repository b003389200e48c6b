//! `eim-conformance diff`: the codec agrees with itself, and one that lies is found out.

use std::path::Path;

use eim_conformance::codec::{Asker, CommandLine, Deadlines};
use eim_conformance::data::Data;
use eim_conformance::diff::{self, Options, Report};

const SEED: u64 = 20_260_731;

fn codec() -> CommandLine {
    let program = env!("CARGO_BIN_EXE_eim-testee").to_owned();
    CommandLine::of_words([program, "codec".to_owned()]).unwrap()
}

/// The codec, with one word of its replies exchanged.
#[cfg(unix)]
fn liar(word: &str, instead: &str) -> CommandLine {
    let program = Path::new(env!("CARGO_BIN_EXE_eim-testee")).display();
    let script = format!("'{program}' codec | sed -u 's/{word}/{instead}/'");
    CommandLine::of_words(["sh", "-c", &script].map(str::to_owned)).unwrap()
}

fn compare(commands: [CommandLine; 2], count: u64) -> (Vec<Asker>, Report) {
    let mut testees: Vec<Asker> = commands
        .into_iter()
        .map(|command| Asker::open(command, Deadlines::default()).unwrap())
        .collect();
    let options = Options {
        corpus: None,
        seed: SEED,
        count,
        time: None,
    };
    let report = diff::run(&mut testees, &Data::Embedded, &options, |_| {}).unwrap();
    (testees, report)
}

#[test]
fn the_codec_agrees_with_itself() {
    let (_, report) = compare([codec(), codec()], 1000);
    assert_eq!(report.entries, 1000);
    assert!(report.found.is_empty(), "seed {SEED}: {:?}", report.found);
    // Mutations are neither all broken at once nor all harmless.
    assert!(report.agreed.len() > 8, "{:?}", report.agreed);
}

#[cfg(unix)]
#[test]
fn a_wrong_code_is_found_and_made_small() {
    let liar = liar("PAYLOAD_TOO_LARGE", "INVALID_TYPE");
    let (testees, report) = compare([codec(), liar], 1000);
    let found = report.found.first().expect("a disagreement");
    assert_eq!(found.small.octets.len(), 11, "one header: {found:?}");
    let candidate = found.candidate(&testees, SEED);
    assert_eq!(candidate["source"], "fuzz");
    assert_eq!(
        candidate["case"]["expect"]["reject"]["code"],
        "PAYLOAD_TOO_LARGE"
    );
}
