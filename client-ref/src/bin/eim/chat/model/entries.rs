//! The lines of the selected conversation.

use std::collections::BTreeMap;

use eim_client::modified::{Modified, current_text};
use eim_client::store::Message;
use eim_client::{ContactNews, Settled};
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::payload::{MembershipBody, TextBody};
use eim_codec::registry::FrameType;
use prost::Message as _;

use super::{Entry, Mark, Model};
use crate::conversations::{NAMED, contact_news, membership, settings};
use crate::output::{printable, time_of_day};
use crate::shown::{fallback, is_part_of_another, notes, shown};

impl Model {
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
            row.clear();
        }
    }

    pub(super) fn append(&mut self, message: &Message, modified: Option<&Modified>) {
        if is_part_of_another(message) {
            return;
        }
        if let Some(sender) = message.sender {
            self.meet(sender);
        }
        for user in named(message) {
            self.meet(user);
        }
        let number = message.conv_seq;
        let same = |it: &Entry| it.mark == Mark::Durable && it.conv_seq == number;
        if let Some(place) = self.entries.iter().position(same) {
            // It was read from the store before its event came, unless the server began anew.
            if self
                .entries
                .get(place)
                .is_some_and(|it| it.id == message.client_msg_id)
            {
                return;
            }
            self.entries.remove(place);
        }
        let text = match self.words(message) {
            Some(text) => text,
            None => {
                shown(message, modified).unwrap_or_else(|| fallback(message) + &notes(modified))
            }
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
            plain: match modified {
                Some(modified) if modified.recall.is_some() => String::new(),
                modified => current_text(message, modified).unwrap_or_default(),
            },
            mark: Mark::Durable,
            reply_to: reply_to(message),
            id: message.client_msg_id,
            named: (!named(message).is_empty()).then(|| Box::new(message.clone())),
        };
        // Durable ones are in the order of the log; what is on its way comes after them.
        let place = self
            .entries
            .iter()
            .rposition(|known| known.mark == Mark::Durable && known.conv_seq < entry.conv_seq)
            .map_or(0, |place| place + 1);
        self.entries.insert(place, entry);
    }

    /// What an entry of the server says; `None` for all others.
    fn words(&self, message: &Message) -> Option<String> {
        if let Some(news) = ContactNews::of(message) {
            return Some(contact_news(&news, &self.user(news.contact.user)));
        }
        if message.frame_type == FrameType::MEMBERSHIP && !message.tombstone {
            return membership(message, |user| self.user(user));
        }
        if message.frame_type == FrameType::SETTINGS && !message.tombstone {
            return Some(settings(message));
        }
        None
    }

    /// Says again what has names in it.
    pub(super) fn say_again(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        for entry in &mut entries {
            let words = entry.named.as_ref().and_then(|it| self.words(it));
            if let Some(words) = words {
                entry.text = printable(&words);
            }
        }
        self.entries = entries;
    }

    /// The text of a message that is on the screen, without what stands around it.
    pub(super) fn entry(&self, conv_seq: u64) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.conv_seq == conv_seq && entry.mark == Mark::Durable)
    }

    /// The message that an entry answers, in one line: its number, and what is known of it.
    pub(crate) fn quote(&self, entry: &Entry) -> Option<String> {
        if entry.reply_to == 0 {
            return None;
        }
        let number = entry.reply_to;
        let Some(quoted) = self.entry(number) else {
            return Some(format!("┃ #{number}"));
        };
        let sender = quoted.sender.map_or_else(String::new, |it| self.user(it));
        // Without what stands behind it; what is recalled or no text has only that.
        let text = match quoted.plain.as_str() {
            "" => printable(&quoted.text),
            plain => printable(plain),
        };
        let text = text.lines().next().unwrap_or_default();
        Some(format!("┃ #{number} {sender}: {text}"))
    }

    /// Picks out the message above (`up`) or below the one that is picked out.
    pub(super) fn pick(&mut self, up: bool) {
        let mut durable = self.entries.iter().filter(|it| it.mark == Mark::Durable);
        self.focus = match (self.focus, up) {
            (None, true) => durable.next_back().map(|entry| entry.conv_seq),
            (None, false) => None,
            (Some(at), true) => durable
                .rfind(|entry| entry.conv_seq < at)
                .map_or(Some(at), |entry| Some(entry.conv_seq)),
            (Some(at), false) => durable
                .find(|entry| entry.conv_seq > at)
                .map(|entry| entry.conv_seq),
        };
        self.scroll = 0;
    }

    /// An own message is on its way.
    pub(crate) fn posted(&mut self, conversation: ConversationId, id: ClientMsgId, text: String) {
        if self.selected() == Some(conversation) {
            self.entries.push(Entry {
                conv_seq: 0,
                time: "--:--:--".to_owned(),
                sender: Some(self.me),
                text: printable(&text),
                plain: text,
                mark: Mark::Pending,
                reply_to: 0,
                id: Some(id),
                named: None,
            });
            self.scroll = 0;
            self.focus = None;
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
}

/// Users whose names stand in what an entry says: of many, the first ones.
fn named(message: &Message) -> Vec<UserId> {
    if let Some(news) = ContactNews::of(message) {
        return vec![news.contact.user];
    }
    if message.frame_type != FrameType::MEMBERSHIP {
        return Vec::new();
    }
    let body = MembershipBody::decode(message.body.clone()).unwrap_or_default();
    let users = body.users.iter();
    let users = users.flat_map(|user| UserId::from_slice(user));
    users.take(NAMED).collect()
}

fn reply_to(message: &Message) -> u64 {
    if message.frame_type != FrameType::TEXT || message.tombstone {
        return 0;
    }
    TextBody::decode(message.body.clone()).map_or(0, |body| body.reply_to)
}
