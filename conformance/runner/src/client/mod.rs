//! What is special about clients as testees: the suite is their server.
//!
//! - [`testee`]: the process of a testee, [`faults`] on its events.
//! - [`stage`]: what a case has beside connections: testees, listeners, the server's truth.
//! - [`listen`]: listeners and what dials them.
//! - [`client_hello`]: what a TLS client offers.
//! - [`upgrade`]: the WebSocket handshake.
//! - [`world`]: the server's truth: accounts, sessions, conversations.
//! - [`answers`]: what the suite answers to requests by itself.
//! - [`steps`]: the second table of steps in `conformance/live/README.md`.
//! - [`person`]: a person as a testee.
//! - [`play`]: one case.
//! - [`probe`]: whether the testee has its turns.
//! - [`suite`]: all cases against a command.
//! - [`manual`]: cases that a person plays.

pub mod answers;
pub mod client_hello;
pub mod faults;
pub mod listen;
pub mod manual;
pub mod person;
pub mod play;
pub mod probe;
pub mod stage;
pub mod steps;
pub mod suite;
pub mod testee;
pub mod upgrade;
pub mod world;
