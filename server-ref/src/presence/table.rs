//! Who is there and who watches whom. Knows no clock and wakes nobody while it is locked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Waker;

use eim_codec::id::UserId;
use eim_codec::payload::PresenceState;

use super::{NotWatched, Shown};
use crate::hub::Mailbox;
use crate::store::TenantId;

pub(super) type Key = (TenantId, UserId);

/// Users who are gone and of whom it is known when they were here.
const REMEMBERED: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Table {
    people: HashMap<Key, Person>,
    /// Connected devices by the number of their mailbox.
    devices: HashMap<u64, Device>,
    /// Users who may have changed since the last tick.
    changed: BTreeSet<Key>,
    /// Connections that were not told everything.
    held: BTreeSet<u64>,
    seen: HashMap<Key, u64>,
    now_ms: u64,
}

#[derive(Debug)]
struct Device {
    mailbox: Arc<Mailbox>,
    background: bool,
    watches: BTreeSet<UserId>,
}

#[derive(Debug, Default)]
struct Person {
    devices: BTreeSet<u64>,
    away: bool,
    status: String,
    /// Connections with what they were told last; `None` before they are admitted.
    watchers: BTreeMap<u64, Option<Arc<Shown>>>,
}

impl Table {
    pub(super) fn enter(&mut self, mailbox: &Arc<Mailbox>) {
        let key = (mailbox.owner.tenant, mailbox.owner.user);
        let device = Device {
            mailbox: Arc::clone(mailbox),
            background: false,
            watches: BTreeSet::new(),
        };
        self.devices.insert(mailbox.id, device);
        let person = self.people.entry(key).or_default();
        person.devices.insert(mailbox.id);
        self.seen.remove(&key);
        self.changed.insert(key);
    }

    pub(super) fn leave(&mut self, mailbox: &Mailbox) {
        self.unwatch(mailbox.id, None);
        mailbox.forget_hints();
        self.devices.remove(&mailbox.id);
        self.held.remove(&mailbox.id);
        let key = (mailbox.owner.tenant, mailbox.owner.user);
        if let Some(person) = self.people.get_mut(&key) {
            person.devices.remove(&mailbox.id);
            if person.devices.is_empty() {
                person.away = false;
                person.status = String::new();
                self.remember(key);
            }
        }
        self.changed.insert(key);
        self.tidy(&key);
    }

    fn remember(&mut self, key: Key) {
        if self.seen.len() >= REMEMBERED {
            // The older half goes.
            let mut times: Vec<u64> = self.seen.values().copied().collect();
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied().unwrap_or(0);
            self.seen.retain(|_, at| *at > middle);
        }
        if self.now_ms > 0 {
            self.seen.insert(key, self.now_ms);
        }
    }

    fn tidy(&mut self, key: &Key) {
        let unused = |person: &Person| person.devices.is_empty() && person.watchers.is_empty();
        if self.people.get(key).is_some_and(unused) {
            self.people.remove(key);
        }
    }

    pub(super) fn background(&mut self, connection: u64, background: bool) {
        if let Some(device) = self.devices.get_mut(&connection) {
            device.background = background;
            let owner = device.mailbox.owner;
            self.changed.insert((owner.tenant, owner.user));
        }
    }

    pub(super) fn set(&mut self, key: Key, away: bool, status: String) {
        if let Some(person) = self.people.get_mut(&key)
            && !person.devices.is_empty()
        {
            person.away = away;
            person.status = status;
            self.changed.insert(key);
        }
    }

    pub(super) fn watch(
        &mut self,
        connection: u64,
        users: &[UserId],
        most: usize,
    ) -> Result<(), NotWatched> {
        let device = self.devices.get_mut(&connection);
        let device = device.ok_or(NotWatched::SendOnly)?;
        let new: BTreeSet<UserId> = users.iter().copied().collect();
        let more = new.difference(&device.watches).count();
        if device.watches.len().saturating_add(more) > most {
            return Err(NotWatched::Full);
        }
        let tenant = device.mailbox.owner.tenant;
        device.mailbox.unhint(&new);
        for user in new {
            device.watches.insert(user);
            let person = self.people.entry((tenant, user)).or_default();
            person.watchers.insert(connection, None);
        }
        Ok(())
    }

    pub(super) fn admit(&mut self, connection: u64, key: Key, may: bool) -> Arc<Shown> {
        if !may {
            self.remove_watch(connection, key);
            return Arc::default();
        }
        let shown = Arc::new(self.shown(&key));
        let person = self.people.get_mut(&key);
        // Gone if the connection is over, or was cut off meanwhile.
        match person.and_then(|person| person.watchers.get_mut(&connection)) {
            Some(told) => {
                *told = Some(Arc::clone(&shown));
                shown
            }
            None => Arc::default(),
        }
    }

