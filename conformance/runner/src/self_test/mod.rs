//! The suite tested: faults are put into implementations, and each has to be noticed.

pub mod codec;
pub mod live;
pub mod score;
