//! Keys. Every key begins with the tenant; numbers are big-endian, so that order of octets is
//! order of numbers.

use eim_codec::id::{ConversationId, DeviceId, SessionId, UserId};

use crate::store::TenantId;

/// Length of keys that are a tenant, an id and a number.
pub(super) const NUMBERED: usize = 4 + 16 + 8;

/// Kinds of records in the state space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Conversation = 1,
    Member = 2,
    Membership = 3,
    User = 4,
    UserName = 5,
    Device = 6,
    Cursor = 7,
    Session = 8,
    Floor = 9,
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

    pub(super) fn key(&self) -> [u8; 4 + Self::TAIL] {
        join([
            &tenant(self.tenant),
            self.user.as_bytes(),
            &[self.act as u8],
            &self.id,
        ])
    }
}

/// Log entry.
pub(super) fn log(at: TenantId, conversation: ConversationId, conv_seq: u64) -> [u8; NUMBERED] {
    join([
        &tenant(at),
        conversation.as_bytes(),
        &conv_seq.to_be_bytes(),
    ])
}

/// Timeline chunk, by the number of its last reference.
pub(super) fn timeline(at: TenantId, user: UserId, last: u64) -> [u8; NUMBERED] {
    join([&tenant(at), user.as_bytes(), &last.to_be_bytes()])
}

/// The number at the end of a log or timeline key.
pub(super) fn number(key: &[u8]) -> u64 {
    key.last_chunk().copied().map_or(0, u64::from_be_bytes)
}

pub(super) fn conversation(at: TenantId, id: ConversationId) -> [u8; 21] {
    join([&tenant(at), &[Kind::Conversation as u8], id.as_bytes()])
}

pub(super) fn member(at: TenantId, id: ConversationId, user: UserId) -> [u8; 37] {
    join([
        &tenant(at),
        &[Kind::Member as u8],
        id.as_bytes(),
        user.as_bytes(),
    ])
}

pub(super) fn membership(at: TenantId, user: UserId, id: ConversationId) -> [u8; 37] {
    join([
        &tenant(at),
        &[Kind::Membership as u8],
        user.as_bytes(),
        id.as_bytes(),
    ])
}

pub(super) fn user(at: TenantId, user: UserId) -> [u8; 21] {
    join([&tenant(at), &[Kind::User as u8], user.as_bytes()])
}

pub(super) fn user_name(at: TenantId, name: &[u8]) -> Vec<u8> {
    [&tenant(at)[..], &[Kind::UserName as u8], name].concat()
}

/// Above every name of the tenant.
pub(super) fn user_names_end(at: TenantId) -> [u8; 5] {
    join([&tenant(at), &[Kind::UserName as u8 + 1]])
}

pub(super) fn device(at: TenantId, user: UserId, device: DeviceId) -> [u8; 37] {
    join([
        &tenant(at),
        &[Kind::Device as u8],
        user.as_bytes(),
        device.as_bytes(),
    ])
}

pub(super) fn cursor(at: TenantId, user: UserId, device: DeviceId) -> [u8; 37] {
    join([
        &tenant(at),
        &[Kind::Cursor as u8],
        user.as_bytes(),
        device.as_bytes(),
    ])
}

pub(super) fn session(at: TenantId, session: SessionId) -> [u8; 21] {
    join([&tenant(at), &[Kind::Session as u8], session.as_bytes()])
}

pub(super) fn floor(at: TenantId, user: UserId) -> [u8; 21] {
    join([&tenant(at), &[Kind::Floor as u8], user.as_bytes()])
}

/// Lists of idempotency keys by the time they were written; `tail` makes the key unique.
pub(super) fn act_expiry(at: TenantId, time_ms: u64, tail: &[u8; ActKey::TAIL]) -> [u8; 46] {
    join([&tenant(at), &[1], &time_ms.to_be_bytes(), tail])
}

/// Sessions by the time they expire.
pub(super) fn session_expiry(at: TenantId, time_ms: u64, session: SessionId) -> [u8; 29] {
    join([
        &tenant(at),
        &[2],
        &time_ms.to_be_bytes(),
        session.as_bytes(),
    ])
}

const fn tenant(tenant: TenantId) -> [u8; 4] {
    tenant.0.to_be_bytes()
}

/// The parts in order; their lengths add up to `N`.
fn join<const N: usize, const P: usize>(parts: [&[u8]; P]) -> [u8; N] {
    let mut key = [0; N];
    let mut rest = &mut key[..];
    for part in parts {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    debug_assert!(rest.is_empty(), "a key is filled exactly");
    key
}
