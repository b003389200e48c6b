//! Calls: ringing, answering, and reading again what was missed.

use std::collections::BTreeMap;

use bytes::Bytes;
use eim_codec::id::{CallId, ConversationId, DeviceId, UserId};
use eim_codec::payload::{
    self, CallEnd, CallSignalKind, CallSignalRequest, CallSignalsRequest, CallStartRequest,
    CallState, CallsRequest, request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;

/// Calls that are followed at once; the oldest is given up for a newer one.
const MOST: usize = 64;

/// One signal of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSignal {
    /// The call.
    pub call: CallId,
    /// From 1, without holes.
    pub call_seq: u64,
    /// What it does.
    pub kind: CallSignalKind,
    /// Who sent it; `None` for the server.
    pub from: Option<(UserId, DeviceId)>,
    /// Server time, Unix milliseconds.
    pub time_ms: u64,
    /// As sent.
    pub body: Bytes,
    /// With [`CallSignalKind::End`].
    pub reason: CallEnd,
    /// With [`CallSignalKind::Offer`].
    pub conversation: Option<ConversationId>,
}

/// How a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallInfo {
    /// Its id.
    pub call: CallId,
    /// Where it takes place.
    pub conversation: ConversationId,
    /// Ringing, active or ended.
    pub state: CallState,
    /// Number of the last signal.
    pub call_seq: u64,
    /// Signals after this number can be read.
    pub floor: u64,
    /// Who called.
    pub caller: UserId,
    /// Server time of the first signal, Unix milliseconds.
    pub started_ms: u64,
    /// Devices that take part.
    pub devices: Vec<(UserId, DeviceId)>,
}

impl CallSignal {
    /// From the wire; `None` for what names no call.
    pub(crate) fn read(signal: &payload::CallSignal) -> Option<Self> {
        let user = UserId::from_slice(&signal.user).ok();
        let device = DeviceId::from_slice(&signal.device).ok();
        Some(Self {
            call: CallId::from_slice(&signal.call).ok()?,
            call_seq: signal.call_seq,
            kind: signal.kind(),
            from: user.zip(device),
            time_ms: signal.time_ms,
            body: signal.body.clone(),
            reason: signal.reason(),
            conversation: ConversationId::from_slice(&signal.conversation).ok(),
        })
    }
}

impl CallInfo {
    /// From the wire; `None` for what is no call.
    pub(crate) fn read(call: &payload::Call) -> Option<Self> {
        let devices = call.devices.iter().map(|party| {
            let user = UserId::from_slice(&party.user).ok()?;
            Some((user, DeviceId::from_slice(&party.device).ok()?))
        });
        Some(Self {
            call: CallId::from_slice(&call.call).ok()?,
            conversation: ConversationId::from_slice(&call.conversation).ok()?,
            state: call.state(),
            call_seq: call.call_seq,
            floor: call.floor,
            caller: UserId::from_slice(&call.caller).ok()?,
            started_ms: call.started_ms,
            devices: devices.collect::<Option<_>>()?,
        })
    }
}

impl Client {
    /// Calls the other members of a conversation; `body` is for the other clients, usually a session
    /// description. Gives back the id of the call. Signals come as
    /// [`Event::Call`](crate::Event::Call) if [`Options::calls`](crate::Options::calls) is set.
    ///
    /// # Errors
    /// [`RequestError`], [`FORBIDDEN`](eim_codec::registry::ErrorCode::FORBIDDEN) to a user to whom
    /// no message may be sent, [`LIMIT_REACHED`](eim_codec::registry::ErrorCode::LIMIT_REACHED) for
    /// too many calls.
    pub async fn start_call(
        &self,
        conversation: ConversationId,
        body: Bytes,
    ) -> Result<CallId, RequestError> {
        let call = CallId::from(self.uuid_v7());
        let body = request::Body::CallStart(CallStartRequest {
            call: call.to_bytes(),
            conversation: conversation.to_bytes(),
            body,
        });
        added(&self.ask(Operation::CALL_START, body).await?)?;
        Ok(call)
    }

    /// Adds a signal to a call; gives back its number.
    ///
    /// # Errors
    /// [`RequestError`], [`NOT_FOUND`](eim_codec::registry::ErrorCode::NOT_FOUND) for a call that is
    /// not known any more, [`CONFLICT`](eim_codec::registry::ErrorCode::CONFLICT) for a signal that
    /// does not fit: somebody else has answered, the call is over.
    pub async fn signal_call(
        &self,
        call: CallId,
        kind: CallSignalKind,
        body: Bytes,
    ) -> Result<u64, RequestError> {
        let body = request::Body::CallSignal(CallSignalRequest {
            call: call.to_bytes(),
            kind: kind.into(),
            body,
        });
        added(&self.ask(Operation::CALL_SIGNAL, body).await?)
    }

