//! The scripted server, and the world it lives in.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::link::{ClientLink, Connector, LinkError};
use eim_client::store::{
    Batch, Cursor, CursorChange, Identity, MemoryStore, ResumeCredential, Store, Target,
};
use eim_client::{Client, Event, Events, Options};
use eim_codec::connection::server::{Accept, ServerConnection, ServerSession};
use eim_codec::connection::{ServerConfig, ServerEvent};
use eim_codec::id::ConversationId;
use eim_codec::payload::{
    self, Entry, ErrorInfo, HeadsResponse, HistoryRequest, Push, Request, Response, SyncRequest,
    SyncResponse, TextBody, TimelineEntry, request, response,
};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_codec::time::Timestamp;
use eim_codec::tokio::{Driver, StreamLink};
use prost::Message as _;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) const ME: [u8; 16] = [1; 16];
pub(crate) const DEVICE: [u8; 16] = [2; 16];
pub(crate) const BOB: [u8; 16] = [3; 16];
pub(crate) const GROUP: [u8; 16] = [7; 16];
pub(crate) const EPOCH: u64 = 5;
pub(crate) const TOKEN: [u8; 32] = [9; 32];

/// Longer than any delay of the client that a test does not speak of.
const LONG: Duration = Duration::from_secs(600);

struct Dial(mpsc::UnboundedSender<DuplexStream>);

#[async_trait]
impl Connector for Dial {
    async fn connect(&self) -> Result<ClientLink, LinkError> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.0.send(theirs).map_err(|_| {
            LinkError::Io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
        })?;
        Ok(ClientLink::pipe(ours))
    }

    fn server(&self) -> String {
        "pipe".to_owned()
    }
}

/// A device with a store and a way to the server.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    dial: mpsc::UnboundedSender<DuplexStream>,
    dialled: mpsc::UnboundedReceiver<DuplexStream>,
}

impl World {
    /// A device that has logged in before and holds a token, at this cursor.
    pub(crate) async fn at(user_seq: u64) -> Self {
        let store = Arc::new(MemoryStore::new());
        let batch = Batch {
            identity: Some(Identity {
                device: DEVICE.into(),
                user: Some(ME.into()),
                user_name: "ada".to_owned(),
            }),
            cursor: Some(CursorChange::Reset(Cursor {
                log_epoch: EPOCH,
                user_seq,
            })),
            resume: Some(Some(ResumeCredential {
                session: [4; 16].into(),
                token: Bytes::from_static(&TOKEN),
                server: "pipe".to_owned(),
            })),
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
        let (dial, dialled) = mpsc::unbounded_channel();
        Self {
            store,
            dial,
            dialled,
        }
    }

    pub(crate) fn options(&self) -> Options {
        let server = "tcp://127.0.0.1:1".parse().unwrap();
        let mut options = Options::new(server, "ada", None, self.store.clone());
        options.connector = Some(Arc::new(Dial(self.dial.clone())));
        options
    }

    /// A client that has begun to connect, and its events.
    pub(crate) async fn start(&self) -> (Client, Events) {
        self.start_with(self.options()).await
    }

    /// The same with other options.
    pub(crate) async fn start_with(&self, options: Options) -> (Client, Events) {
        let client = Client::start(options).await.unwrap();
        let events = client.events().unwrap();
        (client, events)
    }

    /// Whether the client does not dial for a long time.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(LONG, self.dialled.recv()).await.is_err()
    }

    /// The next connection, up to AUTH.
    pub(crate) async fn dialled(&mut self) -> Peer {
        let stream = timeout(LONG, self.dialled.recv())
            .await
            .expect("a connection")
            .unwrap();
        let mut config = ServerConfig::default();
        config.mechanisms = vec!["SCRAM-SHA-256".to_owned(), "EIM-RESUME".to_owned()];
        config.confidential = true;
        config.heartbeat = Duration::from_secs(10);
        let connection = ServerConnection::new(config, [0; 32], Timestamp::ZERO);
        Peer {
            driver: Driver::new(connection, StreamLink::new(stream)),
            heads: HeadsResponse {
                log_epoch: EPOCH,
                user_seq: 0,
                floor: 0,
                conversations: Vec::new(),
                more: false,
            },
            changed: Vec::new(),
            overflow: false,
        }
    }

    /// The next connection, open at this head, as a fresh session.
    pub(crate) async fn accept(&mut self, head: u64) -> Peer {
        let mut peer = self.dialled().await;
        peer.open(EPOCH, head, None).await;
        peer
    }
}

/// The scripted server's end of a connection.
pub(crate) struct Peer {
    pub(crate) driver: Driver<ServerConnection, StreamLink<DuplexStream>>,
    /// What HEADS is answered with.
    pub(crate) heads: HeadsResponse,
    /// Heads of the next PONG.
    pub(crate) changed: Vec<(ConversationId, u64)>,
    /// More changed than those.
    pub(crate) overflow: bool,
}

