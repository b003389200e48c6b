//! When an input has ended, the faults end too, and everything has to come to rest.

use std::time::Duration;

use eim_codec::connection::Endpoint;

use super::World;
use super::client::State;
use super::server::Live;
use crate::input::trace;

/// Seconds within which everything settles.
const SECONDS: usize = 120;

impl World {
    pub(super) fn finish(&mut self) {
        trace!("finish");
        self.client.eager = true;
        self.server.eager = true;
        self.blocked = (false, false);
        self.up.hurry(self.now);
        self.down.hurry(self.now);
        if self.up.broken || self.down.broken {
            self.lose();
        }
        self.pump();
        let mut second = 0;
        while !self.is_at_rest() {
            assert!(second < SECONDS, "never at rest: {}", self.state());
            self.oblige();
            self.advance(Duration::from_secs(1));
            second += 1;
        }
        self.check();
        self.idle();
    }

    /// Both sides notice that the transport is gone.
    fn lose(&mut self) {
        if let Some(client) = &mut self.client.connection {
            client.transport_closed(self.now);
        }
        if let Some(server) = &mut self.server.connection {
            server.transport_closed(self.now);
        }
        self.pump();
    }

    /// Both applications do what is theirs to do.
    fn oblige(&mut self) {
        self.pump();
        if self.client.connection.is_none() {
            self.connect();
            self.up.hurry(self.now);
            self.down.hurry(self.now);
            self.pump();
        }
        self.answer_all();
        while !self.server.requests.is_empty() {
            self.respond(0, 1);
        }
        self.client.flush();
        self.client.settle(None);
        self.client.consume(None);
        let cursor = self.client.cursor;
        if let Some(connection) = &mut self.client.connection {
            connection.cursor(1, cursor);
        }
    }

    fn is_at_rest(&self) -> bool {
        let (Some(client), Some(server)) = (&self.client.connection, &self.server.connection)
        else {
            return false;
        };
        let done = |state: State| !matches!(state, State::Waiting | State::Given(_));
        !self.wire.is_leaving()
            && self.server.live == Live::Connected
            && self.client.serial == self.server.serial
            && self.client.outbox.iter().all(|it| done(it.state))
            && self.server.missing() == 0
            && self.client.requests.is_empty()
            && self.client.to_settle.is_empty()
            && self.client.to_consume.is_empty()
            && self.server.pending.is_empty()
            && self
                .server
                .lagged
                .is_none_or(|told| self.client.lagged == Some(told))
            && self.server.cursor == self.client.cursor
            && client.queued() == (0, 0)
            && server.queued() == (0, 0)
    }

    fn state(&self) -> String {
        let waiting = self
            .client
            .outbox
            .iter()
            .filter(|it| it.state == State::Waiting);
        format!(
            "{} waiting, {} given, {} pushes missing, {} requests, {} pending, lagged {:?} {:?}, \
             cursor {} {}, live {:?}, serial {} {}, queued {:?} {:?}",
            waiting.count(),
            self.client.given().count(),
            self.server.missing(),
            self.client.requests.len(),
            self.server.pending.len(),
            self.server.lagged,
            self.client.lagged,
            self.server.cursor,
            self.client.cursor,
            self.server.live,
            self.client.serial,
            self.server.serial,
            self.client.connection.as_ref().map(|it| it.queued()),
            self.server.connection.as_ref().map(|it| it.queued()),
        )
    }

    /// What has to be true of everything that was ever sent.
    fn check(&self) {
        for (number, message) in self.client.outbox.iter().enumerate() {
            if let State::Placed(place) = message.state {
                assert_eq!(self.server.committed.get(&number), Some(&place));
            }
        }
        let mut places: Vec<_> = self.server.committed.values().collect();
        places.sort_unstable();
        assert!(
            places
                .into_iter()
                .copied()
                .eq(1..=self.server.committed.len() as u64)
        );
    }

    /// A pair at rest stays open, and nearly silent.
    fn idle(&mut self) {
        self.advance(Duration::from_secs(5));
        let interval = self.setup.server.heartbeat;
        let stops = self.advance(interval * 6);
        assert!(stops < 60, "{stops} wake-ups while nothing happens");
        let (Some(client), Some(server)) = (&self.client.connection, &self.server.connection)
        else {
            panic!("a connection that nobody closed is gone")
        };
        assert!(!client.is_closed() && !server.is_closed() && !self.wire.has_error());
    }
}
