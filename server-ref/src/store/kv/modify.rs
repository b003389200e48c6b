//! Operations on messages: whether they may, and what they change beside the log.
//!
//! Everything is read and judged before the entry is numbered; what it changes is written with it.

use bytes::Bytes;
use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::payload::{Act, ConversationKind, Modifier, Role};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message;

use super::committer::{Committer, Failure, refuse};
use super::deliver::Numbered;
use super::keys::{self, Key};
use super::record::blob::BlobRow;
use super::record::entry;
use super::record::modified::{ModifiedRow, PinRow, PinsRow, ReactionRow, UserReactionsRow};
use super::record::state;
use crate::store::engine::Space;
use crate::store::{Entry, Origin, StoreError, TenantId};

/// A permitted operation, with everything read that it changes.
#[derive(Debug)]
pub(super) struct Effect {
    target: u64,
    row: ModifiedRow,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Nothing,
    Edit,
    Recall {
        erased: Vec<(u64, Vec<u8>)>,
        reactions: Vec<Vec<u8>>,
        pins: Option<PinsRow>,
        blobs: Vec<(BlobId, BlobRow)>,
    },
    Reactions(UserReactionsRow),
    Pin {
        pins: PinsRow,
        remove: bool,
    },
}

impl Committer {
    /// Judges an operation of `origin`, who is a member of conversation `id`.
    // impl[EIM-OPS-007, EIM-OPS-008]
    pub(super) fn check_modifier(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        modifier: Modifier,
    ) -> Result<Effect, Failure> {
        let Modifier { target, act } = modifier;
        let tenant = origin.tenant;
        let Some(conversation) = self.conversation(tenant, id)? else {
            return not_found();
        };
        let Some(member) = conversation.member(origin.user).copied() else {
            return not_found();
        };
        let leads = conversation.kind == ConversationKind::Group
            && matches!(member.role, Role::Owner | Role::Admin);
        let group = conversation.kind == ConversationKind::Group;
        if target < member.joined_at || target > conversation.conv_seq {
            return not_found();
        }
        let Some(message) = self.target(tenant, id, target)? else {
            return not_found();
        };
        let row = self.modified(tenant, id, target)?;
        let own = message.sender == Some(origin.user);
        let change = match act {
            Act::Edit => self.check_edit(&message, &row, own)?,
            // impl[EIM-OPS-015]
            Act::Recall => {
                if !own && !leads {
                    return refuse(ErrorCode::FORBIDDEN, "the message of another user");
                }
                if !leads {
                    self.check_time(&message, self.options.recall_ms)?;
                }
                self.recall(tenant, id, target, &row)?
            }
            Act::React { reaction, remove } => {
                return self.check_reaction(origin, id, (target, row), &reaction, remove);
            }
            Act::Pin { remove } => {
                // impl[EIM-OPS-027]
                if group && !leads {
                    return refuse(ErrorCode::FORBIDDEN, "only owner and admins pin");
                }
                self.check_pin(tenant, id, target, remove)?
            }
        };
        Ok(Effect {
            target,
            row,
            change,
        })
    }

