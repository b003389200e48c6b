//! The store as the specification tells it (chapters 40, 50, 60 and 61): lists and maps, no disk.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, SessionId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role, TextBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::kv::Options;
use eim_server::store::{
    Append, Appended, Changed, ConversationView, DeviceRecord, Entry, Origin, SessionRecord,
    Target, TenantId, UserRecord,
};
use prost::Message as _;

use super::govern::Governed;
use super::operations::{Mark, Operated, opens};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conversation {
    pub(super) kind: ConversationKind,
    pub(super) name: String,
    pub(super) log: Vec<Entry>,
    /// What operations have made of messages.
    pub(super) operated: BTreeMap<u64, Operated>,
    /// Whom texts call: everybody, and users by id.
    pub(super) calls: BTreeMap<u64, (bool, BTreeSet<UserId>)>,
    /// What is decided about a group.
    pub(super) governed: Governed,
    /// Read from its log.
    pub(super) large: bool,
    /// Role, and the entry that added the member.
    pub(super) members: BTreeMap<UserId, (Role, u64)>,
    /// Everybody who is or was a member: first and last entry to read, peer; of former members what
    /// they saw last.
    pub(super) seen: BTreeMap<UserId, Seen>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) from: u64,
    pub(super) peer: Option<UserId>,
    pub(super) last: Option<ConversationView>,
}

/// A place in a timeline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) conversation: ConversationId,
    pub(super) conv_seq: u64,
    pub(super) time_ms: u64,
    /// What was committed together goes together.
    pub(super) commit: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Timeline {
    pub(super) all: Vec<Reference>,
    pub(super) floor: u64,
}

fn conversation(sender: UserId, target: Target) -> ConversationId {
    match target {
        Target::Conversation(id) => id,
        Target::Direct(peer) => ConversationId::direct(sender, peer),
    }
}

impl Timeline {
    pub(super) const fn head(&self) -> u64 {
        self.all.len() as u64
    }
}

/// What a user did once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Once<O> {
    pub(super) content: String,
    pub(super) outcome: O,
    pub(super) written_ms: u64,
    /// An unfinished sweep may have removed it.
    pub(super) maybe_gone: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    pub(super) record: DeviceRecord,
    /// Cursors that were moved and may not be written yet.
    pub(super) moved: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tenant {
    pub(super) users: BTreeMap<UserId, UserRecord>,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    /// In the order of their creation.
    pub(super) groups: Vec<ConversationId>,
    pub(super) timelines: BTreeMap<UserId, Timeline>,
    pub(super) messages: BTreeMap<(UserId, ClientMsgId), Once<Appended>>,
    pub(super) requests: BTreeMap<(UserId, [u8; 16]), Once<Changed>>,
    pub(super) devices: BTreeMap<(UserId, DeviceId), Device>,
    pub(super) sessions: BTreeMap<SessionId, (SessionRecord, bool)>,
    /// How far users have read.
    pub(super) marks: BTreeMap<(UserId, ConversationId), Mark>,
}

/// What the sink has to hear.
pub(super) type Announced = (TenantId, Entry, BTreeMap<UserId, u64>);

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) options: Options,
    pub(super) tenants: BTreeMap<TenantId, Tenant>,
    pub(super) now_ms: u64,
    pub(super) log_epoch: u64,
    pub(super) commit: u64,
    pub(super) announced: Vec<Announced>,
    /// Entries that were taken back since anything was announced.
    pub(super) erasable: BTreeSet<(TenantId, ConversationId, u64)>,
}

/// What an entry is made of.
pub(super) struct Draft {
    pub(super) frame_type: FrameType,
    pub(super) client_msg_id: Option<ClientMsgId>,
    pub(super) body: Bytes,
    pub(super) fallback_text: String,
}

impl Model {
    pub(super) fn tenant(&mut self, tenant: TenantId) -> &mut Tenant {
        self.tenants.entry(tenant).or_default()
    }

    pub(super) fn check_origin(&mut self, origin: &Origin) -> Result<(), ErrorCode> {
        let device = (origin.user, origin.device);
        let known = self.tenant(origin.tenant).devices.get(&device);
        let record = known.map(|it| &it.record);
        if record.is_some_and(|record| record.logged_out.is_some()) {
            return Err(ErrorCode::LOGGED_OUT);
        }
        let newest = record.map_or(0, |record| record.generation);
        match origin.generation {
            Some(generation) if generation != newest => Err(ErrorCode::REPLACED),
            _ => Ok(()),
        }
    }

