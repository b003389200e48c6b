//! What the terminal UI knows. Plain data: no terminal, no client.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::modified::Modified;
use eim_client::store::{ConversationRecord, Message, Target};
use eim_client::{ConnectionState, ContactNews, Settled};
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::payload::ConversationKind;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::operate::is_operation;
use crate::conversations::contact_news;
use crate::output::{printable, time_of_day};
use crate::shown::{fallback, is_part_of_another, notes, shown};

mod receipts;
mod status;

pub(crate) use self::receipts::Receipt;

/// What a key asks for beyond the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ends the program.
    Quit,
    /// Reads the selected conversation.
    Load,
    /// Sends a text.
    Send(Target, String),
    /// An operation on a message, as typed.
    Operate(Target, String),
    /// Finds a user by name and opens the conversation with them.
    Find(String),
}

/// A conversation in the list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) conversation: ConversationId,
    pub(crate) target: Target,
    /// Name of a group; `None` for direct conversations, which are named by their peer.
    group: Option<String>,
    peer: Option<UserId>,
    pub(crate) unread: usize,
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
    pub(crate) mark: Mark,
    id: Option<ClientMsgId>,
    /// What the text was made of, to make it again when the name is known.
    news: Option<ContactNews>,
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
    pub(crate) help: bool,
    state: ConnectionState,
    notice: Option<String>,
    /// What others have of direct conversations: delivered, read.
    receipts: BTreeMap<ConversationId, (u64, u64)>,
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
            help: false,
            state: ConnectionState::Connecting,
            notice: None,
            receipts: BTreeMap::new(),
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn selected(&self) -> Option<ConversationId> {
        self.rows.get(self.selected).map(|row| row.conversation)
    }

    pub(crate) const fn selected_index(&self) -> usize {
        self.selected
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
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

    pub(crate) fn state(&mut self, state: ConnectionState) {
        self.state = state;
    }

    pub(crate) fn notice(&mut self, text: String) {
        self.notice = Some(printable(&text));
    }

    pub(crate) fn name(&mut self, user: UserId, name: String) {
        let name = printable(&name);
        for entry in &mut self.entries {
            if let Some(news) = &entry.news
                && news.contact.user == user
            {
                entry.text = printable(&contact_news(news, &name));
            }
        }
        self.names.insert(user, name);
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

    /// Conversations as the store knows them.
    pub(crate) fn records(&mut self, records: Vec<ConversationRecord>) {
        let selected = self.selected();
        for record in records {
            if record.visible_through != 0 {
                continue;
            }
            if let Some(peer) = record.peer {
                self.meet(peer);
            }
            let group = (record.kind == ConversationKind::Group).then_some(record.name);
            match self
                .rows
                .iter_mut()
                .find(|row| row.conversation == record.conversation)
            {
                Some(row) => {
                    row.group = group;
                    row.peer = record.peer;
                    row.time_ms = row.time_ms.max(record.time_ms);
                    row.last = row.last.max(record.conv_seq);
                }
                None => self.rows.push(Row {
                    conversation: record.conversation,
                    target: Target::Conversation(record.conversation),
                    group,
                    peer: record.peer,
                    unread: 0,
                    last: record.conv_seq,
                    time_ms: record.time_ms,
                }),
            }
        }
        self.sort(selected);
    }

    /// The newest conversations first; the selected one stays selected.
    fn sort(&mut self, selected: Option<ConversationId>) {
        self.rows
            .sort_by_key(|row| (std::cmp::Reverse(row.time_ms), row.conversation));
        self.selected = selected
            .and_then(|selected| {
                self.rows
                    .iter()
                    .position(|row| row.conversation == selected)
            })
            .unwrap_or(0);
    }

    /// Selects the direct conversation with a user, which may not exist yet.
    pub(crate) fn open_direct(&mut self, conversation: ConversationId, peer: UserId) {
        if !self.rows.iter().any(|row| row.conversation == conversation) {
            self.rows.push(Row {
                conversation,
                target: Target::User(peer),
                group: None,
                peer: Some(peer),
                unread: 0,
                last: 0,
                time_ms: 0,
            });
        }
        self.select(conversation);
    }

    pub(crate) fn select(&mut self, conversation: ConversationId) {
        if let Some(place) = self
            .rows
            .iter()
            .position(|row| row.conversation == conversation)
        {
            self.selected = place;
            self.entries.clear();
            self.scroll = 0;
        }
    }

    /// Shows messages of the store, oldest first.
    pub(crate) fn load(
        &mut self,
        conversation: ConversationId,
        messages: &[Message],
        modified: &BTreeMap<u64, Modified>,
    ) {
        if self.selected() != Some(conversation) {
            return;
        }
        self.entries.retain(|entry| entry.mark != Mark::Durable);
        let pending = std::mem::take(&mut self.entries);
        for message in messages {
            self.append(message, modified.get(&message.conv_seq));
        }
        self.entries.extend(pending);
        if let Some(row) = self.rows.get_mut(self.selected) {
            row.unread = 0;
        }
    }

    /// A message arrived.
    pub(crate) fn message(&mut self, message: &Message) {
        let place = self
            .rows
            .iter()
            .position(|row| row.conversation == message.conversation);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row {
                conversation: message.conversation,
                target: Target::Conversation(message.conversation),
                group: None,
                peer: None,
                unread: 0,
                last: 0,
                time_ms: 0,
            });
            self.rows.len() - 1
        });
        let selected = self.selected();
        let is_selected = selected == Some(message.conversation);
        let is_own = message.sender == Some(self.me);
        if !is_own {
            // Whoever writes has read.
            self.reached(message.conversation, message.conv_seq, message.conv_seq);
        }
        if let Some(row) = self.rows.get_mut(place) {
            row.time_ms = row.time_ms.max(message.time_ms);
            row.last = row.last.max(message.conv_seq);
            let counts = !is_part_of_another(message);
            if is_own && counts {
                // Whoever writes has read.
                row.unread = 0;
            } else if !is_own && !is_selected && counts {
                row.unread += 1;
            }
        }
        if is_selected {
            self.append(message, None);
        }
        self.sort(selected);
    }

    fn append(&mut self, message: &Message, modified: Option<&Modified>) {
        if is_part_of_another(message) {
            return;
        }
        if let Some(sender) = message.sender {
            self.meet(sender);
        }
        let news = ContactNews::of(message);
        let text = match &news {
            Some(news) => {
                self.meet(news.contact.user);
                contact_news(news, &self.user(news.contact.user))
            }
            None => text(message, modified),
        };
        if message.client_msg_id.is_some() {
            self.entries
                .retain(|entry| entry.id != message.client_msg_id);
        }
        let entry = Entry {
            conv_seq: message.conv_seq,
            time: time_of_day(message.time_ms),
            sender: message.sender,
            text: printable(&text),
            mark: Mark::Durable,
            id: message.client_msg_id,
            news,
        };
        // Durable ones are in the order of the log; what is on its way comes after them.
        let place = self
            .entries
            .iter()
            .rposition(|known| known.mark == Mark::Durable && known.conv_seq < entry.conv_seq)
            .map_or(0, |place| place + 1);
        self.entries.insert(place, entry);
    }

    /// An own message is on its way.
    pub(crate) fn posted(&mut self, conversation: ConversationId, id: ClientMsgId, text: String) {
        if self.selected() == Some(conversation) {
            self.entries.push(Entry {
                conv_seq: 0,
                time: "--:--:--".to_owned(),
                sender: Some(self.me),
                text: printable(&text),
                mark: Mark::Pending,
                id: Some(id),
                news: None,
            });
            self.scroll = 0;
        }
    }

    /// An own message has its result; as a message it comes by itself.
    pub(crate) fn settled(&mut self, settled: &Settled) {
        if let Err(refused) = &settled.outcome {
            let id = Some(settled.item.client_msg_id);
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
                entry.mark = Mark::Failed;
            }
            self.notice(format!("refused: {refused}"));
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        for letter in text.chars() {
            self.insert(if letter.is_control() { ' ' } else { letter });
        }
    }

    fn insert(&mut self, letter: char) {
        let at = self.octet(self.cursor);
        self.input.insert(at, letter);
        self.cursor += 1;
    }

    /// Where a character of the input begins.
    fn octet(&self, character: usize) -> usize {
        self.input
            .char_indices()
            .nth(character)
            .map_or(self.input.len(), |(at, _)| at)
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Vec<Action> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'q') => vec![Action::Quit],
                KeyCode::Char('n') => self.step(1),
                KeyCode::Char('p') => self.step(-1),
                KeyCode::Char('u') => {
                    self.input.clear();
                    self.cursor = 0;
                    Vec::new()
                }
                _ => Vec::new(),
            };
        }
        self.notice = None;
        match key.code {
            KeyCode::Enter => return self.enter(),
            KeyCode::Down | KeyCode::Tab => return self.step(1),
            KeyCode::Up | KeyCode::BackTab => return self.step(-1),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_add(10),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::F(1) => self.help = !self.help,
            KeyCode::Esc => self.help = false,
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.input.chars().count()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.input.chars().count(),
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                let at = self.octet(self.cursor);
                self.input.remove(at);
            }
            KeyCode::Delete if self.cursor < self.input.chars().count() => {
                let at = self.octet(self.cursor);
                self.input.remove(at);
            }
            KeyCode::Char(letter) => self.insert(letter),
            _ => {}
        }
        Vec::new()
    }

    fn step(&mut self, by: isize) -> Vec<Action> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let count = self.rows.len();
        self.selected = self.selected.saturating_add_signed(by).min(count - 1);
        self.entries.clear();
        self.scroll = 0;
        vec![Action::Load]
    }

    fn enter(&mut self) -> Vec<Action> {
        let text = std::mem::take(&mut self.input);
        self.cursor = 0;
        if text.is_empty() {
            return Vec::new();
        }
        if let Some(name) = text.strip_prefix("/to ") {
            return vec![Action::Find(name.trim().to_owned())];
        }
        match self.rows.get(self.selected) {
            Some(row) if row.conversation == ConversationId::personal(self.me) => {
                self.notice("the server alone writes here; see eim contacts".to_owned());
                Vec::new()
            }
            Some(row) if is_operation(&text) => vec![Action::Operate(row.target, text)],
            Some(row) => vec![Action::Send(row.target, text)],
            None => {
                self.notice("no conversation yet: /to USER opens one".to_owned());
                Vec::new()
            }
        }
    }
}

fn text(message: &Message, modified: Option<&Modified>) -> String {
    shown(message, modified).unwrap_or_else(|| fallback(message) + &notes(modified))
}

#[cfg(test)]
mod tests;
