//! Drift test: regenerates what is committed under `codec/src/gen` from `spec/` and compares.
//! `EIM_BLESS=1 cargo test -p eim-codec --test generated` overwrites it.

mod proto;
mod registry;
mod schema;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares, or overwrites when blessed. Committed files may have either kind of line end.
fn check(file: &str, generated: &str) {
    let path = repository().join("codec/src/gen").join(file);
    if std::env::var_os("EIM_BLESS").is_some() {
        std::fs::write(&path, generated).expect("the generated file can be written");
        return;
    }
    let committed = std::fs::read_to_string(&path).expect("the generated file is committed");
    assert!(
        committed.replace("\r\n", "\n") == generated,
        "{} is not what spec/ generates; run `EIM_BLESS=1 cargo test -p eim-codec --test generated`",
        path.display(),
    );
}

#[test]
fn protobuf_messages_are_current() {
    check(
        "eim.v1.rs",
        &proto::generate(&repository().join("spec/proto")),
    );
}

#[test]
fn registry_is_current() {
    check(
        "registry.rs",
        &registry::generate(&repository().join("spec/registry")),
    );
}
