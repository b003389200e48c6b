//! The server's application: what it accepted, committed and pushed, and where its session is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::connection::server::{ServerConnection, ServerSession};
use eim_codec::connection::{Endpoint, Lane, SendError, SendId};
use eim_codec::id::SessionId;
use eim_codec::payload::{self, ErrorInfo};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::client::id;
use crate::bodies::body;

/// A push; its place in the list, from 1, is its `user_seq`.
#[derive(Clone, Debug)]
pub(super) struct Pushed {
    serial: u32,
    lane: Option<u8>,
    frame_type: FrameType,
    size: usize,
    noise: bool,
    arrived: bool,
}

/// A message that has no result yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) serial: u32,
    pub(super) ordinal: u64,
    pub(super) number: usize,
}

/// Where the newest session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    Nowhere,
    Connected,
    Stale,
    Detached,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) connection: Option<ServerConnection>,
    /// An older connection that has not noticed its end.
    pub(super) stale: Option<ServerConnection>,
    pub(super) detached: Option<ServerSession>,
    pub(super) live: Live,
    /// Number of the newest session.
    pub(super) serial: u32,
    pub(super) session_id: Option<SessionId>,
    pub(super) committed: BTreeMap<usize, u64>,
    pub(super) refused: BTreeSet<usize>,
    pub(super) pending: Vec<Pending>,
    /// What the newest session accepted, by the id under which it was given.
    pub(super) accepted: BTreeMap<SendId, usize>,
    pub(super) last_ordinal: u64,
    pub(super) pushes: Vec<Pushed>,
    /// Of the newest session.
    pub(super) dropped: usize,
    pub(super) lost: usize,
    pub(super) requests: Vec<Bytes>,
    /// Answers at once.
    pub(super) eager: bool,
    pub(super) challenges: u8,
    pub(super) cursor: u64,
    /// What the client was told on this connection.
    pub(super) lagged: Option<u64>,
    pub(super) lag_owed: bool,
    pub(super) events: u32,
    pub(super) closed: bool,
    pub(super) stale_closed: bool,
}

impl Server {
    pub(super) const fn new() -> Self {
        Self {
            connection: None,
            stale: None,
            detached: None,
            live: Live::Nowhere,
            serial: 0,
            session_id: None,
            committed: BTreeMap::new(),
            refused: BTreeSet::new(),
            pending: Vec::new(),
            accepted: BTreeMap::new(),
            last_ordinal: 0,
            pushes: Vec::new(),
            dropped: 0,
            lost: 0,
            requests: Vec::new(),
            eager: true,
            challenges: 0,
            cursor: 0,
            lagged: None,
            lag_owed: false,
            events: 0,
            closed: false,
            stale_closed: false,
        }
    }

    /// All sessions and connections are forgotten; what was accepted may have been lost with them.
    pub(super) fn crash(&mut self, lose_pending: bool) {
        self.connection = None;
        self.stale = None;
        self.detached = None;
        self.live = Live::Nowhere;
        self.closed = false;
        self.stale_closed = false;
        self.requests.clear();
        if lose_pending {
            self.pending.clear();
        }
    }

    /// The session on its way to a new connection: the older one is silenced.
    pub(super) fn take_session(&mut self) -> Option<ServerSession> {
        if let Some(mut stale) = self.stale.take() {
            stale.close(ErrorCode::REPLACED, "");
            if self.live == Live::Stale {
                self.detached = stale.into_session();
            }
        }
        self.live = Live::Nowhere;
        self.stale_closed = false;
        self.detached.take()
    }

    /// The connection of the last attempt is not the newest any more.
    pub(super) fn set_aside(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if let Some(older) = self.stale.take()
            && self.live == Live::Stale
        {
            self.detached = older.into_session();
            self.live = Live::Detached;
        }
        if self.live == Live::Connected {
            self.live = Live::Stale;
        }
        self.stale = Some(connection);
        self.stale_closed = std::mem::take(&mut self.closed);
        self.requests.clear();
    }

    /// Gives one message its result: a place in the log, or a failure.
    pub(super) fn answer(&mut self, place: usize, failure: bool) {
        if place >= self.pending.len() {
            return;
        }
        let Pending {
            serial,
            ordinal,
            number,
        } = self.pending.remove(place);
        let refuse = failure && !self.committed.contains_key(&number);
        let mut result = payload::Result {
            ordinal,
            ..payload::Result::default()
        };
        if refuse {
            self.refused.insert(number);
            result.error = Some(ErrorInfo {
                code: ErrorCode::UNAVAILABLE.0.into(),
                ..ErrorInfo::default()
            });
        } else {
            let next = self.committed.len() as u64 + 1;
            result.conv_seq = *self.committed.entry(number).or_insert(next);
            result.time_ms = 1;
        }
        if serial != self.serial {
            return;
        }
        match self.live {
            Live::Nowhere => {}
            Live::Connected => self.connection.as_mut().expect("connected").result(result),
            Live::Stale => self.stale.as_mut().expect("stale").result(result),
            Live::Detached => self.detached.as_mut().expect("detached").result(result),
        }
    }

