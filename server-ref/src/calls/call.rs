//! One call: who takes part, its signals, and when it is over. Time is an argument.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use eim_codec::id::{CallId, ConversationId, DeviceId, RequestId, UserId};
use eim_codec::payload::{CallEnd, CallSignalKind, CallState};

use super::Rules;

/// A device and its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
}

/// One signal of a call, as all who were called see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The call.
    pub call: CallId,
    /// From 1, without holes.
    pub call_seq: u64,
    /// What it does.
    pub kind: CallSignalKind,
    /// Who sent it; `None` for the server.
    pub from: Option<Party>,
    /// Unix milliseconds; never before the one before.
    pub time_ms: u64,
    /// As sent.
    pub body: Bytes,
    /// With [`CallSignalKind::End`].
    pub reason: CallEnd,
    /// With [`CallSignalKind::Offer`].
    pub conversation: Option<ConversationId>,
    /// Added without a request.
    pub by_server: bool,
}

/// A signal that a device wants to add.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who.
    pub from: Party,
    /// The key of the request.
    pub key: RequestId,
    /// What it does.
    pub kind: CallSignalKind,
    /// Opaque.
    pub body: Bytes,
}

/// Why a signal was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// It does not fit what the call is now.
    Conflict(&'static str),
    /// As many signals as may be are kept.
    Full,
}

/// How a call is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallView {
    /// Its id.
    pub call: CallId,
    /// Where it takes place.
    pub conversation: ConversationId,
    /// Ringing, active or ended.
    pub state: CallState,
    /// Number of the last signal.
    pub call_seq: u64,
    /// Signals after this number are kept.
    pub floor: u64,
    /// Who called.
    pub caller: UserId,
    /// Unix milliseconds of the first signal.
    pub started_ms: u64,
    /// Devices that take part.
    pub devices: Vec<Party>,
}

/// What was added: the signal asked for, then END if that ended the call.
pub(super) type Added = Vec<Arc<Signal>>;

#[derive(Debug)]
struct Kept {
    signal: Arc<Signal>,
    key: Option<RequestId>,
}

/// A device that takes part, and when it was last seen connected.
#[derive(Clone, Copy, Debug)]
struct TakesPart {
    device: DeviceId,
    seen_ms: u64,
}

#[derive(Debug)]
pub(super) struct Call {
    id: CallId,
    conversation: ConversationId,
    caller: Party,
    members: Vec<UserId>,
    kept: VecDeque<Kept>,
    call_seq: u64,
    time_ms: u64,
    started_ms: u64,
    taking_part: BTreeMap<UserId, TakesPart>,
    declined: BTreeSet<UserId>,
    answered: bool,
    ended_ms: Option<u64>,
}

impl Call {
    /// A call that rings, and its OFFER.
    // impl[EIM-CAL-001]
    pub(super) fn start(
        id: CallId,
        conversation: ConversationId,
        members: Vec<UserId>,
        offer: Wanted,
        now_ms: u64,
    ) -> (Self, Added) {
        let mut call = Self {
            id,
            conversation,
            caller: offer.from,
            members,
            kept: VecDeque::new(),
            call_seq: 0,
            time_ms: 0,
            started_ms: now_ms,
            taking_part: BTreeMap::new(),
            declined: BTreeSet::new(),
            answered: false,
            ended_ms: None,
        };
        call.takes_part(offer.from, now_ms);
        let first = call.add(offer, now_ms);
        (call, vec![first])
    }

