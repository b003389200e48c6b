//! The list of conversations.

use eim_client::store::{ConversationRecord, Message, Target};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role};

use super::{Model, Question, Row};
use crate::shown::is_part_of_another;

impl Row {
    fn new(conversation: ConversationId, target: Target) -> Self {
        Self {
            conversation,
            target,
            group: None,
            peer: None,
            unread: 0,
            mentions: 0,
            members: 0,
            large: false,
            role: Role::Unspecified,
            waiting: 0,
            former: false,
            last: 0,
            time_ms: 0,
        }
    }

    fn update(&mut self, record: ConversationRecord) {
        self.group = (record.kind == ConversationKind::Group).then_some(record.name);
        self.peer = record.peer;
        self.members = record.members;
        self.large = record.fan_out == FanOut::Read;
        self.role = record.role;
        self.former = record.visible_through != 0;
        self.time_ms = self.time_ms.max(record.time_ms);
        self.last = self.last.max(record.conv_seq);
    }

    /// Nothing is left to read.
    pub(super) fn clear(&mut self) {
        self.unread = 0;
        self.mentions = 0;
    }
}

impl Model {
    /// Conversations as the store knows them. Those this user has left are listed only while the
    /// program runs.
    pub(crate) fn records(&mut self, records: Vec<ConversationRecord>) {
        let selected = self.selected();
        for record in records {
            let known = self.place(record.conversation);
            if known.is_none() && record.visible_through != 0 {
                continue;
            }
            if let Some(peer) = record.peer {
                self.meet(peer);
            }
            let id = record.conversation;
            let place = known.unwrap_or_else(|| self.add(id, Target::Conversation(id)));
            if let Some(row) = self.rows.get_mut(place) {
                row.update(record);
            }
        }
        self.sort(selected);
    }

    /// So many wait to join a group. Gives back the pane that shows them, if it is open.
    pub(crate) fn waiting(&mut self, group: ConversationId, waiting: u32) -> Option<Question> {
        let place = self.place(group);
        if let Some(row) = place.and_then(|place| self.rows.get_mut(place)) {
            row.waiting = waiting;
        }
        let shown = self.pane().map(|pane| pane.question.clone());
        shown.filter(|it| *it == Question::Members(group))
    }

    pub(super) fn place(&self, conversation: ConversationId) -> Option<usize> {
        let mut rows = self.rows.iter();
        rows.position(|row| row.conversation == conversation)
    }

    fn add(&mut self, conversation: ConversationId, target: Target) -> usize {
        self.rows.push(Row::new(conversation, target));
        self.rows.len() - 1
    }

    /// The newest conversations first; the selected one stays selected.
    fn sort(&mut self, selected: Option<ConversationId>) {
        self.rows
            .sort_by_key(|row| (std::cmp::Reverse(row.time_ms), row.conversation));
        self.selected = selected.and_then(|it| self.place(it)).unwrap_or(0);
    }

    /// Selects the direct conversation with a user, which may not exist yet.
    pub(crate) fn open_direct(&mut self, conversation: ConversationId, peer: UserId) {
        if self.place(conversation).is_none() {
            let place = self.add(conversation, Target::User(peer));
            if let Some(row) = self.rows.get_mut(place) {
                row.peer = Some(peer);
            }
        }
        self.select(conversation);
    }

    pub(crate) fn select(&mut self, conversation: ConversationId) {
        if let Some(place) = self.place(conversation) {
            self.selected = place;
            self.leave_entries();
        }
    }

    /// Selects a conversation and picks a message of it out.
    pub(super) fn jump(&mut self, conversation: ConversationId, conv_seq: u64) {
        self.select(conversation);
        self.focus = Some(conv_seq);
    }

    pub(super) fn leave_entries(&mut self) {
        self.entries.clear();
        self.scroll = 0;
        self.focus = None;
    }

    /// A message arrived.
    pub(crate) fn message(&mut self, message: &Message) {
        let id = message.conversation;
        let selected = self.selected();
        let place = self.place(id);
        let place = place.unwrap_or_else(|| self.add(id, Target::Conversation(id)));
        let is_selected = selected == Some(id);
        let is_own = message.sender == Some(self.me);
        if !is_own && message.sender.is_some() {
            // Whoever writes has read.
            self.reached(id, message.conv_seq, message.conv_seq);
        }
        if let Some(row) = self.rows.get_mut(place) {
            row.time_ms = row.time_ms.max(message.time_ms);
            row.last = row.last.max(message.conv_seq);
            let counts = !is_part_of_another(message);
            if is_own && counts {
                // Whoever writes has read.
                row.clear();
            } else if !is_own && !is_selected && counts {
                row.unread += 1;
                row.mentions += usize::from(mentions(message, self.me));
            }
        }
        if is_selected {
            self.append(message, None);
        }
        self.sort(selected);
    }
}

fn mentions(message: &Message, me: UserId) -> bool {
    use eim_codec::payload::TextBody;
    use prost::Message as _;

    if message.frame_type != eim_codec::registry::FrameType::TEXT {
        return false;
    }
    TextBody::decode(message.body.clone()).is_ok_and(|body| {
        body.mention_all || body.mentions.iter().any(|user| user[..] == *me.as_bytes())
    })
}
