//! The world of one run.

mod life;
mod operator;
mod quiet;
mod recorder;
mod stage;
mod time;
mod trace;

pub use self::life::{Life, Point, Trigger, Within};
pub use self::recorder::{CommitTee, Recorded, Recorder};
pub use self::stage::World;
pub use self::time::{Randomness, WallClock, ms, now};
pub use self::trace::Trace;
