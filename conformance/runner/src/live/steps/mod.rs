//! The steps that both suites have: one file a family.

pub mod barrier;
pub mod bots;
pub mod connect;
pub mod control;
pub mod expect;
pub mod flow;
pub mod login;
pub mod replies;
pub mod resume;
pub mod send;
pub mod transport;
pub mod variables;

use super::step::Verb;

/// The families of steps on connections.
pub const COMMON: [&[Verb]; 7] = [
    barrier::VERBS,
    expect::VERBS,
    flow::VERBS,
    replies::VERBS,
    send::VERBS,
    transport::VERBS,
    variables::VERBS,
];

/// The families that only the server suite has: there the suite opens the connections.
pub const SERVER: [&[Verb]; 5] = [
    bots::VERBS,
    connect::VERBS,
    control::VERBS,
    login::VERBS,
    resume::VERBS,
];