    /// A call as it is, and its signals after a number, all pages.
    ///
    /// # Errors
    /// [`RequestError`], [`NOT_FOUND`](eim_codec::registry::ErrorCode::NOT_FOUND),
    /// [`TOO_OLD`](eim_codec::registry::ErrorCode::TOO_OLD) when some of them are not kept any more.
    pub async fn call(
        &self,
        call: CallId,
        mut after: u64,
    ) -> Result<(CallInfo, Vec<CallSignal>), RequestError> {
        let mut found = Vec::new();
        loop {
            let body = request::Body::CallSignals(CallSignalsRequest {
                call: call.to_bytes(),
                after,
            });
            let answer = self.ask(Operation::CALL_SIGNALS, body).await?;
            let response::Body::CallSignals(page) = answer else {
                return Err(RequestError::Nonsense("no signals"));
            };
            let info = page.call.as_ref().and_then(CallInfo::read);
            let info = info.ok_or(RequestError::Nonsense("no call"))?;
            let before = found.len();
            found.extend(page.signals.iter().filter_map(CallSignal::read));
            match found.get(before..).and_then(<[_]>::last) {
                Some(last) if page.more && last.call_seq > after => after = last.call_seq,
                _ => return Ok((info, found)),
            }
        }
    }

    /// The calls of this user that are not over.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn calls(&self) -> Result<Vec<CallInfo>, RequestError> {
        let body = request::Body::Calls(CallsRequest {});
        let response::Body::Calls(answer) = self.ask(Operation::CALLS, body).await? else {
            return Err(RequestError::Nonsense("no calls"));
        };
        let calls: Option<Vec<_>> = answer.calls.iter().map(CallInfo::read).collect();
        calls.ok_or(RequestError::Nonsense("not a call"))
    }
}

fn added(answer: &response::Body) -> Result<u64, RequestError> {
    match answer {
        response::Body::CallSignal(added) => Ok(added.call_seq),
        _ => Err(RequestError::Nonsense("not a number of a signal")),
    }
}

/// A call whose signals are taken up in order.
#[derive(Debug, Default)]
struct Followed {
    /// Server time of OFFER, once it is known.
    started_ms: Option<u64>,
    seen: u64,
    /// Somebody else called, and nobody of this user has said anything to it.
    rings: bool,
    over: bool,
}

/// What a signal is to the one who follows its call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The next one; whether the call rings here now.
    Next { rings: bool },
    /// It was there before.
    Old,
    /// Those after this number are missing.
    Missing { after: u64 },
}

/// Which call is meant by a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Began {
    /// The one that is followed, or none was.
    Same,
    /// Another one; whether the one before was not over.
    Anew { gone: bool },
}

/// The calls that are followed.
// impl[EIM-CAL-028]
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<CallId, Followed>);

impl Calls {
    /// A call began at this time. One that began at another is forgotten: its server is gone, and
    /// its numbers are given again.
    // impl[EIM-CAL-030]
    pub(crate) fn began(&mut self, call: CallId, started_ms: u64) -> Began {
        let Some(followed) = self.0.get_mut(&call) else {
            return Began::Same;
        };
        if *followed.started_ms.get_or_insert(started_ms) == started_ms {
            return Began::Same;
        }
        let gone = followed.seen > 0 && !followed.over;
        *followed = Followed {
            started_ms: Some(started_ms),
            ..Followed::default()
        };
        Began::Anew { gone }
    }

    /// Takes up a signal; `me` is the user of this client.
    // impl[EIM-CAL-027]
    pub(crate) fn take(&mut self, signal: &CallSignal, me: UserId) -> Taken {
        self.make_room(signal.call);
        let followed = self.0.entry(signal.call).or_default();
        if signal.call_seq <= followed.seen {
            return Taken::Old;
        }
        if signal.call_seq > followed.seen + 1 {
            return Taken::Missing {
                after: followed.seen,
            };
        }
        followed.seen = signal.call_seq;
        let mine = signal.from.is_some_and(|(user, _)| user == me);
        match signal.kind {
            CallSignalKind::Offer => {
                followed.started_ms = Some(signal.time_ms);
                followed.rings = !mine;
            }
            CallSignalKind::Answer | CallSignalKind::Decline if mine => followed.rings = false,
            CallSignalKind::End => {
                followed.rings = false;
                followed.over = true;
            }
            _ => {}
        }
        Taken::Next {
            rings: followed.rings,
        }
    }

    /// Signals through the floor of the call cannot be read any more: what follows is taken up from
    /// there.
    pub(crate) fn skip(&mut self, info: &CallInfo) {
        let followed = self.0.entry(info.call).or_default();
        followed.started_ms.get_or_insert(info.started_ms);
        followed.seen = followed.seen.max(info.floor);
    }

    /// What to ask after a list of calls: those that have news, and those that are not on it.
    // impl[EIM-CAL-029]
    pub(crate) fn listed(&self, listed: &[CallInfo]) -> Vec<(CallId, u64)> {
        let known = self.0.iter();
        let ended = known.filter(|(call, followed)| {
            !followed.over && !listed.iter().any(|info| info.call == **call)
        });
        let mut ask: Vec<_> = ended.map(|(call, it)| (*call, it.seen)).collect();
        for info in listed {
            let seen = self.0.get(&info.call).map_or(0, |followed| followed.seen);
            if info.call_seq > seen {
                ask.push((info.call, seen));
            }
        }
        ask
    }

