//! Operations on messages and read marks, as chapters 42 and 52 tell them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Act, ConversationKind, EditBody, EntryState, Modifier, PinBody, ReactionBody, RecallBody, Role,
    TextBody, is_modifier,
};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Append, Entry, FlagChange, MarkChange, MarkView, Origin};
use prost::Message as _;

use super::model::{Conversation, Model, Tenant};

/// What has become of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Operated {
    edits: Vec<u64>,
    recall: u64,
    recalled_by: Option<UserId>,
    reactions: BTreeMap<UserId, BTreeSet<String>>,
    pub(super) pin: u64,
}

/// How far a user has read, and whether it wants to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mark {
    pub(super) read: u64,
    pub(super) flagged: bool,
}

/// An operation, drawn from a few bits: type and body.
pub(super) fn draw(bits: u8, target: u8) -> (FrameType, Bytes) {
    let reaction = ["+1", "no", "?"][usize::from(target >> 6) % 3].to_owned();
    let (target, remove) = (u64::from(target % 8) + 1, bits & 4 == 4);
    let (frame_type, body) = match bits & 3 {
        0 => {
            let text = Some(TextBody::new(if remove { "b" } else { "a" }));
            (FrameType::EDIT, EditBody { target, text }.encode_to_vec())
        }
        1 => (FrameType::RECALL, RecallBody { target }.encode_to_vec()),
        2 => {
            let body = ReactionBody {
                target,
                reaction,
                remove,
            };
            (FrameType::REACTION, body.encode_to_vec())
        }
        _ => (FrameType::PIN, PinBody { target, remove }.encode_to_vec()),
    };
    (frame_type, body.into())
}

impl Model {
    /// Whether an operation of a member may be.
    pub(super) fn may_operate(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        append: &Append,
    ) -> Result<Option<Modifier>, ErrorCode> {
        let (options, now_ms) = (self.options, self.now_ms);
        let Some(modifier) = Modifier::of(append.frame_type, &append.body).expect("it is one")
        else {
            return Ok(None);
        };
        let conversation = self.tenant(origin.tenant).conversations.get(&id);
        let conversation = conversation.ok_or(ErrorCode::NOT_FOUND)?;
        let (role, joined_at) = conversation.members[&origin.user];
        let target = modifier.target;
        let message = conversation.log.get(target as usize - 1);
        let message = message.filter(|it| {
            target >= joined_at && !it.tombstone && (0x20..0x40).contains(&it.frame_type.0)
        });
        let message = message.ok_or(ErrorCode::NOT_FOUND)?;
        let group = conversation.kind == ConversationKind::Group;
        let leads = group && matches!(role, Role::Owner | Role::Admin);
        let own = message.sender == Some(origin.user);
        let late = |limit: u64| limit > 0 && now_ms.saturating_sub(message.time_ms) > limit;
        let none = Operated::default();
        let before = conversation.operated.get(&target).unwrap_or(&none);
        let error = match &modifier.act {
            Act::Edit if !own || message.frame_type != FrameType::TEXT => ErrorCode::FORBIDDEN,
            Act::Edit if late(options.edit_ms) => ErrorCode::FORBIDDEN,
            Act::Edit if before.edits.len() >= options.message_edits => ErrorCode::LIMIT_REACHED,
            Act::Recall if !own && !leads => ErrorCode::FORBIDDEN,
            Act::Recall if !leads && late(options.recall_ms) => ErrorCode::FORBIDDEN,
            Act::React {
                reaction,
                remove: false,
            } => {
                let given = before.reactions.get(&origin.user);
                let different = before.counted();
                let new = given.is_none_or(|given| !given.contains(reaction));
                let many = given.map_or(0, BTreeSet::len) >= options.user_reactions;
                let kinds = different.len() >= options.message_reactions
                    && !different.contains_key(reaction);
                if new && (many || kinds) {
                    ErrorCode::LIMIT_REACHED
                } else {
                    return Ok(Some(modifier));
                }
            }
            Act::Pin { .. } if group && !leads => ErrorCode::FORBIDDEN,
            Act::Pin { remove: false }
                if before.pin == 0 && conversation.pins().len() >= options.conversation_pins =>
            {
                ErrorCode::LIMIT_REACHED
            }
            _ => return Ok(Some(modifier)),
        };
        Err(error)
    }

    /// Does what the operation `conv_seq` says.
    pub(super) fn operate(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        conv_seq: u64,
        Modifier { target, act }: Modifier,
    ) {
        let tenant = self.tenants.entry(origin.tenant).or_default();
        let conversation = tenant.conversations.get_mut(&id).expect("it exists");
        let operated = conversation.operated.entry(target).or_default();
        match act {
            Act::Edit => operated.edits.push(conv_seq),
            Act::Recall => {
                let erased = std::mem::take(&mut operated.edits);
                *operated = Operated {
                    recall: conv_seq,
                    recalled_by: Some(origin.user),
                    ..Operated::default()
                };
                for place in erased.into_iter().chain([target]) {
                    erase(&mut conversation.log[place as usize - 1]);
                    self.erasable.insert((origin.tenant, id, place));
                }
            }
            Act::React { reaction, remove } => {
                let given = operated.reactions.entry(origin.user).or_default();
                if remove {
                    given.remove(&reaction);
                } else {
                    given.insert(reaction);
                }
                operated.reactions.retain(|_, given| !given.is_empty());
            }
            Act::Pin { remove } => operated.pin = if remove { 0 } else { conv_seq },
        }
        let none = Operated::default();
        conversation
            .operated
            .retain(|_, operated| *operated != none);
    }

