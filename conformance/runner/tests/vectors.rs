//! The vectors: form, lint, generators, manifest; and that the lint finds what it is for.

use std::collections::BTreeSet;

use eim_conformance::data::Data;
use eim_conformance::vectors::generate;
use eim_conformance::vectors::lint::{CASES, DISTINCT, Knowledge, lint};
use eim_conformance::vectors::load::{FOLDER, Loaded, cases, load};
use eim_conformance::vectors::manifest::{MANIFEST, Manifest};
use eim_conformance::vectors::model::{Depth, Test};
use serde_json::{Value, json};

const SCHEMA: &str = "conformance/schema/vectors.v1.schema.json";

fn checkout() -> Data {
    Data::Checkout(concat!(env!("CARGO_MANIFEST_DIR"), "/../..").into())
}

fn schema() -> Value {
    serde_json::from_str(&checkout().read(SCHEMA).unwrap()).unwrap()
}

#[test]
fn every_file_keeps_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for Loaded { path, .. } in load(&checkout()).unwrap() {
        let file: Value = serde_json::from_str(&checkout().read(&path).unwrap()).unwrap();
        let found: Vec<String> = validator
            .iter_errors(&file)
            .take(3)
            .map(|error| format!("{}: {error:.300}", error.instance_path()))
            .collect();
        assert!(found.is_empty(), "{path}: {found:#?}");
    }
}

/// Changes to a sound file that neither the schema nor the model may let pass.
#[test]
fn schema_and_model_refuse_the_same() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let of = |name: &str| {
        let text = checkout().read(&format!("{FOLDER}/{name}.json")).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        file["cases"].as_array_mut().unwrap().truncate(1);
        file
    };
    let add = |at: &str, key: &'static str| (at.to_owned(), key, json!(1));
    let samples = [
        (
            "header/types",
            vec![
                add("", "more"),
                add("/cases/0", "more"),
                add("/cases/0", "steps"),
                add("/cases/0/about", "more"),
                add("/cases/0/input/0", "more"),
                add("/cases/0/expect", "octets"),
                add("/cases/0/expect/reject", "more"),
                add("/generator", "more"),
            ],
        ),
        (
            "framing/compression",
            vec![
                add("/cases/0/expect/frames/0", "more"),
                add("/flags/OffByOneLimit", "more"),
            ],
        ),
        (
            "encode/frames",
            vec![
                add("/cases/0", "input"),
                add("/cases/0/frame", "version"),
                add("/cases/0/expect", "frames"),
            ],
        ),
        (
            "flow/stories",
            vec![
                add("/cases/0", "frame"),
                add("/cases/0/start", "more"),
                add("/cases/0/steps/0", "more"),
                add("/cases/0/expect", "more"),
                add("/cases/0/expect/steps/0", "more"),
            ],
        ),
        (
            "derive/identity",
            vec![
                add("/cases/0", "config"),
                add("/cases/0", "canonical"),
                add("/cases/0/expect", "more"),
            ],
        ),
    ];
    for (name, changes) in samples {
        let sound = of(name);
        assert!(validator.is_valid(&sound), "{name}");
        assert!(serde_json::from_value::<eim_conformance::vectors::File>(sound.clone()).is_ok());
        for (at, key, value) in changes {
            let mut file = sound.clone();
            file.pointer_mut(&at).unwrap()[key] = value;
            assert!(
                !validator.is_valid(&file),
                "{name}{at}/{key}: the schema lets it pass"
            );
            let model = serde_json::from_value::<eim_conformance::vectors::File>(file);
            assert!(model.is_err(), "{name}{at}/{key}: the model lets it pass");
        }
    }
}

#[test]
fn the_lint_finds_nothing_and_there_is_enough() {
    let files = load(&checkout()).unwrap();
    let (findings, totals) = lint(&files, &Knowledge::load(&checkout()).unwrap());
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(
        totals.cases >= CASES && totals.distinct >= DISTINCT,
        "{totals}"
    );
    assert!(totals.untested.is_empty(), "{totals}");
}

#[test]
fn generated_files_are_current_and_bounded() {
    for (path, text) in generate::files(&checkout()).unwrap() {
        let there = checkout().read(&path).unwrap();
        assert!(
            there == text,
            "{path}: run `eim-conformance vectors generate`"
        );
        assert!(text.len() < 1_000_000, "{path} has {} octets", text.len());
    }
}

