//! The EIM reference server.
fn main() {}
