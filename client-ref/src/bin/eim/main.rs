//! `eim`, the command line client.
fn main() {}
