//! Heads of large groups that changed, bounded: what a client is told so that it can compare.

use std::collections::BTreeMap;

use eim_codec::id::ConversationId;
use eim_codec::payload::ConversationHead;
use eim_codec::registry::limits;

use super::Delivery;

/// Heads that changed since they were last told. Empty, it holds no memory: most sessions have
/// none most of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads(Option<Box<Changed>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Changed {
    heads: BTreeMap<ConversationId, u64>,
    overflow: bool,
}

impl Heads {
    /// Notes what a delivery says about a log that is not in the timeline.
    pub fn note(&mut self, delivery: &Delivery) {
        if delivery.user_seq == 0 {
            self.put(delivery.entry.conversation, delivery.entry.conv_seq);
        }
    }

    /// Notes all that others have noted.
    pub fn merge(&mut self, others: Self) {
        let Some(others) = others.0 else { return };
        self.0.get_or_insert_default().overflow |= others.overflow;
        for (conversation, conv_seq) in others.heads {
            self.put(conversation, conv_seq);
        }
    }

    fn put(&mut self, conversation: ConversationId, conv_seq: u64) {
        let most = usize::try_from(limits::HEADS_LISTED.default).unwrap_or(usize::MAX);
        let changed = self.0.get_or_insert_default();
        if let Some(head) = changed.heads.get_mut(&conversation) {
            *head = conv_seq.max(*head);
        } else if changed.heads.len() < most {
            changed.heads.insert(conversation, conv_seq);
        } else {
            changed.overflow = true;
        }
    }

    /// The heads, and whether more changed than are among them.
    // impl[EIM-LGR-008]
    #[must_use]
    pub fn list(&self) -> (Vec<ConversationHead>, bool) {
        let head = |(conversation, conv_seq): (&ConversationId, &u64)| ConversationHead {
            conversation: conversation.to_bytes(),
            conv_seq: *conv_seq,
        };
        self.0.as_ref().map_or_else(Default::default, |changed| {
            (changed.heads.iter().map(head).collect(), changed.overflow)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // test[EIM-LGR-008]
    #[test]
    fn more_heads_than_may_be_listed_overflow() {
        let most = u8::try_from(limits::HEADS_LISTED.default).unwrap();
        let mut heads = Heads::default();
        assert_eq!(heads.list(), (Vec::new(), false));
        for number in 0..most {
            heads.put([number; 16].into(), 7);
            heads.put([number; 16].into(), 3);
        }
        let (listed, overflow) = heads.list();
        assert_eq!((listed.len(), overflow), (usize::from(most), false));
        assert!(listed.iter().all(|head| head.conv_seq == 7));
        let mut more = Heads::default();
        more.put([most; 16].into(), 1);
        heads.merge(more);
        let (listed, overflow) = heads.list();
        assert_eq!((listed.len(), overflow), (usize::from(most), true));
    }
}