    /// Writes what an operation changes, after its entry was numbered.
    pub(super) fn modify(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        effect: Effect,
        numbered: Numbered,
    ) {
        let tenant = origin.tenant;
        let Effect {
            target,
            mut row,
            change,
        } = effect;
        match change {
            Change::Nothing => return,
            Change::Edit => row.edits.push(numbered.conv_seq),
            // impl[EIM-OPS-017, EIM-OPS-018, EIM-OPS-019]
            Change::Recall {
                erased,
                reactions,
                pins,
                blobs,
            } => {
                self.release(tenant, id, target, blobs);
                for (conv_seq, record) in erased {
                    let key = keys::log(tenant, id, conv_seq);
                    self.pending.batch.put(Space::Log, &key, &record);
                    self.pending.erase_push(tenant, id, conv_seq);
                }
                reactions
                    .iter()
                    .for_each(|key| self.pending.delete_state(key));
                if let Some(pins) = pins {
                    self.put_pins(tenant, id, &pins);
                }
                row = ModifiedRow {
                    recall_seq: numbered.conv_seq,
                    recalled_by: origin.user.to_bytes(),
                    ..ModifiedRow::default()
                };
            }
            Change::Reactions(user) => {
                let key = keys::user_reactions(tenant, id, target, origin.user);
                self.put_or_delete(&key, &user, user.reactions.is_empty());
            }
            Change::Pin { mut pins, remove } => {
                pins.pins.retain(|pin| pin.target != target);
                row.pin_seq = 0;
                if !remove {
                    row.pin_seq = numbered.conv_seq;
                    let at = pins.pins.partition_point(|pin| pin.target < target);
                    let pin = PinRow {
                        target,
                        pin_seq: numbered.conv_seq,
                        user: origin.user.to_bytes(),
                        time_ms: numbered.time_ms,
                    };
                    pins.pins.insert(at, pin);
                }
                self.put_pins(tenant, id, &pins);
            }
        }
        let key = keys::modified(tenant, id, target);
        self.put_or_delete(&key, &row, row == ModifiedRow::default());
    }

    /// The message that an operation names, unless there is none any more.
    fn target(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        conv_seq: u64,
    ) -> Result<Option<Entry>, StoreError> {
        let key = keys::log(tenant, id, conv_seq);
        let Some(record) = self.pending.log(&*self.engine, &key)? else {
            return Ok(None);
        };
        let entry = entry::decode(id, conv_seq, &record)?;
        Ok((is_message(&entry) && !entry.tombstone).then_some(entry))
    }

    fn modified(
        &self,
        tenant: TenantId,
        id: ConversationId,
        conv_seq: u64,
    ) -> Result<ModifiedRow, StoreError> {
        let key = keys::modified(tenant, id, conv_seq);
        self.row("modified", &key)
    }

    fn row<M: Message + Default>(&self, name: &'static str, key: &Key) -> Result<M, StoreError> {
        match self.pending.state(&*self.engine, key)? {
            Some(record) => state::decode(name, &record),
            None => Ok(M::default()),
        }
    }

    // impl[EIM-OPS-010, EIM-OPS-011, EIM-OPS-012, EIM-OPS-013]
    fn check_edit(&self, message: &Entry, row: &ModifiedRow, own: bool) -> Result<Change, Failure> {
        if !own {
            return refuse(ErrorCode::FORBIDDEN, "the message of another user");
        }
        if message.frame_type != FrameType::TEXT {
            return refuse(ErrorCode::FORBIDDEN, "only a text can be edited");
        }
        self.check_time(message, self.options.edit_ms)?;
        if row.edits.len() >= self.options.message_edits {
            return refuse(ErrorCode::LIMIT_REACHED, "the message was edited too often");
        }
        Ok(Change::Edit)
    }

    // impl[EIM-OPS-013, EIM-OPS-016]
    fn check_time(&self, message: &Entry, limit_ms: u64) -> Result<(), Failure> {
        if limit_ms > 0 && self.now_ms.saturating_sub(message.time_ms) > limit_ms {
            return refuse(ErrorCode::FORBIDDEN, "the message is too old for that");
        }
        Ok(())
    }

    // impl[EIM-OPS-017]
    fn recall(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        target: u64,
        row: &ModifiedRow,
    ) -> Result<Change, StoreError> {
        let mut erased = Vec::with_capacity(1 + row.edits.len());
        for conv_seq in std::iter::once(target).chain(row.edits.iter().copied()) {
            let key = keys::log(tenant, id, conv_seq);
            if let Some(record) = self.pending.log(&*self.engine, &key)? {
                erased.push((conv_seq, entry::erase(&record)?));
            }
        }
        let reactions = if row.reactions.is_empty() {
            Vec::new()
        } else {
            let (first, last) = keys::user_reactions_of(tenant, id, target);
            let given = self.pending.states(&*self.engine, &first, &last)?;
            given.into_keys().collect()
        };
        let pins = if row.pin_seq == 0 {
            None
        } else {
            let mut pins = self.pins(tenant, id)?;
            pins.pins.retain(|pin| pin.target != target);
            Some(pins)
        };
        let blobs = self.referred(tenant, id, target)?;
        Ok(Change::Recall {
            erased,
            reactions,
            pins,
            blobs,
        })
    }

