//! The store as one would write it without thinking of disks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ContactState, ConversationKind, FanOut, Role};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::kv::Options;
use eim_server::store::{Append, Appended, Changed, ConversationView, MarkView, Target};

#[derive(Clone)]
pub(crate) struct Logged {
    pub(crate) frame_type: FrameType,
    pub(crate) sender: Option<UserId>,
    pub(crate) time_ms: u64,
    pub(crate) countable: u64,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
pub(crate) struct Conversation {
    pub(super) kind: ConversationKind,
    pub(super) name: String,
    pub(crate) log: Vec<Logged>,
    pub(crate) members: BTreeMap<UserId, (Role, u64)>,
}

/// A user on the list of another one.
#[derive(Clone, Default)]
pub(crate) struct Listed {
    pub(crate) state: ContactState,
    pub(crate) blocked: bool,
    pub(crate) message: String,
    pub(crate) version: u64,
}

#[derive(Clone)]
struct Reference {
    /// Acts of one commit go or stay together.
    commit: u64,
    conversation: ConversationId,
    conv_seq: u64,
    time_ms: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Timeline {
    all: Vec<Reference>,
    pub(crate) floor: u64,
}

impl Timeline {
    pub(crate) fn head(&self) -> u64 {
        self.all.len() as u64
    }

