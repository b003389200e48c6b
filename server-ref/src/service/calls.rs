//! Calls: who may call whom. What a call is, [`crate::calls`] knows.

use std::sync::Arc;

use eim_codec::id::{CallId, ConversationId, RequestId, UserId};
use eim_codec::payload::{
    Call, CallDevice, CallSignal, CallSignalKind, CallSignalRequest, CallSignalResponse,
    CallSignalsRequest, CallSignalsResponse, CallStartRequest, CallsResponse, ContactState,
    ConversationKind, response,
};
use eim_codec::registry::{ErrorCode, limits};

use super::page::Page;
use super::requests::{Body, Requests, conversation_id};
use super::{Caller, Refusal};
use crate::calls::{CallView, NotAdded, NotSignalled, NotStarted, Party, Signal, Wanted};
use crate::store::TenantId;

impl Requests {
    // impl[EIM-CAL-001, EIM-CAL-002, EIM-CAL-004, EIM-CAL-005, EIM-CAL-006]
    pub(super) async fn call_start(
        &self,
        caller: Caller,
        key: RequestId,
        ask: CallStartRequest,
    ) -> Result<Body, Refusal> {
        let call = call_id(&ask.call)?;
        let conversation = conversation_id(&ask.conversation)?;
        let offer = wanted(caller, key, CallSignalKind::Offer, ask.body)?;
        let tenant = caller.origin.tenant;
        if let Some((call_seq, time_ms)) = self.calls.started(tenant, call, offer.from) {
            return Ok(added(call_seq, time_ms));
        }
        let members = self.who_is_called(caller, conversation).await?;
        let first = self
            .calls
            .start((tenant, call), conversation, members, offer)
            .map_err(|refused| match refused {
                NotStarted::Taken => Refusal::new(ErrorCode::CONFLICT, "another call has this id"),
                NotStarted::Full => Refusal::new(ErrorCode::LIMIT_REACHED, "too many calls"),
            })?;
        Ok(added(first.call_seq, first.time_ms))
    }

    /// The members of a conversation in which the caller may call.
    async fn who_is_called(
        &self,
        caller: Caller,
        conversation: ConversationId,
    ) -> Result<Vec<UserId>, Refusal> {
        let view = self.view(caller, conversation).await?;
        if view.visible_through > 0 {
            return Err(Refusal::not_found());
        }
        let (tenant, me) = (caller.origin.tenant, caller.origin.user);
        if let (ConversationKind::Direct, Some(peer)) = (view.kind, view.peer) {
            self.may_call(tenant, me, peer).await?;
        }
        let most = self.calls.rules().members;
        let asked = most.saturating_add(1);
        let page = self
            .store
            .members(tenant, conversation, None, asked)
            .await?;
        let members: Vec<UserId> = page.members.iter().map(|member| member.user).collect();
        if page.more || members.len() > most || members.len() < 2 {
            let detail = format!("calls take 2 to {most} members");
            return Err(Refusal::invalid(detail));
        }
        Ok(members)
    }

    // impl[EIM-CAL-003]
    async fn may_call(&self, tenant: TenantId, me: UserId, peer: UserId) -> Result<(), Refusal> {
        let mine = self.store.contact(tenant, me, peer).await?;
        let theirs = self.store.contact(tenant, peer, me).await?;
        let blocked = [&mine, &theirs]
            .into_iter()
            .flatten()
            .any(|listed| listed.blocked);
        let contacts = mine.is_some_and(|listed| listed.state == ContactState::Contact);
        if blocked || (self.calls.rules().contacts_only && !contacts && me != peer) {
            let detail = "not to this user";
            return Err(Refusal::new(ErrorCode::FORBIDDEN, detail));
        }
        Ok(())
    }

    // impl[EIM-CAL-010, EIM-CAL-011]
    pub(super) fn call_signal(
        &self,
        caller: Caller,
        key: RequestId,
        ask: CallSignalRequest,
    ) -> Result<Body, Refusal> {
        let call = call_id(&ask.call)?;
        let kind = match ask.kind() {
            CallSignalKind::Unspecified | CallSignalKind::Offer | CallSignalKind::End => {
                return Err(Refusal::invalid("no signal of this kind can be added"));
            }
            kind => kind,
        };
        let wanted = wanted(caller, key, kind, ask.body)?;
        let tenant = caller.origin.tenant;
        let signal = self.calls.signal(tenant, call, wanted).map_err(refused)?;
        Ok(added(signal.call_seq, signal.time_ms))
    }

