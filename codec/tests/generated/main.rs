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

/// The dictionary is the one of the specification, which is the one of its registry.
#[test]
fn dictionary_is_current() {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};

    let spec = std::fs::read(repository().join("spec/dictionaries/zstd-dict-1"))
        .expect("the dictionary can be read");
    let copy = repository().join("codec/src/gen/zstd-dict-1");
    if std::env::var_os("EIM_BLESS").is_some() {
        std::fs::write(&copy, &spec).expect("the copy can be written");
    }
    assert_eq!(std::fs::read(copy).expect("the copy can be read"), spec);

    let registry = std::fs::read_to_string(repository().join("spec/registry/dictionaries.toml"))
        .expect("the registry can be read");
    let registry: toml::Table = toml::from_str(&registry).expect("the registry is TOML");
    let row = &registry["dictionary"][0];
    let hash = Sha256::digest(&spec)
        .iter()
        .fold(String::new(), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        });
    assert_eq!(row["sha256"].as_str(), Some(&*hash));
    assert_eq!(row["octets"].as_integer(), spec.len().try_into().ok());
    let id = u32::from_le_bytes(spec[4..8].try_into().unwrap());
    assert_eq!(row["id"].as_integer(), Some(id.into()));
}
