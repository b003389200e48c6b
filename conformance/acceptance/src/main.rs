//! Acceptance runs.
fn main() {}
