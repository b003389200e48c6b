//! A sink that announces batches when they are durable, over an engine that said so earlier: what
//! is early then is the results only.

use std::sync::Arc;

use eim_server::store::{CommitSink, Committed, LoggedOut, Marked};
use tokio::sync::mpsc;

use super::early::Early;
use crate::world::Life;

/// What a batch announces.
enum Said {
    Commits(Vec<Committed>),
    LoggedOut(Vec<LoggedOut>),
    Marked(Vec<Marked>),
}

pub(super) struct LateSink {
    early: Arc<Early>,
    waiting: mpsc::UnboundedSender<(u64, Said)>,
}

impl LateSink {
    pub(super) fn new(next: Arc<dyn CommitSink>, early: Arc<Early>, life: &Life) -> Self {
        let (waiting, mut announcements) = mpsc::unbounded_channel::<(u64, Said)>();
        let engine = Arc::clone(&early);
        life.spawn(async move {
            while let Some((number, said)) = announcements.recv().await {
                engine.durable(number).await;
                match said {
                    Said::Commits(commits) => next.committed(&commits),
                    Said::LoggedOut(devices) => next.logged_out(&devices),
                    Said::Marked(marked) => next.marked(&marked),
                }
            }
        });
        Self { early, waiting }
    }
}

impl CommitSink for LateSink {
    fn committed(&self, commits: &[Committed]) {
        // Nobody listens once the process is over.
        let said = Said::Commits(commits.to_vec());
        let _ = self.waiting.send((self.early.said(), said));
    }

    fn marked(&self, marked: &[Marked]) {
        let said = Said::Marked(marked.to_vec());
        let _ = self.waiting.send((self.early.said(), said));
    }

    fn logged_out(&self, devices: &[LoggedOut]) {
        let said = Said::LoggedOut(devices.to_vec());
        let _ = self.waiting.send((self.early.said(), said));
    }
}
