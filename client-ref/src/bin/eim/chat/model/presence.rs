//! Who is here, and who writes just now.

use std::collections::BTreeSet;

use eim_client::Presence;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::PresenceState;

use super::{Model, Row};
use crate::output::{printable, time_of_day};

/// Conversations, from the newest on, whose peers are watched.
const WATCHED: usize = 100;

impl Model {
    /// Peers to be watched; each is returned once.
    pub(crate) fn take_unwatched(&mut self) -> Vec<UserId> {
        let peers = self.rows.iter().take(WATCHED).filter_map(|row| row.peer);
        let new: BTreeSet<_> = peers
            .filter(|peer| *peer != self.me && !self.watched.contains(peer))
            .collect();
        self.watched.extend(new.iter().copied());
        new.into_iter().collect()
    }

    /// How users are now.
    pub(crate) fn presence(&mut self, presence: Vec<Presence>) {
        for one in presence {
            if one.state == PresenceState::Offline {
                // Who is gone does not write.
                self.typists.retain(|(_, user)| *user != one.user);
            }
            self.presence.insert(one.user, one);
        }
    }

    /// Somebody writes in a conversation, or does no longer.
    pub(crate) fn typing(&mut self, conversation: ConversationId, user: UserId, typing: bool) {
        self.meet(user);
        if typing {
            self.typists.insert((conversation, user));
        } else {
            self.typists.remove(&(conversation, user));
        }
    }

    /// Who writes in the selected conversation.
    pub(crate) fn typists(&self) -> Option<String> {
        let here = self.selected()?;
        let typists = self.typists.iter().filter(|(place, _)| *place == here);
        let mut names: Vec<_> = typists.map(|(_, user)| self.user(*user)).collect();
        if names.len() > 3 {
            names.truncate(3);
            names.push("…".to_owned());
        }
        match names.len() {
            0 => None,
            1 => Some(format!("{} is typing…", names.concat())),
            _ => Some(format!("{} are typing…", names.join(", "))),
        }
    }

    /// The conversation that a text is being written to.
    pub(crate) fn writes_to(&self) -> Option<ConversationId> {
        let begun = !self.input.is_empty() && !self.input.starts_with('/');
        let here = self.selected().filter(|_| begun)?;
        (here != ConversationId::personal(self.me)).then_some(here)
    }

    fn presence_of(&self, row: &Row) -> Option<&Presence> {
        self.presence.get(&row.peer?)
    }

    /// Stands before the name of a conversation in the list.
    pub(crate) fn dot(&self, row: &Row) -> &'static str {
        match self.presence_of(row).map(|presence| presence.state) {
            Some(PresenceState::Online) => "● ",
            Some(PresenceState::Away) => "◐ ",
            _ => "",
        }
    }

    /// How the peer of a conversation is, in words.
    pub(super) fn presence_words(&self, row: &Row) -> String {
        let Some(presence) = self.presence_of(row) else {
            return String::new();
        };
        let mut words = match presence.state {
            PresenceState::Online => " · online".to_owned(),
            PresenceState::Away => " · away".to_owned(),
            PresenceState::Offline if presence.last_seen_ms > 0 => {
                format!(" · last seen {}", time_of_day(presence.last_seen_ms))
            }
            PresenceState::Offline => " · offline".to_owned(),
            PresenceState::Unspecified => String::new(),
        };
        if !presence.status.is_empty() {
            let status = printable(&presence.status).replace(['\n', '\t'], " ");
            words.push_str(&format!(" · {status}"));
        }
        words
    }
}
