//! Reading the records of a store apart from the store: for checkers that judge what is durable,
//! and for tools that look into a damaged folder.
//!
//! A checker that asked the store itself would see what the store believes; this sees what was
//! written.

mod record;
#[cfg(test)]
mod tests;

use eim_codec::id::{BlobId, ConversationId, DeviceId, SessionId, UserId};

pub use self::record::{Record, record};
use crate::store::engine::Space;
use crate::store::{StoreError, TenantId};

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
    /// Facts about the store itself.
    Meta,
    /// The announcement of a group.
    Announcement(ConversationId),
    /// An invitation to a group, by the hash of its secret.
    Invitation(ConversationId, [u8; 16]),
    /// A user who waits to join a group.
    Waiting(ConversationId, UserId),
    /// A member or former member of a group, by the entry that changed it last.
    MemberChange(ConversationId, u64, UserId),
    /// What is known of a user beside the account.
    Profile(UserId),
    /// A profile by its version.
    ProfileVersion(u64),
    /// A blob.
    Blob(BlobId),
    /// A blob that a message refers to.
    Reference(ConversationId, u64, BlobId),
    /// Indices: users by name, expiry lists, contacts by version and their number, departments
    /// with their members, which of them have groups, blobs by owner, hash and age, what is
    /// owed to notification services, and bots with their tokens.
    Index,
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
            96 => Name::Blob(rest.id()?),
            99 => Name::Reference(rest.id()?, rest.number()?, rest.id()?),
            97 | 98 | 100..=102 | 104 | 105 => Name::Index,
            72..=76 => Name::Index,
            24 => Name::Forgotten(rest.id()?),
            25 => Name::Announcement(rest.id()?),
            26 => Name::Invitation(rest.id()?, rest.array()?),
            27 => Name::Waiting(rest.id()?, rest.id()?),
            28 => Name::MemberChange(rest.id()?, rest.number()?, rest.id()?),
            84 => Name::Profile(rest.id()?),
            85 => Name::ProfileVersion(rest.number()?),
            83 | 86..=89 => Name::Index,
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
