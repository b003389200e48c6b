//! What is to be sent, in order, until its result is durable. No IO.
//!
//! Items leave in the order of their positions. An item that failed holds back its conversation:
//! when everything of it that is under way was answered, the delay has passed, and it is durable
//! what was refused for good, its items leave (again) in their order, the first one marked
//! `after_failed`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eim_codec::connection::SendId;
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::time::Timestamp;

use crate::environment::Environment;
use crate::reconnect::Backoff;
use crate::store::{OutboxItem, Target};

/// The outbox of this process.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    me: Option<UserId>,
    items: BTreeMap<u64, Item>,
    by_send: BTreeMap<SendId, u64>,
    by_id: BTreeMap<ClientMsgId, u64>,
    ready: BTreeSet<u64>,
    /// Items whose first attempt has no time yet.
    untimed: BTreeSet<u64>,
    /// Refused for good, which is not durable yet: a process that died now would send them again.
    unsettled: BTreeMap<ClientMsgId, Lane>,
    lanes: BTreeMap<Lane, State>,
}

/// What is kept in order: a conversation, or a direct peer while one's own id is not known.
type Lane = Target;

#[derive(Debug)]
struct Item {
    item: OutboxItem,
    sent: Option<SendId>,
    attempted: bool,
}

/// A conversation with something under way or held back. Others have no state.
#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// Items of it that are `unsettled`.
    unsettled: usize,
    held: Option<Hold>,
    /// The next one that leaves says `after_failed`.
    announce: bool,
    backoff: Backoff,
}

impl State {
    /// Nothing of it is under way or about to be durable.
    const fn is_answered(&self) -> bool {
        self.under_way == 0 && self.unsettled == 0
    }
}

#[derive(Debug)]
struct Hold {
    until: Timestamp,
    waiting: BTreeSet<u64>,
}

/// An item that may leave now.
#[derive(Debug)]
pub(crate) struct Departure<'a> {
    /// Its place.
    pub position: u64,
    /// The item.
    pub item: &'a OutboxItem,
    /// Server time of the first attempt on a retry, else 0.
    pub first_sent_at_ms: u64,
    /// It is the first of its conversation after a failure.
    pub after_failed: bool,
}

/// The answer of the server to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Durable: the item leaves the outbox.
    Done,
    /// Refused for good: the item leaves the outbox, and its conversation waits until that is
    /// durable ([`Outbox::settled`]).
    Refused,
    /// To be sent again, not before this delay.
    Again(Duration),
}

impl Outbox {
    /// Who this user is: direct targets and conversation ids then name the same lane.
    pub(crate) const fn identify(&mut self, me: UserId) {
        self.me = Some(me);
    }

    /// Adds a durable item, which has its position. `attempted` says whether it may have left
    /// before, in an earlier life of this process.
    pub(crate) fn add(&mut self, item: OutboxItem, attempted: bool) {
        let position = item.position;
        let lane = self.lane(&item);
        match self
            .lanes
            .get_mut(&lane)
            .and_then(|state| state.held.as_mut())
        {
            Some(hold) => hold.waiting.insert(position),
            None => self.ready.insert(position),
        };
        if item.first_sent_at_ms == 0 {
            self.untimed.insert(position);
        }
        self.by_id.insert(item.client_msg_id, position);
        self.items.insert(
            position,
            Item {
                item,
                sent: None,
                attempted,
            },
        );
    }

