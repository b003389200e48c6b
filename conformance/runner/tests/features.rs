//! The table of features in the README names chapters and cases that exist.

use std::path::PathBuf;
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// Cells of each row of the table: feature, chapter, cases, command.
fn rows() -> Vec<[&'static str; 4]> {
    let (_, table) = README.split_once("| feature |").expect("the table");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells
            .try_into()
            .unwrap_or_else(|cells| panic!("four cells: {cells:?}"))
    })
    .collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_feature_names_a_chapter_and_cases_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rows = rows();
    assert!(rows.len() > 10, "{rows:?}");
    for [feature, chapter, cases, _] in rows {
        if let Some((_, link)) = chapter.split_once("](") {
            let file = root.join(link.trim_end_matches(')'));
            assert!(file.is_file(), "{feature}: no {}", file.display());
            assert!(quoted(cases).next().is_some(), "{feature}: no cases");
        }
        for pattern in quoted(cases) {
            let listed = Command::new(env!("CARGO_BIN_EXE_eim-conformance"))
                .args(["list", "--short", pattern])
                .output()
                .expect("the suite runs");
            assert!(listed.status.success(), "{feature}: no case {pattern}");
            assert!(!listed.stdout.is_empty(), "{feature}: no case {pattern}");
        }
    }
}
