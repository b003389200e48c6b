//! Ends: those that the application asks for, and those that cannot be helped.

use std::time::Duration;

use tokio::sync::oneshot;

use super::staging::Staging;
use super::{Engine, Phase};
use crate::event::End;
use crate::store::StoreError;

/// How long an orderly end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// An orderly end under way.
pub(super) struct Closing {
    pub(super) told: Vec<oneshot::Sender<()>>,
    said_farewell: bool,
}

impl Engine {
    pub(super) fn close(&mut self, told: Option<oneshot::Sender<()>>) {
        let closing = self.closing.get_or_insert(Closing {
            told: Vec::new(),
            said_farewell: false,
        });
        closing.told.extend(told);
        self.commands.close();
        self.messages.close();
        // What was given to the client before it was closed is kept, room or not.
        while let Ok(outgoing) = self.messages.try_recv() {
            self.enqueue(*outgoing);
        }
    }

    /// Ends in order: first what is staged becomes durable and is told to the server.
    pub(super) fn go_on_closing(&mut self) {
        let Some(closing) = &mut self.closing else {
            return;
        };
        if self.committing.is_some() || !self.staging.is_empty() {
            return;
        }
        match &mut self.phase {
            Phase::Online(online) if online.is_open() => {
                if !closing.said_farewell {
                    closing.said_farewell = true;
                    online.driver.endpoint_mut().goaway(FAREWELL);
                }
            }
            Phase::Online(online) if online.closed.is_some() => {}
            _ => self.phase = Phase::Over,
        }
    }

    /// What has gathered since stands on what failed: a cursor over messages that are not there.
    // impl[EIM-CUR-001, EIM-SYN-014]
    pub(super) fn commit_failed(&mut self, error: &StoreError) {
        self.staging = Staging::default();
        self.store_failed(error);
    }

    pub(super) fn store_failed(&mut self, error: &StoreError) {
        // Nothing may be told to the server that is not durable: there is no way on.
        self.over(End::Store(error.to_string()));
    }

    /// The end, whatever was under way.
    pub(super) fn over(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.phase = Phase::Over;
    }
}
