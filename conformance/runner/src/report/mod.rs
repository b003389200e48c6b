//! Reports, all of them made from a results file.

pub mod files;
pub mod html;
pub mod junit;
pub mod markdown;