    /// A user has read, or wants to come back.
    pub(super) fn mark(
        &mut self,
        origin: &Origin,
        log_epoch: u64,
        changes: &[MarkChange],
    ) -> Result<Vec<MarkView>, ErrorCode> {
        self.check_origin(origin)?;
        if log_epoch != self.log_epoch {
            return Err(ErrorCode::TOO_OLD);
        }
        let tenant = self.tenant(origin.tenant);
        let mut views = Vec::new();
        for change in changes {
            let id = change.conversation;
            let Some(conversation) = tenant.conversations.get(&id) else {
                continue;
            };
            let Some((_, through)) = conversation.range(origin.user) else {
                continue;
            };
            let mark = tenant.marks.entry((origin.user, id)).or_default();
            let read = change.read.min(through);
            if read > mark.read {
                (mark.read, mark.flagged) = (read, false);
            }
            match change.flag {
                FlagChange::Leave => {}
                FlagChange::Set => mark.flagged = true,
                FlagChange::Clear => mark.flagged = false,
            }
            views.push(conversation.marks(id, origin.user, *mark));
        }
        Ok(views)
    }
}

impl Tenant {
    pub(super) fn mark_of(&self, user: UserId, id: ConversationId) -> Mark {
        self.marks.get(&(user, id)).copied().unwrap_or_default()
    }
}

impl Conversation {
    /// What one who is or was a member may read.
    pub(super) fn range(&self, user: UserId) -> Option<(u64, u64)> {
        let seen = self.seen.get(&user)?;
        let last = seen.last.as_ref().map(|last| last.visible_through);
        Some((seen.from, last.unwrap_or(self.log.len() as u64)))
    }

    pub(super) fn marks(&self, id: ConversationId, user: UserId, mark: Mark) -> MarkView {
        let (from, through) = self.range(user).unwrap_or_default();
        let unread = self.log.iter().filter(|entry| {
            let behind = entry.conv_seq > mark.read && (from..=through).contains(&entry.conv_seq);
            behind && (0x20..0x40).contains(&entry.frame_type.0)
        });
        let mentions = unread.clone().filter(|entry| {
            let calls = self.calls.get(&entry.conv_seq);
            calls.is_some_and(|(all, named)| *all || named.contains(&user))
        });
        let mentions = mentions.count() as u64;
        MarkView {
            conversation: id,
            user,
            read: mark.read,
            delivered: 0,
            marked_unread: mark.flagged,
            unread: unread.count() as u64,
            mentions,
        }
    }

    /// Pinned messages with their PINs.
    pub(super) fn pins(&self) -> Vec<(u64, u64)> {
        let all = self.operated.iter().filter(|(_, it)| it.pin != 0);
        all.map(|(target, it)| (*target, it.pin)).collect()
    }

    /// Whether `state` says what operations have made of message `target`.
    pub(super) fn check_state(&self, target: u64, state: Option<&EntryState>) {
        let none = Operated::default();
        let operated = self.operated.get(&target).unwrap_or(&none);
        let empty = EntryState::default();
        assert_eq!(state.is_some(), *operated != none, "state of {target}");
        let state = state.unwrap_or(&empty);
        let edit = operated.edits.last().copied().unwrap_or(0);
        let by = operated.recalled_by.map(|user| user.to_bytes());
        let numbers = (state.edit_seq, state.recall_seq, state.pin_seq);
        assert_eq!(numbers, (edit, operated.recall, operated.pin), "{target}");
        assert_eq!(state.recalled_by, by.unwrap_or_default(), "{target}");
        if let Some(edit) = self.log.get((edit as usize).wrapping_sub(1)) {
            let told = (state.edit_time_ms, &state.edit_body);
            assert_eq!(told, (edit.time_ms, &edit.body), "EDIT of {target}");
        }
        let counts = state.reactions.iter();
        let counts: BTreeMap<_, _> = counts
            .map(|it| (it.reaction.clone(), it.count as usize))
            .collect();
        assert_eq!(counts, operated.counted(), "reactions to {target}");
    }

    /// Who reacts how to a message; `None` when there is none any more.
    pub(super) fn reactions(&self, target: u64) -> Option<BTreeMap<UserId, BTreeSet<String>>> {
        let message = self.log.get((target as usize).checked_sub(1)?)?;
        let there = (0x20..0x40).contains(&message.frame_type.0) && !message.tombstone;
        let operated = self.operated.get(&target);
        there.then(|| operated.map(|it| it.reactions.clone()).unwrap_or_default())
    }
}

impl Operated {
    fn counted(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for reaction in self.reactions.values().flatten() {
            *counted.entry(reaction.clone()).or_default() += 1;
        }
        counted
    }
}

/// What is left of an entry that was taken back.
pub(super) fn erase(entry: &mut Entry) {
    entry.body = Bytes::new();
    entry.fallback_text = String::new();
    entry.tombstone = true;
}

/// Whether an entry may open a conversation.
pub(super) const fn opens(append: &Append) -> bool {
    !is_modifier(append.frame_type)
}
