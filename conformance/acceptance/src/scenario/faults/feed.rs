//! The offered load: lines on the standard input of senders, at a rate that does not wait for
//! results (open loop). While a sender takes nothing, what is due adds up.

use std::io::Write as _;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{Clock, beside, pause};

/// How often due lines are written.
const STEP: Duration = Duration::from_millis(5);

/// Feeds one sender.
#[derive(Debug)]
pub(crate) struct Feed {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// A new process takes the lines from here.
    input: Mutex<Option<ChildStdin>>,
    over: AtomicBool,
    offered: AtomicU64,
}

impl Feed {
    /// Offers `rate` lines a second from now on, each unlike any other of any feed with another
    /// `name`, about `octets` long.
    pub(crate) fn start(name: String, rate: u64, octets: usize) -> Self {
        let shared = Arc::new(Shared {
            input: Mutex::new(None),
            over: AtomicBool::new(false),
            offered: AtomicU64::new(0),
        });
        let feeding = Feeding {
            shared: Arc::clone(&shared),
            name,
            rate,
            octets,
        };
        Self {
            shared,
            thread: Some(beside(move || feeding.run())),
        }
    }

    /// The sender's process is this one now.
    pub(crate) fn lead_to(&self, input: ChildStdin) {
        *self
            .shared
            .input
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(input);
    }

    /// Lines written so far. A sender that was killed may have died with some of them.
    pub(crate) fn offered(&self) -> u64 {
        self.shared.offered.load(Relaxed)
    }

    /// No more lines: the sender ends when everything is settled.
    pub(crate) fn finish(mut self) -> u64 {
        self.stop();
        self.offered()
    }

    fn stop(&mut self) {
        self.shared.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Feeding {
    shared: Arc<Shared>,
    name: String,
    rate: u64,
    octets: usize,
}

impl Feeding {
    fn run(self) {
        let clock = Clock::start();
        let mut number = 0;
        let mut input: Option<ChildStdin> = None;
        while !self.shared.over.load(Relaxed) {
            if let Some(new) = self.new_input() {
                input = Some(new);
            }
            let due = clock.ms().saturating_mul(self.rate) / 1000;
            if let Some(to) = &mut input
                && number < due
            {
                // A pipe takes them whole or the process is gone; a second's worth at most, so
                // that an end is not overlooked for long.
                let through = due.min(number + self.rate.max(1));
                let lines: String = (number..through).map(|at| self.line(at)).collect();
                match to.write_all(lines.as_bytes()) {
                    Ok(()) => {
                        self.shared.offered.fetch_add(through - number, Relaxed);
                        number = through;
                    }
                    // It was killed. What it had read and not sent is nobody's message.
                    Err(_) => {
                        number = through;
                        input = None;
                    }
                }
            }
            pause(STEP);
        }
    }

    fn new_input(&self) -> Option<ChildStdin> {
        self.shared
            .input
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn line(&self, number: u64) -> String {
        let mut line = format!("{} {number} ", self.name);
        while line.len() < self.octets {
            line.push(char::from(b'a' + (number % 26) as u8));
        }
        line.push('\n');
        line
    }
}
