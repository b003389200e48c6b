//! What a client tells its application.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use eim_codec::connection::ClosedBy;
use eim_codec::id::{CallId, ClientMsgId, ConversationId, UserId};
use eim_codec::registry::ErrorCode;
use futures_util::Stream;
use tokio::sync::{Notify, mpsc};

use crate::calls::CallSignal;
use crate::presence::Presence;
use crate::store::{MarkRecord, Message, OutboxItem};

/// Unread messages at which the server gets no more credit.
const HIGH: usize = 4096;

/// What a client tells its application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The connection changed.
    State(ConnectionState),
    /// A message, stored on this device: in timeline order, each once, own messages included.
    /// What a snapshot brings (`user_seq` 0) comes conversation by conversation.
    Message(Message),
    /// A message of this device has its durable result.
    Settled(Settled),
    /// A message of this device failed for now; it leaves again by itself.
    Postponed(Postponed),
    /// A connection ended.
    Disconnected(Disconnected),
    /// The server lost data and began a new epoch: own messages that were lost are sent again.
    Requeued(usize),
    /// Conversations were created or changed.
    Conversations,
    /// Marks of this user or of peers have risen or changed: their last values.
    Marks(Vec<MarkRecord>),
    /// Somebody has read a message of this user in a group, through this number.
    Readers {
        /// The group.
        conversation: ConversationId,
        /// The message.
        through: u64,
    },
    /// So many users wait now to join a group that this user rules; whoever decides asks
    /// [`group_requests`](crate::Client::group_requests).
    Waiting {
        /// The group.
        group: ConversationId,
        /// How many.
        waiting: u32,
    },
    /// How users are whom the application watches: first when it begins to, then when they come, go,
    /// or say something else; `Unspecified` when the connection was lost.
    Presence(Vec<Presence>),
    /// Somebody else writes in a conversation, or does no longer.
    Typing {
        /// The conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Begins, or goes on; or ends, also because nothing was heard for a while.
        typing: bool,
    },
    /// A signal of a call, in their order, each once.
    Call {
        /// The signal.
        signal: CallSignal,
        /// The call rings for this user, as far as this signal.
        rings: bool,
    },
    /// The server does not know a call any more: it is over.
    CallGone(CallId),
    /// Everything in the timeline is here, for the moment.
    CaughtUp,
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Dialling or logging in.
    Connecting,
    /// Logged in.
    Open {
        /// The session of an earlier connection went on.
        resumed: bool,
        /// Who is logged in. The store knows it a little later.
        user: UserId,
    },
    /// Lost; the next attempt follows.
    Waiting {
        /// Time until then.
        delay: Duration,
        /// Why the last one ended.
        reason: String,
    },
    /// Not connected, and no attempt until the application says that there is a network again.
    Offline,
    /// Over; nothing follows.
    Closed(End),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnected {
    /// Who ended it.
    pub by: ClosedBy,
    /// The code of the ERROR that was sent or received, if there was one.
    pub code: Option<ErrorCode>,
    /// For people.
    pub detail: String,
    /// The client tries again by itself.
    pub reconnects: bool,
}

/// A message of this device that failed for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postponed {
    /// Its key.
    pub client_msg_id: ClientMsgId,
    /// Why.
    pub refused: Refused,
    /// It leaves again after so many milliseconds at least.
    pub retry_after_ms: u64,
}

/// Why a client is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum End {
    /// The application closed it.
    #[error("closed")]
    Requested,
    /// A newer connection of this device took over.
    #[error("another client of this device took over")]
    Replaced,
    /// The server does not accept the credentials, or could not prove itself.
    #[error("authentication: {0}")]
    Authentication(String),
    /// The server refuses this client for good.
    #[error("refused by the server: {code}: {detail}")]
    Refused {
        /// Error code.
        code: ErrorCode,
        /// For people.
        detail: String,
    },
    /// No connection, and no further attempt.
    #[error("connection: {0}")]
    Connection(String),
    /// The local store failed.
    #[error("{0}")]
    Store(String),
}

/// The durable place of a message of this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its key.
    pub client_msg_id: ClientMsgId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Its number in the conversation.
    pub conv_seq: u64,
    /// Its place in this user's timeline.
    pub user_seq: u64,
    /// Server time of the commit, Unix milliseconds.
    pub time_ms: u64,
}

/// A message of this device was refused for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refused {
    /// Error code.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
}

/// A message of this device and its durable result.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What was sent.
    pub item: OutboxItem,
    /// What became of it.
    pub outcome: Result<Sent, Refused>,
}

/// The events of a client, in order.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::UnboundedReceiver<Event>,
    unread: Arc<Unread>,
}

impl Events {
    /// The next event; `None` when the client is over.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.receiver.recv().await;
        self.unread.read_one(event.as_ref());
        event
    }

    /// An event that is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        let event = self.receiver.try_recv().ok();
        self.unread.read_one(event.as_ref());
        event
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Nobody is behind any more.
        self.unread.messages.store(0, Ordering::Release);
        self.receiver.close();
        self.unread.fewer.notify_one();
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let polled = self.receiver.poll_recv(cx);
        if let Poll::Ready(event) = &polled {
            self.unread.read_one(event.as_ref());
        }
        polled
    }
}

/// How many messages wait to be read by the application.
#[derive(Debug, Default)]
struct Unread {
    messages: AtomicUsize,
    fewer: Notify,
}

impl Unread {
    fn read_one(&self, event: Option<&Event>) {
        if matches!(event, Some(Event::Message(_)))
            && self.messages.fetch_sub(1, Ordering::AcqRel) == HIGH / 2
        {
            self.fewer.notify_one();
        }
    }
}

/// The engine's end of the events.
#[derive(Debug)]
pub(crate) struct EventSink {
    sender: Option<mpsc::UnboundedSender<Event>>,
    unread: Arc<Unread>,
}

impl EventSink {
    /// Both ends; without a reader nothing is kept.
    pub(crate) fn new(wanted: bool) -> (Self, Option<Events>) {
        let unread = Arc::new(Unread::default());
        if !wanted {
            return (
                Self {
                    sender: None,
                    unread,
                },
                None,
            );
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        let events = Events {
            receiver,
            unread: Arc::clone(&unread),
        };
        (
            Self {
                sender: Some(sender),
                unread,
            },
            Some(events),
        )
    }

    pub(crate) fn emit(&mut self, event: Event) {
        let Some(sender) = &self.sender else { return };
        if matches!(event, Event::Message(_)) {
            self.unread.messages.fetch_add(1, Ordering::AcqRel);
        }
        if sender.send(event).is_err() {
            // The application dropped its end: it wants no events any more.
            self.sender = None;
        }
    }

    /// Whether the application is behind; no more credit for the server then.
    pub(crate) fn is_full(&self) -> bool {
        self.sender.is_some() && self.unread.messages.load(Ordering::Acquire) >= HIGH
    }

    /// Waits until the application has read half of what it was behind.
    pub(crate) async fn fewer(&self) {
        self.unread.fewer.notified().await;
    }
}
