//! From the first octet to AUTH_OK. Everything here is dropped when the connection is open.

use std::pin::Pin;
use std::sync::Arc;

use eim_codec::connection::server::{Accept, ServerConnection};
use eim_codec::connection::{AuthAttempt, ServerEvent};
use eim_codec::id::{DeviceId, SessionId};
use eim_codec::payload::{AttachMode, SessionOutcome};
use eim_codec::registry::ErrorCode;
use eim_codec::tokio::Driver;
use metrics::counter;
use tokio::time::Sleep;

use super::detached::Detached;
use super::order::Held;
use super::shared::Shared;
use super::slots::Turn;
use crate::hub::{Mailbox, Owner, Receives};
use crate::metrics::names;
use crate::service::auth::{Identity, Pending, Rejection, Step, scram};
use crate::store::Origin;
use crate::transport::{Peer, ServerLink};

/// The driver of a server connection.
pub(super) type ServerDriver = Driver<ServerConnection, ServerLink>;

/// What the handshake leaves to the open session.
pub(super) struct Opened {
    pub(super) origin: Origin,
    pub(super) mailbox: Arc<Mailbox>,
    /// `None` for a send-only session.
    pub(super) turn: Option<Turn>,
    pub(super) held: Held,
    /// Pushes up to this number are not repeated.
    pub(super) pushed: u64,
    /// Head of the timeline.
    pub(super) head: u64,
}

/// The identity that was proven, and what the client asked for.
struct Proven {
    identity: Box<Identity>,
    attempt: Box<AuthAttempt>,
    device: DeviceId,
}

/// Drives the connection until it is open. `None` when it ended first; the caller goes on driving
/// until the driver has finished.
pub(super) async fn handshake(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    peer: &Peer,
    mut deadline: Pin<Box<Sleep>>,
) -> Option<Opened> {
    let proven = loop {
        let outcome = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => {
                driver.endpoint_mut().close(ErrorCode::SHUTTING_DOWN, "the server is stopping");
                return None;
            }
            // impl[EIM-CON-011]: the time counts from accepting the transport.
            () = &mut deadline => {
                driver.endpoint_mut().close(ErrorCode::HANDSHAKE_TIMEOUT, "too slow");
                return None;
            }
            outcome = authenticate(shared, driver, peer) => outcome,
        };
        match outcome {
            Ok(proven) => break proven?,
            Err(rejection) => return refuse(driver, &rejection),
        }
    };
    let user = proven.identity.user.name.clone();
    match attach(shared, driver, peer, proven).await {
        Ok(opened) => {
            counter!(names::AUTHENTICATIONS, "outcome" => "ok").increment(1);
            tracing::debug!(user, address = %peer.address, "session open");
            Some(opened)
        }
        Err(rejection) => refuse(driver, &rejection),
    }
}

// impl[EIM-AUT-009]
fn refuse<T>(driver: &mut ServerDriver, rejection: &Rejection) -> Option<T> {
    counter!(names::AUTHENTICATIONS, "outcome" => rejection.code.to_string()).increment(1);
    driver.endpoint_mut().reject(rejection.code, rejection.detail);
    None
}

/// Answers AUTH frames until the client has proven who it is.
async fn authenticate(
    shared: &Shared,
    driver: &mut ServerDriver,
    peer: &Peer,
) -> Result<Option<Proven>, Rejection> {
    let mut exchange: Option<(Box<AuthAttempt>, DeviceId, Box<Pending>)> = None;
    loop {
        let (step, attempt, device) = match driver.next().await {
            Some(ServerEvent::Auth(attempt)) => {
                let device = device_id(&attempt)?;
                let binding = binding(shared, driver, peer, attempt.transcript)?;
                let confidential = shared.connection.for_peer(peer).confidential;
                let step = shared.auth.begin(&attempt, device, binding, confidential).await?;
                (step, attempt, device)
            }
            Some(ServerEvent::AuthData(data)) => {
                // The connection lets AuthData through only while an exchange is under way.
                let Some((attempt, device, pending)) = exchange.take() else { return Ok(None) };
                (shared.auth.proceed(*pending, &data)?, attempt, device)
            }
            Some(ServerEvent::Closed(_)) | None => return Ok(None),
            Some(_) => continue,
        };
        match step {
            Step::Challenge(challenge, pending) => {
                driver.endpoint_mut().challenge(challenge);
                exchange = Some((attempt, device, pending));
            }
            Step::Proven(identity) => return Ok(Some(Proven { identity, attempt, device })),
        }
    }
}

