//! A session that waits for its work and stays alive meanwhile.
//!
//! Opening thousands of sessions takes longer than a server waits for a silent peer, so each
//! is driven from its login on: heartbeats are answered, pushes are taken.

use eim_codec::connection::ClientEvent;
use eim_codec::id::UserId;
use eim_codec::payload;
use prost::Message as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::session::Session;
use crate::exit::Failure;

/// A session with a task that drives it.
pub(crate) struct Kept {
    user: UserId,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Session, String>>,
}

impl Kept {
    /// Begins to drive a session.
    pub(crate) fn new(session: Session) -> Self {
        let user = session.user;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(drive(session, stopped));
        Self { user, stop, task }
    }

    /// Whose session it is.
    pub(crate) fn user(&self) -> UserId {
        self.user
    }

    /// Gives the session to whoever drives it from here on; an error is for people.
    pub(crate) async fn take(self) -> Result<Session, Failure> {
        // A task that has ended says why itself.
        let _ = self.stop.send(());
        self.task
            .await
            .map_err(|error| Failure::connection(error.to_string()))?
            .map_err(Failure::connection)
    }
}

async fn drive(
    mut session: Session,
    mut stopped: oneshot::Receiver<()>,
) -> Result<Session, String> {
    loop {
        let event = tokio::select! {
            biased;
            _ = &mut stopped => return Ok(session),
            event = session.driver.next() => event,
        };
        match event {
            Some(ClientEvent::Push {
                ordinal, payload, ..
            }) => {
                let connection = session.driver.endpoint_mut();
                connection.consumed(ordinal);
                let push = payload::Push::decode(payload).map_err(|error| error.to_string())?;
                if push.user_seq > session.user_seq {
                    session.user_seq = push.user_seq;
                    connection.cursor(session.log_epoch, session.user_seq);
                }
            }
            Some(ClientEvent::Closed(reason)) => {
                return Err(format!("a waiting connection was closed: {reason:?}"));
            }
            Some(_) => {}
            None => return Err("a waiting connection ended".to_owned()),
        }
    }
}
