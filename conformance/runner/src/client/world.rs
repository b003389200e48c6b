//! The truth of the server that the suite plays: one log of each conversation, one timeline.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::live::clock;
use crate::live::value::{replace, unsigned};

/// What a session was when its connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Connection that had it last.
    pub connection: String,
    /// Session id, hexadecimal.
    pub id: String,
    /// Tokens that work.
    pub tokens: Vec<String>,
}

/// The truth of the server about the user of the testee.
#[derive(Clone, Debug)]
pub struct World {
    /// Epoch of all logs.
    pub log_epoch: u64,
    /// Head of the timeline.
    pub user_seq: u64,
    /// Id of the user of the testee.
    pub me: String,
    /// Ids of all users, by name.
    pub users: BTreeMap<String, String>,
    /// Id of the other user of direct conversations.
    pub peer: String,
    /// Their conversation.
    pub direct: String,
    /// Head of each log.
    pub heads: BTreeMap<String, u64>,
    /// Timeline entries: number and entry.
    pub timeline: Vec<(u64, Value)>,
    /// Sessions that can be resumed.
    pub sessions: Vec<Session>,
    /// Counts AUTH_OK.
    pub generation: u64,
}

impl World {
    /// An account that nobody has written to.
    #[must_use]
    pub fn new(me: &str, peer: &str, direct: &str) -> Self {
        Self {
            log_epoch: 1,
            user_seq: 0,
            me: me.to_owned(),
            users: BTreeMap::new(),
            peer: peer.to_owned(),
            direct: direct.to_owned(),
            heads: BTreeMap::new(),
            timeline: Vec::new(),
            sessions: Vec::new(),
            generation: 0,
        }
    }

    /// The next entry of a log, with the fields of a correct one where none are given.
    ///
    /// # Errors
    /// A field that cannot be set.
    pub fn entry(
        &self,
        kind: &str,
        client_msg_id: &str,
        given: &Map<String, Value>,
    ) -> Result<Value, String> {
        let conversation = given.get("conversation").and_then(Value::as_str);
        let conversation = conversation.unwrap_or(&self.direct);
        let conv_seq = self.heads.get(conversation).map_or(1, |head| head + 1);
        let mut entry = json!({
            "conversation": conversation,
            "log_epoch": self.log_epoch,
            "conv_seq": conv_seq,
            "type": kind,
            "sender": self.peer,
            "sender_device": "0b".repeat(16),
            "client_msg_id": client_msg_id,
            "time_ms": clock::ms(clock::unix()),
            "countable": conv_seq,
        });
        if kind == "TEXT" {
            entry["body"] = json!({"text": format!("entry {conv_seq}")});
        }
        if let Ok(number) = kind.parse::<u64>() {
            entry["type"] = number.into();
        }
        for (path, value) in given {
            replace(&mut entry, path, value.clone())?;
        }
        Ok(entry)
    }

    /// Takes an entry into its log and the timeline; gives its place there.
    pub fn commit(&mut self, entry: &Value, user_seq: Option<u64>) -> u64 {
        let conversation = entry["conversation"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let conv_seq = entry
            .get("conv_seq")
            .map_or(0, |n| unsigned(n).unwrap_or(0));
        let head = self.heads.entry(conversation).or_insert(0);
        *head = (*head).max(conv_seq);
        let place = user_seq.unwrap_or(self.user_seq + 1);
        if place != 0 {
            self.user_seq = self.user_seq.max(place);
            self.timeline.push((place, entry.clone()));
        }
        place
    }

    /// The session that a token belongs to.
    #[must_use]
    pub fn session(&self, id: &str, token: &str) -> Option<&Session> {
        let known = |session: &&Session| {
            session.id == id && session.tokens.iter().any(|known| known == token)
        };
        self.sessions.iter().find(known)
    }

    /// A conversation as HEADS lists it.
    #[must_use]
    pub fn conversation(&self, id: &str) -> Value {
        let head = self.heads.get(id).copied().unwrap_or(0);
        let mut shown = json!({
            "conversation": id,
            "kind": "CONVERSATION_KIND_GROUP",
            "name": "group",
            "conv_seq": head,
            "visible_from": 1,
            "role": "ROLE_MEMBER",
            "countable": head,
            "time_ms": clock::ms(clock::unix()),
            "members": 2,
        });
        if id == self.direct {
            shown["kind"] = "CONVERSATION_KIND_DIRECT".into();
            shown["name"] = "".into();
            shown["peer"] = self.peer.clone().into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_each_other() {
        let mut world = World::new("aa", "bb", "dd");
        let first = world.entry("TEXT", "01", &Map::new()).unwrap();
        assert_eq!(
            (&first["conv_seq"], world.commit(&first, None)),
            (&json!(1), 1)
        );
        let other = json!({"conversation": "ee", "body.text": "x"});
        let other = world
            .entry("TEXT", "02", other.as_object().unwrap())
            .unwrap();
        assert_eq!(other["body"]["text"], "x");
        assert_eq!(
            (&other["conv_seq"], world.commit(&other, None)),
            (&json!(1), 2)
        );
        let second = world.entry("62", "03", &Map::new()).unwrap();
        assert_eq!(
            (&second["conv_seq"], &second["type"]),
            (&json!(2), &json!(62))
        );
        assert_eq!(world.commit(&second, Some(0)), 0, "not in the timeline");
        assert_eq!((world.user_seq, world.heads["dd"]), (2, 2));
    }
}
