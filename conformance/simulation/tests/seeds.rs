//! A few hundred runs; `eim-simulation run` does many more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use eim_simulation::plan::Plan;
use eim_simulation::run::run;

const SEEDS: u64 = 200;
const THREADS: usize = 2;

#[test]
fn nothing_is_violated() {
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    for violation in run(&Plan::generate(seed)).unwrap().violations {
                        let line = format!("eim-simulation replay {seed}: {violation}");
                        failed.lock().unwrap().push(line);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), Vec::<String>::new());
}
