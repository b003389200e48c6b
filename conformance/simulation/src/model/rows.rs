//! What the server keeps beside its logs, to be compared with what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role};
use eim_server::store::GroupState;
use eim_server::store::kv::inspect::{Name, Record};

use super::contacts::{Listed, Lists};
use super::server::{Place, ServerChange};

/// A conversation and a user.
pub type Place2 = (ConversationId, UserId);

/// What the server keeps beside its logs.
#[derive(Debug, Default)]
pub struct Rows {
    /// Conversations.
    pub conversations: BTreeMap<ConversationId, ConversationRow>,
    /// Members.
    pub members: BTreeMap<Place2, MemberRow>,
    /// Lists of contacts.
    pub contacts: Lists,
    /// Role and visible range.
    pub memberships: BTreeMap<Place2, (Role, u64, u64)>,
    /// Announcements, and the entries that made them.
    pub announcements: BTreeMap<ConversationId, (u64, String)>,
    /// Invitations by group and hash: how many may use each, `None` for any number.
    pub invitations: BTreeMap<(ConversationId, [u8; 16]), (UserId, Option<u32>)>,
    /// Users who wait to join, and who has invited them.
    pub waiting: BTreeMap<Place2, UserId>,
    /// Members and former members by the entry that changed them last.
    pub changes: BTreeSet<(ConversationId, u64, UserId)>,
    /// Phone number, mail address and version of profiles.
    pub profiles: BTreeMap<UserId, (String, String, u64)>,
    /// Whose profile has a version.
    pub versions: BTreeMap<u64, UserId>,
    /// EDITs, RECALL, reactions with the numbers of their users, and PIN of messages.
    pub modified: BTreeMap<Place, ModifiedRow>,
    /// Reactions of a user to a message.
    pub reactions: BTreeMap<(Place, UserId), BTreeSet<String>>,
    /// Pinned messages, and their PINs.
    pub pins: BTreeMap<ConversationId, Vec<(u64, u64)>>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRow {
    /// Its kind.
    pub kind: ConversationKind,
    /// Name of a group.
    pub name: String,
    /// Number of members.
    pub members: u32,
    /// How entries reach them.
    pub fan_out: FanOut,
    /// What is decided about a group.
    pub group: GroupState,
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// Its role.
    pub role: Role,
    /// Number of the entry that added it.
    pub joined_at: u64,
    /// Number of the entry that changed it last.
    pub changed_at: u64,
    /// Until when it may not send; 0 for not.
    pub muted_until_ms: u64,
}

/// EDITs, RECALL, reactions with the numbers of their users, and PIN of a message.
pub type ModifiedRow = (Vec<u64>, u64, BTreeMap<String, u32>, u64);

impl Rows {
    pub(super) fn apply(&mut self, name: Name, record: Option<Record>, change: &mut ServerChange) {
        match name {
            Name::Conversation(_) | Name::Member(..) | Name::Membership(..) => {
                self.conversation(name, record, &mut change.touched);
            }
            Name::Modified(..) | Name::UserReactions(..) | Name::Pins(_) => {
                self.operated(name, record, &mut change.touched);
            }
            Name::Profile(_) | Name::ProfileVersion(_) | Name::Contact(..) => {
                self.person(name, record, change);
            }
            _ => self.group(name, record, &mut change.touched),
        }
    }

    fn conversation(
        &mut self,
        name: Name,
        record: Option<Record>,
        touched: &mut BTreeSet<ConversationId>,
    ) {
        match (name, record) {
            (
                Name::Conversation(id),
                Some(Record::Conversation {
                    kind,
                    name,
                    members,
                    fan_out,
                    group,
                }),
            ) => {
                touched.insert(id);
                let row = ConversationRow {
                    kind,
                    name,
                    members,
                    fan_out,
                    group,
                };
                self.conversations.insert(id, row);
            }
            (
                Name::Member(id, user),
                Some(Record::Member {
                    role,
                    joined_at,
                    changed_at,
                    muted_until_ms,
                }),
            ) => {
                touched.insert(id);
                let row = MemberRow {
                    role,
                    joined_at,
                    changed_at,
                    muted_until_ms,
                };
                self.members.insert((id, user), row);
            }
            (Name::Member(id, user), None) => {
                touched.insert(id);
                self.members.remove(&(id, user));
            }
            (
                Name::Membership(user, id),
                Some(Record::Membership {
                    role,
                    visible_from,
                    visible_through,
                }),
            ) => {
                touched.insert(id);
                let row = (role, visible_from, visible_through);
                self.memberships.insert((id, user), row);
            }
            _ => {}
        }
    }

