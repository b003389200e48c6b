//! From dialling to the end of a connection.

use std::time::Duration;

use eim_codec::connection::client::ClientConnection;
use eim_codec::connection::{CloseReason, ClosedBy};
use eim_codec::registry::ErrorCode;
use eim_codec::time::Timestamp;
use eim_codec::tokio::Driver;
use tokio::time::{sleep, timeout};

use super::{Dialled, Engine, Phase};
use crate::auth::Exchange;
use crate::event::{ConnectionState, Disconnected, End, Event};
use crate::link::{ClientLink, LinkError};
use crate::reconnect::{Next, after};
use crate::store::{ResumeCredential, StoreError};

/// A connection.
pub(super) struct Online {
    pub driver: Driver<ClientConnection, ClientLink>,
    pub login: Login,
    /// Why it ended; the transport lingers.
    pub closed: Option<CloseReason>,
}

/// How far the login has come.
pub(super) enum Login {
    /// HELLO is under way.
    Hello,
    /// AUTH is under way.
    Exchange(Option<Box<Exchange>>),
    Open,
}

impl Online {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.login, Login::Open) && self.closed.is_none()
    }
}

impl Engine {
    /// Begins an attempt; there is never more than one.
    // impl[EIM-CON-032]
    pub(super) fn dial(&mut self) {
        if !self.network {
            self.show(ConnectionState::Offline);
            self.phase = Phase::Offline;
            return;
        }
        self.show(ConnectionState::Connecting);
        let connector = std::sync::Arc::clone(&self.connector);
        let patience = self.options.connect_timeout;
        let store = std::sync::Arc::clone(&self.options.store);
        self.phase = Phase::Dialling(Box::pin(async move {
            let link = match timeout(patience, connector.connect()).await {
                Ok(dialled) => dialled,
                Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            };
            Dialled {
                link,
                resume: store.resume().await,
            }
        }));
    }

    pub(super) fn dialled(
        &mut self,
        link: ClientLink,
        resume: Result<Option<ResumeCredential>, StoreError>,
    ) {
        match resume {
            // A sender uses the credential of the full client, which renews it meanwhile.
            Ok(resume) if !self.is_full_client() => self.resume = resume,
            Ok(_) => {}
            Err(error) => return self.store_failed(&error),
        }
        let nonce = self.options.environment.octets();
        let connection =
            ClientConnection::new(std::sync::Arc::clone(&self.config), nonce, Timestamp::ZERO);
        let driver = Driver::new(connection, link);
        let online = Online {
            driver,
            login: Login::Hello,
            closed: None,
        };
        self.phase = Phase::Online(Box::new(online));
    }

    pub(super) fn not_dialled(&mut self, error: &LinkError) {
        let reason = error.to_string();
        if error.is_transient() && self.options.reconnect {
            self.wait_to_redial(Duration::ZERO, reason);
        } else {
            self.over(End::Connection(reason));
        }
    }

    /// The connection is over: what it said goes on lingering, or the transport is gone.
    pub(super) fn closed(&mut self, reason: CloseReason) {
        if let Phase::Online(online) = &mut self.phase {
            online.closed = Some(reason);
        }
    }

    /// The transport is gone; decides how to go on.
    pub(super) fn disconnected(&mut self) {
        let Phase::Online(online) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let Online {
            driver,
            closed,
            login,
        } = *online;
        let was_open = matches!(login, Login::Open);
        self.note_lifetime();
        let session = driver.into_endpoint().into_session();
        if was_open {
            self.session = session;
        }
        self.timeline.disconnected();
        self.backlogs.disconnected();
        self.requests.disconnected();
        self.presence_lost();
        self.transfers_lost();
        self.heads = None;
        self.looking = None;
        let reason = closed.unwrap_or_else(|| CloseReason::orderly(ClosedBy::Transport));
        if self.end.is_some() || self.closing.is_some() {
            return self.tell_end(&reason, false);
        }
        if reason.session_lost && reason.by == ClosedBy::Peer {
            // impl[EIM-ERR-015]
            self.token_refused();
        }
        let next = after(&reason);
        let reconnects =
            next == Next::ForgetToken || matches!(next, Next::Retry(_)) && self.options.reconnect;
        self.tell_end(&reason, reconnects);
        match next {
            Next::ForgetToken => {
                self.token_refused();
                self.wait_to_redial(Duration::ZERO, Self::reason(&reason));
            }
            Next::Retry(floor) if reconnects => {
                self.wait_to_redial(floor, Self::reason(&reason));
            }
            Next::Retry(_) => self.over(End::Connection(Self::reason(&reason))),
            Next::Stop => self.over(stop(&reason)),
        }
    }

