//! Marks: what is known, and what the server has to be told.

use std::collections::BTreeMap;
use std::time::Duration;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{MarkChange, MarkRequest, UnreadFlag};
use eim_codec::registry::limits;
use eim_codec::time::Timestamp;

use crate::store::MarkRecord;

/// What the server has to be told of one conversation.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    /// Read, beyond what the record says.
    read: u64,
    flag: Option<bool>,
}

impl News {
    const fn put(&mut self, earlier: Self) {
        if earlier.read > self.read {
            self.read = earlier.read;
        }
        if self.flag.is_none() {
            self.flag = earlier.flag;
        }
    }
}

/// All marks this device knows.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    records: BTreeMap<(ConversationId, UserId), MarkRecord>,
    /// Conversations of which the server does not know something, or somebody wants it confirmed.
    news: BTreeMap<ConversationId, News>,
    under_way: Option<BTreeMap<ConversationId, News>>,
    /// The next MARK waits until then.
    next: Timestamp,
    /// Epoch of the server.
    log_epoch: u64,
}

impl Marks {
    /// Nothing is known but the epoch of the timeline.
    pub(crate) fn new(log_epoch: u64) -> Self {
        Self {
            log_epoch,
            ..Self::default()
        }
    }

    /// Epoch of the server, or of what is known before the first login.
    pub(crate) const fn log_epoch(&self) -> u64 {
        self.log_epoch
    }

    /// A connection is open: what was under way is lost, and asked again.
    // impl[EIM-MRK-023]
    pub(crate) fn opened(&mut self, log_epoch: u64) {
        self.log_epoch = log_epoch;
        let unborn = self.records.values_mut().filter(|mark| mark.log_epoch == 0);
        unborn.for_each(|mark| mark.log_epoch = log_epoch);
        self.failed(None);
    }

    /// Takes over what is newer; gives back what is known now, if that changed.
    pub(crate) fn merge(&mut self, mark: &MarkRecord) -> Option<MarkRecord> {
        let key = (mark.conversation, mark.user);
        let known = self.records.get(&key).copied();
        let mut merged = known.unwrap_or(*mark);
        merged.merge(mark);
        if let Some(flag) = self.news.get(&mark.conversation).and_then(|news| news.flag) {
            merged.marked_unread = flag;
        }
        self.records.insert(key, merged);
        if merged.read > merged.told {
            self.news.entry(mark.conversation).or_default();
        }
        (known != Some(merged)).then_some(merged)
    }

    /// Marks of a user, as known.
    pub(crate) fn of(&self, conversation: ConversationId, user: UserId) -> MarkRecord {
        let new = MarkRecord::new(conversation, user, self.log_epoch);
        let known = self.records.get(&(conversation, user)).copied();
        known.unwrap_or(new)
    }

    /// The server is to be told, in any case.
    pub(crate) fn tell(&mut self, conversation: ConversationId, read: u64, flag: Option<bool>) {
        let news = self.news.entry(conversation).or_default();
        let earlier = std::mem::replace(news, News { read, flag });
        news.put(earlier);
    }

    /// Own marks of older epochs as they are in this one: no further than the logs reach now.
    // impl[EIM-MRK-028]
    pub(crate) fn moved(
        &self,
        me: UserId,
        log_epoch: u64,
        head: impl Fn(ConversationId) -> u64,
    ) -> Vec<MarkRecord> {
        let records = self.records.values();
        let old = records.filter(|mark| mark.user == me && mark.log_epoch < log_epoch);
        let moved = old.map(|mark| MarkRecord {
            read: mark.read.min(head(mark.conversation)),
            marked_unread: mark.marked_unread,
            ..MarkRecord::new(mark.conversation, me, log_epoch)
        });
        moved.collect()
    }

    /// The next MARK, if one is due: at most one at a time, and not too soon after the last, so
    /// that marks of the same conversation gather.
    // impl[EIM-MRK-025, EIM-MRK-026]
    pub(crate) fn request(&mut self, me: UserId, now: Timestamp) -> Option<MarkRequest> {
        if self.under_way.is_some() || now < self.next || self.news.is_empty() {
            return None;
        }
        let most = usize::try_from(limits::MARK_CHANGES.default).unwrap_or(usize::MAX);
        let told: BTreeMap<_, _> = std::iter::from_fn(|| self.news.pop_first())
            .take(most)
            .collect();
        let mut marks = Vec::with_capacity(told.len());
        for (conversation, news) in &told {
            let mark = self.of(*conversation, me);
            let current = mark.log_epoch == self.log_epoch;
            marks.push(MarkChange {
                conversation: conversation.to_bytes(),
                read: news.read.max(if current { mark.read } else { 0 }),
                flag: match news.flag {
                    None => UnreadFlag::Unspecified,
                    Some(true) => UnreadFlag::Set,
                    Some(false) => UnreadFlag::Clear,
                }
                .into(),
            });
        }
        self.under_way = Some(told);
        self.next = now.saturating_add(Duration::from_millis(limits::MARK_MS.default));
        let log_epoch = self.log_epoch;
        Some(MarkRequest { log_epoch, marks })
    }

