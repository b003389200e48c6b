//! Embeds the specification's data and the cases, so that the binary works without a checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Folders and files below the project that the suite needs.
const EMBEDDED: [&str; 8] = [
    "spec",
    "conformance/schema",
    "conformance/vectors",
    "conformance/live",
    "conformance/history.md",
    "conformance/testees/codec.md",
    "conformance/testees/server.md",
    "conformance/testees/client.md",
];

fn main() {
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = manifest.join("../..").canonicalize().expect("the project");
    let mut table = String::from("&[\n");
    for place in EMBEDDED {
        let path = root.join(place);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut files = Vec::new();
        collect(&path, &mut files);
        files.sort();
        for file in files {
            let name = file.strip_prefix(&root).expect("below the root");
            let name = name.to_str().expect("UTF-8").replace('\\', "/");
            writeln!(
                table,
                "({name:?}, include_bytes!({:?})),",
                file.display().to_string()
            )
            .expect("a string grows");
        }
    }
    table.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("set by cargo"));
    std::fs::write(out.join("embedded.rs"), table).expect("OUT_DIR is writable");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a readable folder") {
            collect(&entry.expect("a readable entry").path(), files);
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
}
