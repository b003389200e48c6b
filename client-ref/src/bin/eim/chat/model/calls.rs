//! Calls: who rings here, who takes part, who was missed. Signalling only: sound and pictures are
//! for another program.

use eim_client::CallSignal;
use eim_codec::id::{CallId, ConversationId, DeviceId, UserId};
use eim_codec::payload::{CallEnd, CallSignalKind as Kind};

use super::{Action, Model};
use crate::output::time_of_day;

/// How a call is for this screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Somebody else calls, and nobody of this user has said anything to it.
    Rings,
    /// This device calls.
    Calls,
    /// This device takes part.
    Here,
    /// Another device of this user takes part.
    Elsewhere,
}

/// A call that is not over.
#[derive(Debug)]
pub(super) struct Call {
    conversation: ConversationId,
    /// Who calls, or has answered.
    other: UserId,
    stage: Stage,
    /// Of the last change.
    time_ms: u64,
}

/// Calls that nobody of this user has taken.
#[derive(Debug)]
pub(super) struct Missed {
    count: usize,
    by: UserId,
    time_ms: u64,
}

impl Model {
    /// Which device this is.
    pub(crate) const fn device(&mut self, device: DeviceId) {
        self.device = Some(device);
    }

    /// A signal of a call; gives back a call that begins to ring here.
    // impl[EIM-CAL-027]
    pub(crate) fn signal(&mut self, signal: &CallSignal) -> Option<CallId> {
        if let Some((user, _)) = signal.from {
            self.meet(user);
        }
        match (signal.kind, signal.from) {
            (Kind::Offer, Some(from)) => return self.offered(signal, from),
            (Kind::Answer, Some(from)) => self.taken(signal.call, from, signal.time_ms),
            (Kind::Decline, Some((user, _))) if self.calls.contains_key(&signal.call) => {
                self.declined(signal.call, user);
            }
            (Kind::End, _) => self.ended(signal),
            _ => {}
        }
        None
    }

    fn offered(&mut self, signal: &CallSignal, from: (UserId, DeviceId)) -> Option<CallId> {
        let (user, device) = from;
        let stage = match user == self.me {
            false => Stage::Rings,
            true if Some(device) == self.device => Stage::Calls,
            true => Stage::Elsewhere,
        };
        let conversation = signal.conversation?;
        // What was begun here is known already.
        self.calls.entry(signal.call).or_insert(Call {
            conversation,
            other: user,
            stage,
            time_ms: signal.time_ms,
        });
        (stage == Stage::Rings).then_some(signal.call)
    }

    fn taken(&mut self, call: CallId, (user, device): (UserId, DeviceId), time_ms: u64) {
        let (me, here) = (user == self.me, Some(device) == self.device);
        let Some(call) = self.calls.get_mut(&call) else {
            return;
        };
        match (me, call.stage) {
            (true, _) if here => (call.stage, call.time_ms) = (Stage::Here, time_ms),
            (true, Stage::Rings) => {
                (call.stage, call.time_ms) = (Stage::Elsewhere, time_ms);
                self.notice("answered on another device".to_owned());
            }
            (false, Stage::Calls) => {
                (call.stage, call.time_ms, call.other) = (Stage::Here, time_ms, user);
                let name = self.user(user);
                self.notice(format!("{name} answers"));
            }
            _ => {}
        }
    }

    fn declined(&mut self, call: CallId, user: UserId) {
        if user == self.me {
            self.calls.remove(&call);
            self.notice("declined on another device".to_owned());
        } else {
            let name = self.user(user);
            self.notice(format!("{name} declines"));
        }
    }

    fn ended(&mut self, signal: &CallSignal) {
        let Some(call) = self.calls.remove(&signal.call) else {
            return;
        };
        let name = self.user(call.other);
        match (call.stage, signal.reason) {
            (Stage::Rings, _) => {
                let missed = self.missed.entry(call.conversation).or_insert(Missed {
                    count: 0,
                    by: call.other,
                    time_ms: 0,
                });
                missed.count += 1;
                (missed.by, missed.time_ms) = (call.other, call.time_ms);
            }
            (Stage::Calls, CallEnd::NoAnswer) => self.notice("nobody answers".to_owned()),
            (Stage::Calls, CallEnd::Declined) => self.notice("the call is declined".to_owned()),
            (Stage::Here, _) => self.notice(format!("the call with {name} is over")),
            (Stage::Calls, _) => self.notice("the call is over".to_owned()),
            (Stage::Elsewhere, _) => {}
        }
    }

