//! The client: a handle on the engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, DeviceId, UserId};
use eim_codec::payload::{self, request};
use eim_codec::registry::{FrameType, Operation, limits};
use prost::Message as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::engine::command::{Answer, Command, Marking, Outgoing, Question};
use crate::environment::Environment;
use crate::error::{ConnectError, RequestError, SendError};
use crate::event::{ConnectionState, End, EventSink, Events, Sent};
use crate::link::{Connector, Network};
use crate::options::Options;
use crate::store::{Batch, Checkpoint, Identity, Store, Target};

/// Commands on their way to the engine, and messages.
const COMMANDS: usize = 1024;

/// A client of one user on one device. Cheap to clone; the engine ends when [`close`](Self::close)
/// was called or all clones are gone.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    /// Apart from commands: messages wait for room in the outbox, commands never do.
    messages: mpsc::Sender<Box<Outgoing>>,
    state: watch::Receiver<ConnectionState>,
    events: Arc<Mutex<Option<Events>>>,
    store: Arc<dyn Store>,
    environment: Environment,
    device: DeviceId,
    adopted: usize,
}

impl std::fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// A message to be sent, with everything that can be said about it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it goes.
    pub target: Target,
    /// What it is.
    pub frame_type: FrameType,
    /// Its body.
    pub body: Bytes,
    /// Text for clients that do not know the type.
    pub fallback_text: String,
    /// A place in the input that becomes durable together with the message.
    pub checkpoint: Option<Checkpoint>,
}

impl Draft {
    /// A text message.
    #[must_use]
    pub fn text(target: Target, text: impl Into<String>) -> Self {
        let body = payload::TextBody::new(text).encode_to_vec().into();
        Self {
            target,
            frame_type: FrameType::TEXT,
            body,
            fallback_text: String::new(),
            checkpoint: None,
        }
    }
}

/// Resolves to the durable result of a message.
#[derive(Debug)]
pub struct SendHandle {
    id: ClientMsgId,
    done: oneshot::Receiver<Result<Sent, SendError>>,
}

impl SendHandle {
    /// Key of the message.
    #[must_use]
    pub const fn client_msg_id(&self) -> ClientMsgId {
        self.id
    }
}

impl Future for SendHandle {
    type Output = Result<Sent, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.done)
            .poll(cx)
            .map(|done| done.unwrap_or(Err(SendError::Closed)))
    }
}

