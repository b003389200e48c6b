//! What is special about servers as testees: how they are started, their accounts, and how the
//! cases are spread over them.
//!
//! - [`launch`]: the launch protocol (`conformance/testees/server.md`).
//! - [`instance`]: a server with its accounts, started or given.
//! - [`plan`]: which cases run, on which server.
//! - [`probe`]: whether it has its turns.
//! - [`runner`]: all of them, side by side.

pub mod accounts;
mod features;
pub mod instance;
pub mod launch;
mod places;
pub mod plan;
pub mod probe;
pub mod runner;
pub mod setups;

use crate::live::step::Verbs;
use crate::live::steps::{COMMON, SERVER};

/// The steps that scripts for servers may have.
#[must_use]
pub fn verbs() -> Verbs {
    let families: Vec<_> = COMMON.into_iter().chain(SERVER).collect();
    Verbs::of(&families)
}