    pub(crate) fn references(&self) -> Vec<(u64, ConversationId, u64)> {
        let numbered = (1..).zip(&self.all).skip(self.floor as usize);
        numbered
            .map(|(number, it)| (number, it.conversation, it.conv_seq))
            .collect()
    }
}

/// What users did once: content and outcome, and when it was written.
type Known<C, O> = BTreeMap<(UserId, [u8; 16]), ((C, O), u64)>;

#[derive(Clone)]
pub(crate) struct Model {
    pub(super) options: Options,
    pub(super) now_ms: u64,
    commit: u64,
    pub(super) disabled: BTreeMap<UserId, bool>,
    pub(crate) groups: Vec<ConversationId>,
    pub(crate) conversations: BTreeMap<ConversationId, Conversation>,
    pub(crate) timelines: BTreeMap<UserId, Timeline>,
    pub(super) views: BTreeMap<(UserId, ConversationId), ConversationView>,
    marks: BTreeMap<(UserId, ConversationId), u64>,
    pub(crate) contacts: BTreeMap<(UserId, UserId), Listed>,
    messages: Known<(ConversationId, Bytes), Appended>,
    pub(super) requests: Known<String, Changed>,
}

impl Model {
    pub(crate) fn new(options: Options, users: impl Iterator<Item = UserId>) -> Self {
        let disabled: BTreeMap<_, _> = users.map(|user| (user, false)).collect();
        Self {
            options,
            now_ms: 0,
            commit: 0,
            timelines: disabled
                .keys()
                .map(|user| (*user, Timeline::default()))
                .collect(),
            disabled,
            groups: Vec::new(),
            conversations: BTreeMap::new(),
            views: BTreeMap::new(),
            marks: BTreeMap::new(),
            contacts: BTreeMap::new(),
            messages: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    pub(crate) fn next_commit(&mut self, now_ms: u64) {
        self.commit += 1;
        self.now_ms = now_ms;
    }

    pub(crate) fn set_disabled(&mut self, user: UserId, disabled: bool) {
        self.disabled.insert(user, disabled);
    }

    pub(crate) fn views(&self, user: UserId) -> Vec<ConversationView> {
        let mut views = Vec::new();
        for ((member, id), view) in &self.views {
            if *member == user {
                let mut view = view.clone();
                if view.visible_through == 0 {
                    self.refresh(*member, *id, &mut view);
                }
                self.set_marks(*member, *id, &mut view);
                views.push(view);
            }
        }
        views
    }

    /// Read is what one has marked or sent, unread what counts behind it and may be read.
    fn set_marks(&self, user: UserId, id: ConversationId, view: &mut ConversationView) {
        let read = self.marks.get(&(user, id)).copied().unwrap_or(0);
        let log = &self.conversations[&id].log;
        let visible = (1_u64..).zip(log).filter(|(number, logged)| {
            logged.frame_type.0 < 0x40 && *number >= view.visible_from && *number <= view.conv_seq
        });
        view.marks.unread = visible.filter(|(number, _)| *number > read).count() as u64;
        (view.marks.read, view.marks.delivered) = (read, read);
    }

    /// Gives back the mark; `None` for somebody who never was a member.
    pub(crate) fn mark(&mut self, user: UserId, id: ConversationId, through: u64) -> Option<u64> {
        let view = self.views.get(&(user, id))?;
        let last = match view.visible_through {
            0 => self.conversations[&id].log.len() as u64,
            through => through,
        };
        let mark = self.marks.entry((user, id)).or_default();
        *mark = (*mark).max(through.min(last));
        Some(*mark)
    }

    pub(super) fn refresh(&self, user: UserId, id: ConversationId, view: &mut ConversationView) {
        let conversation = &self.conversations[&id];
        let last = conversation.log.last().unwrap();
        view.name.clone_from(&conversation.name);
        view.conv_seq = conversation.log.len() as u64;
        view.countable = last.countable;
        view.time_ms = last.time_ms;
        view.members = conversation.members.len() as u32;
        view.role = conversation
            .members
            .get(&user)
            .map_or(Role::Unspecified, |it| it.0);
    }

    pub(super) fn join(
        &mut self,
        user: UserId,
        id: ConversationId,
        from: u64,
        peer: Option<UserId>,
    ) {
        let view = ConversationView {
            conversation: id,
            kind: self.conversations[&id].kind,
            name: String::new(),
            conv_seq: 0,
            visible_from: from,
            visible_through: 0,
            role: Role::Unspecified,
            peer,
            countable: 0,
            time_ms: 0,
            members: 0,
            marks: MarkView {
                conversation: id,
                user,
                read: 0,
                delivered: 0,
                marked_unread: false,
                unread: 0,
                mentions: 0,
            },
            group: Default::default(),
            fan_out: FanOut::Write,
        };
        self.views.insert((user, id), view);
    }

    pub(super) fn log(
        &mut self,
        id: ConversationId,
        sender: UserId,
        frame_type: FrameType,
        body: Bytes,
        former: &BTreeSet<UserId>,
    ) -> (u64, u64, u64) {
        let conversation = self.conversations.get_mut(&id).unwrap();
        let last = conversation.log.last();
        let time_ms = self.now_ms.max(last.map_or(0, |last| last.time_ms));
        let countable = last.map_or(0, |last| last.countable) + u64::from(frame_type.0 < 0x40);
        conversation.log.push(Logged {
            frame_type,
            sender: (frame_type != FrameType::CONTACT).then_some(sender),
            time_ms,
            countable,
            body,
        });
        let conv_seq = conversation.log.len() as u64;
        if frame_type.0 < 0x40 {
            self.marks.insert((sender, id), conv_seq);
        }
        for user in conversation.members.keys().chain(former) {
            let reference = Reference {
                commit: self.commit,
                conversation: id,
                conv_seq,
                time_ms,
            };
            self.timelines.get_mut(user).unwrap().all.push(reference);
        }
        (conv_seq, time_ms, self.timelines[&sender].head())
    }

    /// What failed holds back what follows it in its conversation, if that does not fail by itself or
    /// is there already.
    pub(crate) fn append_in_order(
        &mut self,
        from: UserId,
        batch: &[Append],
    ) -> Vec<Result<Appended, ErrorCode>> {
        let mut held = BTreeSet::new();
        let mut one = |append: &Append| {
            let id = conversation(from, append.target);
            if held.contains(&id) && !append.after_failed {
                let before = self.clone();
                let outcome = self.append(from, append);
                if outcome.is_ok_and(|new| new.duplicate) || outcome.is_err() {
                    return outcome;
                }
                *self = before;
                return Err(ErrorCode::PREDECESSOR_FAILED);
            }
            let outcome = self.append(from, append);
            if outcome.is_err() {
                held.insert(id);
            } else {
                held.remove(&id);
            }
            outcome
        };
        batch.iter().map(&mut one).collect()
    }

    fn append(&mut self, from: UserId, append: &Append) -> Result<Appended, ErrorCode> {
        let id = conversation(from, append.target);
        let key = (from, append.client_msg_id.into());
        let content = (id, append.body.clone());
        if let Some(((known, appended), _)) = self.messages.get(&key) {
            let again = Appended {
                duplicate: true,
                ..*appended
            };
            return if *known == content {
                Ok(again)
            } else {
                Err(ErrorCode::CONFLICT)
            };
        }
        let first = append.first_sent_at_ms;
        if first != 0 && self.now_ms.saturating_sub(first) > self.options.idempotency_ms {
            return Err(ErrorCode::RETRY_EXPIRED);
        }
        match (self.conversations.get(&id), append.target) {
            (Some(conversation), _) if conversation.members.contains_key(&from) => {
                let peers = conversation.members.keys().find(|user| **user != from);
                if conversation.kind == ConversationKind::Personal {
                    return Err(ErrorCode::FORBIDDEN);
                }
                if let (ConversationKind::Direct, Some(peer)) = (conversation.kind, peers) {
                    self.check_block(from, *peer)?;
                }
            }
            (None, Target::Direct(peer)) => {
                if self.disabled.get(&peer) != Some(&false) {
                    return Err(ErrorCode::NOT_FOUND);
                }
                self.check_block(from, peer)?;
                let member = (Role::Member, 1);
                let members = BTreeMap::from([(from, member), (peer, member)]);
                let (kind, name) = (ConversationKind::Direct, String::new());
                let conversation = Conversation {
                    kind,
                    name,
                    log: Vec::new(),
                    members,
                };
                self.conversations.insert(id, conversation);
                self.join(from, id, 1, Some(peer));
                self.join(peer, id, 1, Some(from));
            }
            _ => return Err(ErrorCode::NOT_FOUND),
        }
        let body = append.body.clone();
        let (conv_seq, time_ms, user_seq) =
            self.log(id, from, append.frame_type, body, &BTreeSet::new());
        let appended = Appended {
            conversation: id,
            conv_seq,
            time_ms,
            user_seq,
            duplicate: false,
        };
        self.messages
            .insert(key, ((content, appended), self.now_ms));
        Ok(appended)
    }

    pub(crate) fn sweep(&mut self, now_ms: u64, window: u64, keep: u64) {
        self.messages
            .retain(|_, (_, written_ms)| *written_ms > now_ms - window);
        self.requests
            .retain(|_, (_, written_ms)| *written_ms > now_ms - window);
        for timeline in self.timelines.values_mut() {
            let left = timeline.all.get(timeline.floor as usize..).unwrap();
            let mut floor = timeline.floor;
            for commit in left.chunk_by(|one, next| one.commit == next.commit) {
                if commit
                    .iter()
                    .any(|reference| reference.time_ms > now_ms - keep)
                {
                    break;
                }
                floor += commit.len() as u64;
            }
            timeline.floor = floor;
        }
    }
}

fn conversation(sender: UserId, target: Target) -> ConversationId {
    match target {
        Target::Conversation(id) => id,
        Target::Direct(peer) => ConversationId::direct(sender, peer),
    }
}
