//! Sender order survives errors: after a failure the later messages of that conversation are held
//! until the sender says that it knows.

use std::collections::BTreeSet;

use eim_codec::id::ConversationId;

use crate::store::SenderOrder;

/// Conversations whose last message failed: before it came to the store, or there.
#[derive(Debug, Default)]
pub struct Held {
    here: BTreeSet<ConversationId>,
    store: SenderOrder,
}

/// Most conversations that one session may have held at a time: a program that writes to everybody
/// of a company, of whom many are gone, says nothing to them afterwards.
const MAX_HELD: usize = 16_384;

impl Held {
    /// Whether a message to `conversation` may go on to the store, which asks its own part then.
    /// `after_failed` lifts the hold.
    // impl[EIM-MSG-051, EIM-MSG-052, EIM-MSG-053]
    pub fn passes(&mut self, conversation: ConversationId, after_failed: bool) -> bool {
        if after_failed {
            self.here.remove(&conversation);
            return true;
        }
        !self.here.contains(&conversation)
    }

    /// A message to `conversation` failed before it came to the store.
    pub fn hold(&mut self, conversation: ConversationId) {
        self.here.insert(conversation);
    }

    /// The part of the store.
    pub const fn at_store(&self) -> &SenderOrder {
        &self.store
    }

    /// Too many are held: the session has to end, because forgetting one would break its order.
    pub fn overflows(&self) -> bool {
        self.here.len() + self.store.len() > MAX_HELD
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::registry::ErrorCode;

    use super::*;
    use crate::store::Refused;

    #[test]
    fn a_failure_holds_its_own_conversation_until_the_sender_knows() {
        let (a, b) = (ConversationId::from([1; 16]), ConversationId::from([2; 16]));
        let mut held = Held::default();
        assert!(held.passes(a, false));
        held.hold(a);
        assert!(!held.passes(a, false));
        assert!(!held.passes(a, false));
        assert!(held.passes(b, false));
        assert!(held.passes(a, true));
        assert!(held.passes(a, false));
        assert!(held.here.is_empty());
    }

    #[test]
    fn the_set_is_bounded() {
        let mut held = Held::default();
        let id = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            ConversationId::from(id)
        };
        for n in 0..16_383 {
            held.hold(id(n));
        }
        let failed = Err(Refused::new(ErrorCode::OVERLOADED, ""));
        held.at_store().carried_out(id(0), &failed);
        assert!(!held.overflows());
        held.at_store().carried_out(id(1), &failed);
        assert!(held.overflows());
    }
}
