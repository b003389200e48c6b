//! Reading the records of a store apart from the store: for checkers that judge what is durable,
//! and for tools that look into a damaged folder.
//!
//! A checker that asked the store itself would see what the store believes; this sees what was
//! written.

use eim_codec::id::{BlobId, ConversationId, DeviceId, SessionId, UserId};
use eim_codec::payload::{ContactState, ConversationKind, FanOut, Role};

use super::record::blob::BlobRow;
use super::record::modified::{ModifiedRow, PinsRow, UserReactionsRow};
use super::record::state::{
    self, ContactRow, ConversationRow, CursorRow, DeviceRow, FloorRow, MarkRow, MemberRow,
    MembershipRow, MetaRow, UserRow,
};
use super::record::{act, entry, timeline};
use crate::store::engine::Space;
use crate::store::{Entry, StoreError, TenantId};

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A log entry.
    Entry(ConversationId, u64),
    /// A timeline chunk, by the number of its last reference.
    Chunk(UserId, u64),
    /// The idempotency key of a message.
    Message(UserId, [u8; 16]),
    /// The idempotency key of a request.
    Request(UserId, [u8; 16]),
    /// A conversation.
    Conversation(ConversationId),
    /// A member of a conversation.
    Member(ConversationId, UserId),
    /// A conversation as its member or former member sees it.
    Membership(UserId, ConversationId),
    /// A user.
    User(UserId),
    /// A device.
    Device(UserId, DeviceId),
    /// The cursor of a device.
    Cursor(UserId, DeviceId),
    /// Marks of a user in a conversation.
    Mark(UserId, ConversationId),
    /// An entry that names a user.
    Mention(UserId, ConversationId, u64),
    /// A session that can be resumed.
    Session(SessionId),
    /// The highest number removed from a timeline.
    Floor(UserId),
    /// What operations have made of a message.
    Modified(ConversationId, u64),
    /// Reactions of a user to a message.
    UserReactions(ConversationId, u64, UserId),
    /// Pinned messages of a conversation.
    Pins(ConversationId),
    /// A user on the list of contacts of another one: owner, then user.
    Contact(UserId, UserId),
    /// What is left of devices that are not remembered.
    Forgotten(UserId),
    /// A blob.
    Blob(BlobId),
    /// A blob that a message refers to.
    Reference(ConversationId, u64, BlobId),
    /// Facts about the store itself.
    Meta,
    /// Indices: users by name, expiry lists, contacts by version and their
    /// number; profiles and departments; blobs by owner, hash and age; announcements, invitations, users who wait to join a
    /// group, and its members by their last change.
    Index,
}

