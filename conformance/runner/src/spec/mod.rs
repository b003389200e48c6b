//! The chapters: requirements, and the rules they keep.

pub mod catalogue;
pub mod chapter;
pub mod finding;
pub mod keyword;
pub mod lint;
pub mod metadata;
pub mod number;
pub mod requirement;

pub use catalogue::catalogue;
pub use chapter::{Chapter, parse};
pub use finding::{Finding, Rule};
pub use requirement::{Level, Requirement, Role, Status, Verify};
