//! Mentions: how many unread entries call a user.
//!
//! A text that calls everybody is counted in the log itself, by a number that every entry carries
//! on, whatever the size of the group. A text that names users costs one record and one register
//! for each of them, as many as a text may name. A register knows both counts through what its
//! user has read, so that the difference is at hand wherever a page of conversations is read; the
//! records say where a count stood, for a mark in between, and go when they are read.

use std::ops::ControlFlow;

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::FrameType;
use prost::Message;

use super::committer::Committer;
use super::keys;
use super::marks::MarkKey;
use super::octets::{Octets, put_varint};
use super::record::state::MarkRow;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{StoreError, TenantId};

const VERSION: u8 = 1;
/// Records removed by one change of a mark; the rest goes with the next ones.
const REMOVED: usize = 256;

/// Whom a message calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    /// Each once.
    users: Vec<UserId>,
    /// Everybody, and then nobody by name.
    pub(super) all: bool,
}

/// The part of a TextBody that calls somebody; the text itself is not looked at.
#[derive(Clone, PartialEq, Message)]
struct Calls {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    mentions: Vec<Bytes>,
    #[prost(bool, tag = "3")]
    mention_all: bool,
}

impl Mentions {
    /// Reads the body of a message that was checked before; of other types than TEXT, nothing.
    pub(super) fn of(frame_type: FrameType, body: &Bytes) -> Self {
        if frame_type != FrameType::TEXT {
            return Self::default();
        }
        let Ok(calls) = Calls::decode(body.clone()) else {
            return Self::default();
        };
        if calls.mention_all {
            return Self {
                users: Vec::new(),
                all: true,
            };
        }
        let ids = calls.mentions.iter();
        let mut users: Vec<UserId> = ids.filter_map(|id| UserId::from_slice(id).ok()).collect();
        users.sort_unstable();
        users.dedup();
        Self { users, all: false }
    }
}

impl Committer {
    /// Members that `mentions` names, but for the sender, with their registers at hand.
    // impl[EIM-MRK-029]
    pub(super) fn mentioned(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        sender: UserId,
        mentions: &Mentions,
    ) -> Result<Vec<UserId>, StoreError> {
        if mentions.users.is_empty() {
            return Ok(Vec::new());
        }
        let conversation = self.conversation(tenant, id)?.ok_or(StoreError::Closed)?;
        let named = mentions.users.iter().copied();
        let members: Vec<UserId> = named
            .filter(|user| *user != sender && conversation.member(*user).is_some())
            .collect();
        for user in &members {
            self.register((tenant, *user, id))?;
        }
        Ok(members)
    }

    /// An entry names the user. The register was loaded before.
    pub(super) fn mention(&mut self, key: MarkKey, conv_seq: u64) {
        let Ok(mut row) = self.register(key) else {
            return;
        };
        row.mentions += 1;
        let (tenant, user, id) = key;
        let name = keys::mention(tenant, user, id, conv_seq);
        self.pending.batch.put_with(Space::State, &name, |out| {
            out.push(VERSION);
            put_varint(out, row.mentions);
        });
        self.set_register(key, row);
    }

    /// The user has read through `conv_seq`: what the register says of mentions after that.
    pub(super) fn mentions_read(
        &mut self,
        key: MarkKey,
        row: &MarkRow,
        (conv_seq, last): (u64, u64),
    ) -> Result<u64, StoreError> {
        if row.mentions == row.mentions_read {
            return Ok(row.mentions);
        }
        let read = if conv_seq >= last {
            row.mentions
        } else {
            let through = through(&*self.engine, key, conv_seq)?;
            through.map_or(row.mentions_read, |count| count.max(row.mentions_read))
        };
        let (tenant, user, id) = key;
        let [first, to] = [0, conv_seq].map(|at| keys::mention(tenant, user, id, at));
        let mut old = Vec::new();
        self.engine.scan(
            Space::State,
            &first,
            &to,
            Order::Ascending,
            &mut |key, _record| {
                old.push(key.to_vec());
                Ok(if old.len() < REMOVED {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )?;
        for key in old {
            self.pending.batch.delete(Space::State, &key);
        }
        Ok(read)
    }
}

/// How many entries through `conv_seq` name the user; `None` when no record says so, which means
/// what the register says of those that are read.
pub(super) fn through(
    reader: &(impl Reader + ?Sized),
    (tenant, user, id): MarkKey,
    conv_seq: u64,
) -> Result<Option<u64>, StoreError> {
    let [first, last] = [0, conv_seq].map(|at| keys::mention(tenant, user, id, at));
    let mut found = None;
    reader.scan(
        Space::State,
        &first,
        &last,
        Order::Descending,
        &mut |_key, record| {
            found = Some(count(record)?);
            Ok(ControlFlow::Break(()))
        },
    )?;
    Ok(found)
}

/// The count in a record.
pub(super) fn count(record: &[u8]) -> Result<u64, StoreError> {
    Octets::new("mention", VERSION, record)?.varint()
}