/// Channel binding data, where -PLUS is offered.
fn binding(
    shared: &Shared,
    driver: &ServerDriver,
    peer: &Peer,
    transcript: [u8; 32],
) -> Result<Option<[u8; 32]>, Rejection> {
    if !shared.connection.for_peer(peer).mechanisms.iter().any(|name| name == scram::PLUS) {
        return Ok(None);
    }
    let internal = |_| Rejection { code: ErrorCode::INTERNAL, detail: "no channel binding" };
    driver.link().channel_binding(transcript).map(Some).map_err(internal)
}

// impl[EIM-AUT-002]
fn device_id(attempt: &AuthAttempt) -> Result<DeviceId, Rejection> {
    let invalid = || Rejection { code: ErrorCode::INVALID_VALUE, detail: "device" };
    let device = attempt.auth.device.as_ref().ok_or_else(invalid)?;
    DeviceId::from_slice(&device.device_id).map_err(|_| invalid())
}

async fn attach(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    peer: &Peer,
    proven: Proven,
) -> Result<Opened, Rejection> {
    if proven.attempt.auth.mode == i32::from(AttachMode::SendOnly) {
        return attach_send_only(shared, driver, proven).await;
    }
    let Proven { identity, attempt, device } = proven;
    let owner = Owner { tenant: shared.tenant, user: identity.user.user, device };
    let turn = shared.slots.claim(owner, shared.options.quiesce).await.ok_or(Rejection {
        code: ErrorCode::SESSION_CONFLICT,
        detail: "the older connection of this device has not settled yet",
    })?;
    let described = attempt.auth.device.clone().unwrap_or_default();
    // impl[EIM-AUT-049]
    let record = shared
        .store
        .open_device(shared.tenant, owner.user, device, described.class, described.name)
        .await?;
    let asked = identity.resumed.as_ref().map(|(record, _)| record.session);
    let kept = shared.detached.take(owner).and_then(|kept| wanted(shared, kept, asked));
    let fresh_id = SessionId::from(shared.random.octets::<16>());
    let token = token(shared, peer, &identity, &owner, kept.is_some(), fresh_id).await?;
    // Registered before the head is read: what is committed in between is pushed or counted.
    // impl[EIM-SYN-011]
    let (session, mailbox, held, pushed) = match kept {
        Some(kept) => (Some(kept.session), kept.mailbox, kept.held, kept.pushed),
        None => (None, shared.hub.register(owner, Receives::Pushes), Held::default(), 0),
    };
    turn.hold(&mailbox);
    let mut opening = Opening { shared, mailbox: Some(mailbox) };
    let (head, _) = shared.store.timeline_head(shared.tenant, owner.user).await?;
    let offered = session.is_some();
    let accept = accept(shared, &identity, fresh_id, token, record.generation, head);
    let outcome = driver.endpoint_mut().accept(accept, session);
    let resumed = outcome == SessionOutcome::Resumed;
    let name = if resumed { "resumed" } else { "fresh" };
    counter!(names::SESSIONS, "outcome" => name).increment(1);
    if !resumed && let (Some(token), Some((before, _))) = (&token, &identity.resumed) {
        // AUTH_OK has not left yet: its token must work for the session it names.
        if offered {
            shared.auth.put_token(fresh_id, owner.user, device, token, None).await?;
        }
        shared.detached.succeeded(before.session, fresh_id);
    }
    let mailbox = opening.mailbox.take().ok_or(Rejection {
        code: ErrorCode::INTERNAL,
        detail: "no mailbox",
    })?;
    let (held, pushed) = if resumed { (held, pushed) } else { (Held::default(), head) };
    let origin = Origin {
        tenant: shared.tenant,
        user: owner.user,
        device,
        generation: Some(record.generation),
    };
    Ok(Opened { origin, mailbox, turn: Some(turn), held, pushed, head })
}