    fn remove_watch(&mut self, connection: u64, key: Key) {
        if let Some(device) = self.devices.get_mut(&connection) {
            device.watches.remove(&key.1);
        }
        if let Some(person) = self.people.get_mut(&key) {
            person.watchers.remove(&connection);
        }
        self.tidy(&key);
    }

    pub(super) fn unwatch(&mut self, connection: u64, users: Option<&[UserId]>) {
        let Some(device) = self.devices.get_mut(&connection) else {
            return;
        };
        let tenant = device.mailbox.owner.tenant;
        let users: BTreeSet<UserId> = match users {
            Some(users) => users.iter().copied().collect(),
            None => device.watches.clone(),
        };
        device.mailbox.unhint(&users);
        for user in users {
            self.remove_watch(connection, (tenant, user));
        }
    }

    fn watching(&self, key: &Key, viewer: UserId) -> Vec<u64> {
        let watchers = self.people.get(key).map(|person| person.watchers.keys());
        let of_viewer = |id: &u64| {
            let device = self.devices.get(id);
            device.is_some_and(|device| device.mailbox.owner.user == viewer)
        };
        watchers
            .into_iter()
            .flatten()
            .copied()
            .filter(of_viewer)
            .collect()
    }

    pub(super) fn is_watched(&self, key: Key, viewer: UserId) -> bool {
        !self.watching(&key, viewer).is_empty()
    }

    pub(super) fn cut(&mut self, key: Key, viewer: UserId) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for id in self.watching(&key, viewer) {
            let person = self.people.get_mut(&key);
            let told = person.and_then(|person| person.watchers.remove(&id));
            if let Some(device) = self.devices.get_mut(&id) {
                device.watches.remove(&key.1);
                device.mailbox.unhint(&BTreeSet::from([key.1]));
                if told.flatten().is_some_and(|told| *told != Shown::default()) {
                    wakers.extend(device.mailbox.hint_presence(key.1, Arc::default()));
                }
            }
        }
        self.tidy(&key);
        wakers
    }

    pub(super) fn shown(&self, key: &Key) -> Shown {
        self.people
            .get(key)
            .map_or_else(Shown::default, |person| self.shows(person))
    }

    fn shows(&self, person: &Person) -> Shown {
        let mut devices = person.devices.iter();
        let foreground = |id: &u64| self.devices.get(id).is_some_and(|it| !it.background);
        let state = if person.devices.is_empty() {
            return Shown::default();
        } else if person.away || !devices.any(foreground) {
            PresenceState::Away
        } else {
            PresenceState::Online
        };
        let status = person.status.clone();
        Shown { state, status }
    }

    pub(super) fn last_seen(&self, key: &Key) -> Option<u64> {
        self.seen.get(key).copied()
    }

    pub(super) fn mailboxes(&self, key: &Key) -> impl Iterator<Item = &Arc<Mailbox>> {
        let devices = self.people.get(key).map(|person| &person.devices);
        devices
            .into_iter()
            .flatten()
            .filter_map(|id| self.devices.get(id))
            .map(|device| &device.mailbox)
    }

    pub(super) fn hold(&mut self, connection: u64) {
        self.held.insert(connection);
    }

    pub(super) fn begin_tick(&mut self, now_ms: u64) -> Vec<Waker> {
        self.now_ms = now_ms;
        let held = std::mem::take(&mut self.held);
        let device = |id: &u64| self.devices.get(id);
        held.iter()
            .filter_map(device)
            .filter_map(|device| device.mailbox.release_hints())
            .collect()
    }

    /// Tells what has changed of some users; `None` when nothing is left.
    pub(super) fn tell(&mut self, most: usize) -> Option<Vec<Waker>> {
        if self.changed.is_empty() {
            return None;
        }
        let mut wakers = Vec::new();
        for _ in 0..most {
            let Some(key) = self.changed.pop_first() else {
                break;
            };
            let shown = Arc::new(self.shown(&key));
            let Some(person) = self.people.get_mut(&key) else {
                continue;
            };
            for (id, told) in &mut person.watchers {
                if told.as_ref().is_some_and(|told| **told != *shown)
                    && let Some(device) = self.devices.get(id)
                {
                    *told = Some(Arc::clone(&shown));
                    wakers.extend(device.mailbox.hint_presence(key.1, Arc::clone(&shown)));
                }
            }
        }
        Some(wakers)
    }

    pub(super) fn load(&self) -> (usize, usize, usize) {
        let watches = self.devices.values().map(|device| device.watches.len());
        (self.people.len(), self.devices.len(), watches.sum())
    }
}
