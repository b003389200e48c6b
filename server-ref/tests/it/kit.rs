//! A server without sockets, and clients that speak to it through pipes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, ClientConnection, ClientSession, Resume};
use eim_codec::connection::{ClientConfig, ClientEvent, CloseReason, SendId};
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, RequestId, UserId};
use eim_codec::payload::{
    self, AttachMode, AuthOk, Push, Request, Response, Send, Target, TextBody, request,
};
use eim_codec::registry::{ErrorCode, FrameType, Operation};
use eim_codec::time::Timestamp;
use eim_codec::tokio::{Driver, StreamLink};
use eim_server::blobs::{BlobStore, MemoryBlobs};
use eim_server::config::Config;
use eim_server::hub::Hub;
use eim_server::server::{self, Parts, TENANT};
use eim_server::service::password;
use eim_server::session::{self, Shared};
use eim_server::store::{CommitSink, UserRecord};
use eim_server::transport::{Admission, Peer, ServerLink, Transport};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio_util::task::TaskTracker;

use crate::doubles::{Seeded, TestClock};
use crate::scram::Scram;

/// A server without sockets.
pub(crate) struct Kit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) tasks: TaskTracker,
    pub(crate) config: Config,
    admission: Arc<Admission>,
}

/// The id of user `number`.
pub(crate) fn user_id(number: u8) -> UserId {
    UserId::from([number; 16])
}

/// The name of user `number`: alice, bob, carol, …
pub(crate) fn user_name(number: u8) -> &'static str {
    ["nobody", "alice", "bob", "carol", "dave", "eve"][usize::from(number)]
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";

impl Kit {
    pub(crate) async fn new(settings: &str) -> Self {
        Self::new_with_store(settings, "").await
    }

    /// The same with keys of the section `store`.
    pub(crate) async fn new_with_store(settings: &str, store: &str) -> Self {
        Self::new_with(settings, store, Arc::new(MemoryBlobs::default())).await
    }

    pub(crate) async fn new_with(settings: &str, store: &str, octets: Arc<dyn BlobStore>) -> Self {
        let text = format!("{settings}\n[store]\nengine = \"memory\"\n{store}");
        let config = Config::from_toml(&text).unwrap();
        let clock = Arc::new(TestClock::at(1_800_000_000_000));
        let random = Arc::new(Seeded::with(7));
        let parts = Parts {
            clock: Arc::clone(&clock) as _,
            random: Arc::clone(&random) as _,
        };
        let hub = server::hub(&config);
        let sink: Arc<dyn CommitSink> = Arc::clone(&hub) as _;
        let store = server::open_store(&config, &parts, sink).await.unwrap();
        let verifier = password::derive(PASSWORD, 4096, &*random).unwrap();
        let users = (1..=5).map(|number| UserRecord {
            user: user_id(number),
            name: user_name(number).to_owned(),
            display_name: String::new(),
            disabled: false,
            verifier: verifier.clone(),
            created_ms: 0,
            token_generation: 0,
        });
        for outcome in store.create_users(TENANT, users.collect()).await.unwrap() {
            outcome.unwrap();
        }
        let shared = server::share_with(&config, &parts, store, Arc::clone(&hub), Some(octets));
        let admission = Admission::new(1000, 1000);
        Self {
            shared,
            hub,
            clock,
            tasks: TaskTracker::new(),
            config,
            admission,
        }
    }

    /// A pipe to a new connection of the server; `buffer` octets fit in each direction.
    pub(crate) fn pipe(&self, buffer: usize) -> DuplexStream {
        self.pipe_from("127.0.0.1:1".parse().unwrap(), buffer)
    }

