//! Whether the suite itself gets its turns.
//!
//! A case about time in which the suite stood still measures the machine and not the testee: what it sent late, or saw
//! late, is no verdict.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::clock;

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(20);

/// A beat this late is a stall: timers of scripts are at least twice as long as what they tolerate.
pub const STALL: Duration = Duration::from_millis(250);

/// Runs of a case after which the last one counts, stalled or not.
pub const MOST_RUNS: u32 = 10;

/// Stalls that are remembered.
const REMEMBERED: usize = 4096;

static STALLS: OnceLock<Mutex<VecDeque<(Instant, Duration)>>> = OnceLock::new();

/// The longest stall that ended after a moment. The first call begins to listen.
#[must_use]
pub fn longest_since(moment: Instant) -> Duration {
    let stalls = stalls().lock().unwrap_or_else(PoisonError::into_inner);
    let after = stalls.iter().filter(|(end, _)| *end >= moment);
    after.map(|(_, length)| *length).max().unwrap_or_default()
}

fn stalls() -> &'static Mutex<VecDeque<(Instant, Duration)>> {
    STALLS.get_or_init(|| {
        // Ends with the process.
        let _ = std::thread::Builder::new().spawn(beat);
        Mutex::default()
    })
}

fn beat() {
    loop {
        let began = clock::now();
        // Nobody unparks it; what wakes it too early is no stall.
        std::thread::park_timeout(BEAT);
        let end = clock::now();
        let late = end.saturating_duration_since(began).saturating_sub(BEAT);
        if late >= STALL {
            let mut stalls = stalls().lock().unwrap_or_else(PoisonError::into_inner);
            stalls.push_back((end, late));
            if stalls.len() > REMEMBERED {
                stalls.pop_front();
            }
        }
    }
}

/// How busy the machine is, for people.
#[must_use]
pub fn machine(since: Instant) -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let load = match load.is_empty() {
        true => "unknown".to_owned(),
        false => load.join(" "),
    };
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let stall = clock::ms(longest_since(since));
    format!(
        "load {load} on {processors} processors; the suite itself stood still for up to {stall} ms"
    )
}
