//! Records outside the path of every message, as Protobuf behind a version octet. These layouts
//! are private to the store; fields are only ever added.

use bytes::Bytes;
use eim_codec::payload::{FanOut, Role};
use prost::Message;

use crate::store::{Policy, StoreError};

const VERSION: u8 = 1;

/// Encodes a record.
pub(in crate::store::kv) fn encode(record: &impl Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + record.encoded_len());
    out.push(VERSION);
    out.extend_from_slice(&record.encode_to_vec());
    out
}

/// Decodes a record.
pub(in crate::store::kv) fn decode<M: Message + Default>(
    name: &'static str,
    octets: &[u8],
) -> Result<M, StoreError> {
    match octets.split_first() {
        Some((&VERSION, rest)) => {
            M::decode(rest).map_err(|error| StoreError::Corrupt(format!("{name}: {error}")))
        }
        Some((version, _)) => Err(StoreError::Corrupt(format!(
            "{name}: unknown version {version}"
        ))),
        None => Err(StoreError::Corrupt(format!("{name}: empty"))),
    }
}

/// An id in a record.
pub(in crate::store::kv) fn id<T: From<[u8; 16]>>(
    name: &'static str,
    octets: &[u8],
) -> Result<T, StoreError> {
    array(name, octets).map(T::from)
}

/// Octets of fixed length in a record.
pub(in crate::store::kv) fn array<const N: usize>(
    name: &'static str,
    octets: &[u8],
) -> Result<[u8; N], StoreError> {
    octets
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("{name}: {} octets", octets.len())))
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct MetaRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) log_epoch: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::store::kv) secret: Bytes,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ConversationRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) kind: i32,
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) name: String,
    #[prost(uint32, tag = "3")]
    pub(in crate::store::kv) members: u32,
    /// 0 means write fan-out.
    #[prost(int32, tag = "4")]
    pub(in crate::store::kv) fan_out: i32,
    #[prost(bool, tag = "5")]
    pub(in crate::store::kv) dissolved: bool,
    /// 0 means the default; so for `invite`.
    #[prost(int32, tag = "6")]
    pub(in crate::store::kv) post: i32,
    #[prost(int32, tag = "7")]
    pub(in crate::store::kv) invite: i32,
    #[prost(bool, tag = "8")]
    pub(in crate::store::kv) approval: bool,
    #[prost(uint64, tag = "9")]
    pub(in crate::store::kv) muted_until_ms: u64,
    /// conv_seq of the announcement.
    #[prost(uint64, tag = "10")]
    pub(in crate::store::kv) announced: u64,
    /// Users who wait to join.
    #[prost(uint32, tag = "11")]
    pub(in crate::store::kv) waiting: u32,
    /// The members follow a department.
    #[prost(bool, tag = "12")]
    pub(in crate::store::kv) department: bool,
    /// Changes of all members are recorded by their numbers; not so in groups of old stores.
    #[prost(bool, tag = "13")]
    pub(in crate::store::kv) indexed: bool,
}

impl ConversationRow {
    /// How entries reach members.
    pub(in crate::store::kv) fn fan_out(&self) -> FanOut {
        if self.fan_out == FanOut::Read as i32 {
            FanOut::Read
        } else {
            FanOut::Write
        }
    }

    /// What the group permits.
    pub(in crate::store::kv) fn policy(&self) -> Policy {
        let known = |role: i32, default: Role| match Role::try_from(role) {
            Ok(Role::Unspecified) | Err(_) => default,
            Ok(role) => role,
        };
        let default = Policy::default();
        Policy {
            post: known(self.post, default.post),
            invite: known(self.invite, default.invite),
            approval: self.approval,
        }
    }
}

/// A member, under its conversation.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct MemberRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) role: i32,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) joined_at: u64,
    /// conv_seq of the entry that changed it last.
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) changed_at: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) muted_until_ms: u64,
}

/// A conversation, under its member or former member.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct MembershipRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) role: i32,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) visible_from: u64,
    /// 0 while a member.
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) visible_through: u64,
    /// The other user of a direct conversation.
    #[prost(bytes = "bytes", tag = "4")]
    pub(in crate::store::kv) peer: Bytes,
    /// Name of the group after the member left.
    #[prost(string, tag = "5")]
    pub(in crate::store::kv) name: String,
    /// Members of the group after the member left.
    #[prost(uint32, tag = "6")]
    pub(in crate::store::kv) members: u32,
    /// conv_seq of the entry that changed it last.
    #[prost(uint64, tag = "7")]
    pub(in crate::store::kv) changed_at: u64,
    #[prost(uint64, tag = "8")]
    pub(in crate::store::kv) muted_until_ms: u64,
}