impl Peer {
    /// Waits for AUTH; returns it.
    pub(crate) async fn auth(&mut self) -> payload::Auth {
        match self.event().await {
            ServerEvent::Auth(attempt) => attempt.auth,
            other => panic!("AUTH, not {other:?}"),
        }
    }

    /// Accepts the client. Returns whether the session went on.
    pub(crate) async fn open(
        &mut self,
        log_epoch: u64,
        head: u64,
        session: Option<ServerSession>,
    ) -> bool {
        let auth = self.auth().await;
        assert_eq!(
            (auth.mechanism.as_str(), &auth.data[..]),
            ("EIM-RESUME", &TOKEN[..])
        );
        self.opened_with(log_epoch, head, session)
    }

    /// Accepts a client whose AUTH was seen.
    pub(crate) fn opened(&mut self, log_epoch: u64, head: u64) {
        self.opened_with(log_epoch, head, None);
    }

    fn opened_with(&mut self, log_epoch: u64, head: u64, session: Option<ServerSession>) -> bool {
        self.heads.log_epoch = log_epoch;
        self.heads.user_seq = head;
        let accept = Accept {
            session_id: [4; 16].into(),
            user_id: ME.into(),
            user_name: "ada".to_owned(),
            data: Bytes::new(),
            resume_token: Some(TOKEN),
            resume: Duration::from_secs(60),
            log_epoch,
            user_seq: head,
            server_time_ms: 1_000_000,
            connection_generation: 1,
        };
        let outcome = self.driver.endpoint_mut().accept(accept, session);
        outcome == payload::SessionOutcome::Resumed
    }

    async fn event(&mut self) -> ServerEvent {
        timeout(LONG, self.driver.next())
            .await
            .expect("an event")
            .expect("not the end")
    }

    /// The next event that a script has to answer: HEADS and PING are answered here.
    pub(crate) async fn next(&mut self) -> ServerEvent {
        loop {
            match self.event().await {
                ServerEvent::Request(request)
                    if matches!(request.body, Some(request::Body::Heads(_))) =>
                {
                    let body = response::Body::Heads(self.heads.clone());
                    self.respond(&request, body);
                }
                ServerEvent::Ping { token } => {
                    let pong = payload::Pong {
                        token,
                        log_epoch: self.heads.log_epoch,
                        user_seq: self.heads.user_seq,
                        heads: heads(&std::mem::take(&mut self.changed)),
                        heads_overflow: std::mem::take(&mut self.overflow),
                        ..Default::default()
                    };
                    self.driver.endpoint_mut().pong(pong);
                }
                ServerEvent::Writable => {}
                other => return other,
            }
        }
    }

    /// Lets everything under way arrive; nothing that a script has to answer may come.
    pub(crate) async fn quiet(&mut self) {
        self.quiet_for(Duration::from_millis(100)).await;
    }

    pub(crate) async fn quiet_for(&mut self, time: Duration) {
        loop {
            match timeout(time, self.next()).await {
                Err(_) => return,
                Ok(ServerEvent::Cursor { .. }) => {}
                Ok(other) => panic!("nothing, not {other:?}"),
            }
        }
    }

    pub(crate) fn respond(&mut self, request: &Request, body: response::Body) {
        let response = Response {
            request_id: request.request_id.clone(),
            operation: request.operation,
            error: None,
            body: Some(body),
        };
        self.driver.endpoint_mut().respond(&response).unwrap();
    }

    pub(crate) fn refuse(&mut self, request: &Request, code: ErrorCode) {
        self.refuse_for(request, code, false, 0);
    }

    /// Refuses a request, for a time perhaps.
    pub(crate) fn refuse_for(
        &mut self,
        request: &Request,
        code: ErrorCode,
        retryable: bool,
        retry_after_ms: u64,
    ) {
        let response = Response {
            request_id: request.request_id.clone(),
            operation: request.operation,
            error: Some(error(code, retryable, retry_after_ms)),
            body: None,
        };
        self.driver.endpoint_mut().respond(&response).unwrap();
    }

    /// The next request, past CURSOR.
    pub(crate) async fn request(&mut self) -> Box<Request> {
        loop {
            match self.next().await {
                ServerEvent::Request(request) => return request,
                ServerEvent::Cursor { .. } => {}
                other => panic!("a request, not {other:?}"),
            }
        }
    }