/// The kept session if it is the one that was asked for; any other of the device ends here.
fn wanted(shared: &Shared, kept: Detached, asked: Option<SessionId>) -> Option<Detached> {
    if asked == Some(kept.session.id()) {
        return Some(kept);
    }
    shared.hub.unregister(&kept.mailbox);
    None
}

/// Forgets the mailbox of a session that did not open after all.
struct Opening<'a> {
    shared: &'a Shared,
    mailbox: Option<Arc<Mailbox>>,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if let Some(mailbox) = &self.mailbox {
            self.shared.hub.unregister(mailbox);
        }
    }
}

// impl[EIM-CON-017] impl[EIM-CON-018]
async fn attach_send_only(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    proven: Proven,
) -> Result<Opened, Rejection> {
    let Proven { identity, device, .. } = proven;
    let owner = Owner { tenant: shared.tenant, user: identity.user.user, device };
    let (head, _) = shared.store.timeline_head(shared.tenant, owner.user).await?;
    let generation = shared
        .store
        .device(shared.tenant, owner.user, device)
        .await?
        .map_or(0, |device| device.generation);
    let mailbox = shared.hub.register(owner, Receives::Nothing);
    let session = SessionId::from(shared.random.octets::<16>());
    let accept = accept(shared, &identity, session, None, generation, head);
    driver.endpoint_mut().accept(accept, None);
    counter!(names::SESSIONS, "outcome" => "send-only").increment(1);
    let origin =
        Origin { tenant: owner.tenant, user: owner.user, device, generation: None };
    Ok(Opened { origin, mailbox, turn: None, held: Held::default(), pushed: head, head })
}

/// The token of the session that opens; none where it could not be used.
async fn token(
    shared: &Shared,
    peer: &Peer,
    identity: &Identity,
    owner: &Owner,
    continues: bool,
    fresh: SessionId,
) -> Result<Option<[u8; 32]>, Rejection> {
    // impl[EIM-AUT-031]
    if !shared.connection.for_peer(peer).confidential {
        return Ok(None);
    }
    let token = shared.auth.new_token();
    let (session, presented) = match &identity.resumed {
        Some((record, presented)) if continues => (record.session, Some(*presented)),
        Some(_) | None => (fresh, None),
    };
    shared.auth.put_token(session, owner.user, owner.device, &token, presented).await?;
    if let Some((record, _)) = &identity.resumed
        && let Some(before) = shared.detached.predecessor(record.session)
    {
        // The token of this session was used, so the one before it has to go.
        shared.auth.revoke(before, owner.user, owner.device).await?;
    }
    Ok(Some(token))
}

fn accept(
    shared: &Shared,
    identity: &Identity,
    session_id: SessionId,
    token: Option<[u8; 32]>,
    connection_generation: u64,
    user_seq: u64,
) -> Accept {
    // impl[EIM-AUT-046]
    Accept {
        session_id,
        user_id: identity.user.user,
        user_name: identity.user.name.clone(),
        data: identity.data.clone(),
        resume_token: token,
        // impl[EIM-RSM-001]
        resume: token.map_or(std::time::Duration::ZERO, |_| shared.options.resume),
        log_epoch: shared.store.log_epoch(),
        user_seq,
        server_time_ms: shared.clock.now_ms(),
        connection_generation,
    }
}
