//! The end of a connection: its session is put away for a resume, or forgotten.

use std::future::poll_fn;
use std::sync::Arc;

use eim_codec::connection::server::ServerSession;
use eim_codec::connection::{CloseReason, ClosedBy};
use eim_codec::registry::ErrorCode;
use metrics::counter;

use super::detached::Detached;
use super::finish;
use super::inflight::{Committed, InFlight, result};
use super::open::Session;
use super::order::Held;
use super::shared::Shared;
use crate::hub::{Mailbox, Owner};
use crate::metrics::names;

impl Session {
    /// The connection is over: what is on its way is finished, the session put away or forgotten.
    // impl[EIM-RSM-010, EIM-CON-028]
    pub(super) async fn end(self: Box<Self>, reason: Option<CloseReason>) {
        let Self {
            shared,
            mut driver,
            mailbox,
            turn,
            reach,
            resumable,
            leaving,
            held,
            pushed,
            inflight,
            borrowed,
            transfers,
            work,
            ..
        } = *self;
        drop(reach);
        let code = reason.as_ref().and_then(|reason| reason.code);
        let name = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        counter!(names::CONNECTIONS_CLOSED, "code" => name).increment(1);
        mailbox.detach();
        shared.windows.give(borrowed);
        // Whoever goes on with an upload does not wait for the last octets of this connection.
        drop(work);
        if let (Some(transfers), Some(blobs)) = (transfers, &shared.blobs) {
            blobs.memory.give(transfers.held);
        }
        let ended = reason.as_ref().is_some_and(|reason| {
            // impl[EIM-DEV-007]: what logged the device out has made its tokens useless, and they
            // still tell whoever brings them why.
            let logged_out = code == Some(ErrorCode::LOGGED_OUT) && reason.by == ClosedBy::Local;
            reason.session_lost && !logged_out
        });
        if let (Some(session), true) = (resumable, ended) {
            // Before the transport ends, so that nobody comes back in between.
            let Owner { user, device, .. } = mailbox.owner;
            if let Err(error) = shared.auth.end_session(session, user, device).await {
                tracing::warn!(%error, "the token of a session that is over is still valid");
            }
        }
        let lost = reason.as_ref().is_none_or(|reason| reason.session_lost)
            || turn.is_none()
            || leaving
            || code == Some(ErrorCode::ACCOUNT_DISABLED)
            || shared.stopping.is_cancelled();
        let session = driver.endpoint_mut().take_session().filter(|_| !lost);
        let put_away = async {
            put_away(&shared, mailbox, session, held, pushed, inflight).await;
            drop(turn);
        };
        // Whoever takes over does not wait for the last octets, and they have all their time.
        tokio::join!(finish(&mut driver), put_away);
    }
}

/// Finishes what is on its way and keeps the session for a resume, if there is one.
async fn put_away(
    shared: &Shared,
    mailbox: Arc<Mailbox>,
    session: Option<ServerSession>,
    held: Held,
    pushed: u64,
    mut inflight: InFlight,
) {
    let Some(mut session) = session else {
        shared.hub.unregister(&mailbox);
        while !inflight.is_empty() {
            let _nobody_waits = poll_fn(|cx| inflight.poll(cx)).await;
        }
        return;
    };
    while !inflight.is_empty() {
        let Committed { sent, outcome } = poll_fn(|cx| inflight.poll(cx)).await;
        let Ok(outcomes) = outcome else {
            // The client offers its messages again in a fresh session.
            shared.hub.unregister(&mailbox);
            return;
        };
        for (ordinal, outcome) in sent.into_iter().zip(outcomes) {
            session.result(result(ordinal, outcome));
        }
    }
    let owner = mailbox.owner;
    let detached = Detached {
        session,
        mailbox,
        held,
        pushed,
    };
    shared.detached.keep(owner, detached, shared.clock.now_ms());
}