    /// Carries the connection on until what was asked of the client has its outcome.
    pub(crate) async fn until<T>(&mut self, mut outcome: JoinHandle<T>) -> T {
        loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome.unwrap(),
                event = self.next() => match event {
                    ServerEvent::Cursor { .. } => {}
                    other => panic!("an outcome, not {other:?}"),
                },
            }
        }
    }

    /// The next request, which has to be SYNC from this cursor.
    pub(crate) async fn sync(&mut self, user_seq: u64) -> Box<Request> {
        let request = self.request().await;
        let asked = SyncRequest {
            log_epoch: EPOCH,
            user_seq,
        };
        assert_eq!(request.body, Some(request::Body::Sync(asked)));
        request
    }

    /// The next request, which has to be HISTORY.
    pub(crate) async fn history(&mut self) -> (Box<Request>, HistoryRequest) {
        let request = self.request().await;
        let Some(request::Body::History(asked)) = request.body.clone() else {
            panic!("HISTORY, not {request:?}");
        };
        (request, asked)
    }

    /// Answers SYNC with entries, up to the head.
    pub(crate) fn page(&mut self, request: &Request, entries: Vec<(u64, Entry)>, head: u64) {
        let last = entries.last().map_or(head, |(user_seq, _)| *user_seq);
        let entries = entries
            .into_iter()
            .map(|(user_seq, entry)| TimelineEntry {
                user_seq,
                entry: Some(entry),
                detached: false,
                echo: false,
            })
            .collect();
        let page = SyncResponse {
            log_epoch: EPOCH,
            entries,
            user_seq: head,
            more: last < head,
        };
        self.respond(request, response::Body::Sync(page));
    }

    pub(crate) fn push(&mut self, user_seq: u64, entry: Entry) {
        self.push_as(user_seq, entry, false);
    }

    pub(crate) fn push_as(&mut self, user_seq: u64, entry: Entry, echo: bool) {
        let push = Push {
            entry: Some(entry),
            user_seq,
            echo,
        }
        .encode_to_vec();
        self.driver
            .endpoint_mut()
            .push(FrameType::TEXT, push.into())
            .unwrap();
    }

    /// The next message of the client: its ordinal and what it says.
    pub(crate) async fn message(&mut self) -> (u64, payload::Send) {
        loop {
            match self.next().await {
                ServerEvent::Message {
                    ordinal, payload, ..
                } => {
                    return (ordinal, payload::Send::decode(payload).unwrap());
                }
                ServerEvent::Cursor { .. } => {}
                other => panic!("a message, not {other:?}"),
            }
        }
    }

    pub(crate) fn accepted(&mut self, ordinal: u64, conv_seq: u64) {
        self.driver.endpoint_mut().result(payload::Result {
            ordinal,
            conv_seq,
            time_ms: 2_000_000 + conv_seq,
            user_seq: conv_seq,
            error: None,
        });
    }

    pub(crate) fn failed(
        &mut self,
        ordinal: u64,
        code: ErrorCode,
        retryable: bool,
        retry_after_ms: u64,
    ) {
        self.driver.endpoint_mut().result(payload::Result {
            ordinal,
            error: Some(error(code, retryable, retry_after_ms)),
            ..Default::default()
        });
    }
}

pub(crate) fn heads(changed: &[(ConversationId, u64)]) -> Vec<payload::ConversationHead> {
    changed
        .iter()
        .map(|(conversation, conv_seq)| payload::ConversationHead {
            conversation: conversation.to_bytes(),
            conv_seq: *conv_seq,
        })
        .collect()
}

fn error(code: ErrorCode, retryable: bool, retry_after_ms: u64) -> ErrorInfo {
    ErrorInfo {
        code: u32::from(code.0),
        detail: "scripted".to_owned(),
        retryable,
        retry_after_ms,
    }
}

/// An entry of the group, sent by Bob.
pub(crate) fn entry(conv_seq: u64) -> Entry {
    Entry {
        conversation: Bytes::from_static(&GROUP),
        log_epoch: EPOCH,
        conv_seq,
        r#type: u32::from(FrameType::TEXT.0),
        sender: Bytes::from_static(&BOB),
        sender_device: Bytes::from_static(&BOB),
        client_msg_id: Bytes::copy_from_slice(&[conv_seq as u8; 16]),
        time_ms: 1000 + conv_seq,
        countable: conv_seq,
        body: text(&format!("entry {conv_seq}")),
        fallback_text: String::new(),
        tombstone: false,
    }
}

pub(crate) fn text(text: &str) -> Bytes {
    TextBody::encode_text(text)
}

pub(crate) fn group() -> Target {
    Target::Conversation(GROUP.into())
}

/// The conversation of the group, as HEADS lists it.
pub(crate) fn listed(conv_seq: u64) -> payload::Conversation {
    payload::Conversation {
        conversation: Bytes::from_static(&GROUP),
        kind: payload::ConversationKind::Group.into(),
        name: "team".to_owned(),
        conv_seq,
        visible_from: 1,
        visible_through: 0,
        role: payload::Role::Member.into(),
        peer: Bytes::new(),
        countable: conv_seq,
        time_ms: 1,
        members: 2,
        ..payload::Conversation::default()
    }
}

/// The same, read from its log.
pub(crate) fn large(conv_seq: u64) -> payload::Conversation {
    payload::Conversation {
        fan_out: payload::FanOut::Read.into(),
        ..listed(conv_seq)
    }
}

/// The messages that the application sees when everything under way has arrived: place in the
/// timeline and number.
pub(crate) async fn messages(peer: &mut Peer, events: &mut Events) -> Vec<(u64, u64)> {
    peer.quiet().await;
    let mut seen = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Message(message) = event {
            seen.push((message.user_seq, message.conv_seq));
        }
    }
    seen
}