    // impl[EIM-OPS-023, EIM-OPS-024]
    fn check_reaction(
        &self,
        origin: &Origin,
        id: ConversationId,
        (target, mut row): (u64, ModifiedRow),
        reaction: &str,
        remove: bool,
    ) -> Result<Effect, Failure> {
        let key = keys::user_reactions(origin.tenant, id, target, origin.user);
        let mut user: UserReactionsRow = self.row("user reactions", &key)?;
        let given = user.reactions.iter().position(|known| known == reaction);
        let counted = row
            .reactions
            .iter()
            .position(|known| known.reaction == reaction);
        match (remove, given) {
            (false, None) => {
                if user.reactions.len() >= self.options.user_reactions {
                    return refuse(ErrorCode::LIMIT_REACHED, "too many reactions of one user");
                }
                match counted {
                    Some(at) => {
                        if let Some(counted) = row.reactions.get_mut(at) {
                            counted.count += 1;
                        }
                    }
                    None if row.reactions.len() >= self.options.message_reactions => {
                        return refuse(ErrorCode::LIMIT_REACHED, "too many different reactions");
                    }
                    None => row.reactions.push(ReactionRow {
                        reaction: reaction.to_owned(),
                        count: 1,
                    }),
                }
                user.reactions.push(reaction.to_owned());
            }
            (true, Some(at)) => {
                user.reactions.remove(at);
                if let Some(counted) = counted.and_then(|at| row.reactions.get_mut(at)) {
                    counted.count = counted.count.saturating_sub(1);
                }
                row.reactions.retain(|reaction| reaction.count > 0);
            }
            (false, Some(_)) | (true, None) => {
                let change = Change::Nothing;
                return Ok(Effect {
                    target,
                    row,
                    change,
                });
            }
        }
        let change = Change::Reactions(user);
        Ok(Effect {
            target,
            row,
            change,
        })
    }

    // impl[EIM-OPS-028]
    fn check_pin(
        &self,
        tenant: TenantId,
        id: ConversationId,
        target: u64,
        remove: bool,
    ) -> Result<Change, Failure> {
        let pins = self.pins(tenant, id)?;
        let pinned = pins.pins.iter().any(|pin| pin.target == target);
        if remove && !pinned {
            return Ok(Change::Nothing);
        }
        if !remove && !pinned && pins.pins.len() >= self.options.conversation_pins {
            return refuse(ErrorCode::LIMIT_REACHED, "too many pinned messages");
        }
        Ok(Change::Pin { pins, remove })
    }

    fn pins(&self, tenant: TenantId, id: ConversationId) -> Result<PinsRow, StoreError> {
        self.row("pins", &keys::pins(tenant, id))
    }

    fn put_pins(&mut self, tenant: TenantId, id: ConversationId, pins: &PinsRow) {
        let key = keys::pins(tenant, id);
        self.put_or_delete(&key, pins, pins.pins.is_empty());
    }

    fn put_or_delete(&mut self, key: &Key, row: &impl Message, delete: bool) {
        if delete {
            self.pending.delete_state(key);
        } else {
            self.pending.put_state(key, state::encode(row));
        }
    }
}

/// Whether operations may name the entry.
pub(super) const fn is_message(entry: &Entry) -> bool {
    matches!(entry.frame_type.0, 0x20..=0x3F)
}

fn not_found<T>() -> Result<T, Failure> {
    refuse(ErrorCode::NOT_FOUND, "no such message")
}

/// What is pushed of an entry that was erased before anybody was told of it.
pub(super) fn erased(entry: &Entry) -> Entry {
    Entry {
        body: Bytes::new(),
        fallback_text: String::new(),
        tombstone: true,
        ..entry.clone()
    }
}

/// The user of a key that ends with one.
pub(super) fn user_of(key: &[u8]) -> Result<UserId, StoreError> {
    keys::last_id(key)
}