    /// The MARK under way was answered.
    pub(crate) fn answered(&mut self) -> Vec<ConversationId> {
        let under_way = self.under_way.take().unwrap_or_default();
        under_way.into_keys().collect()
    }

    /// The MARK under way was not answered, or refused: it is asked again, not before `next`.
    pub(crate) fn failed(&mut self, next: Option<Timestamp>) {
        self.next = next.unwrap_or(Timestamp::ZERO);
        for (conversation, earlier) in self.under_way.take().unwrap_or_default() {
            self.news.entry(conversation).or_default().put(earlier);
        }
    }

    /// When the next MARK is due that waits.
    pub(crate) fn next_timer(&self, now: Timestamp) -> Option<Timestamp> {
        let waits = self.under_way.is_none() && !self.news.is_empty() && self.next > now;
        waits.then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: [u8; 16] = [1; 16];
    const SECOND: Duration = Duration::from_millis(limits::MARK_MS.default);

    fn read(through: u64, told: u64) -> MarkRecord {
        MarkRecord {
            read: through,
            told,
            ..MarkRecord::new([7; 16].into(), ME.into(), 1)
        }
    }

    // test[EIM-MRK-023, EIM-MRK-025, EIM-MRK-026]
    #[test]
    fn one_request_at_a_time_and_not_too_soon() {
        let (me, now) = (ME.into(), Timestamp::ZERO);
        let mut marks = Marks::default();
        marks.opened(1);
        assert_eq!(marks.request(me, now), None);
        marks.merge(&read(5, 0));
        let first = marks.request(me, now).unwrap();
        assert_eq!((first.log_epoch, first.marks[0].read), (1, 5));
        marks.merge(&read(6, 0));
        marks.merge(&read(7, 0));
        assert_eq!(
            marks.request(me, now.saturating_add(SECOND)),
            None,
            "one is under way"
        );
        assert_eq!(marks.answered(), [[7; 16].into()]);
        marks.merge(&read(5, 5));
        assert_eq!(marks.request(me, now), None, "too soon");
        assert_eq!(marks.next_timer(now), Some(now.saturating_add(SECOND)));
        let second = marks.request(me, now.saturating_add(SECOND)).unwrap();
        assert_eq!(second.marks[0].read, 7);
        // The connection is lost before the answer.
        marks.opened(1);
        assert_eq!(marks.request(me, now).unwrap(), second);
        marks.answered();
        marks.merge(&read(7, 7));
        assert_eq!(
            marks.request(me, now.saturating_add(SECOND * 9)),
            None,
            "it knows"
        );
    }

    // test[EIM-MRK-022]
    #[test]
    fn numbers_rise_within_an_epoch() {
        let mut marks = Marks::default();
        marks.opened(1);
        assert_eq!(marks.merge(&read(5, 5)), Some(read(5, 5)));
        assert_eq!(marks.merge(&read(4, 4)), None);
        let newer = MarkRecord {
            log_epoch: 2,
            ..read(2, 0)
        };
        assert_eq!(marks.merge(&newer), Some(newer));
        assert_eq!(marks.merge(&read(9, 9)), None);
    }

    // test[EIM-MRK-028]
    #[test]
    fn marks_go_no_further_than_the_logs_of_a_new_epoch() {
        let (me, now) = (ME.into(), Timestamp::ZERO);
        let mut marks = Marks::new(1);
        marks.merge(&read(5, 3));
        marks.opened(2);
        let before = marks.request(me, now).unwrap();
        assert_eq!(before.marks[0].read, 0, "nothing of the old epoch");
        marks.answered();
        for (head, expected) in [(4, 4), (9, 5), (0, 0)] {
            let moved = marks.moved(me, 2, |_| head);
            assert_eq!(
                (moved[0].read, moved[0].told, moved[0].log_epoch),
                (expected, 0, 2)
            );
        }
        marks.merge(&marks.moved(me, 2, |_| 4)[0]);
        let after = marks.request(me, now.saturating_add(SECOND)).unwrap();
        assert_eq!((after.log_epoch, after.marks[0].read), (2, 4));
    }
}
