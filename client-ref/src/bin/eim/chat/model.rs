//! What the terminal UI knows. Plain data: no terminal, no client.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::Presence;
use eim_client::store::{Message, Target};
use eim_client::{ConnectionState, Contact};
use eim_codec::id::{CallId, ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::payload::{ContactState, Role};

use crate::output::printable;

mod action;
mod calls;
mod command;
mod entries;
mod keys;
mod pane;
mod presence;
mod receipts;
mod rows;
mod status;

pub(crate) use self::action::{Action, ContactAct, GroupAct, Question, Who};
pub(crate) use self::pane::{Answer, Item, Pane};
pub(crate) use self::receipts::Receipt;

/// A conversation in the list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) conversation: ConversationId,
    pub(crate) target: Target,
    /// Name of a group; `None` for direct conversations, which are named by their peer.
    group: Option<String>,
    pub(crate) peer: Option<UserId>,
    pub(crate) unread: usize,
    /// Unread messages that mention this user.
    pub(crate) mentions: usize,
    pub(crate) members: u32,
    /// Its entries are read from the log.
    pub(crate) large: bool,
    pub(crate) role: Role,
    /// Users who wait until this one lets them in.
    pub(crate) waiting: u32,
    /// This user is no member any more.
    pub(crate) former: bool,
    /// Number of the newest message.
    last: u64,
    time_ms: u64,
}

/// A line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) conv_seq: u64,
    pub(crate) time: String,
    pub(crate) sender: Option<UserId>,
    pub(crate) text: String,
    /// The text alone as it is now, to be edited.
    plain: String,
    pub(crate) mark: Mark,
    /// Number of the message it answers; 0 for none.
    pub(crate) reply_to: u64,
    id: Option<ClientMsgId>,
    /// What the text was made of, to make it again when the names in it are known.
    named: Option<Box<Message>>,
}

/// How far an own message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// In the log.
    Durable,
    /// On its way.
    Pending,
    /// Refused.
    Failed,
}

/// Everything on the screen.
#[derive(Debug)]
pub(crate) struct Model {
    me: UserId,
    rows: Vec<Row>,
    selected: usize,
    entries: Vec<Entry>,
    names: BTreeMap<UserId, String>,
    unnamed: BTreeSet<UserId>,
    asked: BTreeSet<UserId>,
    pub(crate) input: String,
    /// Character of the input before which the cursor stands.
    pub(crate) cursor: usize,
    /// Lines scrolled up from the newest.
    pub(crate) scroll: usize,
    /// Number of the message that is picked out.
    pub(crate) focus: Option<u64>,
    pub(crate) help: bool,
    pane: Option<Pane>,
    contacts: BTreeMap<UserId, Contact>,
    state: ConnectionState,
    notice: Option<String>,
    /// What others have of conversations: delivered, read. In groups, somebody.
    receipts: BTreeMap<ConversationId, (u64, u64)>,
    presence: BTreeMap<UserId, Presence>,
    watched: BTreeSet<UserId>,
    typists: BTreeSet<(ConversationId, UserId)>,
    device: Option<DeviceId>,
    calls: BTreeMap<CallId, calls::Call>,
    missed: BTreeMap<ConversationId, calls::Missed>,
}

