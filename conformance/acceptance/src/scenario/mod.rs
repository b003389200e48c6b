//! The runs.

pub(crate) mod bot;
pub(crate) mod day;
pub(crate) mod faults;
pub(crate) mod figures;
pub(crate) mod files;
mod group;
pub(crate) mod hostile;
mod judge;
pub(crate) mod large;
pub(crate) mod notify;
pub(crate) mod overload;
pub(crate) mod replay;

use std::path::PathBuf;

use crate::process::Programs;

/// What every run stands on.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// Programs under test.
    pub(crate) programs: Programs,
    /// Folder for everything the run writes.
    pub(crate) folder: PathBuf,
    /// Seed of random choices.
    pub(crate) seed: u64,
}
