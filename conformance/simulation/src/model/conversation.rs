//! One conversation as its own log describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{FanOut, MembershipBody, MembershipChange, ModeBody, Role, is_modifier};
use eim_codec::registry::FrameType;
use eim_server::store::Entry;
use prost::Message as _;

use super::governed::Governed;
use super::operated::Operated;

/// A conversation, entry by entry.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The log; number n is at index n - 1.
    pub entries: Vec<Arc<Entry>>,
    /// Members after the last entry, with the number of the entry that added each.
    pub members: BTreeMap<UserId, Member>,
    /// What each user may ever have read: from, through (the latter open while a member).
    pub spans: BTreeMap<UserId, Vec<(u64, Option<u64>)>>,
    /// Name of a group.
    pub name: String,
    /// What is decided about a group.
    pub governed: Governed,
    /// Last change of each user who was ever a member of a group.
    pub changes: BTreeMap<UserId, u64>,
    /// Opened by a message, not by SETTINGS.
    pub direct: bool,
    /// The log of one user, opened by CONTACT.
    pub personal: bool,
    /// Number of MODE: entries after it are read from the log.
    pub mode: Option<u64>,
    /// What operations have made of messages.
    pub operated: BTreeMap<u64, Operated>,
    /// Entries that are erased now, as they were before.
    pub erased: BTreeMap<u64, Arc<Entry>>,
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its role.
    pub role: Role,
    /// Number of the entry that added it.
    pub joined_at: u64,
    /// Number of the entry that changed it last.
    pub changed_at: u64,
    /// Until when it may not send; 0 for not.
    pub muted_until_ms: u64,
}

/// What an entry does to its conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Whose timelines it belongs to.
    pub readers: BTreeSet<UserId>,
    /// Why nobody was allowed to write it; empty when all is well.
    pub broken: Vec<String>,
    /// An operation of which nothing can be read: it was erased in its own batch.
    pub unseen: bool,
}

impl Conversation {
    /// Number of the last entry.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// An entry.
    #[must_use]
    pub fn entry(&self, conv_seq: u64) -> Option<&Arc<Entry>> {
        let index = usize::try_from(conv_seq.checked_sub(1)?).ok()?;
        self.entries.get(index)
    }

    /// Whether `user` may have read `conv_seq` at some time.
    #[must_use]
    pub fn may_hold(&self, user: UserId, conv_seq: u64) -> bool {
        self.spans.get(&user).is_some_and(|spans| {
            spans
                .iter()
                .any(|(from, through)| (*from..=through.unwrap_or(u64::MAX)).contains(&conv_seq))
        })
    }

    /// First and last number that `user` may read now.
    #[must_use]
    pub fn visible(&self, user: UserId) -> Option<(u64, u64)> {
        let (from, through) = *self.spans.get(&user)?.last()?;
        Some((from, through.unwrap_or_else(|| self.head())))
    }

    /// Takes over the next entry. `users` are all that exist.
    pub fn append(&mut self, entry: &Arc<Entry>, users: &BTreeSet<UserId>) -> Effect {
        let number = self.head() + 1;
        let mut effect = Effect::default();
        let large = self.mode.is_some();
        match entry.frame_type {
            FrameType::MODE => self.grow(number, entry, &mut effect),
            FrameType::SETTINGS => self.settings(number, entry, &mut effect),
            FrameType::MEMBERSHIP => self.membership(number, entry, &mut effect),
            FrameType::CONTACT => self.personal(number, entry, users, &mut effect),
            _ if number == 1 => self.open(entry, users, &mut effect),
            operation if is_modifier(operation) => {
                self.must_be_member(entry, &mut effect);
                self.may_send(entry, &mut effect);
                self.operate(number, entry, &mut effect);
            }
            _ => {
                self.must_be_member(entry, &mut effect);
                self.may_send(entry, &mut effect);
            }
        }
        if !large {
            effect.readers.extend(self.members.keys());
        }
        self.entries.push(Arc::clone(entry));
        effect
    }

    /// A direct conversation begins with its first message.
    fn open(&mut self, entry: &Entry, users: &BTreeSet<UserId>, effect: &mut Effect) {
        self.direct = true;
        let Some(sender) = entry.sender else {
            effect.broken.push("opened by nobody".to_owned());
            return;
        };
        let peer = users
            .iter()
            .find(|peer| ConversationId::direct(sender, **peer) == entry.conversation);
        let Some(peer) = peer else {
            let id = entry.conversation;
            effect
                .broken
                .push(format!("{id} is of no two users, {sender} among them"));
            return;
        };
        for user in [sender, *peer] {
            self.admit(user, 1, Role::Member);
        }
    }

    /// A personal log begins with the first change of contacts.
    fn personal(
        &mut self,
        number: u64,
        entry: &Entry,
        users: &BTreeSet<UserId>,
        effect: &mut Effect,
    ) {
        self.personal = true;
        let owner = users
            .iter()
            .find(|user| ConversationId::personal(**user) == entry.conversation);
        match owner {
            Some(owner) if number == 1 => self.admit(*owner, 1, Role::Member),
            Some(_) => {}
            None => effect
                .broken
                .push("CONTACT in the log of nobody".to_owned()),
        }
        if entry.sender.is_some() || entry.client_msg_id.is_some() {
            effect.broken.push("CONTACT of a user".to_owned());
        }
    }

    fn must_be_member(&self, entry: &Entry, effect: &mut Effect) {
        if self.personal {
            effect.broken.push("a message in a personal log".to_owned());
        }
        let sender = entry.sender;
        if !sender.is_some_and(|sender| self.members.contains_key(&sender)) {
            effect
                .broken
                .push(format!("sender {sender:?} is no member"));
        }
    }

    /// The group has grown, by the entry before this one, and is read from its log from the next
    /// one on.
    fn grow(&mut self, number: u64, entry: &Entry, effect: &mut Effect) {
        let read = ModeBody::decode(&entry.body[..]).map(|body| body.fan_out());
        let added = self.entries.last().and_then(|last| {
            (last.frame_type == FrameType::MEMBERSHIP)
                .then(|| MembershipBody::decode(&last.body[..]))
        });
        let grown = matches!(&added, Some(Ok(body)) if body.change() == MembershipChange::Added);
        let nobody = entry.sender.is_none() && entry.client_msg_id.is_none();
        if self.mode.is_some() || !grown || !nobody || read != Ok(FanOut::Read) {
            effect.broken.push(format!(
                "MODE {read:?} of {:?} after {added:?}, before it {:?}",
                entry.sender, self.mode
            ));
        }
        self.mode = Some(number);
    }

    pub(super) fn admit(&mut self, user: UserId, joined_at: u64, role: Role) {
        let member = Member {
            role,
            joined_at,
            changed_at: joined_at,
            muted_until_ms: 0,
        };
        self.members.insert(user, member);
        self.changes.insert(user, joined_at);
        let spans = self.spans.entry(user).or_default();
        if spans.last().is_none_or(|(_, through)| through.is_some()) {
            spans.push((joined_at, None));
        }
    }

    /// Ends a membership; the entry that does it is the last that the user may read.
    pub(super) fn dismiss(&mut self, user: UserId, number: u64, effect: &mut Effect) {
        self.members.remove(&user);
        self.changes.insert(user, number);
        if let Some((_, through)) = self.spans.get_mut(&user).and_then(|spans| spans.last_mut()) {
            *through = Some(number);
        }
        effect.readers.insert(user);
    }
}