#[test]
fn the_manifest_is_current() {
    let files = load(&checkout()).unwrap();
    let (_, totals) = lint(&files, &Knowledge::load(&checkout()).unwrap());
    let manifest = Manifest::of(&checkout(), &files, &totals).unwrap();
    assert!(
        checkout().read(MANIFEST).unwrap() == manifest.text().unwrap(),
        "run `eim-conformance vectors manifest`"
    );
}

/// What the lint is for: each change has to be found, by a word of what is said about it.
#[test]
fn the_lint_finds_what_is_wrong() {
    let sound = load(&checkout()).unwrap();
    let knowledge = Knowledge::load(&checkout()).unwrap();
    let changed = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut files = sound.clone();
        let of = |loaded: &Loaded| loaded.file.cases.iter().position(|case| case.id == id);
        let (file, place) = files
            .iter_mut()
            .find_map(|loaded| of(loaded).map(|place| (loaded, place)))
            .unwrap();
        let mut case = serde_json::to_value(&file.file.cases[place]).unwrap();
        change(&mut case);
        file.file.cases[place] = serde_json::from_value(case).unwrap();
        lint(&files, &knowledge).0
    };
    let set = |at: &'static str, value: Value| {
        move |case: &mut Value| *case.pointer_mut(at).unwrap() = value.clone()
    };
    let samples: [(&str, Box<dyn Fn(&mut Value)>, &str); 17] = [
        (
            "typ-invalid-ff",
            Box::new(set("/id", json!("typ-invalid-00"))),
            "twice",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/id", json!("typ-new"))),
            "is gone",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/id", json!("Typ-FF"))),
            "lower-case",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/req/0", json!("EIM-FRM-999"))),
            "no requirement",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/req/0", json!("EIM-MSG-001"))),
            "not verified by vectors",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/level", json!("should"))),
            "is a must",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/kind", json!("valid"))),
            "kind",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/near", json!("typ-nothing"))),
            "there is no case",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/near", json!("typ-invalid-00"))),
            "has a fault itself",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/near", json!("frm-ping"))),
            "differs from",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/input/0/u8", json!(2))),
            "input_hex",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/expect/reject/code", json!("NO_SUCH"))),
            "no error code",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/expect/reject/stage", json!("length"))),
            "another stage",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/expect/decide_by", json!(12))),
            "decide_by",
        ),
        (
            "typ-invalid-ff",
            Box::new(set("/about/class", json!("Upper"))),
            "class",
        ),
        ("cmp-lz4", Box::new(set("/requires", json!([]))), "requires"),
        (
            "flw-over",
            Box::new(set("/expect/steps/1", json!({}))),
            "closed",
        ),
    ];
    for (id, change, word) in samples {
        let findings = changed(id, &change);
        let found = findings.iter().any(|finding| finding.contains(word));
        assert!(found, "{id}: nothing about {word:?} in {findings:#?}");
    }
}

/// The ways that codec testees can be asked are all in use.
#[test]
fn every_operation_and_function_has_cases() {
    let files = load(&checkout()).unwrap();
    let all = cases(&files);
    let ops: BTreeSet<&str> = all.iter().map(|(_, case)| case.op()).collect();
    assert_eq!(ops.len(), 7, "{ops:?}");
    let functions: BTreeSet<&str> = all
        .iter()
        .filter_map(|(_, case)| match &case.test {
            Test::Derive(test) => Some(test.function.as_str()),
            _ => None,
        })
        .collect();
    let listed = schema();
    let listed = listed
        .pointer("/$defs/case/properties/function/enum")
        .unwrap()
        .clone();
    let listed: BTreeSet<String> = serde_json::from_value(listed).unwrap();
    assert!(
        functions
            .iter()
            .copied()
            .eq(listed.iter().map(String::as_str))
    );
    let deep = |depth| {
        all.iter()
            .any(|(_, case)| matches!(&case.test, Test::Decode(test) if test.depth == depth))
    };
    assert!(
        [
            Depth::Decode,
            Depth::Open,
            Depth::Message,
            Depth::Reassemble
        ]
        .into_iter()
        .all(deep)
    );
}
