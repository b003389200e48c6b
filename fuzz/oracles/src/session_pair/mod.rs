//! A real client and a real server connection, joined by pipes that delay, split, block and break,
//! under two small applications: everything that was sent and not forgotten arrives exactly once and
//! in order, no result is lost, and once the faults end everything comes to rest.
//!
//! The input: the configuration (`Setup`), then operations of one octet and its arguments.

mod act;
mod client;
mod finish;
mod pipe;
mod server;
mod serving;
mod setup;

use std::time::Duration;

use eim_codec::connection::client::ClientConnection;
use eim_codec::connection::server::ServerConnection;
use eim_codec::connection::{AuthAttempt, CloseReason, Endpoint};
use eim_codec::registry::ErrorCode;
use eim_codec::time::Timestamp;

use self::client::Client;
use self::pipe::{Arrival, Faults, Pipe};
use self::server::Server;
use self::setup::Setup;
use crate::input::{Input, trace};
use crate::wire::{Session, Wire, fire};

/// Most operations of one input.
const OPERATIONS: usize = 1_500;

/// Rounds without time passing after which a pair that is still busy never comes to rest.
const ROUNDS: usize = 200_000;

/// See the module.
pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    let mut world = World::new(Setup::read(&mut input));
    world.connect();
    world.pump();
    for _ in 0..OPERATIONS {
        if input.is_empty() {
            break;
        }
        world.act(&mut input);
    }
    world.finish();
}

/// Both ends, what is between them, and time.
struct World {
    setup: Setup,
    now: Timestamp,
    client: Client,
    server: Server,
    up: Pipe,
    down: Pipe,
    /// The client, the server, writes nothing.
    blocked: (bool, bool),
    attempt: Option<Box<AuthAttempt>>,
    wire: Wire,
    connections: u8,
    /// Codes that ends are closed with on purpose.
    excused: Vec<ErrorCode>,
}

impl World {
    fn new(setup: Setup) -> Self {
        let unsettled = setup.server.unsettled_results;
        Self {
            wire: Wire::new(Session::default(), unsettled, 1 << 20),
            setup,
            now: Timestamp::from_micros(1_000_000),
            client: Client::new(),
            server: Server::new(),
            up: Pipe::new(Faults::NONE),
            down: Pipe::new(Faults::NONE),
            blocked: (false, false),
            attempt: None,
            connections: 0,
            excused: vec![
                ErrorCode::IDLE_TIMEOUT,
                ErrorCode::HANDSHAKE_TIMEOUT,
                ErrorCode::REPLACED,
            ],
        }
    }

    /// A new transport, unless the client has one.
    fn connect(&mut self) {
        if self.client.connection.is_some() {
            return;
        }
        trace!("connect");
        self.server.set_aside();
        let (client, server) = (self.setup.client.clone(), self.setup.server.clone());
        self.connections = self.connections.wrapping_add(1);
        let nonce = |side: u8| [side ^ self.connections; 32];
        self.client.connection = Some(ClientConnection::new(client, nonce(0x6e), self.now));
        self.server.connection = Some(ServerConnection::new(server, nonce(0x57), self.now));
        self.up = Pipe::new(self.up.faults);
        self.down = Pipe::new(self.down.faults);
        self.attempt = None;
        self.client.backgrounds = 0;
        self.server.events = 0;
        let session = std::mem::take(&mut self.wire.session);
        let unsettled = self.setup.server.unsettled_results;
        self.wire = Wire::new(session, unsettled, 1 << 20);
    }

    /// Lets everything happen that happens without time passing.
    fn pump(&mut self) {
        for _ in 0..ROUNDS {
            let progress = self.events() | self.transmit() | self.arrivals() | self.ends();
            if !progress {
                return;
            }
        }
        panic!("the pair never comes to rest");
    }

    fn events(&mut self) -> bool {
        let mut progress = false;
        while let Some(event) = self
            .client
            .connection
            .as_mut()
            .and_then(Endpoint::poll_event)
        {
            self.on_client_event(event);
            progress = true;
        }
        while let Some(event) = self
            .server
            .connection
            .as_mut()
            .and_then(Endpoint::poll_event)
        {
            self.on_server_event(event);
            progress = true;
        }
        self.tend_stale();
        progress
    }