impl Client {
    /// Connects and waits for the first login.
    ///
    /// # Errors
    /// [`ConnectError`] when the options or the store are of no use, when the server refuses the
    /// login, or when there is no connection within the patience of the options.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let patience = options.patience;
        let client = Self::start(options).await?;
        match timeout(patience, client.opened()).await {
            Ok(Ok(_)) => Ok(client),
            Ok(Err(end)) => Err(end.into()),
            Err(_) => {
                let reason = match &*client.state.borrow() {
                    ConnectionState::Waiting { reason, .. } => reason.clone(),
                    _ => "no answer".to_owned(),
                };
                Err(ConnectError::Timeout(reason))
            }
        }
    }

    /// Begins to connect, and goes on trying in the background. What is sent meanwhile waits in
    /// the outbox.
    ///
    /// # Errors
    /// [`ConnectError`] when the options or the store are of no use.
    pub async fn start(options: Options) -> Result<Self, ConnectError> {
        let (client, engine) = Self::prepare(options).await?;
        tokio::spawn(engine);
        Ok(client)
    }

    /// As [`start`](Self::start), for callers that run the engine themselves: nothing happens
    /// until the future is polled, and when it is dropped, the client is gone as a process that
    /// was killed.
    ///
    /// # Errors
    /// [`ConnectError`] when the options or the store are of no use.
    pub async fn prepare(
        options: Options,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), ConnectError> {
        let connector: Arc<dyn Connector> = match &options.connector {
            Some(connector) => Arc::clone(connector),
            None => Arc::new(Network::new(
                &options.server,
                options.trust.as_ref(),
                options.allow_plain,
            )?),
        };
        let store = Arc::clone(&options.store);
        let environment = options.environment.clone();
        let loaded = store.load(options.adopt_outbox).await?;
        let identity = match &loaded.identity {
            Some(identity) => identity.clone(),
            None => new_identity(&environment, &*store).await?,
        };
        let device = identity.device;
        let adopted = loaded.outbox.len();
        let records = store.conversations().await?;
        let marks = store.marks().await?;
        let (commands, queue) = mpsc::channel(COMMANDS);
        let (messages, outgoing) = mpsc::channel(COMMANDS);
        let queues = (queue, outgoing);
        let (shown, state) = watch::channel(ConnectionState::Connecting);
        let (sink, events) = EventSink::new(options.events);
        let mut engine = Engine::new(options, connector, loaded, identity, (sink, shown, queues));
        engine.remember(records);
        engine.remember_marks(&marks);
        let events = Arc::new(Mutex::new(events));
        let client = Self {
            commands,
            messages,
            state,
            events,
            store,
            environment,
            device,
            adopted,
        };
        Ok((client, engine.run()))
    }

    /// Waits until the connection is open, or the client over. Gives back who is logged in.
    ///
    /// # Errors
    /// [`End`] when the client is over.
    pub async fn opened(&self) -> Result<UserId, End> {
        let mut state = self.state.clone();
        let reached = state
            .wait_for(|state| {
                matches!(
                    state,
                    ConnectionState::Open { .. } | ConnectionState::Closed(_)
                )
            })
            .await;
        match reached.as_deref() {
            Ok(ConnectionState::Open { user, .. }) => Ok(*user),
            Ok(ConnectionState::Closed(end)) => Err(end.clone()),
            Ok(_) | Err(_) => Err(End::Requested),
        }
    }

    /// How the connection is now.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.state.borrow().clone()
    }

    /// The events, from the beginning; once. `None` if they were taken before or not wanted.
    #[must_use]
    pub fn events(&self) -> Option<Events> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The local store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// This device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Messages that were in the outbox when the client began; each gets its
    /// [`Settled`](crate::event::Settled) too.
    #[must_use]
    pub const fn adopted(&self) -> usize {
        self.adopted
    }

    /// Sends a text. Waits only while the outbox is full; the handle resolves to the durable
    /// result.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the client is over.
    pub async fn send_text(
        &self,
        target: Target,
        text: impl Into<String>,
    ) -> Result<SendHandle, SendError> {
        self.send(Draft::text(target, text)).await
    }

    /// Sends a message of any type.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the client is over.
    pub async fn send(&self, draft: Draft) -> Result<SendHandle, SendError> {
        let (done, waits) = oneshot::channel();
        let id = self.dispatch(draft, None, Some(done)).await?;
        Ok(SendHandle { id, done: waits })
    }

    /// Sends a message whose result is taken from the events.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the client is over.
    pub async fn post(&self, draft: Draft) -> Result<ClientMsgId, SendError> {
        self.dispatch(draft, None, None).await
    }

    /// As [`post`](Self::post), and waits until the message is durable in the outbox: it leaves
    /// even if this process ends now.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the client is over; the message may be in the outbox then.
    pub async fn store_and_post(&self, draft: Draft) -> Result<ClientMsgId, SendError> {
        let (stored, durable) = oneshot::channel();
        let id = self.dispatch(draft, Some(stored), None).await?;
        durable.await.map_err(|_| SendError::Closed)?;
        Ok(id)
    }

    /// As [`store_and_post`](Self::store_and_post), under a key of the caller: one that is made from
    /// what the message is about is the same when a program that has forgotten everything sends it
    /// again, and the server takes it once.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the client is over; the message may be in the outbox then.
    pub async fn store_and_post_as(
        &self,
        draft: Draft,
        client_msg_id: ClientMsgId,
    ) -> Result<(), SendError> {
        let (stored, durable) = oneshot::channel();
        self.dispatch_as(draft, client_msg_id, Some(stored), None)
            .await?;
        durable.await.map_err(|_| SendError::Closed)
    }

    async fn dispatch(
        &self,
        draft: Draft,
        stored: Option<oneshot::Sender<()>>,
        done: Option<oneshot::Sender<Result<Sent, SendError>>>,
    ) -> Result<ClientMsgId, SendError> {
        // impl[EIM-MSG-008]
        let client_msg_id = ClientMsgId::from(self.uuid_v7());
        self.dispatch_as(draft, client_msg_id, stored, done).await?;
        Ok(client_msg_id)
    }

    async fn dispatch_as(
        &self,
        draft: Draft,
        client_msg_id: ClientMsgId,
        stored: Option<oneshot::Sender<()>>,
        done: Option<oneshot::Sender<Result<Sent, SendError>>>,
    ) -> Result<(), SendError> {
        check(&draft)?;
        let outgoing = Outgoing {
            client_msg_id,
            target: draft.target,
            frame_type: draft.frame_type,
            body: draft.body,
            fallback_text: draft.fallback_text,
            checkpoint: draft.checkpoint,
            stored,
            done,
        };
        self.messages
            .send(Box::new(outgoing))
            .await
            .map_err(|_| SendError::Closed)
    }

    /// Hands something to the engine.
    pub(crate) async fn command(&self, command: Command) -> Result<(), RequestError> {
        let sent = self.commands.send(command).await;
        sent.map_err(|_| RequestError::Closed)
    }

    /// Hands a mark to the engine.
    pub(crate) async fn marking(&self, marking: Marking) -> Result<(), RequestError> {
        self.commands
            .send(Command::Mark(marking))
            .await
            .map_err(|_| RequestError::Closed)
    }

    /// 16 octets for a new id.
    pub(crate) fn uuid_v7(&self) -> [u8; 16] {
        self.environment.uuid_v7()
    }

    /// Asks the server. Asked again after a lost connection.
    pub(crate) async fn ask(&self, operation: Operation, body: request::Body) -> Answer {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            operation,
            body,
            answer,
        };
        self.commands
            .send(Command::Request(Box::new(question)))
            .await
            .map_err(|_| RequestError::Closed)?;
        answered.await.map_err(|_| RequestError::Closed)?
    }

    /// Says whether there is a network. Without one the connection is dropped without a word, which
    /// loses nothing, and there is no attempt until there is one again; the session may go on then.
    pub async fn set_network(&self, available: bool) {
        // A client that is over needs no network.
        let _ = self.commands.send(Command::Network(available)).await;
    }

    /// Says that the application goes to the background and is in contact with the server again
    /// after `next_contact` at the latest; zero returns to the foreground. Holds on every connection
    /// until said otherwise.
    pub async fn set_background(&self, next_contact: Duration) {
        // A client that is over is silent anyway.
        let _ = self.commands.send(Command::Background(next_contact)).await;
    }

    /// Ends in order: what has a result is settled, the rest stays in the outbox.
    pub async fn close(&self) {
        let (told, done) = oneshot::channel();
        if self.commands.send(Command::Close(told)).await.is_ok() {
            // The engine may be over already, which is as good.
            let _ = done.await;
        }
    }
}

/// Refuses what the server would refuse, and what no client should send, before it enters the
/// outbox.
// impl[EIM-LIM-010, EIM-CNT-001]
fn check(draft: &Draft) -> Result<(), SendError> {
    let max = usize::try_from(limits::TEXT_OCTETS.default).unwrap_or(usize::MAX);
    let checked = match draft.frame_type {
        other if payload::is_modifier(other) => {
            payload::Modifier::of(other, &draft.body).map(|_| ())
        }
        other => payload::Content::of(other, &draft.body).map(|_| ()),
    };
    match checked {
        Err(payload::InvalidSend::TooLarge { octets, .. })
            if draft.frame_type == FrameType::TEXT =>
        {
            Err(SendError::TooLong { got: octets, max })
        }
        checked => checked.map_err(SendError::Invalid),
    }
}

async fn new_identity(
    environment: &Environment,
    store: &dyn Store,
) -> Result<Identity, ConnectError> {
    // impl[EIM-AUT-050]
    let identity = Identity {
        device: DeviceId::from(environment.octets::<16>()),
        user: None,
        user_name: String::new(),
    };
    store
        .commit(Batch {
            identity: Some(identity.clone()),
            ..Batch::default()
        })
        .await?;
    Ok(identity)
}
