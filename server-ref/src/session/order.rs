//! Sender order survives errors: after a retryable failure the later messages of that conversation
//! are held until the sender says that it knows.

use std::collections::BTreeSet;

use eim_codec::id::ConversationId;

/// Conversations whose last message failed retryably.
#[derive(Debug, Default)]
pub struct Held(BTreeSet<ConversationId>);

/// Most conversations that one session may have held at a time; more than a client has in flight.
const MAX_HELD: usize = 4096;

impl Held {
    /// Whether a message to `conversation` may go on. `after_failed` lifts the hold.
    // impl[EIM-MSG-051, EIM-MSG-052, EIM-MSG-053]
    pub fn passes(&mut self, conversation: ConversationId, after_failed: bool) -> bool {
        if after_failed {
            self.0.remove(&conversation);
            return true;
        }
        !self.0.contains(&conversation)
    }

    /// A message to `conversation` failed retryably. `false` when too many are held already: the
    /// session has to end then, because forgetting one would break its order.
    #[must_use]
    pub fn hold(&mut self, conversation: ConversationId) -> bool {
        self.0.insert(conversation);
        self.0.len() <= MAX_HELD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_holds_its_own_conversation_until_the_sender_knows() {
        let (a, b) = (ConversationId::from([1; 16]), ConversationId::from([2; 16]));
        let mut held = Held::default();
        assert!(held.passes(a, false));
        assert!(held.hold(a));
        assert!(!held.passes(a, false));
        assert!(!held.passes(a, false));
        assert!(held.passes(b, false));
        assert!(held.passes(a, true));
        assert!(held.passes(a, false));
        assert!(held.0.is_empty());
    }

    #[test]
    fn the_set_is_bounded() {
        let mut held = Held::default();
        let id = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            ConversationId::from(id)
        };
        assert!((0..4096).all(|n| held.hold(id(n))));
        assert!(!held.hold(id(4096)));
    }
}
