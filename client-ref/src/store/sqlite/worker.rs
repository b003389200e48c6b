//! The thread that owns the SQLite connection.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::outbox::Owner;
use crate::store::StoreError;

/// Jobs that share one transaction at most, so that no asker waits for too many others.
const JOBS_PER_TRANSACTION: usize = 64;

/// Told whether the transaction of the job was committed.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Work inside a transaction. An error rolls the transaction back, for all jobs in it.
pub(super) type Work =
    Box<dyn FnOnce(&Connection, &Owner) -> (Option<StoreError>, Reply) + Send + 'static>;

/// Work, and whether it writes: a transaction of readers alone never waits for another process.
pub(super) struct Job {
    pub(super) writes: bool,
    pub(super) work: Work,
}

/// Handle of the thread; dropping it finishes the jobs at hand and ends the thread.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<Mutex<Sender<Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(connection: Connection, owner: Owner) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("eim-store".to_owned())
            .spawn(move || run(&connection, &owner, &queue))?;
        Ok(Self {
            jobs: Some(Mutex::new(jobs)),
            thread: Some(thread),
        })
    }

    pub(super) fn submit(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        let jobs = jobs.lock().map_err(|_| StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported there; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, owner: &Owner, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let jobs = std::iter::once(first)
            .chain(std::iter::from_fn(|| queue.try_recv().ok()))
            .take(JOBS_PER_TRANSACTION)
            .collect();
        transact(connection, owner, jobs);
    }
}

/// Runs the jobs in one transaction and answers all of them after its end.
fn transact(connection: &Connection, owner: &Owner, jobs: Vec<Job>) {
    let mut replies = Vec::new();
    let begin = if jobs.iter().any(|job| job.writes) {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN"
    };
    let mut outcome = connection.execute_batch(begin).map_err(StoreError::from);
    for job in jobs {
        if outcome.is_err() {
            // Nothing can be done for it; dropping it reports a closed store.
            continue;
        }
        let (failed, reply) = (job.work)(connection, owner);
        replies.push(reply);
        if let Some(error) = failed {
            outcome = Err(error);
        }
    }
    let outcome = outcome.and_then(|()| Ok(connection.execute_batch("COMMIT")?));
    if outcome.is_err() {
        // After a failed BEGIN there is nothing to roll back, which is an error of no interest.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for reply in replies {
        reply(outcome.clone());
    }
}
