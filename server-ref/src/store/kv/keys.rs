//! Keys. Every key begins with the tenant; numbers are big-endian, so that order of octets is
//! order of numbers.
//!
//! Most tenants take one octet, so that random ids come early in a key: engines tell keys apart
//! by their first octets before they look at the rest.

mod notify;

use std::ops::Deref;

use eim_codec::id::{BlobId, ConversationId, DeviceId, SessionId, UserId};

pub(super) use self::notify::{
    due, notify_address, notify_mute, notify_mutes, notify_settings, notify_target, notify_targets,
    owed, owed_due, owed_dues,
};
use crate::store::{DepartmentId, StoreError, TenantId, TokenId};

/// The longest key is a tenant in full, a kind, a service, a time and a notification.
const LONGEST: usize = 5 + 1 + 1 + 8 + 3 * 16;

/// A key, built without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    octets: [u8; LONGEST],
    length: usize,
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Kinds of records in the state space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Conversation = 1,
    Member = 2,
    Membership = 3,
    User = 4,
    UserName = 5,
    Device = 6,
    Cursor = 7,
    Session = 8,
    Floor = 9,
    Modified = 32,
    UserReactions = 33,
    Pins = 34,
    Mark = 20,
    Mention = 21,
    Forgotten = 24,
    Announcement = 25,
    Invitation = 26,
    Waiting = 27,
    MemberChange = 28,
    NotifyTarget = 72,
    NotifyAddress = 73,
    NotifySettings = 74,
    NotifyMute = 75,
    Owed = 76,
    Contact = 80,
    ContactVersion = 81,
    ContactCount = 82,
    ProfileHead = 83,
    Profile = 84,
    ProfileVersion = 85,
    Department = 86,
    DepartmentMember = 87,
    UserDepartment = 88,
    DepartmentGroup = 89,
    Blob = 96,
    BlobOf = 97,
    Content = 98,
    Reference = 99,
    Referrer = 100,
    BlobUsage = 101,
    Garbage = 102,
    Bot = 104,
    BotToken = 105,
}

/// What an idempotency key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Act {
    /// A message, by `client_msg_id`.
    Message = 1,
    /// A request, by `request_id`.
    Request = 2,
}

/// An idempotency key: what a user did once.
// impl[EIM-MSG-009] impl[EIM-MSG-027]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ActKey {
    pub(super) tenant: TenantId,
    pub(super) user: UserId,
    pub(super) act: Act,
    pub(super) id: [u8; 16],
}

impl ActKey {
    /// Octets after the tenant.
    pub(super) const TAIL: usize = 16 + 1 + 16;

    pub(super) fn key(&self) -> Key {
        key(
            self.tenant,
            [self.user.as_bytes(), &[self.act as u8], &self.id],
        )
    }
}

/// An idempotency key from an expiry list.
pub(super) fn act(at: TenantId, tail: &[u8; ActKey::TAIL]) -> Key {
    key(at, [tail])
}

/// Log entry.
pub(super) fn log(at: TenantId, conversation: ConversationId, conv_seq: u64) -> Key {
    key(at, [conversation.as_bytes(), &conv_seq.to_be_bytes()])
}

/// Timeline chunk, by the number of its last reference.
pub(super) fn timeline(at: TenantId, user: UserId, last: u64) -> Key {
    key(at, [user.as_bytes(), &last.to_be_bytes()])
}

pub(super) fn conversation(at: TenantId, id: ConversationId) -> Key {
    key(at, [&[Kind::Conversation as u8], id.as_bytes()])
}

pub(super) fn member(at: TenantId, id: ConversationId, user: UserId) -> Key {
    key(at, [&[Kind::Member as u8], id.as_bytes(), user.as_bytes()])
}

pub(super) fn membership(at: TenantId, user: UserId, id: ConversationId) -> Key {
    key(
        at,
        [&[Kind::Membership as u8], user.as_bytes(), id.as_bytes()],
    )
}

pub(super) fn user(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::User as u8], user.as_bytes()])
}

/// User by name; the only key without a longest length.
pub(super) fn user_name(at: TenantId, name: &[u8]) -> Vec<u8> {
    [&key(at, [&[Kind::UserName as u8]])[..], name].concat()
}

