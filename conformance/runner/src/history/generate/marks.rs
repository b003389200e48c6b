//! What people read, and what they are told is unread.

use super::{TEXT, World};
use crate::history::event::{Op, ReadMark, Unread};

impl World {
    /// A person reads some of what a device has; the answer may be lost.
    pub(super) fn mark(&mut self, device: usize) {
        let conversation = self.dice.below(self.conversations.len());
        let user = self.devices[device].user;
        if !self.conversations[conversation].is_member(user) {
            return;
        }
        let store = self.devices[device].store.get(&conversation);
        let last = store.and_then(|store| store.last_key_value());
        let Some((&last, &log_epoch)) = last else {
            return;
        };
        if log_epoch != self.epoch || last > self.conversations[conversation].log.len() as u64 {
            return;
        }
        let read = 1 + self.dice.draw() % last;
        let mark = self.marks.entry((user, conversation)).or_default();
        *mark = read.max(*mark);
        if self.dice.percent(85) {
            let mark = ReadMark {
                conversation: self.conversations[conversation].name.clone(),
                log_epoch,
                read,
            };
            self.write(self.process(device), Op::Mark(mark));
        }
    }

    /// What a member is told at the end.
    pub(super) fn unread(&mut self, device: usize, conversation: usize) {
        let user = self.devices[device].user;
        let of = &self.conversations[conversation];
        let spans = of.visible.get(&user);
        let Some(&(from, None)) = spans.and_then(|spans| spans.last()) else {
            return;
        };
        let read = self.marks.get(&(user, conversation)).copied().unwrap_or(0);
        let behind = of.log.iter().filter(|entry| {
            let seq = entry.conv_seq;
            seq > read && seq >= from && entry.frame_type == TEXT
        });
        let told = Unread {
            conversation: of.name.clone(),
            log_epoch: self.epoch,
            from,
            read,
            unread: behind.count() as u64,
        };
        self.write(self.process(device), Op::Unread(told));
    }
}