    /// The same, as if the connection came from `address`.
    pub(crate) fn pipe_from(&self, address: std::net::SocketAddr, buffer: usize) -> DuplexStream {
        let (near, far) = tokio::io::duplex(buffer);
        let peer = Peer {
            address,
            transport: Transport::Tcp,
        };
        let seat = self.admission.admit(peer.address.ip()).unwrap();
        let link = ServerLink::Pipe(Box::new(StreamLink::new(far)));
        let deadline = Box::pin(tokio::time::sleep(self.shared.options.handshake));
        let shared = Arc::clone(&self.shared);
        self.tasks
            .spawn(session::serve(shared, link, peer, seat, deadline));
        near
    }

    /// A pipe through a network that does not tell the server when the client goes away.
    pub(crate) fn silent_loss(&self) -> DuplexStream {
        let (mut up, mut down) = tokio::io::split(self.pipe(1 << 20));
        let (near, far) = tokio::io::duplex(1 << 20);
        let (mut from, mut to) = tokio::io::split(far);
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from, &mut down).await;
            std::future::pending::<()>().await;
        });
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut up, &mut to).await;
            std::future::pending::<()>().await;
        });
        near
    }

    pub(crate) fn connect(&self) -> Client<DuplexStream> {
        Client::new(self.pipe(1 << 20))
    }

    /// A full connection of a device of a user.
    pub(crate) async fn login(&self, user: u8, device: u8) -> Client<DuplexStream> {
        let mut client = self.connect();
        client.login(&Login::of(user, device)).await.unwrap();
        client
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap();
        self.clock.advance(ms);
    }
}

/// How to log in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    pub(crate) device: DeviceId,
    pub(crate) mode: AttachMode,
    /// With channel binding; under TLS the exporter's octets, else the transcript.
    pub(crate) bound: Option<Option<[u8; 32]>>,
}

impl Login {
    pub(crate) fn of(user: u8, device: u8) -> Self {
        Self {
            user: user_name(user),
            password: PASSWORD,
            device: DeviceId::from([device; 16]),
            mode: AttachMode::Full,
            bound: Some(None),
        }
    }

    fn start(&self, mechanism: &str, data: Bytes, resume: Resume) -> AuthStart {
        let device = payload::Device {
            device_id: self.device.to_bytes(),
            name: "test".to_owned(),
            ..payload::Device::default()
        };
        AuthStart {
            mechanism: mechanism.to_owned(),
            data,
            device,
            mode: self.mode,
            log_epoch: 0,
            user_seq: 0,
            resume,
        }
    }
}

