//! The world of one run.

mod life;

pub use self::life::{Life, Point, Trigger};