/// Announcement of a group.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct AnnouncementRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) text: String,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) conv_seq: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::store::kv) user: Bytes,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) time_ms: u64,
}

/// An invitation, under its group and the hash of its secret.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct InvitationRow {
    /// Who made it.
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) user: Bytes,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) expires_ms: u64,
    /// How many may still use it; absent for any number.
    #[prost(uint32, optional, tag = "3")]
    pub(in crate::store::kv) uses: Option<u32>,
}

/// A user who waits to join, under the group.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct WaitingRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) invited_by: Bytes,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) time_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct UserRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) display_name: String,
    #[prost(bool, tag = "3")]
    pub(in crate::store::kv) disabled: bool,
    #[prost(uint32, tag = "4")]
    pub(in crate::store::kv) iterations: u32,
    #[prost(bytes = "vec", tag = "5")]
    pub(in crate::store::kv) salt: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(in crate::store::kv) stored_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(in crate::store::kv) server_key: Vec<u8>,
    #[prost(uint64, tag = "8")]
    pub(in crate::store::kv) created_ms: u64,
    #[prost(uint64, tag = "9")]
    pub(in crate::store::kv) token_generation: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct DeviceRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) class: i32,
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) name: String,
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) generation: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) seen_ms: u64,
    /// When it proved more than a token last.
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) logged_in_ms: u64,
    /// Tokens given under another number are worth nothing.
    #[prost(uint64, tag = "6")]
    pub(in crate::store::kv) login: u64,
    /// Why it is logged out; 0 while it is not.
    #[prost(int32, tag = "7")]
    pub(in crate::store::kv) logged_out: i32,
    /// Id of the token that a bot logged in with; empty for people.
    #[prost(bytes = "bytes", tag = "8")]
    pub(in crate::store::kv) token: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct CursorRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) log_epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) user_seq: u64,
}

/// Marks of a user in a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct MarkRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) log_epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) read: u64,
    /// Countable entries through `read`.
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) countable: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) delivered: u64,
    #[prost(bool, tag = "5")]
    pub(in crate::store::kv) marked_unread: bool,
    /// Entries that name the user, all of them.
    #[prost(uint64, tag = "6")]
    pub(in crate::store::kv) mentions: u64,
    /// Those through `read`.
    #[prost(uint64, tag = "7")]
    pub(in crate::store::kv) mentions_read: u64,
    /// Entries through `read` that mention everybody.
    #[prost(uint64, tag = "8")]
    pub(in crate::store::kv) calls: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct SessionRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) user: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::store::kv) device: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::store::kv) token_hash: Bytes,
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub(in crate::store::kv) previous_hash: Option<Bytes>,
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) expires_ms: u64,
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub(in crate::store::kv) predecessor: Option<Bytes>,
    #[prost(uint64, tag = "7")]
    pub(in crate::store::kv) token_generation: u64,
    /// [`DeviceRow::login`] when the token was given.
    #[prost(uint64, tag = "8")]
    pub(in crate::store::kv) login: u64,
}

/// A user on the list of another one.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ContactRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) state: i32,
    #[prost(bool, tag = "2")]
    pub(in crate::store::kv) blocked: bool,
    #[prost(string, tag = "3")]
    pub(in crate::store::kv) message: String,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) version: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) time_ms: u64,
}

/// Users on a list that are not nothing.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ContactCountRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) count: u64,
}

/// What is known of a user beside the account.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ProfileRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) phone: String,
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) mail: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(in crate::store::kv) avatar: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(in crate::store::kv) title: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(in crate::store::kv) department: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(in crate::store::kv) version: u64,
    #[prost(bool, tag = "7")]
    pub(in crate::store::kv) bot: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct VersionRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) version: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct DepartmentRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) code: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(in crate::store::kv) parent: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(in crate::store::kv) name: String,
    #[prost(uint32, tag = "4")]
    pub(in crate::store::kv) place: u32,
    /// 1: has a group of its members; 2: of its branch.
    #[prost(uint32, tag = "5")]
    pub(in crate::store::kv) group: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct DepartmentMemberRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) title: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct FloorRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) floor: u64,
}

/// What is left of devices that are not remembered any more.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ForgottenRow {
    /// The highest generation of them.
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) generation: u64,
    /// The highest login of them.
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) login: u64,
}