    // impl[EIM-CAL-010, EIM-CAL-021, EIM-CAL-023]
    pub(super) fn call_signals(
        &self,
        caller: Caller,
        ask: &CallSignalsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let call = call_id(&ask.call)?;
        let origin = caller.origin;
        let (view, after) = self
            .calls
            .after(origin.tenant, call, origin.user, ask.after)
            .map_err(refused)?;
        let call = to_call(&view);
        page.take(&call);
        let mut signals = Vec::with_capacity(after.len());
        for signal in &after {
            let signal = to_signal(signal);
            if !page.take(&signal) {
                break;
            }
            signals.push(signal);
        }
        let more = signals.len() < after.len();
        let call = Some(call);
        Ok(response::Body::CallSignals(CallSignalsResponse {
            call,
            signals,
            more,
        })
        .into())
    }

    // impl[EIM-CAL-024]
    pub(super) fn calls(&self, caller: Caller, mut page: Page) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let known = self.calls.list(origin.tenant, origin.user);
        let calls: Vec<Call> = known.iter().map(to_call).collect();
        if !calls.iter().all(|call| page.take(call)) {
            return Err(Refusal::invalid("the answer does not fit"));
        }
        Ok(response::Body::Calls(CallsResponse { calls }).into())
    }
}

// impl[EIM-CAL-011]
fn wanted(
    caller: Caller,
    key: RequestId,
    kind: CallSignalKind,
    body: bytes::Bytes,
) -> Result<Wanted, Refusal> {
    let most = usize::try_from(limits::CALL_BODY_OCTETS.default).unwrap_or(usize::MAX);
    if body.len() > most {
        return Err(Refusal::invalid(format!(
            "a body of more than {most} octets"
        )));
    }
    let from = Party {
        user: caller.origin.user,
        device: caller.origin.device,
    };
    Ok(Wanted {
        from,
        key,
        kind,
        body,
    })
}

fn refused(refused: NotSignalled) -> Refusal {
    match refused {
        NotSignalled::Unknown => Refusal::not_found(),
        NotSignalled::TooOld => {
            let detail = "earlier signals are not kept any more";
            Refusal::new(ErrorCode::TOO_OLD, detail)
        }
        NotSignalled::NotAdded(NotAdded::Conflict(why)) => Refusal::new(ErrorCode::CONFLICT, why),
        NotSignalled::NotAdded(NotAdded::Full) => {
            Refusal::new(ErrorCode::LIMIT_REACHED, "too many signals")
        }
    }
}

fn added(call_seq: u64, time_ms: u64) -> Body {
    response::Body::CallSignal(CallSignalResponse { call_seq, time_ms }).into()
}

/// The wire form of a signal.
// impl[EIM-CAL-009]
pub(crate) fn to_signal(signal: &Arc<Signal>) -> CallSignal {
    let from = signal.from;
    CallSignal {
        call: signal.call.to_bytes(),
        call_seq: signal.call_seq,
        kind: signal.kind.into(),
        user: from.map(|it| it.user.to_bytes()).unwrap_or_default(),
        device: from.map(|it| it.device.to_bytes()).unwrap_or_default(),
        time_ms: signal.time_ms,
        body: signal.body.clone(),
        reason: signal.reason.into(),
        conversation: signal
            .conversation
            .map(ConversationId::to_bytes)
            .unwrap_or_default(),
    }
}

fn to_call(view: &CallView) -> Call {
    let devices = view.devices.iter().map(|party| CallDevice {
        user: party.user.to_bytes(),
        device: party.device.to_bytes(),
    });
    Call {
        call: view.call.to_bytes(),
        conversation: view.conversation.to_bytes(),
        state: view.state.into(),
        call_seq: view.call_seq,
        floor: view.floor,
        caller: view.caller.to_bytes(),
        started_ms: view.started_ms,
        devices: devices.collect(),
    }
}

fn call_id(octets: &[u8]) -> Result<CallId, Refusal> {
    CallId::from_slice(octets).map_err(|error| Refusal::invalid(format!("call: {error}")))
}
