//! Calls of this user: signals in order, and those that were missed.

use std::time::Duration;

use eim_codec::id::{CallId, UserId};
use eim_codec::payload::{
    self, CallEvent, CallSignalKind, CallSignalsRequest, CallSignalsResponse, CallsRequest,
    CallsResponse, request,
};
use eim_codec::registry::{Capability, ErrorCode, EventNumber, Operation};
use eim_codec::time::Timestamp;
use prost::Message as _;

use super::Engine;
use super::requests::Purpose;
use crate::calls::{Began, CallInfo, CallSignal, Calls, Taken};
use crate::event::Event;

/// Calls as far as this connection carries them.
#[derive(Debug, Default)]
pub(super) struct Phone {
    /// The server of this connection has the capability.
    offered: bool,
    calls: Calls,
    /// The server has refused to tell of calls for now: it is asked again then.
    again: Option<Timestamp>,
}

/// Before the server is asked again about calls, at least.
const PAUSE: Duration = Duration::from_secs(1);

impl Phone {
    pub(super) const fn next_timer(&self) -> Option<Timestamp> {
        self.again
    }
}

impl Engine {
    /// WELCOME says what the server offers.
    pub(super) fn calls_offered(&mut self, welcome: &payload::Welcome) {
        let number = Capability::CALLS.0;
        self.phone.offered = welcome.capabilities.contains(&number);
    }

    /// A connection is open, or events were dropped.
    // impl[EIM-CAL-029]
    pub(super) fn ask_calls(&mut self) {
        self.phone.again = None;
        if self.phone.offered && self.is_full_client() {
            let body = request::Body::Calls(CallsRequest {});
            self.ask(Operation::CALLS, body, Purpose::Calls);
        }
    }

    /// Asks again if it is time.
    // impl[EIM-CAL-029]
    pub(super) fn ask_calls_again(&mut self) {
        let now = self.ticks.now();
        if self.phone.again.is_some_and(|again| again <= now) {
            self.ask_calls();
        }
    }

    /// CALLS or CALL_SIGNALS was refused for now: what is not asked would be missed.
    pub(super) fn calls_refused(&mut self, error: &payload::ErrorInfo) {
        if error.retryable {
            let pause = PAUSE.max(Duration::from_millis(error.retry_after_ms));
            self.phone.again = Some(self.ticks.now().saturating_add(pause));
        }
    }

    /// An event about calls.
    pub(super) fn called(&mut self, event: &payload::Event) {
        match EventNumber(event.event) {
            EventNumber::CALL => {
                let Ok(event) = CallEvent::decode(event.body.clone()) else {
                    return;
                };
                if let Some(signal) = event.signal.as_ref().and_then(CallSignal::read) {
                    self.take_signal(signal);
                }
            }
            EventNumber::CALLS_STALE => self.ask_calls(),
            _ => {}
        }
    }

    fn take_signal(&mut self, signal: CallSignal) {
        let Some(me) = self.user() else { return };
        if signal.kind == CallSignalKind::Offer {
            self.began(signal.call, signal.time_ms);
        }
        match self.phone.calls.take(&signal, me) {
            Taken::Next { rings } => self.events.emit(Event::Call { signal, rings }),
            Taken::Old => {}
            Taken::Missing { after } => self.ask_signals(signal.call, after),
        }
    }

    /// Whether nothing is known of a call that began at this time, although its number is known.
    fn began(&mut self, call: CallId, started_ms: u64) -> bool {
        let Began::Anew { gone } = self.phone.calls.began(call, started_ms) else {
            return false;
        };
        if gone {
            self.events.emit(Event::CallGone(call));
        }
        true
    }

    fn ask_signals(&mut self, call: CallId, after: u64) {
        let body = request::Body::CallSignals(CallSignalsRequest {
            call: call.to_bytes(),
            after,
        });
        self.ask(
            Operation::CALL_SIGNALS,
            body,
            Purpose::Signals { call, after },
        );
    }

    /// Answer to CALLS.
    pub(super) fn calls_listed(&mut self, answer: &CallsResponse) {
        let listed: Vec<_> = answer.calls.iter().filter_map(CallInfo::read).collect();
        for info in &listed {
            self.began(info.call, info.started_ms);
        }
        for (call, after) in self.phone.calls.listed(&listed) {
            self.ask_signals(call, after);
        }
    }

    /// Answer to CALL_SIGNALS.
    pub(super) fn signals_read(&mut self, call: CallId, after: u64, page: &CallSignalsResponse) {
        let info = page.call.as_ref().and_then(CallInfo::read);
        let anew = info.is_some_and(|info| self.began(call, info.started_ms));
        if anew && after > 0 {
            return self.ask_signals(call, 0);
        }
        let mut last = after;
        for signal in page.signals.iter().filter_map(CallSignal::read) {
            last = last.max(signal.call_seq);
            self.take_signal(signal);
        }
        if page.more && last > after {
            self.ask_signals(call, last);
        }
    }

    /// CALL_SIGNALS was refused: the call is gone, or its beginning.
    // impl[EIM-CAL-027]
    pub(super) fn signals_refused(&mut self, call: CallId, error: &payload::ErrorInfo) {
        match ErrorCode(u16::try_from(error.code).unwrap_or(0)) {
            ErrorCode::NOT_FOUND if self.phone.calls.forget(call) => {
                self.events.emit(Event::CallGone(call));
            }
            // What is kept is asked for by the list.
            ErrorCode::TOO_OLD => self.ask_floor(call),
            ErrorCode::NOT_FOUND => {}
            _ => self.calls_refused(error),
        }
    }

    fn ask_floor(&mut self, call: CallId) {
        let body = request::Body::Calls(CallsRequest {});
        self.ask(Operation::CALLS, body, Purpose::Floor { call });
    }

    /// Answer to CALLS about a call whose beginning is not kept any more.
    pub(super) fn floor_told(&mut self, call: CallId, answer: &CallsResponse) {
        let listed = answer.calls.iter().filter_map(CallInfo::read);
        let found = listed.into_iter().find(|info| info.call == call);
        match found {
            Some(info) => {
                self.began(call, info.started_ms);
                self.phone.calls.skip(&info);
                self.ask_signals(call, info.floor);
            }
            None if self.phone.calls.forget(call) => self.events.emit(Event::CallGone(call)),
            None => {}
        }
    }

    fn user(&self) -> Option<UserId> {
        self.identity.user
    }
}