/// A client on any stream.
pub(crate) struct Client<S> {
    pub(crate) driver: Driver<ClientConnection, StreamLink<S>>,
    pub(crate) opened: Option<AuthOk>,
    /// Events that arrived while something else was awaited.
    pub(crate) seen: VecDeque<ClientEvent>,
    messages: u32,
    requests: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self::configured(stream, ClientConfig::default())
    }

    pub(crate) fn configured(stream: S, config: ClientConfig) -> Self {
        let connection = ClientConnection::new(config, [1; 32], Timestamp::ZERO);
        Self {
            driver: Driver::new(connection, StreamLink::new(stream)),
            opened: None,
            seen: VecDeque::new(),
            messages: 0,
            requests: 0,
        }
    }

    pub(crate) async fn next(&mut self) -> ClientEvent {
        match self.seen.pop_front() {
            Some(event) => event,
            None => self.driver.next().await.expect("the connection ended"),
        }
    }

    /// The first event that `wanted` turns into something; others are kept.
    pub(crate) async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(ClientEvent) -> Result<T, ClientEvent>,
    ) -> T {
        for _ in 0..self.seen.len() {
            let Some(event) = self.seen.pop_front() else {
                break;
            };
            match wanted(event) {
                Ok(found) => return found,
                Err(other) => self.seen.push_back(other),
            }
        }
        loop {
            let event = self.driver.next().await.expect("the connection ended");
            match wanted(event) {
                Ok(found) => return found,
                Err(other) => self.seen.push_back(other),
            }
        }
    }

    pub(crate) async fn welcome(&mut self) -> payload::Welcome {
        self.until(|event| match event {
            ClientEvent::Welcome(welcome) => Ok(*welcome),
            other => Err(other),
        })
        .await
    }

    /// Logs in by password.
    pub(crate) async fn login(&mut self, login: &Login) -> Result<AuthOk, CloseReason> {
        self.welcome().await;
        let binding = login.bound.map(|exported| {
            exported.unwrap_or_else(|| self.driver.endpoint().transcript().unwrap())
        });
        let (mut scram, first) = Scram::start(login.user, login.password, binding);
        let start = login.start(scram.mechanism(), first, Resume::No);
        self.driver.endpoint_mut().authenticate(start);
        let ok = self.outcome(Some(&mut scram)).await?;
        scram.finish(&ok.data);
        Ok(ok)
    }

    /// Sends the first AUTH.
    pub(crate) fn start(&mut self, login: &Login, mechanism: &str, data: Bytes) {
        let start = login.start(mechanism, data, Resume::No);
        self.driver.endpoint_mut().authenticate(start);
    }

    /// Comes back with a token.
    pub(crate) async fn resume(
        &mut self,
        login: &Login,
        token: Bytes,
        session: Resume,
    ) -> Result<AuthOk, CloseReason> {
        self.welcome().await;
        let start = login.start("EIM-RESUME", token, session);
        self.driver.endpoint_mut().authenticate(start);
        self.outcome(None).await
    }

    async fn outcome(&mut self, mut scram: Option<&mut Scram>) -> Result<AuthOk, CloseReason> {
        loop {
            match self.next().await {
                ClientEvent::Challenge(data) => {
                    let proof = scram.as_mut().unwrap().challenge(&data);
                    self.driver.endpoint_mut().respond(proof);
                }
                ClientEvent::Open(ok) => {
                    self.opened = Some((*ok).clone());
                    return Ok(*ok);
                }
                ClientEvent::Closed(reason) => return Err(reason),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Queues a text to another user; returns its idempotency key too.
    pub(crate) fn text(&mut self, to: u8, text: &str) -> (SendId, ClientMsgId) {
        self.messages += 1;
        let mut key = [0; 16];
        key[..4].copy_from_slice(&self.messages.to_be_bytes());
        key[4..].copy_from_slice(&self.opened.as_ref().unwrap().session_id[..12]);
        let key = ClientMsgId::from(key);
        (self.send(to, text, key, false), key)
    }

    pub(crate) fn send(&mut self, to: u8, text: &str, key: ClientMsgId, after: bool) -> SendId {
        let target = Target::DirectTo(user_id(to));
        self.send_to(target, text, key, after)
    }

    pub(crate) fn send_to(
        &mut self,
        target: Target,
        text: &str,
        key: ClientMsgId,
        after_failed: bool,
    ) -> SendId {
        let send = Send {
            after_failed,
            ..Send::new(target, key, TextBody::encode_text(text))
        };
        let octets = send.encode_to_vec().into();
        self.driver
            .endpoint_mut()
            .send(FrameType::TEXT, octets)
            .unwrap()
    }

    /// Sends what is due, without waiting for anything.
    pub(crate) async fn flush(&mut self) {
        std::future::poll_fn(|cx| {
            if let std::task::Poll::Ready(Some(event)) = self.driver.poll_next(cx) {
                self.seen.push_back(event);
            }
            std::task::Poll::Ready(())
        })
        .await;
    }

    /// The result of a message.
    pub(crate) async fn result(&mut self, wanted: SendId) -> payload::Result {
        let result = self
            .until(|event| match event {
                ClientEvent::Result { send, result, .. } if send == wanted => Ok(result),
                other => Err(other),
            })
            .await;
        self.driver.endpoint_mut().settle(wanted);
        result
    }

    /// Sends a text and waits until it is durable.
    pub(crate) async fn say(&mut self, to: u8, text: &str) -> payload::Result {
        let (send, _) = self.text(to, text);
        let result = self.result(send).await;
        assert_eq!(result.error, None);
        result
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> (FrameType, Push) {
        let (ordinal, frame_type, payload) = self
            .until(|event| match event {
                ClientEvent::Push {
                    ordinal,
                    frame_type,
                    payload,
                } => Ok((ordinal, frame_type, payload)),
                other => Err(other),
            })
            .await;
        self.driver.endpoint_mut().consumed(ordinal);
        (frame_type, Push::decode(payload).unwrap())
    }

    /// Asks and awaits the answer.
    pub(crate) async fn ask(&mut self, operation: Operation, body: request::Body) -> Response {
        let id = self.request_id();
        self.ask_with(id, operation, 0, body).await
    }

    pub(crate) fn request_id(&mut self) -> RequestId {
        self.requests += 1;
        let mut id = [0xA0; 16];
        id[..8].copy_from_slice(&self.requests.to_be_bytes());
        id[8..].copy_from_slice(&self.opened.as_ref().unwrap().session_id[..8]);
        RequestId::from(id)
    }

    pub(crate) async fn ask_with(
        &mut self,
        id: RequestId,
        operation: Operation,
        max_octets: u32,
        body: request::Body,
    ) -> Response {
        let request = Request {
            request_id: id.to_bytes(),
            operation: operation.0,
            max_octets,
            body: Some(body),
        };
        self.driver.endpoint_mut().request(&request).unwrap();
        self.until(|event| match event {
            ClientEvent::Response(response) if response.request_id == id.to_bytes() => {
                Ok(*response)
            }
            other => Err(other),
        })
        .await
    }

    /// Everything that was pushed before now: asks something and counts what came first.
    pub(crate) async fn pushed_before_now(&mut self) -> usize {
        let heads = request::Body::Heads(payload::HeadsRequest::default());
        self.ask(Operation::HEADS, heads).await;
        self.seen
            .iter()
            .filter(|event| matches!(event, ClientEvent::Push { .. }))
            .count()
    }

    /// Sends a text to the user itself and waits until it is durable.
    pub(crate) async fn say_to_self(&mut self, text: &str) -> payload::Result {
        let ok = self.opened.as_ref().unwrap();
        let myself = UserId::from_slice(&ok.user_id).unwrap();
        let key = ClientMsgId::from_slice(&ok.session_id).unwrap();
        let send = self.send_to(Target::DirectTo(myself), text, key, false);
        self.result(send).await
    }

    /// Why the connection ended.
    pub(crate) async fn closed(&mut self) -> CloseReason {
        self.until(|event| match event {
            ClientEvent::Closed(reason) => Ok(reason),
            other => Err(other),
        })
        .await
    }

    /// Breaks the transport and keeps the session.
    pub(crate) fn lose(self) -> Option<ClientSession> {
        self.driver.into_endpoint().into_session()
    }
}

impl Client<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    /// Logs in bound to the TLS channel.
    pub(crate) async fn welcome_then_export(
        &mut self,
        login: &Login,
    ) -> Result<AuthOk, CloseReason> {
        self.welcome().await;
        let transcript = self.driver.endpoint().transcript().unwrap();
        let exported = crate::secure::export(self.driver.link().get_ref(), transcript);
        let (mut scram, first) = Scram::start(login.user, login.password, Some(exported));
        self.start(login, scram.mechanism(), first);
        let ok = self.outcome(Some(&mut scram)).await?;
        scram.finish(&ok.data);
        Ok(ok)
    }
}

/// The runtime's time, which is paused in most tests.
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at the runtime's own clock"
)]
pub(crate) fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The code in a result or response.
pub(crate) fn code(error: Option<&payload::ErrorInfo>) -> Option<ErrorCode> {
    error.map(|info| ErrorCode(u16::try_from(info.code).unwrap()))
}

/// The text of a pushed or read entry.
pub(crate) fn text_of(entry: &payload::Entry) -> String {
    TextBody::decode(entry.body.clone()).unwrap().text
}

/// The direct conversation of two users.
pub(crate) fn direct(a: u8, b: u8) -> ConversationId {
    ConversationId::direct(user_id(a), user_id(b))
}