    /// The server does not know a call any more; whether that is news.
    pub(crate) fn forget(&mut self, call: CallId) -> bool {
        self.0.remove(&call).is_some_and(|followed| !followed.over)
    }

    /// The oldest one goes, first of those that are over: ids are UUIDv7, so they are in order of
    /// time.
    fn make_room(&mut self, call: CallId) {
        if self.0.len() < MOST || self.0.contains_key(&call) {
            return;
        }
        let over = self.0.iter().find(|(_, followed)| followed.over);
        let oldest = over.or_else(|| self.0.iter().next()).map(|(call, _)| *call);
        if let Some(oldest) = oldest {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: [u8; 16] = [1; 16];
    const OTHER: [u8; 16] = [2; 16];

    fn signal(call: u8, call_seq: u64, kind: CallSignalKind, from: [u8; 16]) -> CallSignal {
        CallSignal {
            call: [call; 16].into(),
            call_seq,
            kind,
            from: Some((from.into(), [9; 16].into())),
            time_ms: 0,
            body: Bytes::new(),
            reason: CallEnd::Unspecified,
            conversation: None,
        }
    }

    // test[EIM-CAL-027]
    #[test]
    fn ringing_stops_with_what_this_user_says_and_with_the_end() {
        for (last, from, rings) in [
            (CallSignalKind::Answer, ME, false),
            (CallSignalKind::Decline, ME, false),
            (CallSignalKind::End, OTHER, false),
            (CallSignalKind::Answer, [3; 16], true),
            (CallSignalKind::Candidate, OTHER, true),
        ] {
            let mut calls = Calls::default();
            let mut take = |signal: CallSignal| calls.take(&signal, ME.into());
            let offer = signal(1, 1, CallSignalKind::Offer, OTHER);
            assert_eq!(take(offer), Taken::Next { rings: true });
            let next = take(signal(1, 2, last, from));
            assert_eq!(next, Taken::Next { rings }, "{last:?}");
        }
        let mut calls = Calls::default();
        let own = signal(1, 1, CallSignalKind::Offer, ME);
        assert_eq!(calls.take(&own, ME.into()), Taken::Next { rings: false });
    }

    // test[EIM-CAL-028]
    #[test]
    fn signals_are_taken_up_in_order_and_once() {
        let mut calls = Calls::default();
        let take = |calls: &mut Calls, call_seq| {
            let signal = signal(1, call_seq, CallSignalKind::Candidate, OTHER);
            calls.take(&signal, ME.into())
        };
        assert_eq!(take(&mut calls, 3), Taken::Missing { after: 0 });
        for call_seq in 1..=3 {
            assert!(matches!(take(&mut calls, call_seq), Taken::Next { .. }));
        }
        assert_eq!(take(&mut calls, 2), Taken::Old);
        assert_eq!(take(&mut calls, 5), Taken::Missing { after: 3 });
        calls.skip(&CallInfo {
            call: [1; 16].into(),
            conversation: [5; 16].into(),
            state: CallState::Ringing,
            call_seq: 9,
            floor: 9,
            caller: OTHER.into(),
            started_ms: 0,
            devices: Vec::new(),
        });
        assert_eq!(take(&mut calls, 9), Taken::Old);
        assert!(matches!(take(&mut calls, 10), Taken::Next { .. }));
    }

    // test[EIM-CAL-030]
    #[test]
    fn a_call_that_began_at_another_time_is_another_one() {
        let mut calls = Calls::default();
        let call = [1; 16].into();
        assert_eq!(calls.began(call, 5), Began::Same);
        let mut offer = signal(1, 1, CallSignalKind::Offer, OTHER);
        offer.time_ms = 5;
        assert_eq!(calls.take(&offer, ME.into()), Taken::Next { rings: true });
        assert_eq!(calls.began(call, 5), Began::Same);
        assert_eq!(calls.take(&offer, ME.into()), Taken::Old);
        assert_eq!(calls.began(call, 6), Began::Anew { gone: true });
        offer.time_ms = 6;
        assert_eq!(calls.take(&offer, ME.into()), Taken::Next { rings: true });
        calls.take(&signal(1, 2, CallSignalKind::End, OTHER), ME.into());
        assert_eq!(calls.began(call, 7), Began::Anew { gone: false });
    }

    #[test]
    fn calls_that_are_over_make_room_first() {
        let mut calls = Calls::default();
        let me = ME.into();
        for call in 0..u8::try_from(MOST).unwrap() {
            calls.take(&signal(call, 1, CallSignalKind::Offer, OTHER), me);
        }
        calls.take(&signal(5, 2, CallSignalKind::End, OTHER), me);
        calls.take(&signal(100, 1, CallSignalKind::Offer, OTHER), me);
        assert!(!calls.0.contains_key(&[5; 16].into()));
        calls.take(&signal(101, 1, CallSignalKind::Offer, OTHER), me);
        assert!(!calls.0.contains_key(&[0; 16].into()));
        assert_eq!(calls.0.len(), MOST);
    }
}