/// A record, without what only the store itself needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A log entry.
    Entry(Box<Entry>),
    /// References of a timeline: number, conversation, conv_seq.
    Chunk(Vec<(u64, ConversationId, u64)>),
    /// The first outcome of a message or request.
    Outcome {
        /// Where it went.
        conversation: ConversationId,
        /// The entry it became; 0 when a request changed nothing.
        conv_seq: u64,
        /// Commit time in Unix milliseconds.
        time_ms: u64,
        /// Number in the timeline of the user; 0 when a request changed nothing.
        user_seq: u64,
    },
    /// A conversation.
    Conversation {
        /// Direct or group.
        kind: ConversationKind,
        /// Name of a group.
        name: String,
        /// Number of members.
        members: u32,
        /// How its entries reach members.
        fan_out: FanOut,
    },
    /// A member.
    Member {
        /// Its role.
        role: Role,
        /// conv_seq of the entry that added it.
        joined_at: u64,
    },
    /// What a member or former member may read.
    Membership {
        /// Its role; `Unspecified` for a former one.
        role: Role,
        /// First conv_seq.
        visible_from: u64,
        /// Last conv_seq; 0 while a member.
        visible_through: u64,
    },
    /// A blob.
    Blob {
        /// Who has uploaded it, or does.
        owner: UserId,
        /// Octets.
        size: u64,
        /// All octets are there.
        complete: bool,
        /// Messages that refer to it.
        references: u32,
        /// Under which its octets are kept.
        content: BlobId,
    },
    /// A user.
    User {
        /// May not log in.
        disabled: bool,
    },
    /// A device.
    Device {
        /// Generation of its newest connection.
        generation: u64,
        /// It is logged out.
        logged_out: bool,
    },
    /// A cursor.
    Cursor {
        /// Its epoch.
        log_epoch: u64,
        /// The device has stored its timeline through this number.
        user_seq: u64,
    },
    /// Marks.
    Mark {
        /// Their epoch.
        log_epoch: u64,
        /// Everything through this number is read.
        read: u64,
        /// Countable entries through it.
        countable: u64,
        /// Everything through this number is on a device.
        delivered: u64,
        /// The user wants to come back.
        marked_unread: bool,
    },
    /// Entries through this one that name the user.
    Mention(u64),
    /// The highest number removed from a timeline.
    Floor(u64),
    /// What operations have made of a message.
    Modified {
        /// conv_seq of its EDITs, in order.
        edits: Vec<u64>,
        /// conv_seq of its RECALL; 0 for none.
        recall_seq: u64,
        /// Reactions with the numbers of their users.
        reactions: Vec<(String, u32)>,
        /// conv_seq of the PIN in force; 0 for none.
        pin_seq: u64,
    },
    /// Reactions of a user to a message.
    UserReactions(Vec<String>),
    /// Pinned messages of a conversation: the message and its PIN.
    Pins(Vec<(u64, u64)>),
    /// A user on a list of contacts.
    Contact {
        /// What the user is to the owner.
        state: ContactState,
        /// The owner has blocked the user.
        blocked: bool,
        /// Number of the entry of the personal log after which this is so.
        version: u64,
    },
    /// The epoch of all logs and timelines.
    Meta {
        /// It.
        log_epoch: u64,
    },
    /// Records that say nothing by themselves.
    Opaque,
}

/// What a key names, with its tenant (0 for [`Name::Meta`]).
///
/// # Errors
/// [`StoreError::Corrupt`] when no such key is ever written.
pub fn name(space: Space, key: &[u8]) -> Result<(TenantId, Name), StoreError> {
    if space == Space::Meta {
        return Ok((TenantId(0), Name::Meta));
    }
    let (tenant, rest) = tenant(key)?;
    let mut rest = Rest(rest);
    let name = match space {
        Space::Log => Name::Entry(rest.id()?, rest.number()?),
        Space::Timeline => Name::Chunk(rest.id()?, rest.number()?),
        Space::Idempotency => {
            let user = rest.id()?;
            match rest.octet()? {
                1 => Name::Message(user, rest.array()?),
                2 => Name::Request(user, rest.array()?),
                kind => return Err(unknown(space, kind)),
            }
        }
        Space::Expiry | Space::Meta => Name::Index,
        Space::State => match rest.octet()? {
            1 => Name::Conversation(rest.id()?),
            2 => Name::Member(rest.id()?, rest.id()?),
            3 => Name::Membership(rest.id()?, rest.id()?),
            4 => Name::User(rest.id()?),
            5 => Name::Index,
            6 => Name::Device(rest.id()?, rest.id()?),
            7 => Name::Cursor(rest.id()?, rest.id()?),
            8 => Name::Session(rest.id()?),
            9 => Name::Floor(rest.id()?),
            32 => Name::Modified(rest.id()?, rest.number()?),
            33 => Name::UserReactions(rest.id()?, rest.number()?, rest.id()?),
            34 => Name::Pins(rest.id()?),
            20 => Name::Mark(rest.id()?, rest.id()?),
            21 => Name::Mention(rest.id()?, rest.id()?, rest.number()?),
            80 => Name::Contact(rest.id()?, rest.id()?),
            81 | 82 => Name::Index,
            24 => Name::Forgotten(rest.id()?),
            25..=28 => Name::Index,
            96 => Name::Blob(rest.id()?),
            99 => Name::Reference(rest.id()?, rest.number()?, rest.id()?),
            97 | 98 | 100..=102 => Name::Index,
            72..=76 | 81..=88 => Name::Index,
            kind => return Err(unknown(space, kind)),
        },
    };
    if name != Name::Index && !rest.0.is_empty() {
        return Err(StoreError::Corrupt(format!(
            "{} key: too long",
            space.name()
        )));
    }
    Ok((tenant, name))
}

