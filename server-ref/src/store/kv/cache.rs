//! What the commit loop keeps in memory, bounded: heads, members and standings of devices.
//!
//! Everything here can be read back from the engine once it is committed. Inside a batch the
//! cache runs ahead of the engine, so entries are let go between batches only.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role};

use super::marks::MarkKey;
use super::record::state::MarkRow;
use crate::store::{LogoutReason, NotifySettings, Policy, Service, TenantId};

/// A map that forgets what was not used for a while: two generations, no iteration.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    recent: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self {
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if !self.recent.contains_key(key) {
            let value = self.older.remove(key)?;
            self.recent.insert(*key, value);
        }
        self.recent.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.older.remove(&key);
        self.recent.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.older.remove(key);
        self.recent.remove(key);
    }

    /// Starts a generation when the recent one is full, and forgets the one before.
    pub(super) fn rotate(&mut self, capacity: usize) {
        if self.recent.len() > capacity {
            self.older = std::mem::take(&mut self.recent);
        }
    }
}

/// A member of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) joined_at: u64,
    /// Entry that changed it last.
    pub(super) changed_at: u64,
    /// Until when it may not send; 0 for not.
    pub(super) muted_until_ms: u64,
}

impl Member {
    /// A member as it joins.
    pub(super) const fn joined(user: UserId, role: Role, joined_at: u64) -> Self {
        Self {
            user,
            role,
            joined_at,
            changed_at: joined_at,
            muted_until_ms: 0,
        }
    }
}

/// What two users are to each other, as it matters to their direct conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Relation {
    /// One has blocked the other.
    pub(super) blocked: bool,
    /// They are contacts.
    pub(super) contacts: bool,
}

/// A conversation as the next entry finds it.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) kind: ConversationKind,
    pub(super) name: String,
    /// In user order.
    pub(super) members: Vec<Member>,
    /// How entries reach them.
    pub(super) fan_out: FanOut,
    /// Their ids, once they were asked for.
    audience: Option<Arc<[UserId]>>,
    pub(super) conv_seq: u64,
    pub(super) time_ms: u64,
    pub(super) countable: u64,
    /// Entries that mention everybody.
    pub(super) calls: u64,
    /// Of a direct conversation.
    pub(super) relation: Relation,
    /// Nobody sends or joins any more.
    pub(super) dissolved: bool,
    pub(super) policy: Policy,
    /// Until when plain members may not send; 0 for not.
    pub(super) muted_until_ms: u64,
    /// conv_seq of the announcement; 0 for none.
    pub(super) announced: u64,
    /// Users who wait to join.
    pub(super) waiting: u32,
    /// The members follow a department.
    pub(super) department: bool,
    /// Changes of all members are recorded by their numbers.
    pub(super) indexed: bool,
}

impl Conversation {
    pub(super) fn new(kind: ConversationKind, name: String) -> Self {
        Self {
            kind,
            name,
            members: Vec::new(),
            fan_out: FanOut::Write,
            audience: None,
            conv_seq: 0,
            time_ms: 0,
            countable: 0,
            calls: 0,
            relation: Relation::default(),
            dissolved: false,
            policy: Policy::default(),
            muted_until_ms: 0,
            announced: 0,
            waiting: 0,
            department: false,
            indexed: true,
        }
    }

    pub(super) fn member(&self, user: UserId) -> Option<&Member> {
        let at = self.position(user).ok()?;
        self.members.get(at)
    }

    /// All members, for one entry that is read from the log; `None` with write fan-out. Shared by
    /// all entries until the members change.
    pub(super) fn audience(&mut self) -> Option<Arc<[UserId]>> {
        if self.fan_out != FanOut::Read {
            return None;
        }
        let users = || self.members.iter().map(|member| member.user).collect();
        Some(Arc::clone(self.audience.get_or_insert_with(users)))
    }

    /// Adds or replaces a member.
    pub(super) fn put(&mut self, member: Member) {
        self.audience = None;
        match self.position(member.user) {
            Ok(at) => self.members[at] = member,
            Err(at) => self.members.insert(at, member),
        }
    }

    pub(super) fn remove(&mut self, user: UserId) {
        if let Ok(at) = self.position(user) {
            self.audience = None;
            self.members.remove(at);
        }
    }

    fn position(&self, user: UserId) -> Result<usize, usize> {
        self.members
            .binary_search_by(|member| member.user.cmp(&user))
    }
}

/// A timeline as the next reference finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    pub(super) head: u64,
    /// The chunk that the batch under way adds, valid for the batch of this number.
    pub(super) slot: (u64, usize),
}

/// A user with devices that have a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notified {
    /// Each with its service.
    pub(super) devices: Vec<(DeviceId, Service)>,
    pub(super) settings: NotifySettings,
}

/// Whether a connection of a device may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Generation of the newest connection; 0 when the device is unknown.
    pub(super) generation: u64,
    pub(super) logged_out: Option<LogoutReason>,
}

/// All caches of one store.
#[derive(Debug, Default)]
pub(super) struct Caches {
    pub(super) conversations: Cache<(TenantId, ConversationId), Conversation>,
    pub(super) timelines: Cache<(TenantId, UserId), Timeline>,
    pub(super) standings: Cache<(TenantId, UserId, DeviceId), Standing>,
    pub(super) marks: Cache<MarkKey, MarkRow>,
    /// Whom notifications concern; `None` for users without a target.
    pub(super) notified: Cache<(TenantId, UserId), Option<Arc<Notified>>>,
    /// Members in the recent generation of conversations.
    members: usize,
}

impl Caches {
    /// Counts members that were loaded or added, so that large groups fill the cache sooner.
    pub(super) const fn count_members(&mut self, members: usize) {
        self.members += members;
    }

    /// Called between batches.
    pub(super) fn rotate(&mut self, capacity: usize) {
        let capacity_of_members = capacity.saturating_mul(8);
        if self.members > capacity_of_members {
            self.conversations.rotate(0);
            self.members = 0;
        }
        self.conversations.rotate(capacity);
        self.timelines.rotate(capacity);
        self.standings.rotate(capacity);
        self.marks.rotate(capacity);
        self.notified.rotate(capacity);
    }
}
