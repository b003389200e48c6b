//! From the first octet to AUTH_OK. Everything here is dropped when the connection is open.

use std::pin::Pin;
use std::sync::Arc;

use eim_codec::connection::server::ServerConnection;
use eim_codec::connection::{AuthAttempt, ServerEvent};
use eim_codec::id::DeviceId;
use eim_codec::registry::ErrorCode;
use eim_codec::tokio::Driver;
use metrics::counter;
use tokio::time::Sleep;

use super::attach::{Opened, attach};
use super::shared::Shared;
use crate::metrics::names;
use crate::service::auth::{Identity, Pending, Rejection, Step, scram};
use crate::transport::{Peer, ServerLink};

/// The driver of a server connection.
pub(super) type ServerDriver = Driver<ServerConnection, ServerLink>;

/// The identity that was proven, and what the client asked for.
pub(super) struct Proven {
    pub(super) identity: Box<Identity>,
    pub(super) attempt: Box<AuthAttempt>,
    pub(super) device: DeviceId,
}

/// Drives the connection until it is open. `None` when it ended first; the caller goes on driving
/// until the driver has finished.
pub(super) async fn handshake(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    peer: &Peer,
    mut deadline: Pin<Box<Sleep>>,
) -> Option<Opened> {
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
    let proven = match outcome {
        Ok(proven) => proven?,
        Err(rejection) => return refuse(driver, peer, &rejection),
    };
    let user = proven.identity.user.name.clone();
    match attach(shared, driver, peer, proven).await {
        Ok(opened) => {
            counter!(names::AUTHENTICATIONS, "outcome" => "ok").increment(1);
            tracing::debug!(user, address = %peer.address, "session open");
            Some(opened)
        }
        Err(rejection) => refuse(driver, peer, &rejection),
    }
}

// impl[EIM-AUT-009, EIM-SEC-014]
fn refuse<T>(driver: &mut ServerDriver, peer: &Peer, rejection: &Rejection) -> Option<T> {
    let Rejection {
        code,
        detail,
        retry_after,
    } = rejection;
    tracing::info!(address = %peer.address, %code, %detail, "authentication refused");
    counter!(names::AUTHENTICATIONS, "outcome" => rejection.code.to_string()).increment(1);
    let connection = driver.endpoint_mut();
    match retry_after {
        Some(wait) => connection.close_for(*code, detail, *wait),
        None => connection.reject(*code, detail),
    }
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
                // Before anything is looked up: it tells nothing about accounts.
                shared.limits.login_from(peer.address.ip())?;
                let binding = binding(shared, driver, peer, attempt.transcript)?;
                let confidential = shared.connection.for_peer(peer).confidential;
                let step = shared
                    .auth
                    .begin(&attempt, device, binding, confidential, peer.address.ip())
                    .await?;
                (step, attempt, device)
            }
            Some(ServerEvent::AuthData(data)) => {
                // The connection lets AuthData through only while an exchange is under way.
                let Some((attempt, device, pending)) = exchange.take() else {
                    return Ok(None);
                };
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
            Step::Proven(identity) => {
                // Whoever cannot prove to be the user must not use up the user's logins.
                shared.limits.login_of(shared.tenant, identity.user.user)?;
                return Ok(Some(Proven {
                    identity,
                    attempt,
                    device,
                }));
            }
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
    if !shared
        .connection
        .for_peer(peer)
        .mechanisms
        .iter()
        .any(|name| name == scram::PLUS)
    {
        return Ok(None);
    }
    let internal = |_| Rejection::new(ErrorCode::INTERNAL, "no channel binding");
    driver
        .link()
        .channel_binding(transcript)
        .map(Some)
        .map_err(internal)
}

// impl[EIM-AUT-002]
fn device_id(attempt: &AuthAttempt) -> Result<DeviceId, Rejection> {
    let invalid = || Rejection::new(ErrorCode::INVALID_VALUE, "device");
    let device = attempt.auth.device.as_ref().ok_or_else(invalid)?;
    DeviceId::from_slice(&device.device_id).map_err(|_| invalid())
}
