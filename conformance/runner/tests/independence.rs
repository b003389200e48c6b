//! The suite is a second reading of the specification: it depends on no implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Implementations that the suite judges.
const JUDGED: [&str; 3] = ["eim-codec", "eim-server", "eim-client"];

#[test]
fn no_implementation_is_in_the_dependency_tree() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let nodes: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let dependencies = node["dependencies"].as_array().unwrap();
            (text(&node["id"]), dependencies.iter().map(text).collect())
        })
        .collect();
    let suite = names
        .iter()
        .find(|(_, name)| **name == "eim-conformance")
        .unwrap()
        .0;
    let mut reached = BTreeSet::new();
    let mut open = vec![*suite];
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(nodes[id].iter().copied());
        }
    }
    assert!(reached.len() > 20, "the tree was not followed");
    for id in reached {
        assert!(
            !JUDGED.contains(&names[id]),
            "eim-conformance depends on {}",
            names[id]
        );
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