    /// Adds a signal. Nothing is added when the same was before: the second value is then empty.
    ///
    /// # Errors
    /// [`NotAdded`]; then nothing has changed.
    // impl[EIM-CAL-012, EIM-CAL-013, EIM-CAL-017]
    pub(super) fn signal(
        &mut self,
        wanted: Wanted,
        rules: &Rules,
        now_ms: u64,
    ) -> Result<(Arc<Signal>, Added), NotAdded> {
        let same =
            |kept: &&Kept| kept.key == Some(wanted.key) && kept.signal.from == Some(wanted.from);
        if let Some(known) = self.kept.iter().find(same) {
            return Ok((Arc::clone(&known.signal), Vec::new()));
        }
        if self.is_over() {
            return Err(NotAdded::Conflict("the call is over"));
        }
        self.check(wanted.from, wanted.kind)?;
        let leaves = matches!(
            wanted.kind,
            CallSignalKind::Hangup | CallSignalKind::Decline
        );
        self.drop_old(rules, now_ms);
        if self.kept.len() >= rules.signals && !leaves {
            return Err(NotAdded::Full);
        }
        let (from, kind) = (wanted.from, wanted.kind);
        let signal = self.add(wanted, now_ms);
        let mut added = vec![Arc::clone(&signal)];
        match kind {
            CallSignalKind::Answer => {
                self.takes_part(from, now_ms);
                self.declined.remove(&from.user);
                self.answered = true;
            }
            CallSignalKind::Decline => {
                self.declined.insert(from.user);
            }
            CallSignalKind::Hangup => {
                self.taking_part.remove(&from.user);
            }
            _ => {}
        }
        added.extend(self.end_if_due(now_ms, rules));
        Ok((signal, added))
    }

    // impl[EIM-CAL-014, EIM-CAL-015, EIM-CAL-016]
    fn check(&self, from: Party, kind: CallSignalKind) -> Result<(), NotAdded> {
        let mine = self.taking_part.get(&from.user);
        let takes_part = mine.is_some_and(|it| it.device == from.device);
        match kind {
            CallSignalKind::Answer | CallSignalKind::Ringing | CallSignalKind::Decline
                if mine.is_some() =>
            {
                Err(NotAdded::Conflict("a device of this user takes part"))
            }
            CallSignalKind::Candidate | CallSignalKind::Update | CallSignalKind::Hangup
                if !takes_part =>
            {
                Err(NotAdded::Conflict("this device does not take part"))
            }
            _ => Ok(()),
        }
    }

    /// A moment has passed: who is gone hangs up, who does not answer is not waited for any more,
    /// and what is old is dropped.
    // impl[EIM-CAL-019, EIM-CAL-022]
    pub(super) fn tick(
        &mut self,
        is_connected: &dyn Fn(Party) -> bool,
        rules: &Rules,
        now_ms: u64,
    ) -> Added {
        let mut added = Vec::new();
        if !self.is_over() {
            let mut gone = Vec::new();
            for (user, taking) in &mut self.taking_part {
                let (user, device) = (*user, taking.device);
                if is_connected(Party { user, device }) {
                    taking.seen_ms = now_ms;
                } else if now_ms.saturating_sub(taking.seen_ms) >= rules.absent_ms {
                    gone.push(Party { user, device });
                }
            }
            for party in gone {
                self.taking_part.remove(&party.user);
                let hangup = self.blank(CallSignalKind::Hangup, Some(party), now_ms);
                added.push(self.keep(hangup, None));
            }
            added.extend(self.end_if_due(now_ms, rules));
        }
        self.drop_old(rules, now_ms);
        added
    }

    // impl[EIM-CAL-018]
    fn end_if_due(&mut self, now_ms: u64, rules: &Rules) -> Option<Arc<Signal>> {
        let others = self
            .members
            .iter()
            .filter(|user| **user != self.caller.user);
        let reason = if self.answered {
            (self.taking_part.len() < 2).then_some(CallEnd::Hangup)
        } else if self.taking_part.is_empty() {
            Some(CallEnd::Cancelled)
        } else if others.clone().all(|user| self.declined.contains(user)) {
            Some(CallEnd::Declined)
        } else if now_ms.saturating_sub(self.started_ms) >= rules.ring_ms {
            Some(CallEnd::NoAnswer)
        } else {
            None
        };
        let reason = reason?;
        self.ended_ms = Some(now_ms);
        self.taking_part.clear();
        let end = Signal {
            reason,
            ..self.blank(CallSignalKind::End, None, now_ms)
        };
        Some(self.keep(end, None))
    }