    pub(super) fn push(
        &mut self,
        lane: Option<u8>,
        frame_type: FrameType,
        size: usize,
        noise: bool,
    ) {
        let number = self.pushes.len() as u64 + 1;
        let entry = Some(payload::Entry {
            conversation: id(1),
            body: body(number, size, noise),
            ..payload::Entry::default()
        });
        let octets = if frame_type == FrameType::ENTRY {
            payload::DetachedEntry {
                request_id: id(1),
                entry,
                user_seq: number,
                state: None,
            }
            .encode_to_vec()
        } else {
            payload::Push {
                entry,
                user_seq: number,
                echo: false,
            }
            .encode_to_vec()
        };
        let octets = Bytes::from(octets);
        let pushed = match (self.live, lane) {
            (Live::Nowhere, _) => return,
            (Live::Connected, Some(lane)) => {
                let connection = self.connection.as_mut().expect("connected");
                connection.push_in(Lane(lane.into()), frame_type, octets)
            }
            (Live::Connected, None) => {
                let connection = self.connection.as_mut().expect("connected");
                connection.push(frame_type, octets)
            }
            (Live::Stale, _) => self.stale.as_mut().expect("stale").push(frame_type, octets),
            (Live::Detached, _) => {
                let detached = self.detached.as_mut().expect("detached");
                detached.push(frame_type, octets)
            }
        };
        match pushed {
            Ok(()) => self.pushes.push(Pushed {
                serial: self.serial,
                lane: lane.filter(|_| self.live == Live::Connected),
                frame_type,
                size,
                noise,
                arrived: false,
            }),
            Err(SendError::QueueFull) => self.drop_pushes(),
            Err(SendError::NotOpen | SendError::TooLarge { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The client is slow: what waits is dropped, and it is told so.
    pub(super) fn drop_pushes(&mut self) {
        let head = self.pushes.len() as u64;
        match self.live {
            Live::Connected => {
                let connection = self.connection.as_mut().expect("connected");
                self.dropped += connection.drop_queued_pushes();
                if !connection.is_closed() {
                    connection.lagged(lagged(head));
                    self.lagged = Some(head);
                }
            }
            Live::Stale => {
                self.dropped += self.stale.as_mut().expect("stale").drop_queued_pushes();
                self.lag_owed = true;
            }
            Live::Detached => {
                let detached = self.detached.as_mut().expect("detached");
                self.dropped += detached.drop_queued_pushes();
                self.lag_owed = true;
            }
            Live::Nowhere => {}
        }
    }

    /// A push reached the client's application.
    pub(super) fn arrived(
        &mut self,
        number: u64,
        frame_type: FrameType,
        octets: &[u8],
        serial: u32,
    ) {
        let index = usize::try_from(number - 1).expect("few pushes");
        let pushed = self.pushes.get_mut(index).expect("somebody pushed it");
        assert!(
            !std::mem::replace(&mut pushed.arrived, true),
            "push {number} twice"
        );
        assert_eq!((pushed.serial, pushed.frame_type), (serial, frame_type));
        assert!(
            octets == body(number, pushed.size, pushed.noise),
            "body of push {number}"
        );
        let pushed = &self.pushes[index];
        let overtaken = |later: &&Pushed| later.serial == serial && later.arrived;
        for later in self.pushes[index + 1..].iter().filter(overtaken) {
            assert!(
                may_pass(later.lane, pushed.lane),
                "push {number} {pushed:?} was overtaken by {later:?}"
            );
        }
    }

    /// Pushes of the newest session that neither arrived nor were dropped or lost.
    pub(super) fn missing(&self) -> usize {
        let ours = self.pushes.iter().filter(|it| it.serial == self.serial);
        ours.filter(|it| !it.arrived).count() - self.dropped - self.lost
    }
}

/// Whether a message of one lane may pass one of another. It may only do so while some message leaves
/// in fragments, but then also past those that wait behind it in its lane.
pub(super) fn may_pass(passer: Option<u8>, lane: Option<u8>) -> bool {
    passer.is_some() && lane.is_some() && passer != lane
}

pub(super) fn lagged(user_seq: u64) -> payload::Lagged {
    payload::Lagged {
        log_epoch: 1,
        user_seq,
        ..Default::default()
    }
}
