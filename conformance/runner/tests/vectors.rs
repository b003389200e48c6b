//! The vectors: form, lint, generators, manifest; and that the lint finds what it is for.

use std::collections::BTreeSet;

use eim_conformance::data::Data;
use eim_conformance::vectors::lint::{CASES, DISTINCT, Knowledge, lint};
use eim_conformance::vectors::load::{FOLDER, Loaded, cases, load};
use eim_conformance::vectors::manifest::{MANIFEST, Manifest};
use eim_conformance::vectors::model::{Depth, Test};
use eim_conformance::vectors::{File, generate};
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

/// Keys that do not belong: file, place, key.
const FOREIGN: [(&str, &str, &str); 21] = [
    ("header/types", "", "more"),
    ("header/types", "/cases/0", "more"),
    ("header/types", "/cases/0", "steps"),
    ("header/types", "/cases/0/about", "more"),
    ("header/types", "/cases/0/input/0", "more"),
    ("header/types", "/cases/0/expect", "octets"),
    ("header/types", "/cases/0/expect/reject", "more"),
    ("header/types", "/generator", "more"),
    ("framing/compression", "/cases/0/expect/frames/0", "more"),
    ("framing/compression", "/flags/OffByOneLimit", "more"),
    ("encode/frames", "/cases/0", "input"),
    ("encode/frames", "/cases/0/frame", "version"),
    ("encode/frames", "/cases/0/expect", "frames"),
    ("flow/stories", "/cases/0", "frame"),
    ("flow/stories", "/cases/0/start", "more"),
    ("flow/stories", "/cases/0/steps/0", "more"),
    ("flow/stories", "/cases/0/expect", "more"),
    ("flow/stories", "/cases/0/expect/steps/0", "more"),
    ("derive/identity", "/cases/0", "config"),
    ("derive/identity", "/cases/0", "canonical"),
    ("derive/identity", "/cases/0/expect", "more"),
];

/// Changes to a sound file that neither the schema nor the model may let pass.
#[test]
fn schema_and_model_refuse_the_same() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (name, at, key) in FOREIGN {
        let text = checkout().read(&format!("{FOLDER}/{name}.json")).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        file["cases"].as_array_mut().unwrap().truncate(1);
        assert!(validator.is_valid(&file), "{name}");
        assert!(
            serde_json::from_value::<File>(file.clone()).is_ok(),
            "{name}"
        );
        file.pointer_mut(at).unwrap()[key] = json!(1);
        assert!(
            !validator.is_valid(&file),
            "{name}{at}/{key}: the schema lets it pass"
        );
        let model = serde_json::from_value::<File>(file);
        assert!(model.is_err(), "{name}{at}/{key}: the model lets it pass");
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

/// Changes of one case (id, place, value as JSON), and a word of what the lint has to say.
const WRONG: [(&str, &str, &str, &str); 17] = [
    ("typ-invalid-ff", "/id", r#""typ-invalid-00""#, "twice"),
    ("typ-invalid-ff", "/id", r#""typ-new""#, "is gone"),
    ("typ-invalid-ff", "/id", r#""Typ-FF""#, "lower-case"),
    (
        "typ-invalid-ff",
        "/req/0",
        r#""EIM-FRM-999""#,
        "no requirement",
    ),
    (
        "typ-invalid-ff",
        "/req/0",
        r#""EIM-MSG-001""#,
        "not verified by vectors",
    ),
    ("typ-invalid-ff", "/level", r#""should""#, "is a must"),
    ("typ-invalid-ff", "/kind", r#""valid""#, "kind"),
    (
        "typ-invalid-ff",
        "/near",
        r#""typ-nothing""#,
        "there is no case",
    ),
    (
        "typ-invalid-ff",
        "/near",
        r#""typ-invalid-00""#,
        "has a fault itself",
    ),
    ("typ-invalid-ff", "/near", r#""frm-ping""#, "differs from"),
    ("typ-invalid-ff", "/input/0/u8", r#"2"#, "input_hex"),
    (
        "typ-invalid-ff",
        "/expect/reject/code",
        r#""NO_SUCH""#,
        "no error code",
    ),
    (
        "typ-invalid-ff",
        "/expect/reject/stage",
        r#""length""#,
        "another stage",
    ),
    ("typ-invalid-ff", "/expect/decide_by", r#"12"#, "decide_by"),
    ("typ-invalid-ff", "/about/class", r#""Upper""#, "class"),
    ("cmp-lz4", "/requires", r#"[]"#, "requires"),
    ("flw-over", "/expect/steps/1", r#"{}"#, "closed"),
];

#[test]
fn the_lint_finds_what_is_wrong() {
    let sound = load(&checkout()).unwrap();
    let knowledge = Knowledge::load(&checkout()).unwrap();
    for (id, at, value, word) in WRONG {
        let mut files = sound.clone();
        let case = files
            .iter_mut()
            .flat_map(|loaded| &mut loaded.file.cases)
            .find(|case| case.id == id)
            .unwrap();
        let mut changed = serde_json::to_value(&*case).unwrap();
        *changed.pointer_mut(at).unwrap() = serde_json::from_str(value).unwrap();
        *case = serde_json::from_value(changed).unwrap();
        let (findings, _) = lint(&files, &knowledge);
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