    /// What failed holds back what follows it in its conversation, if that does not fail by itself or
    /// is there already.
    pub(super) fn append_in_order<'a>(
        &mut self,
        origin: &Origin,
        batch: &[Append],
        found: impl Fn(usize) -> Option<&'a Result<Appended, ErrorCode>>,
    ) -> Vec<Result<Appended, ErrorCode>> {
        if let Err(code) = self.check_origin(origin) {
            return vec![Err(code); batch.len()];
        }
        let mut held = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (place, append) in batch.iter().enumerate() {
            let id = conversation(origin.user, append.target);
            if held.contains(&id) && !append.after_failed {
                let before = self.clone();
                let mut outcome = self.append(origin, append, found(place));
                if outcome.as_ref().is_ok_and(|new| !new.duplicate) {
                    *self = before;
                    outcome = Err(ErrorCode::PREDECESSOR_FAILED);
                }
                outcomes.push(outcome);
                continue;
            }
            let outcome = self.append(origin, append, found(place));
            if outcome.is_err() {
                held.insert(id);
            } else {
                held.remove(&id);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// `found` says what the store answered; it decides where the model cannot know.
    fn append(
        &mut self,
        origin: &Origin,
        append: &Append,
        found: Option<&Result<Appended, ErrorCode>>,
    ) -> Result<Appended, ErrorCode> {
        let (now_ms, window) = (self.now_ms, self.options.idempotency_ms);
        let id = conversation(origin.user, append.target);
        let key = (origin.user, append.client_msg_id);
        let content = format!(
            "{:?} {id} {:?} {:?}",
            append.frame_type, append.body, append.fallback_text
        );
        let tenant = self.tenant(origin.tenant);
        if let Some(once) = tenant.messages.get(&key) {
            let duplicate = Appended {
                duplicate: true,
                ..once.outcome
            };
            let answer = if once.content == content {
                Ok(duplicate)
            } else {
                Err(ErrorCode::CONFLICT)
            };
            if !once.maybe_gone || found.is_none_or(|found| *found == answer) {
                return answer;
            }
            tenant.messages.remove(&key);
        }
        let first = append.first_sent_at_ms;
        if first != 0 && now_ms.saturating_sub(first) > window {
            return Err(ErrorCode::RETRY_EXPIRED);
        }
        match (tenant.conversations.get(&id), append.target) {
            (Some(it), _) if it.members.contains_key(&origin.user) => {
                it.may_send(origin.user, append.frame_type, now_ms)?;
            }
            (None, Target::Direct(peer)) if opens(append) => {
                tenant.open_direct(origin.user, peer, id)?;
            }
            _ => return Err(ErrorCode::NOT_FOUND),
        }
        let modifier = self.may_operate(origin, id, append)?;
        let draft = Draft {
            frame_type: append.frame_type,
            client_msg_id: Some(append.client_msg_id),
            body: append.body.clone(),
            fallback_text: append.fallback_text.clone(),
        };
        let (conv_seq, time_ms, user_seq) = self.deliver(origin, id, draft, &BTreeSet::new());
        if let Some(modifier) = modifier {
            self.operate(origin, id, conv_seq, modifier);
        }
        let outcome = Appended {
            conversation: id,
            conv_seq,
            time_ms,
            user_seq,
            duplicate: false,
        };
        let once = Once {
            content,
            outcome,
            written_ms: now_ms,
            maybe_gone: false,
        };
        self.tenant(origin.tenant).messages.insert(key, once);
        Ok(outcome)
    }

    /// An entry of a log, in the timelines of all members, unless it is read from the log, and of
    /// those whom it concerns. Gives back its number
    /// and time, and its place in the timeline of the caller.
    pub(super) fn deliver(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        draft: Draft,
        former: &BTreeSet<UserId>,
    ) -> (u64, u64, u64) {
        let (now_ms, log_epoch, commit) = (self.now_ms, self.log_epoch, self.commit);
        let tenant = self.tenants.entry(origin.tenant).or_default();
        let conversation = tenant.conversations.get_mut(&id).expect("it exists");
        let before = conversation.log.last();
        let is_message = (0x20..0x40).contains(&draft.frame_type.0);
        let entry = Entry {
            conversation: id,
            log_epoch,
            conv_seq: conversation.log.len() as u64 + 1,
            frame_type: draft.frame_type,
            sender: (draft.frame_type != FrameType::MODE).then_some(origin.user),
            sender_device: (draft.frame_type != FrameType::MODE).then_some(origin.device),
            client_msg_id: draft.client_msg_id,
            time_ms: now_ms.max(before.map_or(0, |it| it.time_ms)),
            countable: before.map_or(0, |it| it.countable) + u64::from(is_message),
            body: draft.body,
            fallback_text: draft.fallback_text,
            tombstone: false,
        };
        if let (FrameType::TEXT, Ok(body)) =
            (entry.frame_type, TextBody::decode(entry.body.clone()))
        {
            let named = body.mentions.iter();
            let named = named.filter_map(|id| UserId::from_slice(id).ok());
            let calls = (body.mention_all, named.collect());
            conversation.calls.insert(entry.conv_seq, calls);
        }
        conversation.log.push(entry.clone());
        if entry.client_msg_id.is_some() {
            let mark = tenant.marks.entry((origin.user, id)).or_default();
            if is_message {
                (mark.read, mark.flagged) = (entry.conv_seq, false);
            }
        }
        let mut readers = former.clone();
        if !conversation.large {
            readers.extend(conversation.members.keys());
        }
        let mut places = BTreeMap::new();
        for reader in readers {
            let timeline = tenant.timelines.entry(reader).or_default();
            timeline.all.push(Reference {
                conversation: id,
                conv_seq: entry.conv_seq,
                time_ms: entry.time_ms,
                commit,
            });
            places.insert(reader, timeline.head());
        }
        let place = places.get(&origin.user).copied().unwrap_or(0);
        let numbers = (entry.conv_seq, entry.time_ms, place);
        self.announced.push((origin.tenant, entry, places));
        numbers
    }
}

impl Tenant {
    fn open_direct(
        &mut self,
        user: UserId,
        peer: UserId,
        id: ConversationId,
    ) -> Result<(), ErrorCode> {
        if self.users.get(&peer).is_none_or(|it| it.disabled) {
            return Err(ErrorCode::NOT_FOUND);
        }
        let seen = |peer| Seen {
            from: 1,
            peer: Some(peer),
            last: None,
        };
        let conversation = Conversation {
            kind: ConversationKind::Direct,
            name: String::new(),
            log: Vec::new(),
            operated: BTreeMap::new(),
            calls: BTreeMap::new(),
            governed: Governed::default(),
            large: false,
            members: [user, peer].map(|it| (it, (Role::Member, 1))).into(),
            seen: [(user, seen(peer)), (peer, seen(user))].into(),
        };
        self.conversations.insert(id, conversation);
        Ok(())
    }

    pub(super) fn views(&self, user: UserId) -> Vec<ConversationView> {
        let all = self.conversations.iter();
        let mark = |id| self.mark_of(user, id);
        all.filter_map(|(id, it)| it.view(*id, user, mark(*id)))
            .collect()
    }
}

impl Conversation {
    /// The conversation as one who is or was a member sees it.
    pub(super) fn view(
        &self,
        id: ConversationId,
        user: UserId,
        mark: Mark,
    ) -> Option<ConversationView> {
        let seen = self.seen.get(&user)?;
        let marks = self.marks(id, user, mark);
        if let Some(last) = &seen.last {
            return Some(ConversationView {
                marks,
                ..last.clone()
            });
        }
        let head = self.log.last()?;
        Some(ConversationView {
            conversation: id,
            kind: self.kind,
            name: self.name.clone(),
            conv_seq: head.conv_seq,
            visible_from: seen.from,
            visible_through: 0,
            role: self.members.get(&user).map_or(Role::Unspecified, |it| it.0),
            peer: seen.peer,
            countable: head.countable,
            time_ms: head.time_ms,
            members: self.members.len() as u32,
            fan_out: if self.large {
                FanOut::Read
            } else {
                FanOut::Write
            },
            marks,
            group: self.group_state(user),
        })
    }
}