    /// Items without a durable result.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    fn lane(&self, item: &OutboxItem) -> Lane {
        match (item.target, self.me) {
            (Target::User(peer), Some(me)) => {
                Target::Conversation(ConversationId::direct(me, peer))
            }
            (target, _) => target,
        }
    }

    /// Items whose first attempt has no time yet; they do not leave before they have one.
    pub(crate) fn untimed(&self) -> Vec<ClientMsgId> {
        self.untimed
            .iter()
            .filter_map(|position| self.items.get(position))
            .map(|item| item.item.client_msg_id)
            .collect()
    }

    /// The first attempt of these begins at this server time, which is durable.
    pub(crate) fn timed(&mut self, ids: &[ClientMsgId], time_ms: u64) {
        // `ids` came from `untimed`: a prefix of it, in the same order.
        for id in ids {
            let Some(position) = self.untimed.first().copied() else {
                return;
            };
            if let Some(item) = self.items.get_mut(&position)
                && item.item.client_msg_id == *id
            {
                item.item.first_sent_at_ms = time_ms;
                self.untimed.remove(&position);
            }
        }
    }

    /// The next item that may leave now; call [`sent`](Self::sent) when it did.
    pub(crate) fn next(&self) -> Option<Departure<'_>> {
        let position = *self.ready.first()?;
        let Item {
            item, attempted, ..
        } = self.items.get(&position)?;
        if item.first_sent_at_ms == 0 {
            return None;
        }
        let after_failed = self
            .lanes
            .get(&self.lane(item))
            .is_some_and(|state| state.announce);
        // impl[EIM-MSG-046]
        let first_sent_at_ms = if *attempted { item.first_sent_at_ms } else { 0 };
        Some(Departure {
            position,
            item,
            first_sent_at_ms,
            after_failed,
        })
    }

    /// The item left under this name.
    pub(crate) fn sent(&mut self, position: u64, send: SendId) {
        self.ready.remove(&position);
        let Some(item) = self.items.get_mut(&position) else {
            return;
        };
        item.sent = Some(send);
        item.attempted = true;
        self.by_send.insert(send, position);
        let Some(lane) = self.items.get(&position).map(|item| self.lane(&item.item)) else {
            return;
        };
        let state = self.lanes.entry(lane).or_default();
        state.under_way += 1;
        // impl[EIM-MSG-054] The mark is for the first message after the failure alone.
        state.announce = false;
    }

    /// The item was answered; what it was. Returns `None` for a name that is not under way.
    pub(crate) fn answered(
        &mut self,
        send: SendId,
        answer: Answer,
        now: Timestamp,
        environment: &Environment,
    ) -> Option<OutboxItem> {
        let position = self.by_send.remove(&send)?;
        let item = self.items.get_mut(&position)?;
        item.sent = None;
        let item = item.item.clone();
        let lane = self.lane(&item);
        let state = self.lanes.entry(lane).or_default();
        state.under_way = state.under_way.saturating_sub(1);
        match answer {
            Answer::Done => {
                self.items.remove(&position);
                self.by_id.remove(&item.client_msg_id);
                state.backoff.reset();
            }
            // impl[EIM-MSG-073] It may have to be sent again until it is durable that it is not.
            Answer::Refused => {
                self.items.remove(&position);
                self.by_id.remove(&item.client_msg_id);
                state.backoff.reset();
                state.unsettled += 1;
                self.unsettled.insert(item.client_msg_id, lane);
                self.hold(lane, now);
            }
            Answer::Again(floor) => {
                // impl[EIM-MSG-048] impl[EIM-MSG-055]
                if state.held.is_none() {
                    let until = now.saturating_add(state.backoff.next(environment, floor));
                    self.hold(lane, until);
                }
                if let Some(hold) = self
                    .lanes
                    .get_mut(&lane)
                    .and_then(|state| state.held.as_mut())
                {
                    hold.until = hold.until.max(now.saturating_add(floor));
                    hold.waiting.insert(position);
                }
            }
        }
        self.forget_idle(lane);
        Some(item)
    }

    /// Removes an item by its key, wherever it is: it was settled otherwise than by its result.
    pub(crate) fn remove(&mut self, id: ClientMsgId) -> Option<OutboxItem> {
        let position = self.by_id.remove(&id)?;
        self.ready.remove(&position);
        self.untimed.remove(&position);
        let Item { item, sent, .. } = self.items.remove(&position)?;
        let lane = self.lane(&item);
        if let Some(state) = self.lanes.get_mut(&lane) {
            if let Some(send) = sent {
                self.by_send.remove(&send);
                state.under_way = state.under_way.saturating_sub(1);
            }
            if let Some(hold) = &mut state.held {
                hold.waiting.remove(&position);
            }
        }
        self.forget_idle(lane);
        Some(item)
    }

    /// It is durable that this item was refused for good.
    pub(crate) fn settled(&mut self, id: ClientMsgId) {
        if let Some(lane) = self.unsettled.remove(&id)
            && let Some(state) = self.lanes.get_mut(&lane)
        {
            state.unsettled = state.unsettled.saturating_sub(1);
        }
    }

    /// Holds back what of a lane is ready, if it is not held already.
    fn hold(&mut self, lane: Lane, until: Timestamp) {
        let state = self.lanes.entry(lane).or_default();
        if state.held.is_some() {
            return;
        }
        state.held = Some(Hold {
            until,
            waiting: BTreeSet::new(),
        });
        let ready: Vec<u64> = self
            .ready
            .iter()
            .copied()
            .filter(|at| {
                self.items
                    .get(at)
                    .is_some_and(|item| self.lane(&item.item) == lane)
            })
            .collect();
        for position in &ready {
            self.ready.remove(position);
        }
        if let Some(hold) = self
            .lanes
            .get_mut(&lane)
            .and_then(|state| state.held.as_mut())
        {
            hold.waiting.extend(ready);
        }
    }

    fn forget_idle(&mut self, lane: Lane) {
        if let Some(state) = self.lanes.get(&lane)
            && state.is_answered()
            && state.held.is_none()
            && !state.announce
        {
            self.lanes.remove(&lane);
        }
    }

    /// Lets conversations go on whose delay has passed and whose items are all answered.
    pub(crate) fn release(&mut self, now: Timestamp) {
        for state in self.lanes.values_mut() {
            if state.is_answered()
                && let Some(hold) = state.held.take_if(|hold| hold.until <= now)
            {
                state.announce = true;
                self.ready.extend(hold.waiting);
            }
        }
    }

    /// When [`release`](Self::release) has something to do next.
    pub(crate) fn next_release(&self) -> Option<Timestamp> {
        self.lanes
            .values()
            .filter(|state| state.is_answered())
            .filter_map(|state| state.held.as_ref().map(|hold| hold.until))
            .min()
    }

    /// The session did not go on: whatever was under way is sent again, in its order.
    // impl[EIM-RSM-025, EIM-MSG-047]
    pub(crate) fn forget_session(&mut self) {
        self.by_send.clear();
        for state in self.lanes.values_mut() {
            state.under_way = 0;
        }
        let under_way: Vec<u64> = self
            .items
            .iter_mut()
            .filter_map(|(position, item)| item.sent.take().map(|_| *position))
            .collect();
        for position in under_way {
            let Some(item) = self.items.get(&position) else {
                continue;
            };
            let lane = self.lane(&item.item);
            match self
                .lanes
                .get_mut(&lane)
                .and_then(|state| state.held.as_mut())
            {
                Some(hold) => hold.waiting.insert(position),
                None => self.ready.insert(position),
            };
        }
    }
}

#[cfg(test)]
mod tests;
