//! What is unread, and how far others have come.

use eim_client::Unread;
use eim_client::store::MarkRecord;
use eim_codec::id::ConversationId;

use super::{Entry, Mark, Model};

/// What the other one in a direct conversation has of an own message, or somebody in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// Nothing that is known.
    None,
    /// It is on a device.
    Delivered,
    /// It was read.
    Read,
}

impl Model {
    /// Unread messages as the server counts them.
    pub(crate) fn unread(&mut self, counts: &[Unread]) {
        for row in &mut self.rows {
            let of = |one: &&Unread| one.conversation == row.conversation;
            let count = counts.iter().find(of);
            let flagged = count.is_some_and(|one| one.marked_unread);
            row.unread = count.map_or(0, |one| usize::try_from(one.unread).unwrap_or(usize::MAX));
            row.unread = row.unread.max(usize::from(flagged));
            let mentions = count.map_or(0, |one| one.mentions);
            row.mentions = usize::try_from(mentions).unwrap_or(usize::MAX);
        }
    }

    /// Marks have changed, here, on another device, or those of a peer.
    pub(crate) fn marks(&mut self, marks: &[MarkRecord]) {
        for mark in marks {
            if mark.user == self.me {
                let row = self.rows.iter_mut();
                let mut row = row.filter(|row| row.conversation == mark.conversation);
                if let Some(row) = row.next()
                    && mark.read >= row.last
                {
                    row.clear();
                    row.unread = usize::from(mark.marked_unread);
                }
            } else {
                self.reached(mark.conversation, mark.delivered, mark.read);
            }
        }
    }

    /// Somebody in a group has read through this number.
    pub(crate) fn readers(&mut self, conversation: ConversationId, through: u64) {
        self.reached(conversation, through, through);
    }

    /// The other one has come this far.
    pub(super) fn reached(&mut self, conversation: ConversationId, delivered: u64, read: u64) {
        let known = self.receipts.entry(conversation).or_default();
        *known = (known.0.max(delivered).max(read), known.1.max(read));
    }

    /// What there is to say about an own message in the selected conversation.
    pub(crate) fn receipt(&self, entry: &Entry) -> Receipt {
        let to_self = self.row().is_some_and(|row| row.peer == Some(self.me));
        let sent = entry.id.is_some() && entry.mark == Mark::Durable;
        if to_self || entry.sender != Some(self.me) || !sent {
            return Receipt::None;
        }
        let known = self.selected().and_then(|id| self.receipts.get(&id));
        match known {
            Some((_, read)) if *read >= entry.conv_seq => Receipt::Read,
            Some((delivered, _)) if *delivered >= entry.conv_seq => Receipt::Delivered,
            _ => Receipt::None,
        }
    }

    /// The selected conversation, and the last message that stands on the screen.
    pub(crate) fn on_screen(&self) -> Option<(ConversationId, u64)> {
        let durable = |entry: &&Entry| entry.mark == Mark::Durable;
        let last = self.entries.iter().rev().find(durable)?;
        Some((self.selected()?, last.conv_seq))
    }
}