    fn transmit(&mut self) -> bool {
        let mut progress = false;
        while let Some(client) = &mut self.client.connection
            && !self.blocked.0
            && self.up.takes_more()
            && let Some(chunk) = client.poll_transmit(self.now)
        {
            assert!(!chunk.is_empty());
            self.wire.client_sent(&chunk);
            self.up.send(self.now, chunk);
            progress = true;
        }
        while let Some(server) = &mut self.server.connection
            && !self.blocked.1
            && self.down.takes_more()
            && let Some(chunk) = server.poll_transmit(self.now)
        {
            assert!(!chunk.is_empty());
            self.wire.server_sent(&chunk);
            self.down.send(self.now, chunk);
            progress = true;
        }
        progress
    }

    fn arrivals(&mut self) -> bool {
        let mut progress = false;
        if let Some(server) = &mut self.server.connection
            && server.wants_read()
            && let Some(arrival) = self.up.arrive(self.now)
        {
            match arrival {
                Arrival::Octets(octets) => server.receive(self.now, octets),
                Arrival::End => server.transport_closed(self.now),
            }
            progress = true;
        }
        if let Some(client) = &mut self.client.connection
            && client.wants_read()
            && let Some(arrival) = self.down.arrive(self.now)
        {
            match arrival {
                Arrival::Octets(octets) => client.receive(self.now, octets),
                Arrival::End => client.transport_closed(self.now),
            }
            progress = true;
        }
        progress
    }

    /// Connections that are over are taken away once they have said all they had to say.
    fn ends(&mut self) -> bool {
        let mut progress = false;
        if self
            .client
            .connection
            .as_ref()
            .is_some_and(Endpoint::is_closed)
            && !self.blocked.0
            && self.up.takes_more()
        {
            progress = true;
            if !self.transmit() {
                self.events();
                self.up.end(self.now);
                self.down.broken = true;
                self.retire_client();
            }
        }
        if self
            .server
            .connection
            .as_ref()
            .is_some_and(Endpoint::is_closed)
            && !self.blocked.1
            && self.down.takes_more()
        {
            progress = true;
            if !self.transmit() {
                self.events();
                self.down.end(self.now);
                self.up.broken = true;
                self.retire_server();
            }
        }
        progress
    }

    /// Lets time pass, stopping whenever something is due.
    fn advance(&mut self, duration: Duration) -> usize {
        let end = self.now.saturating_add(duration);
        self.pump();
        let mut stops = 0;
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.fire();
            self.pump();
            stops += 1;
            assert!(stops < ROUNDS, "time does not pass");
        }
        self.now = end;
        self.fire();
        self.pump();
        stops
    }

    fn next_time(&self) -> Option<Timestamp> {
        let (client, server) = (&self.client.connection, &self.server.connection);
        let arrivals = [
            server
                .as_ref()
                .filter(|it| it.wants_read())
                .and_then(|_| self.up.next_at()),
            client
                .as_ref()
                .filter(|it| it.wants_read())
                .and_then(|_| self.down.next_at()),
        ];
        let timeouts = [
            client.as_ref().and_then(Endpoint::poll_timeout),
            server.as_ref().and_then(Endpoint::poll_timeout),
            self.server.stale.as_ref().and_then(Endpoint::poll_timeout),
        ];
        arrivals.into_iter().chain(timeouts).flatten().min()
    }

    fn fire(&mut self) {
        if let Some(client) = &mut self.client.connection {
            fire(client, self.now);
        }
        if let Some(server) = &mut self.server.connection {
            fire(server, self.now);
        }
        if let Some(stale) = &mut self.server.stale {
            fire(stale, self.now);
        }
    }

    /// An end has to have a reason; neither side ever breaks a rule.
    fn excuse(&self, reason: &CloseReason) {
        if let Some(code) = reason.code {
            // A client that may not keep much cannot always go on.
            if code == ErrorCode::CREDIT_REDUCED {
                assert!(self.setup.client.queue.retained_octets < 1 << 20);
                return;
            }
            assert!(self.excused.contains(&code), "{reason:?}");
        }
    }
}
