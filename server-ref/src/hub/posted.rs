//! From a commit into the mailboxes of those who hear of it.

use std::sync::Arc;

use eim_codec::id::UserId;

use super::mailbox::{Delivery, Encoded, Owner};
use super::{Online, Receives, Sessions};
use crate::store::Committed;

/// What was put into mailboxes.
#[derive(Default)]
pub(super) struct Posted {
    pub(super) wakers: Vec<std::task::Waker>,
    pub(super) pushes: u64,
    pub(super) lagged: u64,
}

impl Posted {
    pub(super) fn post(
        &mut self,
        commit: &Committed,
        user_seq: u64,
        encoded: Option<&Encoded>,
        sessions: &[Online],
    ) {
        let entry = &commit.entry;
        for session in sessions.iter().filter(|s| s.receives == Receives::Pushes) {
            let Owner { user, device, .. } = session.mailbox.owner;
            let delivery = Delivery {
                entry: Arc::clone(entry),
                user_seq,
                // impl[EIM-MSG-059, EIM-GRP-002]: changes of a group have no
                // client_msg_id and are pushed whole.
                echo: entry.sender_device == Some(device)
                    && entry.sender == Some(user)
                    && entry.client_msg_id.is_some(),
                encoded: encoded.cloned(),
            };
            let (waker, overflow) = session.mailbox.deliver(delivery);
            self.wakers.extend(waker);
            self.pushes += 1;
            self.lagged += u64::from(overflow);
        }
    }

    /// Posts an entry that is read from its log to the members who are online and have it not in
    /// their timelines. Members are many, and so are users who are online: the fewer of them are
    /// looked up among the others.
    // impl[EIM-LGR-006]
    pub(super) fn post_audience(&mut self, commit: &Committed, online: &Sessions) {
        let Some(audience) = &commit.audience else {
            return;
        };
        let in_timeline = |user: &UserId| {
            let found = commit.recipients.binary_search_by(|(it, _)| it.cmp(user));
            found.is_ok()
        };
        let encoded = Encoded::default();
        if audience.len() <= online.len() {
            for user in audience.iter().filter(|user| !in_timeline(user)) {
                if let Some(sessions) = online.get(&(commit.tenant, *user)) {
                    self.post(commit, 0, Some(&encoded), sessions);
                }
            }
            return;
        }
        let mut there: Vec<(UserId, &[Online])> = online
            .iter()
            .filter(|((tenant, user), _)| {
                *tenant == commit.tenant
                    && audience.binary_search(user).is_ok()
                    && !in_timeline(user)
            })
            .map(|((_, user), sessions)| (*user, &sessions[..]))
            .collect();
        // In an order of its own, not that of a table.
        there.sort_unstable_by_key(|(user, _)| *user);
        for (_, sessions) in there {
            self.post(commit, 0, Some(&encoded), sessions);
        }
    }
}