/// Above every name of the tenant.
pub(super) fn user_names_end(at: TenantId) -> Key {
    key(at, [&[Kind::UserName as u8 + 1]])
}

pub(super) fn device(at: TenantId, user: UserId, device: DeviceId) -> Key {
    key(
        at,
        [&[Kind::Device as u8], user.as_bytes(), device.as_bytes()],
    )
}

/// First and last key of the devices of a user.
pub(super) fn devices(at: TenantId, user: UserId) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(DeviceId::from);
    (device(at, user, first), device(at, user, last))
}

pub(super) fn cursor(at: TenantId, user: UserId, device: DeviceId) -> Key {
    key(
        at,
        [&[Kind::Cursor as u8], user.as_bytes(), device.as_bytes()],
    )
}

pub(super) fn session(at: TenantId, session: SessionId) -> Key {
    key(at, [&[Kind::Session as u8], session.as_bytes()])
}

/// First and last key of all sessions.
pub(super) fn sessions(at: TenantId) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(SessionId::from);
    (session(at, first), session(at, last))
}

/// Marks of a user in a conversation, in the order of the user's conversations.
pub(super) fn mark(at: TenantId, user: UserId, id: ConversationId) -> Key {
    key(at, [&[Kind::Mark as u8], user.as_bytes(), id.as_bytes()])
}

/// An entry that names a user.
pub(super) fn mention(at: TenantId, user: UserId, id: ConversationId, conv_seq: u64) -> Key {
    let (kind, conv_seq) = ([Kind::Mention as u8], conv_seq.to_be_bytes());
    key(at, [&kind, user.as_bytes(), id.as_bytes(), &conv_seq])
}

pub(super) fn floor(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::Floor as u8], user.as_bytes()])
}

/// What operations have made of a message.
pub(super) fn modified(at: TenantId, id: ConversationId, conv_seq: u64) -> Key {
    let kind = [Kind::Modified as u8];
    key(at, [&kind, id.as_bytes(), &conv_seq.to_be_bytes()])
}

/// Reactions of a user to a message.
pub(super) fn user_reactions(at: TenantId, id: ConversationId, conv_seq: u64, user: UserId) -> Key {
    let (kind, conv_seq) = ([Kind::UserReactions as u8], conv_seq.to_be_bytes());
    key(at, [&kind, id.as_bytes(), &conv_seq, user.as_bytes()])
}

/// First and last key of the reactions to a message.
pub(super) fn user_reactions_of(at: TenantId, id: ConversationId, conv_seq: u64) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(UserId::from);
    (
        user_reactions(at, id, conv_seq, first),
        user_reactions(at, id, conv_seq, last),
    )
}

/// Pinned messages of a conversation.
pub(super) fn pins(at: TenantId, id: ConversationId) -> Key {
    key(at, [&[Kind::Pins as u8], id.as_bytes()])
}

pub(super) fn forgotten(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::Forgotten as u8], user.as_bytes()])
}

pub(super) fn announcement(at: TenantId, id: ConversationId) -> Key {
    key(at, [&[Kind::Announcement as u8], id.as_bytes()])
}

/// An invitation by the hash of its secret.
pub(super) fn invitation(at: TenantId, id: ConversationId, hash: &[u8; 16]) -> Key {
    key(at, [&[Kind::Invitation as u8], id.as_bytes(), hash])
}

/// First and last key of the invitations of a group.
pub(super) fn invitations(at: TenantId, id: ConversationId) -> (Key, Key) {
    (
        invitation(at, id, &[0; 16]),
        invitation(at, id, &[u8::MAX; 16]),
    )
}

/// A user who waits to join.
pub(super) fn waiting(at: TenantId, id: ConversationId, user: UserId) -> Key {
    key(at, [&[Kind::Waiting as u8], id.as_bytes(), user.as_bytes()])
}

/// Members and former members of a group in the order in which they changed.
pub(super) fn member_change(at: TenantId, id: ConversationId, conv_seq: u64, user: UserId) -> Key {
    let (kind, conv_seq) = ([Kind::MemberChange as u8], conv_seq.to_be_bytes());
    key(at, [&kind, id.as_bytes(), &conv_seq, user.as_bytes()])
}

