//! A connection of the suite: a task that reads, a task that writes, and what both know.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::clock;
use super::faults::{Emit, Fault, Wire};
use super::log::{Log, describe};
use super::sent;
use super::state::{State, Violation};
use crate::results::Direction;
use crate::wire::frame::{Frame, sequence};
use crate::wire::link::{Chunk, End, Reader, Writer};
use crate::wire::net::Shared;

/// What a connection shares with its tasks.
#[derive(Debug)]
pub struct Inner {
    name: String,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    paused: watch::Sender<bool>,
    log: Log,
    fault: Option<Arc<Mutex<Fault>>>,
    /// An error of the mutant, which is one of the script.
    fault_error: Mutex<Option<String>>,
    raw: bool,
}

/// An order to the task that writes.
#[derive(Debug)]
enum Order {
    Octets(Bytes),
    Message(Message),
    End(oneshot::Sender<()>),
    Flush(oneshot::Sender<()>),
}

/// Facts about a connection that steps note for later ones.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Transport: `tcp`, `tls`, `ws`, `wss`.
    pub transport: String,
    /// Role of the user who logged in.
    pub user: String,
    /// Fields of HELLO that the script gave.
    pub hello: Value,
    /// Device as AUTH carries it.
    pub device: Value,
    /// Attach mode as AUTH carries it.
    pub mode: Value,
    /// Salt and iterations of the challenge.
    pub scram: Value,
    /// Time from HELLO to WELCOME.
    pub round_trip: Duration,
}

/// A connection of the suite with the testee.
#[derive(Debug)]
pub struct Connection {
    inner: Arc<Inner>,
    orders: mpsc::UnboundedSender<Order>,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
    net: Shared,
    /// What steps have noted.
    pub facts: Facts,
    /// The script has ended it, or has seen its end.
    pub finished: bool,
}

/// What a connection is made of.
#[derive(Debug)]
pub struct Parts {
    /// Name in the script.
    pub name: String,
    /// Reading and writing side.
    pub link: (Reader, Writer),
    /// The stream below.
    pub net: Shared,
    /// What is known at the beginning.
    pub state: State,
    /// Log of the case.
    pub log: Log,
    /// Fault of this run.
    pub fault: Option<Arc<Mutex<Fault>>>,
    /// No frames: everything that arrives is noted as octets.
    pub raw: bool,
}