/// The record behind a name.
///
/// # Errors
/// [`StoreError::Corrupt`] when it does not decode.
pub fn record(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Entry(conversation, conv_seq) => {
            Record::Entry(Box::new(entry::decode(conversation, conv_seq, value)?))
        }
        Name::Chunk(_, last) => Record::Chunk(
            timeline::decode(last, value)?
                .into_iter()
                .map(|(number, at)| (number, at.conversation, at.conv_seq))
                .collect(),
        ),
        Name::Message(..) | Name::Request(..) => {
            let outcome = act::decode(value)?;
            Record::Outcome {
                conversation: outcome.conversation,
                conv_seq: outcome.conv_seq,
                time_ms: outcome.time_ms,
                user_seq: outcome.user_seq,
            }
        }
        Name::Conversation(_) => {
            let row: ConversationRow = state::decode("conversation", value)?;
            Record::Conversation {
                fan_out: row.fan_out(),
                kind: ConversationKind::try_from(row.kind).unwrap_or(ConversationKind::Unspecified),
                name: row.name,
                members: row.members,
            }
        }
        Name::Member(..) => {
            let row: MemberRow = state::decode("member", value)?;
            Record::Member {
                role: role(row.role),
                joined_at: row.joined_at,
            }
        }
        Name::Membership(..) => {
            let row: MembershipRow = state::decode("membership", value)?;
            Record::Membership {
                role: role(row.role),
                visible_from: row.visible_from,
                visible_through: row.visible_through,
            }
        }
        Name::Floor(_) => Record::Floor(state::decode::<FloorRow>("floor", value)?.floor),
        Name::Meta => Record::Meta {
            log_epoch: state::decode::<MetaRow>("meta", value)?.log_epoch,
        },
        Name::Modified(..) | Name::UserReactions(..) | Name::Pins(_) => {
            return record_of_operations(name, value);
        }
        name => return record_of_user(name, value),
    })
}

/// What operations leave.
fn record_of_operations(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Modified(..) => {
            let row: ModifiedRow = state::decode("modified", value)?;
            let counted = row.reactions.into_iter();
            Record::Modified {
                edits: row.edits,
                recall_seq: row.recall_seq,
                reactions: counted.map(|row| (row.reaction, row.count)).collect(),
                pin_seq: row.pin_seq,
            }
        }
        Name::UserReactions(..) => {
            let row: UserReactionsRow = state::decode("user reactions", value)?;
            Record::UserReactions(row.reactions)
        }
        Name::Blob(_) => {
            let row: BlobRow = state::decode("blob", value)?;
            Record::Blob {
                owner: state::id("blob", &row.owner)?,
                size: row.size,
                complete: row.complete,
                references: row.references,
                content: state::id("blob", &row.content)?,
            }
        }
        Name::Pins(_) => {
            let row: PinsRow = state::decode("pins", value)?;
            let pins = row.pins.into_iter();
            Record::Pins(pins.map(|pin| (pin.target, pin.pin_seq)).collect())
        }
        _ => Record::Opaque,
    })
}

/// What is kept of a user.
fn record_of_user(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::User(_) => Record::User {
            disabled: state::decode::<UserRow>("user", value)?.disabled,
        },
        Name::Device(..) => {
            let row: DeviceRow = state::decode("device", value)?;
            Record::Device {
                generation: row.generation,
                logged_out: row.logged_out != 0,
            }
        }
        Name::Cursor(..) => {
            let row: CursorRow = state::decode("cursor", value)?;
            Record::Cursor {
                log_epoch: row.log_epoch,
                user_seq: row.user_seq,
            }
        }
        Name::Mark(..) => {
            let row: MarkRow = state::decode("mark", value)?;
            Record::Mark {
                log_epoch: row.log_epoch,
                read: row.read,
                countable: row.countable,
                delivered: row.delivered,
                marked_unread: row.marked_unread,
            }
        }
        Name::Mention(..) => Record::Mention(super::mentions::count(value)?),
        Name::Contact(..) => {
            let row: ContactRow = state::decode("contact", value)?;
            Record::Contact {
                state: row.state(),
                blocked: row.blocked,
                version: row.version,
            }
        }
        _ => Record::Opaque,
    })
}

fn role(number: i32) -> Role {
    Role::try_from(number).unwrap_or(Role::Unspecified)
}