    fn tell_end(&mut self, reason: &CloseReason, reconnects: bool) {
        let ended = Disconnected {
            by: reason.by,
            code: reason.code,
            detail: reason.detail.clone(),
            reconnects,
        };
        if !reconnects {
            self.last_end = Some(ended);
            return;
        }
        // Whoever is told looks at the state next.
        self.state.send_replace(ConnectionState::Connecting);
        self.events.emit(Event::Disconnected(ended));
    }

    /// There is a network, or none: then nothing is said on a connection that is dead already.
    pub(super) fn network(&mut self, available: bool) {
        self.network = available;
        match (&self.phase, available) {
            (Phase::Offline, true) => {
                self.wait_to_redial(Duration::ZERO, "the network is back".to_owned());
            }
            (Phase::Online(_), false) => self.disconnected(),
            (Phase::Dialling(_), false) => self.dial(),
            // What waits looks at the network before it dials.
            _ => {}
        }
    }

    /// The application goes to the background, or returns (zero).
    pub(super) fn background(&mut self, next_contact: Duration) {
        self.background = next_contact;
        self.say_background();
    }

    fn say_background(&mut self) {
        let next_contact_ms = u64::try_from(self.background.as_millis()).unwrap_or(u64::MAX);
        if let Phase::Online(online) = &mut self.phase
            && online.is_open()
        {
            online.driver.endpoint_mut().background(next_contact_ms);
        }
    }

    /// A new connection begins in the foreground: the background has to be said again.
    pub(super) fn repeat_background(&mut self) {
        if !self.background.is_zero() {
            self.say_background();
        }
    }

    /// A connection that lasted ends a row of failures.
    // impl[EIM-ERR-018]
    fn note_lifetime(&mut self) {
        let lasted = self
            .opened_at
            .take()
            .is_some_and(|at| self.ticks.now().saturating_since(at) >= self.heartbeat);
        if lasted {
            self.backoff.reset();
        }
    }

    /// The server does not accept the token.
    fn token_refused(&mut self) {
        self.resume = None;
        self.session = None;
        if self.is_full_client() {
            self.staging.batch.resume = Some(None);
        } else {
            // The full client beside may just be renewing it: one more look, then the password.
            self.refused_tokens += 1;
        }
    }

    fn wait_to_redial(&mut self, floor: Duration, reason: String) {
        let jitter = std::mem::take(&mut self.jitter);
        // impl[EIM-CON-031]
        let floor = floor.max(std::mem::take(&mut self.stay_away));
        let most = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
        // impl[EIM-CON-046] After GOAWAY, clients come back spread over the stated time.
        let jitter = Duration::from_millis(self.options.environment.up_to(most));
        let delay = self
            .backoff
            .next(&self.options.environment, floor.saturating_add(jitter));
        self.show(ConnectionState::Waiting { delay, reason });
        self.phase = Phase::Waiting(Box::pin(sleep(delay)));
    }
}

/// What a person is told who has to act first.
fn stop(reason: &CloseReason) -> End {
    let code = reason.code.unwrap_or(ErrorCode::INTERNAL);
    let detail = reason.detail.clone();
    match code {
        ErrorCode::REPLACED => End::Replaced,
        _ if code.0 >> 8 == 0x03 => End::Authentication(if detail.is_empty() {
            code.to_string()
        } else {
            detail
        }),
        _ => End::Refused { code, detail },
    }
}
