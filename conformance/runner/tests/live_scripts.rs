//! The scripts themselves: their form, their rules, and their schema.

use std::collections::BTreeSet;
use std::path::PathBuf;

use eim_conformance::data::Data;
use eim_conformance::live::lint::Rules;
use eim_conformance::live::script::load;
use eim_conformance::results::Role;
use serde_json::Value;

fn checkout() -> Data {
    Data::Checkout(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.."))
}

fn schema() -> Value {
    let text = checkout()
        .read("conformance/schema/live.v1.schema.json")
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn scripts_keep_the_rules() {
    for role in [Role::Server, Role::Client] {
        let findings = Rules::check(&checkout(), role).unwrap();
        assert!(
            findings.is_empty(),
            "{} findings:\n{}",
            findings.len(),
            findings.join("\n")
        );
    }
}

#[test]
fn there_are_enough_cases() {
    let count = |role| -> usize {
        let sources = load(&checkout(), role).unwrap();
        sources.iter().map(|source| source.suite.cases.len()).sum()
    };
    assert!(count(Role::Server) >= 200);
    assert!(count(Role::Client) >= 60);
}

#[test]
fn ids_are_unique_over_both_roles() {
    let mut ids = BTreeSet::new();
    for role in [Role::Server, Role::Client] {
        for source in load(&checkout(), role).unwrap() {
            for case in source.suite.cases {
                assert!(ids.insert(case.id.clone()), "{} is used twice", case.id);
            }
        }
    }
}

#[test]
fn the_schema_names_all_steps() {
    let schema = schema();
    let listed: BTreeSet<String> = schema["$defs"]["step"]["anyOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["required"][0].as_str().unwrap().to_owned())
        .collect();
    let server = eim_conformance::server::verbs();
    let client = eim_conformance::client::suite::verbs();
    let known: BTreeSet<String> = server
        .names()
        .chain(client.names())
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, known);
}

/// The schema is for editors; serde is what refuses unknown keys. Both have to know the same ones.
#[test]
fn the_schema_knows_the_keys_of_all_scripts() {
    let schema = schema();
    let keys = |path: &str| -> BTreeSet<String> {
        let properties = schema.pointer(path).unwrap().as_object().unwrap();
        properties.keys().cloned().collect()
    };
    let file_keys = keys("/properties");
    let case_keys = keys("/$defs/case/properties");
    let mutant_keys = keys("/$defs/mutant/properties");
    for role in ["server", "client"] {
        for path in checkout()
            .files(&format!("conformance/live/{role}"), "json")
            .unwrap()
        {
            let file: Value = serde_json::from_str(&checkout().read(&path).unwrap()).unwrap();
            let used = |value: &Value, known: &BTreeSet<String>| {
                for key in value.as_object().unwrap().keys() {
                    assert!(known.contains(key), "{path}: the schema lacks {key}");
                }
            };
            used(&file, &file_keys);
            for case in file["cases"].as_array().unwrap() {
                used(case, &case_keys);
                for mutant in case["mutants"].as_array().unwrap() {
                    used(mutant, &mutant_keys);
                }
            }
        }
    }
}