fn unknown(space: Space, kind: u8) -> StoreError {
    StoreError::Corrupt(format!("{} key: unknown kind {kind}", space.name()))
}

fn short() -> StoreError {
    StoreError::Corrupt("key: ends too early".to_owned())
}

/// The tenant at the front of a key, and what follows.
fn tenant(key: &[u8]) -> Result<(TenantId, &[u8]), StoreError> {
    match key.split_first().ok_or_else(short)? {
        (&u8::MAX, rest) => {
            let (tenant, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            Ok((TenantId(u32::from_be_bytes(*tenant)), rest))
        }
        (tenant, rest) => Ok((TenantId(u32::from(*tenant)), rest)),
    }
}

/// What is left of a key.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn octet(&mut self) -> Result<u8, StoreError> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn id<T: From<[u8; 16]>>(&mut self) -> Result<T, StoreError> {
        self.array().map(T::from)
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{self, Act, ActKey};
    use super::*;

    const USER: [u8; 16] = [1; 16];
    const CONVERSATION: [u8; 16] = [2; 16];

    /// Keys with the names that they were made of.
    type Made = Vec<(Space, Vec<u8>, Name)>;

    fn of_logs(at: TenantId) -> Made {
        let (user, conversation) = (UserId::from(USER), ConversationId::from(CONVERSATION));
        let act = |act| ActKey {
            tenant: at,
            user,
            act,
            id: [5; 16],
        };
        let key = keys::log(at, conversation, 7).to_vec();
        let chunk = keys::timeline(at, user, 8).to_vec();
        let message = act(Act::Message).key().to_vec();
        let request = act(Act::Request).key().to_vec();
        vec![
            (Space::Log, key, Name::Entry(conversation, 7)),
            (Space::Timeline, chunk, Name::Chunk(user, 8)),
            (Space::Idempotency, message, Name::Message(user, [5; 16])),
            (Space::Idempotency, request, Name::Request(user, [5; 16])),
        ]
    }

    fn of_state(at: TenantId) -> Made {
        let (user, conversation) = (UserId::from(USER), ConversationId::from(CONVERSATION));
        let (device, session) = (DeviceId::from([3; 16]), SessionId::from([4; 16]));
        let made = [
            (
                keys::member(at, conversation, user),
                Name::Member(conversation, user),
            ),
            (
                keys::membership(at, user, conversation),
                Name::Membership(user, conversation),
            ),
            (keys::device(at, user, device), Name::Device(user, device)),
            (keys::cursor(at, user, device), Name::Cursor(user, device)),
            (keys::session(at, session), Name::Session(session)),
            (keys::floor(at, user), Name::Floor(user)),
            (
                keys::modified(at, conversation, 9),
                Name::Modified(conversation, 9),
            ),
            (
                keys::user_reactions(at, conversation, 9, user),
                Name::UserReactions(conversation, 9, user),
            ),
            (keys::pins(at, conversation), Name::Pins(conversation)),
            (
                keys::mark(at, user, conversation),
                Name::Mark(user, conversation),
            ),
            (keys::blob(at, [6; 16].into()), Name::Blob([6; 16].into())),
            (
                keys::reference(at, conversation, 9, [6; 16].into()),
                Name::Reference(conversation, 9, [6; 16].into()),
            ),
            (
                keys::mention(at, user, conversation, 9),
                Name::Mention(user, conversation, 9),
            ),
        ];
        let name = (Space::State, keys::user_name(at, b"ada"), Name::Index);
        made.into_iter()
            .map(|(key, name)| (Space::State, key.to_vec(), name))
            .chain([name])
            .collect()
    }

    #[test]
    fn names_are_those_that_the_keys_were_made_of() {
        for at in [0, 254, 255, u32::MAX].map(TenantId) {
            for (space, key, expected) in of_logs(at).into_iter().chain(of_state(at)) {
                assert_eq!(name(space, &key).unwrap(), (at, expected));
            }
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (space, key) in [
            (Space::Log, &[][..]),
            (Space::Log, &[0; 10]),
            (Space::Log, &[0; 40]),
            (Space::State, &[0, 200]),
            (Space::Idempotency, &[9; 34]),
        ] {
            assert!(name(space, key).is_err(), "{space:?} {key:?}");
        }
    }
}
