//! What a session is to be told about presence and typing: last values, bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::PresenceState;

/// Typing that waits for one session; more is not told.
const MOST_TYPING: usize = 64;

/// How a user is shown to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// All devices together.
    pub state: PresenceState,
    /// What the user says about it; empty when offline.
    pub status: String,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            state: PresenceState::Offline,
            status: String::new(),
        }
    }
}

/// Last values that a session has not been told. Presence is bounded by its subscriptions.
#[derive(Debug, Default)]
pub struct Hints {
    /// Users, each as it is shown now.
    pub presences: BTreeMap<UserId, Arc<Shown>>,
    /// Who has begun or ceased to type.
    pub typing: BTreeMap<(ConversationId, UserId), bool>,
}

impl Hints {
    /// Whether nothing is left to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.presences.is_empty() && self.typing.is_empty()
    }

    pub(crate) fn type_in(&mut self, conversation: ConversationId, user: UserId, typing: bool) {
        let place = (conversation, user);
        if self.typing.len() < MOST_TYPING || self.typing.contains_key(&place) {
            self.typing.insert(place, typing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_that_is_too_much_is_not_told() {
        let mut hints = Hints::default();
        let conversation = ConversationId::from([1; 16]);
        let user = |number: usize| UserId::from((number as u128).to_be_bytes());
        for number in 0..=MOST_TYPING {
            hints.type_in(conversation, user(number), true);
        }
        hints.type_in(conversation, user(0), false);
        assert_eq!(hints.typing.len(), MOST_TYPING);
        assert_eq!(hints.typing.get(&(conversation, user(0))), Some(&false));
    }
}
