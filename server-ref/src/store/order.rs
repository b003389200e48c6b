//! Sender order survives errors: a message that failed is not overtaken by what its sender sent before
//! it could know. An error may come to an end (a block, a mute, an overload), and its result may be
//! lost with the session: then the message comes again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eim_codec::id::ConversationId;

use super::{Appended, Refused};

/// The conversations of one session whose last message failed at the store. Whether a
/// message fails is known when it is carried out, and by then its successors may be queued: so what
/// is carried out asks here, not what is received.
///
/// Clones are the same set. It grows by what is in flight only; the session bounds the rest.
#[derive(Clone, Debug, Default)]
pub struct SenderOrder(Arc<Mutex<BTreeSet<ConversationId>>>);

impl SenderOrder {
    /// Whether a message to `conversation` may be carried out now. `after_failed` lifts the hold.
    // impl[EIM-MSG-051, EIM-MSG-052, EIM-MSG-053]
    #[must_use]
    pub fn passes(&self, conversation: ConversationId, after_failed: bool) -> bool {
        let mut held = self.lock();
        if after_failed {
            held.remove(&conversation);
            return true;
        }
        !held.contains(&conversation)
    }

    /// What became of a message that [passed](Self::passes).
    pub fn carried_out(&self, conversation: ConversationId, outcome: &Result<Appended, Refused>) {
        if outcome.is_err() {
            self.lock().insert(conversation);
        }
    }

    /// Conversations that wait for `after_failed`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// No conversation waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<ConversationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::registry::ErrorCode;

    use super::*;

    #[test]
    fn a_failure_holds_its_own_conversation_until_the_sender_knows() {
        let (a, b) = (ConversationId::from([1; 16]), ConversationId::from([2; 16]));
        let order = SenderOrder::default();
        for code in [ErrorCode::OVERLOADED, ErrorCode::FORBIDDEN] {
            order.carried_out(a, &Err(Refused::new(code, "")));
            assert!(!order.passes(a, false));
            assert!(!order.passes(a, false));
            assert!(order.passes(b, false));
            assert!(order.passes(a, true));
            assert!(order.passes(a, false) && order.is_empty());
        }
    }
}