    fn takes_part(&mut self, party: Party, seen_ms: u64) {
        let device = party.device;
        let taking = TakesPart { device, seen_ms };
        self.taking_part.insert(party.user, taking);
    }

    fn add(&mut self, wanted: Wanted, now_ms: u64) -> Arc<Signal> {
        let offer = wanted.kind == CallSignalKind::Offer;
        let signal = Signal {
            body: wanted.body,
            conversation: offer.then_some(self.conversation),
            by_server: false,
            ..self.blank(wanted.kind, Some(wanted.from), now_ms)
        };
        self.keep(signal, Some(wanted.key))
    }

    /// The next signal of the call.
    // impl[EIM-CAL-007]
    fn blank(&self, kind: CallSignalKind, from: Option<Party>, now_ms: u64) -> Signal {
        Signal {
            call: self.id,
            call_seq: self.call_seq + 1,
            kind,
            from,
            time_ms: self.time_ms.max(now_ms),
            body: Bytes::new(),
            reason: CallEnd::Unspecified,
            conversation: None,
            by_server: true,
        }
    }

    fn keep(&mut self, signal: Signal, key: Option<RequestId>) -> Arc<Signal> {
        self.call_seq = signal.call_seq;
        self.time_ms = signal.time_ms;
        let signal = Arc::new(signal);
        let kept = Kept {
            signal: Arc::clone(&signal),
            key,
        };
        self.kept.push_back(kept);
        signal
    }

    fn drop_old(&mut self, rules: &Rules, now_ms: u64) {
        let old = |kept: &Kept| now_ms.saturating_sub(kept.signal.time_ms) > rules.mailbox_ms;
        // The last one says how the call is.
        while self.kept.len() > 1 && self.kept.front().is_some_and(old) {
            self.kept.pop_front();
        }
    }

    /// Whether nobody needs it any more.
    // impl[EIM-CAL-022]
    pub(super) fn is_forgotten(&self, rules: &Rules, now_ms: u64) -> bool {
        self.ended_ms
            .is_some_and(|at| now_ms.saturating_sub(at) > rules.mailbox_ms)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.ended_ms.is_some()
    }

    /// Users to whom the call belongs.
    pub(super) fn members(&self) -> &[UserId] {
        &self.members
    }

    pub(super) const fn caller(&self) -> Party {
        self.caller
    }

    /// The signal OFFER is the first one; later ones may have replaced it.
    pub(super) const fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// Signals after a number, or nothing when some of those are not kept any more.
    // impl[EIM-CAL-021, EIM-CAL-023]
    pub(super) fn after(&self, after: u64) -> Option<Vec<Arc<Signal>>> {
        if after < self.floor() {
            return None;
        }
        let later = self.kept.iter().map(|kept| &kept.signal);
        let later = later.filter(|signal| signal.call_seq > after);
        Some(later.cloned().collect())
    }

    fn floor(&self) -> u64 {
        let first = self.kept.front().map_or(1, |kept| kept.signal.call_seq);
        first.saturating_sub(1)
    }

    pub(super) fn view(&self) -> CallView {
        let state = if self.is_over() {
            CallState::Ended
        } else if self.answered {
            CallState::Active
        } else {
            CallState::Ringing
        };
        let devices = self.taking_part.iter();
        CallView {
            call: self.id,
            conversation: self.conversation,
            state,
            call_seq: self.call_seq,
            floor: self.floor(),
            caller: self.caller.user,
            started_ms: self.started_ms,
            devices: devices
                .map(|(user, taking)| Party {
                    user: *user,
                    device: taking.device,
                })
                .collect(),
        }
    }
}