/// A user on the list of another one.
pub(super) fn contact(at: TenantId, owner: UserId, user: UserId) -> Key {
    key(
        at,
        [&[Kind::Contact as u8], owner.as_bytes(), user.as_bytes()],
    )
}

/// The list in the order in which it changed.
pub(super) fn contact_version(at: TenantId, owner: UserId, version: u64) -> Key {
    let number = version.to_be_bytes();
    key(
        at,
        [&[Kind::ContactVersion as u8], owner.as_bytes(), &number],
    )
}

pub(super) fn contact_count(at: TenantId, owner: UserId) -> Key {
    key(at, [&[Kind::ContactCount as u8], owner.as_bytes()])
}

pub(super) fn profile_head(at: TenantId) -> Key {
    key(at, [&[Kind::ProfileHead as u8]])
}

pub(super) fn profile(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::Profile as u8], user.as_bytes()])
}

/// All profiles in the order in which they changed.
pub(super) fn profile_version(at: TenantId, version: u64) -> Key {
    key(at, [&[Kind::ProfileVersion as u8], &version.to_be_bytes()])
}

pub(super) fn department(at: TenantId, department: DepartmentId) -> Key {
    key(at, [&[Kind::Department as u8], &department.0])
}

pub(super) fn department_member(at: TenantId, department: DepartmentId, user: UserId) -> Key {
    let kind = [Kind::DepartmentMember as u8];
    key(at, [&kind, &department.0, user.as_bytes()])
}

/// A department, under its member.
pub(super) fn user_department(at: TenantId, user: UserId, department: DepartmentId) -> Key {
    let kind = [Kind::UserDepartment as u8];
    key(at, [&kind, user.as_bytes(), &department.0])
}

/// Says that a department has or had a group.
pub(super) fn department_group(at: TenantId, department: DepartmentId) -> Key {
    key(at, [&[Kind::DepartmentGroup as u8], &department.0])
}

pub(super) fn blob(at: TenantId, blob: BlobId) -> Key {
    key(at, [&[Kind::Blob as u8], blob.as_bytes()])
}

/// The blob of a user with these octets.
pub(super) fn blob_of(at: TenantId, user: UserId, sha256: &[u8]) -> Key {
    let hash = sha256.get(..32).unwrap_or(&[0; 32]);
    key(at, [&[Kind::BlobOf as u8], user.as_bytes(), hash])
}

/// Octets by their hash.
pub(super) fn content(at: TenantId, sha256: &[u8]) -> Key {
    let hash = sha256.get(..32).unwrap_or(&[0; 32]);
    key(at, [&[Kind::Content as u8], hash])
}

/// A blob, under the message that refers to it.
pub(super) fn reference(at: TenantId, id: ConversationId, conv_seq: u64, blob: BlobId) -> Key {
    let (kind, conv_seq) = ([Kind::Reference as u8], conv_seq.to_be_bytes());
    key(at, [&kind, id.as_bytes(), &conv_seq, blob.as_bytes()])
}

/// First and last key of the blobs of messages `first..=last`.
pub(super) fn references(at: TenantId, id: ConversationId, first: u64, last: u64) -> (Key, Key) {
    (
        reference(at, id, first, [0; 16].into()),
        reference(at, id, last, [u8::MAX; 16].into()),
    )
}

/// A message, under the blob that it refers to.
pub(super) fn referrer(at: TenantId, blob: BlobId, id: ConversationId, conv_seq: u64) -> Key {
    let (kind, conv_seq) = ([Kind::Referrer as u8], conv_seq.to_be_bytes());
    key(at, [&kind, blob.as_bytes(), id.as_bytes(), &conv_seq])
}

/// First and last key of the messages that refer to a blob, of one conversation or of all.
pub(super) fn referrers(at: TenantId, blob: BlobId, of: Option<ConversationId>) -> (Key, Key) {
    let (first, last) = match of {
        Some(id) => (id, id),
        None => ([0; 16].into(), [u8::MAX; 16].into()),
    };
    (
        referrer(at, blob, first, 0),
        referrer(at, blob, last, u64::MAX),
    )
}

/// What the blobs of a user take.
pub(super) fn blob_usage(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::BlobUsage as u8], user.as_bytes()])
}

