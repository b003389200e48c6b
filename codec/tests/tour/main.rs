//! The tour of the specification: a whole session octet by octet, spoken by real connections.
//!
//! `EIM_BLESS=1` writes `spec/05-tour.md`; without it the test fails when the file differs.

mod annotate;
mod schema;
mod speakers;
mod story;

use std::path::Path;

#[test]
fn the_tour_is_what_connections_say() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let file = spec.join("05-tour.md");
    let tour = story::tell(&schema::Schema::load(&spec.join("proto")));
    if std::env::var_os("EIM_BLESS").is_some() {
        std::fs::write(&file, &tour).expect("the tour can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == tour,
        "spec/05-tour.md is not current: run this test with EIM_BLESS=1"
    );
}

#[test]
fn the_tour_is_the_same_every_time() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let schema = schema::Schema::load(&spec.join("proto"));
    assert_eq!(story::tell(&schema), story::tell(&schema));
}