impl Connection {
    /// Starts the tasks.
    #[must_use]
    pub fn start(parts: Parts) -> Self {
        let (read, write) = parts.link;
        let inner = Arc::new(Inner {
            name: parts.name,
            state: Mutex::new(parts.state),
            changed: watch::Sender::new(0),
            paused: watch::Sender::new(false),
            log: parts.log,
            fault: parts.fault,
            fault_error: Mutex::new(None),
            raw: parts.raw,
        });
        let (orders, queue) = mpsc::unbounded_channel();
        let writer = tokio::spawn(writing(write, queue));
        let reader = tokio::spawn(reading(read, Arc::clone(&inner), orders.clone()));
        Self {
            inner,
            orders,
            reader,
            writer,
            net: parts.net,
            facts: Facts::default(),
            finished: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What is known, locked.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }

    /// Key material of TLS; `None` without TLS.
    #[must_use]
    pub fn exporter(&self, label: &[u8], context: &[u8]) -> Option<Result<[u8; 32], String>> {
        self.net.exporter(label, context)
    }

    /// Sends a frame, notes what it changes, and logs it. `cut` keeps the first octets only.
    pub fn send(&self, frame: &Frame, cut: Option<usize>) {
        let text = {
            let mut state = self.state();
            sent::note(&mut state, frame);
            state.last_sent = Some(clock::now());
            describe(&state.protocol, frame, state.side)
        };
        let mut octets = frame.encode();
        let mut note = String::new();
        if let Some(cut) = cut.filter(|cut| *cut < octets.len()) {
            octets.truncate(cut);
            note = format!(" (only the first {cut} octets)");
        }
        let text = format!("{text}{note}");
        self.inner
            .log
            .frame(self.name(), Direction::Sent, text, frame);
        self.write(octets);
    }

    fn write(&self, octets: Bytes) {
        match &mut self.state().corked {
            Some(corked) => corked.extend_from_slice(&octets),
            None => {
                let _ = self.orders.send(Order::Octets(octets));
            }
        }
    }

    /// From now on frames and octets wait, or those that waited leave in one write.
    pub fn cork(&self, on: bool) {
        let waited = self.state().corked.take();
        if on {
            self.state().corked = Some(waited.unwrap_or_default());
        } else if let Some(waited) = waited {
            self.write(waited.freeze());
        }
    }

    /// Sends octets as they are.
    pub fn octets(&self, text: &str, octets: Bytes) {
        self.inner
            .log
            .octets(self.name(), Direction::Sent, text, &octets);
        self.write(octets);
    }

    /// Sends a WebSocket message as it is.
    pub fn message(&self, message: Message) {
        self.inner
            .log
            .note(self.name(), format!("sends {message:?}"));
        let _ = self.orders.send(Order::Message(message));
    }

    /// Waits until everything ordered is written, or cannot be.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(5), wait).await;
        }
    }

    /// Ends our direction in order.
    pub async fn half_close(&self) {
        self.inner.log.note(self.name(), "ends its direction");
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::End(done)).is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(5), wait).await;
        }
    }

    /// Ends the connection in order.
    pub async fn close(&mut self) {
        if self.state().end.is_none() {
            self.half_close().await;
        }
        self.finish();
    }

    /// Ends it with a reset.
    pub async fn reset(&mut self) {
        self.flush().await;
        self.inner.log.note(self.name(), "resets the transport");
        self.net.reset_on_close();
        self.finish();
    }

    fn finish(&mut self) {
        self.finished = true;
        self.reader.abort();
        self.writer.abort();
        self.net.close();
    }

    /// Stops or resumes reading.
    pub fn pause(&self, paused: bool) {
        self.inner.paused.send_replace(paused);
    }

    /// Puts a frame in as if the testee had sent it.
    pub fn inject(&self, emit: Emit) {
        let orders = self.orders.clone();
        self.inner.emit(emit, &orders);
    }

    /// What a fault has to know.
    pub fn with_wire<T>(&self, act: impl FnOnce(&Wire<'_>) -> T) -> T {
        let state = self.state();
        act(&wire(self.name(), &state))
    }

    /// An error of the mutant, if there was one.
    #[must_use]
    pub fn fault_error(&self) -> Option<String> {
        let error = self.inner.fault_error.lock();
        error.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `pick` gives something, asked again whenever something has arrived; `None`
    /// when the time is over.
    pub async fn wait<T>(
        &self,
        deadline: Instant,
        mut pick: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut changed = self.inner.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(found) = pick(&mut self.state()) {
                return Some(found);
            }
            let waited = tokio::time::timeout_at(deadline.into(), changed.changed()).await;
            if !matches!(waited, Ok(Ok(()))) {
                return pick(&mut self.state());
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
    }
}

fn wire<'a>(conn: &'a str, state: &'a State) -> Wire<'a> {
    Wire {
        conn,
        protocol: &state.protocol,
        sender: state.side.other(),
        version: state.version,
        next: sequence(state.numbers.received + 1),
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn emit(&self, emit: Emit, orders: &mpsc::UnboundedSender<Order>) {
        let now = clock::now();
        match emit {
            Emit::Frame(frame) => {
                let (text, answers) = {
                    let mut state = self.state();
                    let text = describe(&state.protocol, &frame, state.side.other());
                    (text, state.ingest(frame.clone(), now))
                };
                self.log
                    .frame(&self.name, Direction::Received, text, &frame);
                for octets in answers {
                    let text = "answered by itself";
                    self.log.octets(&self.name, Direction::Sent, text, &octets);
                    let _ = orders.send(Order::Octets(octets));
                }
            }
            Emit::End(end) => {
                self.log
                    .push(&self.name, Direction::Received, end.to_string(), Vec::new());
                self.state().ended(end, now);
            }
            Emit::Hold(_) => {}
        }
        self.wake();
    }

    /// What the suite sees of a frame.
    fn filtered(&self, frame: Frame) -> Vec<Emit> {
        self.state().note_handshake(&frame);
        let Some(fault) = &self.fault else {
            return vec![Emit::Frame(frame)];
        };
        let mut fault = fault.lock().unwrap_or_else(PoisonError::into_inner);
        let filtered = fault.filter(frame.clone(), &wire(&self.name, &self.state()));
        filtered.unwrap_or_else(|why| {
            let mut error = self
                .fault_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            error.get_or_insert(why);
            vec![Emit::Frame(frame)]
        })
    }

    fn violated(&self, requirement: &'static str, text: String) {
        let violation = Violation { requirement, text };
        self.state().violation.get_or_insert(violation);
        self.wake();
    }
}

async fn reading(mut reader: Reader, inner: Arc<Inner>, orders: mpsc::UnboundedSender<Order>) {
    let mut buffer = BytesMut::new();
    let mut paused = inner.paused.subscribe();
    loop {
        if paused.wait_for(|paused| !*paused).await.is_err() {
            return;
        }
        let chunk = tokio::select! {
            chunk = reader.next() => chunk,
            _ = paused.wait_for(|paused| *paused) => continue,
        };
        inner.state().last_arrival = Some(clock::now());
        let message = matches!(chunk, Chunk::Message(_));
        match chunk {
            Chunk::Octets(octets) | Chunk::Message(octets) => {
                if inner.raw {
                    inner.raw_octets(&octets);
                    continue;
                }
                if message && octets.len() as u64 > inner.state().own_max + 11 {
                    let text = format!("a binary message of {} octets", octets.len());
                    inner.violated("EIM-TRN-024", text);
                }
                buffer.extend_from_slice(&octets);
                loop {
                    match Frame::take(&mut buffer) {
                        Ok(None) => break,
                        Ok(Some(frame)) => {
                            if !deliver(&inner, &orders, frame).await {
                                return;
                            }
                        }
                        Err(text) => {
                            inner.violated("EIM-FRM-020", text);
                            return;
                        }
                    }
                }
                if message && !buffer.is_empty() {
                    let text = "a binary message that ends inside a frame";
                    inner.violated("EIM-TRN-022", text.into());
                }
            }
            Chunk::Text(text) => {
                inner.violated("EIM-TRN-022", format!("a text message: {text}"));
            }
            Chunk::Pong(octets) => inner.websocket_pong(&octets),
            Chunk::End(end) => {
                if !buffer.is_empty() && end == End::Orderly {
                    let text = format!(
                        "the transport ends inside a frame ({} octets)",
                        buffer.len()
                    );
                    inner.violated("EIM-FRM-001", text);
                }
                inner.emit(Emit::End(end), &orders);
                return;
            }
        }
    }
}

impl Inner {
    fn raw_octets(&self, octets: &Bytes) {
        self.log
            .octets(&self.name, Direction::Received, "octets", octets);
        self.state().arrived += 1;
        self.wake();
    }

    fn websocket_pong(&self, octets: &Bytes) {
        self.log
            .octets(&self.name, Direction::Received, "WebSocket pong", octets);
        self.state().websocket_pongs.push_back(octets.clone());
        self.wake();
    }
}

/// Hands a frame on, through the fault; false when that ends the connection.
async fn deliver(inner: &Inner, orders: &mpsc::UnboundedSender<Order>, frame: Frame) -> bool {
    for emit in inner.filtered(frame) {
        match emit {
            Emit::Hold(hold) => tokio::time::sleep(hold).await,
            Emit::End(_) => {
                inner.emit(emit, orders);
                return false;
            }
            Emit::Frame(_) => inner.emit(emit, orders),
        }
    }
    true
}

async fn writing(mut writer: Writer, mut queue: mpsc::UnboundedReceiver<Order>) {
    while let Some(order) = queue.recv().await {
        // What cannot be written shows at the reading side: as an end, or as a step that waits.
        match order {
            Order::Octets(octets) => {
                let _ = writer.write(octets).await;
            }
            Order::Message(message) => {
                let _ = writer.message(message).await;
            }
            Order::Flush(done) => {
                let _ = done.send(());
            }
            Order::End(done) => {
                let _ = writer.end().await;
                let _ = done.send(());
            }
        }
    }
}