/// Octets that nothing needs any more.
pub(super) fn garbage(at: TenantId, content: BlobId) -> Key {
    key(at, [&[Kind::Garbage as u8], content.as_bytes()])
}

/// What is kept of a bot beside its account.
pub(super) fn bot(at: TenantId, bot: UserId) -> Key {
    key(at, [&[Kind::Bot as u8], bot.as_bytes()])
}

/// First and last key of all bots.
pub(super) fn bots(at: TenantId) -> (Key, Key) {
    (bot(at, [0; 16].into()), bot(at, [u8::MAX; 16].into()))
}

/// A token of a bot.
pub(super) fn bot_token(at: TenantId, token: TokenId) -> Key {
    key(at, [&[Kind::BotToken as u8], &token.0])
}

/// Blobs without references by the time at which they may go.
pub(super) fn blob_expiry(at: TenantId, time_ms: u64, blob: BlobId) -> Key {
    key(at, [&[3], &time_ms.to_be_bytes(), blob.as_bytes()])
}

/// Lists of idempotency keys by the time they were written; `tail` makes the key unique.
pub(super) fn act_expiry(at: TenantId, time_ms: u64, tail: &[u8; ActKey::TAIL]) -> Key {
    key(at, [&[1], &time_ms.to_be_bytes(), tail])
}

/// Sessions by the time they expire.
pub(super) fn session_expiry(at: TenantId, time_ms: u64, session: SessionId) -> Key {
    key(at, [&[2], &time_ms.to_be_bytes(), session.as_bytes()])
}

/// The number at the end of a log or timeline key.
pub(super) fn number(key: &[u8]) -> u64 {
    key.last_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// The id at the end of a key.
pub(super) fn last_id<T: From<[u8; 16]>>(key: &[u8]) -> Result<T, StoreError> {
    let id = key.last_chunk::<16>().copied().map(T::from);
    id.ok_or_else(|| StoreError::Corrupt(format!("key: {} octets", key.len())))
}

/// The tenant, then the parts in order.
fn key<const P: usize>(tenant: TenantId, parts: [&[u8]; P]) -> Key {
    let mut key = Key {
        octets: [0; LONGEST],
        length: 0,
    };
    match u8::try_from(tenant.0) {
        Ok(tenant) if tenant < u8::MAX => key.push(&[tenant]),
        _ => {
            key.push(&[u8::MAX]);
            key.push(&tenant.0.to_be_bytes());
        }
    }
    parts.iter().for_each(|part| key.push(part));
    key
}

impl Key {
    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        self.octets[self.length..end].copy_from_slice(part);
        self.length = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NotifyKey;

    #[test]
    fn keys_are_in_the_order_of_what_they_name() {
        let tenants = [0, 1, 254, 255, 256, u32::MAX].map(TenantId);
        let numbers = [0, 1, 255, 256, u64::MAX];
        let mut keys = Vec::new();
        for tenant in tenants {
            for id in [[0; 16], [1; 16], [0xFF; 16]] {
                keys.extend(numbers.map(|number| log(tenant, id.into(), number).to_vec()));
            }
        }
        assert!(keys.is_sorted_by(|one, next| one < next));
        assert_eq!(number(&log(TenantId(256), [7; 16].into(), 12345)), 12345);
        assert_eq!(
            last_id::<UserId>(&user(TenantId(3), [9; 16].into())).unwrap(),
            [9; 16].into()
        );
    }

    #[test]
    fn the_longest_key_fits() {
        let at = TenantId(u32::MAX);
        let of = NotifyKey {
            user: [7; 16].into(),
            device: [8; 16].into(),
            conversation: [9; 16].into(),
        };
        let key = owed_due(at, u8::MAX, 12345, &of);
        assert_eq!(key.len(), LONGEST);
        assert_eq!(due(&key).unwrap(), (12345, of));
        assert!(blob_of(at, [1; 16].into(), &[2; 32]).len() <= LONGEST);
        let key = act_expiry(at, u64::MAX, &[1; ActKey::TAIL]);
        assert!(key.len() <= LONGEST);
        let key = user_reactions(at, [7; 16].into(), u64::MAX, [8; 16].into());
        assert!(key.len() <= LONGEST);
    }
}