    /// The server does not know a call any more.
    pub(crate) fn call_gone(&mut self, call: CallId) {
        if self.calls.remove(&call).is_some() {
            self.notice("the call is over".to_owned());
        }
    }

    /// This device has called the others of a conversation.
    pub(crate) fn called(&mut self, call: CallId, conversation: ConversationId, time_ms: u64) {
        self.calls.entry(call).or_insert(Call {
            conversation,
            other: self.me,
            stage: Stage::Calls,
            time_ms,
        });
    }

    /// This device has said something to a call.
    pub(crate) fn signalled(&mut self, call: CallId, kind: Kind, time_ms: u64) {
        match kind {
            Kind::Answer => {
                if let Some(call) = self.calls.get_mut(&call) {
                    (call.stage, call.time_ms) = (Stage::Here, time_ms);
                }
            }
            Kind::Decline | Kind::Hangup => {
                self.calls.remove(&call);
            }
            _ => {}
        }
    }

    fn first(&self, stage: Stage) -> Option<(CallId, &Call)> {
        let mut calls = self.calls.iter();
        let found = calls.find(|(_, call)| call.stage == stage);
        found.map(|(id, call)| (*id, call))
    }

    /// Takes the call that rings.
    pub(super) fn answer(&mut self) -> Vec<Action> {
        match self.first(Stage::Rings) {
            Some((call, _)) => vec![Action::Signal(call, Kind::Answer)],
            None => {
                self.notice("nobody calls".to_owned());
                Vec::new()
            }
        }
    }

    /// Does not take the call that rings, or ends the one that this device takes part in.
    pub(super) fn hang_up(&mut self) -> Vec<Action> {
        if let Some((call, _)) = self.first(Stage::Rings) {
            return vec![Action::Signal(call, Kind::Decline)];
        }
        let mine = self.first(Stage::Here).or_else(|| self.first(Stage::Calls));
        match mine {
            Some((call, _)) => vec![Action::Signal(call, Kind::Hangup)],
            None => {
                self.notice("there is no call".to_owned());
                Vec::new()
            }
        }
    }

    /// The line of a call: what rings stands before everything else.
    pub(crate) fn call_line(&self) -> Option<String> {
        let stages = [Stage::Rings, Stage::Here, Stage::Calls, Stage::Elsewhere];
        let (_, call) = stages.into_iter().find_map(|stage| self.first(stage))?;
        let row = self.place(call.conversation);
        let row = row.and_then(|place| self.rows.get(place));
        let place = row.map(|row| self.title(row)).unwrap_or_default();
        let name = self.user(call.other);
        let group = row.is_some_and(|row| row.group.is_some());
        let at = time_of_day(call.time_ms);
        let here = match group {
            true => format!("in {place}"),
            false => format!("with {place}"),
        };
        let line = match call.stage {
            Stage::Rings if group => {
                format!("{name} calls {place} · Ctrl-A answers  Ctrl-X declines")
            }
            Stage::Rings => format!("{name} calls · Ctrl-A answers  Ctrl-X declines"),
            Stage::Here if call.other == self.me => {
                format!("in a call {here} since {at} · Ctrl-X hangs up")
            }
            Stage::Here => format!("in a call with {name} since {at} · Ctrl-X hangs up"),
            Stage::Calls => format!("calling {place} since {at} · Ctrl-X hangs up"),
            Stage::Elsewhere => format!("a call {here} is on another device"),
        };
        let more = match self.calls.len() {
            0 | 1 => String::new(),
            calls => format!("  (+{})", calls - 1),
        };
        Some(format!("☎ {line}{more}"))
    }

    /// Whether a call rings here.
    pub(crate) fn rings(&self) -> bool {
        self.first(Stage::Rings).is_some()
    }

    /// Stands behind the name of a conversation in the list.
    pub(crate) fn missed_mark(&self, conversation: ConversationId) -> &'static str {
        match self.missed.contains_key(&conversation) {
            true => " ☎",
            false => "",
        }
    }

    /// Missed calls, for the status line.
    pub(super) fn missed_words(&self) -> Option<String> {
        let last = self.missed.values().max_by_key(|missed| missed.time_ms)?;
        let count: usize = self.missed.values().map(|missed| missed.count).sum();
        let (by, at) = (self.user(last.by), time_of_day(last.time_ms));
        Some(match count {
            1 => format!("missed call: {by} {at}"),
            count => format!("{count} missed calls, last: {by} {at}"),
        })
    }

    /// Who looks at a conversation knows what was missed there.
    pub(super) fn missed_seen(&mut self) {
        if let Some(here) = self.selected() {
            self.missed.remove(&here);
        }
    }
}
