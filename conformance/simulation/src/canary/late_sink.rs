//! A sink that announces batches when they are durable, over an engine that said so earlier: what
//! is early then is the results only.

use std::sync::Arc;

use eim_server::store::{CommitSink, Committed};
use tokio::sync::mpsc;

use super::early::Early;
use crate::world::Life;

pub(super) struct LateSink {
    early: Arc<Early>,
    waiting: mpsc::UnboundedSender<(u64, Vec<Committed>)>,
}

impl LateSink {
    pub(super) fn new(next: Arc<dyn CommitSink>, early: Arc<Early>, life: &Life) -> Self {
        let (waiting, mut announcements) = mpsc::unbounded_channel::<(u64, Vec<Committed>)>();
        let engine = Arc::clone(&early);
        life.spawn(async move {
            while let Some((number, commits)) = announcements.recv().await {
                engine.durable(number).await;
                next.committed(&commits);
            }
        });
        Self { early, waiting }
    }
}

impl CommitSink for LateSink {
    fn committed(&self, commits: &[Committed]) {
        // Nobody listens once the process is over.
        let _ = self.waiting.send((self.early.said(), commits.to_vec()));
    }
}
