//! Users whose timelines are read by somebody who is no session.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use eim_codec::id::UserId;
use tokio::sync::Notify;

use crate::store::{Committed, TenantId};

/// Tells when the timeline of one of some users has grown.
#[derive(Debug, Default)]
pub struct Watch {
    /// There are such users: all that a commit costs where there are none.
    any: AtomicBool,
    users: RwLock<BTreeSet<(TenantId, UserId)>>,
    grown: Arc<Notify>,
}

impl Watch {
    /// From now on it is about these users.
    pub fn set(&self, users: BTreeSet<(TenantId, UserId)>) {
        self.any.store(!users.is_empty(), Ordering::Relaxed);
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = users;
    }

    /// Told when one of the timelines has grown.
    #[must_use]
    pub fn grown(&self) -> Arc<Notify> {
        Arc::clone(&self.grown)
    }

    /// Looks at what was committed.
    pub(super) fn committed(&self, commits: &[Committed]) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        let mut recipients = commits.iter().flat_map(|commit| {
            commit
                .recipients
                .iter()
                .map(|(user, _)| (commit.tenant, *user))
        });
        if recipients.any(|recipient| users.contains(&recipient)) {
            self.grown.notify_one();
        }
    }
}
