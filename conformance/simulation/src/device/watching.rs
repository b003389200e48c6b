//! What an application makes of presence and profiles.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::{Client, Presence};
use eim_codec::id::UserId;
use eim_codec::payload::PresenceState;

use super::DeviceNode;
use super::questions::failed;
use crate::observation::{Process, Question, Reply};

/// What the applications of a device see of others, by process.
pub(super) type Watchings = BTreeMap<u32, Watching>;

/// Whom the application of one process watches, and how it saw them last.
#[derive(Debug, Default)]
pub(super) struct Watching {
    watched: BTreeSet<UserId>,
    /// It asked and unasked at a time: either may have come last.
    unsure: BTreeSet<UserId>,
    /// Questions that are not answered, and whether several were so at a time.
    asked: BTreeMap<UserId, (u32, bool)>,
    seen: BTreeMap<UserId, PresenceState>,
}

impl Watching {
    fn begin(&mut self, users: &[UserId]) {
        for user in users {
            let (count, several) = self.asked.entry(*user).or_default();
            *count += 1;
            *several |= *count > 1;
        }
    }

    fn end(&mut self, users: &[UserId], watch: bool, reply: &Reply) {
        let done = matches!(reply, Reply::Presences(_) | Reply::Done);
        for user in users {
            let (count, several) = self.asked.entry(*user).or_default();
            *count = count.saturating_sub(1);
            let unclear = *several || !done;
            *several &= *count > 0;
            if done && watch {
                self.watched.insert(*user);
            } else if done {
                self.watched.remove(user);
            }
            if !unclear {
                self.unsure.remove(user);
            } else if !matches!(reply, Reply::Refused(_)) || *several {
                self.unsure.insert(*user);
            }
        }
    }
}

impl DeviceNode {
    /// The application asks; nothing has come of it.
    pub(super) fn watches(&self, process: Process, question: &Question) {
        if let Question::Watch { users, .. } = question {
            let mut watching = self.watching();
            watching
                .entry(process.incarnation)
                .or_default()
                .begin(users);
        }
    }

    /// The application has its answer.
    pub(super) fn watched(&self, process: Process, question: &Question, reply: &Reply) {
        if let Question::Watch { users, watch } = question {
            let mut watching = self.watching();
            let watching = watching.entry(process.incarnation).or_default();
            watching.end(users, *watch, reply);
        }
    }

    /// The application is told how users are.
    pub(super) fn shown(&self, process: Process, told: &[Presence]) {
        let mut watching = self.watching();
        let watching = watching.entry(process.incarnation).or_default();
        let seen = &mut watching.seen;
        seen.extend(told.iter().map(|presence| (presence.user, presence.state)));
    }

    /// Users whom the main program watches for certain, as it saw them last.
    #[must_use]
    pub fn watches_now(&self) -> Vec<(UserId, PresenceState)> {
        let number = self.lock().main;
        let watching = self.watching();
        let Some(watching) = watching.get(&number) else {
            return Vec::new();
        };
        let sure = watching.watched.difference(&watching.unsure);
        sure.map(|user| {
            let seen = watching.seen.get(user).copied();
            (*user, seen.unwrap_or_default())
        })
        .collect()
    }

    /// Reads the profiles that have changed since this device read them last.
    pub(super) async fn profiles(&self, client: &Client) -> Reply {
        let mut known = self.0.profiles.lock().await;
        if let Err(error) = client.profiles(&mut known).await {
            return failed(error);
        }
        let all = known.iter().filter_map(|profile| {
            let user = UserId::from_slice(&profile.user).ok()?;
            Some((user, profile.phone.clone(), profile.version))
        });
        Reply::Profiles(all.collect())
    }
}