    /// What is decided about a group, beside its own record.
    fn group(
        &mut self,
        name: Name,
        record: Option<Record>,
        touched: &mut BTreeSet<ConversationId>,
    ) {
        let (Name::Announcement(id)
        | Name::Invitation(id, _)
        | Name::Waiting(id, _)
        | Name::MemberChange(id, ..)) = name
        else {
            return;
        };
        touched.insert(id);
        match (name, record) {
            (_, Some(Record::Announcement { text, conv_seq })) => {
                self.announcements.insert(id, (conv_seq, text));
            }
            (Name::Announcement(_), _) => {
                self.announcements.remove(&id);
            }
            (Name::Invitation(_, hash), Some(Record::Invitation { user, uses, .. })) => {
                self.invitations.insert((id, hash), (user, uses));
            }
            (Name::Invitation(_, hash), _) => {
                self.invitations.remove(&(id, hash));
            }
            (Name::Waiting(_, user), Some(Record::Waiting { invited_by })) => {
                self.waiting.insert((id, user), invited_by);
            }
            (Name::Waiting(_, user), _) => {
                self.waiting.remove(&(id, user));
            }
            (Name::MemberChange(_, number, user), Some(_)) => {
                self.changes.insert((id, number, user));
            }
            (Name::MemberChange(_, number, user), None) => {
                self.changes.remove(&(id, number, user));
            }
            _ => {}
        }
    }

    fn person(&mut self, name: Name, record: Option<Record>, change: &mut ServerChange) {
        match (name, record) {
            (
                Name::Contact(owner, user),
                Some(Record::Contact {
                    state,
                    blocked,
                    version,
                }),
            ) => {
                let listed = Listed {
                    state,
                    blocked,
                    version,
                };
                self.contacts.insert((owner, user), listed);
            }
            (
                Name::Profile(user),
                Some(Record::Profile {
                    phone,
                    mail,
                    version,
                }),
            ) => {
                let before = self.profiles.insert(user, (phone, mail, version));
                let before = before.map_or(0, |(.., version)| version);
                change.profiles.push((user, before, version));
            }
            (Name::ProfileVersion(version), Some(Record::ProfileVersion(user))) => {
                self.versions.insert(version, user);
            }
            (Name::ProfileVersion(version), _) => {
                self.versions.remove(&version);
            }
            _ => {}
        }
    }

    fn operated(
        &mut self,
        name: Name,
        record: Option<Record>,
        touched: &mut BTreeSet<ConversationId>,
    ) {
        match (name, record) {
            (Name::Modified(id, target), record) => {
                touched.insert(id);
                if let Some(Record::Modified {
                    edits,
                    recall_seq,
                    reactions,
                    pin_seq,
                }) = record
                {
                    let row = (edits, recall_seq, reactions.into_iter().collect(), pin_seq);
                    self.modified.insert((id, target), row);
                } else {
                    self.modified.remove(&(id, target));
                }
            }
            (Name::UserReactions(id, target, user), record) => {
                touched.insert(id);
                let key = ((id, target), user);
                if let Some(Record::UserReactions(reactions)) = record {
                    self.reactions.insert(key, reactions.into_iter().collect());
                } else {
                    self.reactions.remove(&key);
                }
            }
            (Name::Pins(id), Some(Record::Pins(pins))) => {
                touched.insert(id);
                self.pins.insert(id, pins);
            }
            (Name::Pins(id), _) => {
                touched.insert(id);
                self.pins.remove(&id);
            }
            _ => {}
        }
    }
}
