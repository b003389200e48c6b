//! Reports, all of them made from a results file.

pub mod files;
pub mod hexdump;
pub mod html;
pub mod junit;
pub mod markdown;
pub mod terminal;