impl Model {
    pub(crate) fn new(me: UserId) -> Self {
        Self {
            me,
            rows: Vec::new(),
            selected: 0,
            entries: Vec::new(),
            names: BTreeMap::new(),
            unnamed: BTreeSet::from([me]),
            asked: BTreeSet::new(),
            input: String::new(),
            cursor: 0,
            scroll: 0,
            focus: None,
            help: false,
            pane: None,
            contacts: BTreeMap::new(),
            state: ConnectionState::Connecting,
            notice: None,
            receipts: BTreeMap::new(),
            presence: BTreeMap::new(),
            watched: BTreeSet::new(),
            typists: BTreeSet::new(),
            device: None,
            calls: BTreeMap::new(),
            missed: BTreeMap::new(),
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn row(&self) -> Option<&Row> {
        self.rows.get(self.selected)
    }

    pub(crate) fn selected(&self) -> Option<ConversationId> {
        self.row().map(|row| row.conversation)
    }

    pub(crate) const fn selected_index(&self) -> usize {
        self.selected
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) const fn pane(&self) -> Option<&Pane> {
        self.pane.as_ref()
    }

    /// The name of a user, or the beginning of the id until it is known.
    pub(crate) fn user(&self, user: UserId) -> String {
        match self.names.get(&user) {
            Some(name) => name.clone(),
            None => user.to_string().chars().take(8).collect(),
        }
    }

    /// The name of a conversation.
    pub(crate) fn title(&self, row: &Row) -> String {
        match (&row.group, row.peer) {
            (Some(name), _) => printable(name),
            (None, Some(peer)) if peer == self.me => "(notes to self)".to_owned(),
            (None, Some(peer)) => self.user(peer),
            (None, None) if row.conversation == ConversationId::personal(self.me) => {
                "(contacts)".to_owned()
            }
            (None, None) => row.conversation.to_string().chars().take(8).collect(),
        }
    }

    /// The name of a conversation, and what there is to know about it.
    pub(crate) fn headline(&self, row: &Row) -> String {
        let mut line = self.title(row);
        if row.group.is_some() {
            let members = row.members;
            line.push_str(&format!(" · {members} members"));
            match row.role {
                Role::Owner => line.push_str(" · owner"),
                Role::Admin => line.push_str(" · admin"),
                _ => {}
            }
            if row.large {
                line.push_str(" · large");
            }
        }
        if row.former {
            line.push_str(" · left");
        }
        if let Some(contact) = row.peer.and_then(|peer| self.contacts.get(&peer)) {
            match contact.state {
                ContactState::Contact => line.push_str(" · contact"),
                ContactState::Asked => line.push_str(" · asks to be a contact (F4)"),
                ContactState::Requested => line.push_str(" · asked to be a contact"),
                ContactState::None => {}
            }
            if contact.blocked {
                line.push_str(" · blocked");
            }
        }
        line.push_str(&self.presence_words(row));
        line
    }

    pub(crate) fn state(&mut self, state: ConnectionState) {
        self.state = state;
    }

    pub(crate) fn notice(&mut self, text: String) {
        self.notice = Some(printable(&text));
    }

    pub(crate) fn name(&mut self, user: UserId, name: String) {
        self.names.insert(user, printable(&name));
        self.say_again();
    }

    fn meet(&mut self, user: UserId) {
        if !self.names.contains_key(&user) && !self.asked.contains(&user) {
            self.unnamed.insert(user);
        }
    }

    /// Users whose names are to be asked for; each is returned once.
    pub(crate) fn take_unnamed(&mut self) -> BTreeSet<UserId> {
        let unnamed = std::mem::take(&mut self.unnamed);
        self.asked.extend(unnamed.iter().copied());
        unnamed
    }

    /// Contacts, requests that wait, and blocked users, all of them.
    pub(crate) fn contacts(&mut self, contacts: impl IntoIterator<Item = Contact>) {
        let contacts = contacts.into_iter();
        self.contacts = contacts.map(|contact| (contact.user, contact)).collect();
        let items = self.contacts.values().cloned().map(Item::Contact).collect();
        self.answered(&Question::Contacts, Ok(Answer::new(items)));
    }

    /// Requests of others that wait for an answer.
    pub(crate) fn requests(&self) -> usize {
        let asks = |contact: &&Contact| contact.state == ContactState::Asked;
        self.contacts.values().filter(asks).count()
    }

    /// Users that a text names with an `@`, as far as their names are known, and whether it names
    /// all.
    pub(crate) fn mentions(&self, text: &str) -> (Vec<UserId>, bool) {
        let mut users = Vec::new();
        let mut all = false;
        for word in text.split_whitespace() {
            let Some(name) = word.strip_prefix('@') else {
                continue;
            };
            let name = name.trim_end_matches([',', '.', ':', ';', '!', '?']);
            all |= name == "all";
            let known = self.names.iter().find(|(_, known)| known.as_str() == name);
            if let Some((user, _)) = known
                && !users.contains(user)
            {
                users.push(*user);
            }
        }
        (users, all)
    }
}

#[cfg(test)]
mod tests;
