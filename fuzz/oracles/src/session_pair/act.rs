//! What an operation does.

use std::time::Duration;

use eim_codec::connection::{Endpoint, WindowSize};
use eim_codec::payload::{self, GoAway};
use eim_codec::registry::{ErrorCode, FrameType};

use super::World;
use super::client::{Asking, Message, State};
use super::pipe::Faults;
use crate::bodies::SIZES;
use crate::input::{Input, trace};

/// Counted control frames that applications may cause on one connection: what piles up on the way
/// must not look like a flood.
const COUNTED: u32 = 100;

const DURATIONS: [Duration; 8] = [
    Duration::from_millis(1),
    Duration::from_millis(60),
    Duration::from_millis(700),
    Duration::from_secs(3),
    Duration::from_secs(11),
    Duration::from_secs(50),
    Duration::from_secs(120),
    Duration::from_secs(1_000),
];

impl World {
    /// One operation. Its highest bit says that nothing else happens afterwards.
    #[expect(clippy::too_many_lines, reason = "one arm an act")]
    pub(super) fn act(&mut self, input: &mut Input<'_>) {
        let operation = input.octet();
        trace!("operation {}", operation & 0x7F);
        match (operation & 0x7F) % 32 {
            0..=2 => self.act_send(input),
            3 => self.act_burst(input),
            4 | 5 => self.act_push(input),
            6 => {
                for _ in 0..input.octet() % 70 {
                    self.server.push(None, FrameType::TEXT, 10, false);
                }
            }
            7 => {
                let (place, failure) = (input.place(self.server.pending.len()), input.octet());
                self.server.answer(place, failure % 8 == 1);
            }
            8 => self.answer_all(),
            9 => {
                let place = input.place(self.client.to_settle.len());
                self.client.settle(Some(place));
            }
            10 => {
                let place = input.place(self.client.to_consume.len());
                self.client.consume(Some(place));
            }
            11 => {
                let bits = input.octet();
                self.client.eager = bits & 1 == 0;
                self.server.eager = bits & 2 == 0;
                self.blocked = (bits & 4 != 0, bits & 8 != 0);
            }
            12 | 13 => {
                let duration = input.pick(&DURATIONS);
                self.advance(duration);
            }
            14 => self.up.faults = faults(input),
            15 => self.down.faults = faults(input),
            16 | 17 => self.act_cut(input),
            18 => {
                let how = input.octet();
                self.client.asking = [
                    Asking::Session,
                    Asking::Session,
                    Asking::Token,
                    Asking::Anew,
                ][usize::from(how % 4)];
                self.server.challenges = how >> 4 & 3;
                self.connect();
            }
            19 => {
                let given: Vec<_> = self.client.given().collect();
                if let Some(send) = given.get(input.place(given.len())) {
                    self.client.cancel(*send);
                }
            }
            20 => (0..=input.octet() % 24).for_each(|_| self.client.request()),
            21 => {
                let (place, size) = (input.place(self.server.requests.len()), input.octet());
                self.respond(place, usize::from(size) * 60);
            }
            22 => {
                self.client.cursor += u64::from(input.octet() % 8);
                let cursor = self.client.cursor;
                if let Some(connection) = &mut self.client.connection {
                    connection.cursor(1, cursor);
                }
            }
            23 => self.act_background(input),
            24 => self.act_leave(input),
            25 => self.act_close(input),
            26 => self.server.drop_pushes(),
            27 => self.act_event(input),
            28 => self.act_crash(input),
            29 => {
                let window = WindowSize {
                    frames: u32::from(input.octet()) * 4,
                    octets: u32::from(input.octet()) * 8_192,
                };
                if let Some(connection) = &mut self.server.connection {
                    connection.grow_window(window);
                }
            }
            30 => self.fire(),
            _ => self.pump(),
        }
        if operation & 0x80 == 0 {
            self.pump();
        }
    }

    fn act_send(&mut self, input: &mut Input<'_>) {
        let (bits, size) = (input.octet(), input.pick(&SIZES));
        // Seldom: the largest there are take time.
        self.send(bits, if bits >= 0xF8 { size * 8 } else { size });
        self.connect();
        self.client.flush();
    }

    fn act_burst(&mut self, input: &mut Input<'_>) {
        let (bits, count) = (input.octet(), input.octet() % 80);
        for _ in 0..count {
            self.send(bits, 20);
        }
        self.client.flush();
    }

    fn send(&mut self, bits: u8, size: usize) {
        let (lane, frame_type) = lane_and_type(bits, size);
        self.client.outbox.push(Message {
            lane,
            frame_type,
            size,
            noise: bits & 8 != 0,
            state: State::Waiting,
            cancelled: false,
        });
    }

    fn act_push(&mut self, input: &mut Input<'_>) {
        let (bits, size) = (input.octet(), input.pick(&SIZES));
        let (lane, mut frame_type) = lane_and_type(bits, size);
        if bits & 0x10 != 0 {
            frame_type = FrameType::ENTRY;
        }
        self.server.push(lane, frame_type, size, bits & 8 != 0);
    }

    pub(super) fn answer_all(&mut self) {
        while !self.server.pending.is_empty() {
            self.server.answer(0, false);
        }
    }

    /// The transport breaks; one side may not notice.
    fn act_cut(&mut self, input: &mut Input<'_>) {
        let (who, rescued) = (input.octet(), usize::from(input.octet()) * 11);
        let (up, down) = (self.up.cut(rescued), self.down.cut(rescued));
        if who % 4 != 1
            && let Some(server) = &mut self.server.connection
        {
            server.receive(self.now, up);
            server.transport_closed(self.now);
        }
        if who % 4 != 2
            && let Some(client) = &mut self.client.connection
        {
            client.receive(self.now, down);
            client.transport_closed(self.now);
        }
        // Nobody is blocked by a transport that is gone.
        self.blocked = (false, false);
    }

    fn act_background(&mut self, input: &mut Input<'_>) {
        let next_contact_ms = u64::from(input.octet()) * 4_000;
        if self.client.backgrounds < COUNTED
            && let Some(connection) = &mut self.client.connection
        {
            connection.background(next_contact_ms);
            self.client.backgrounds += 1;
        }
    }

    fn act_leave(&mut self, input: &mut Input<'_>) {
        let (who, deadline) = (input.flag(), u64::from(input.octet()) * 100);
        match (
            who,
            &mut self.client.connection,
            &mut self.server.connection,
        ) {
            (false, Some(client), _) => client.goaway(Duration::from_millis(deadline)),
            (true, _, Some(server)) => server.goaway(GoAway {
                deadline_ms: deadline,
                ..GoAway::default()
            }),
            _ => {}
        }
    }

    fn act_close(&mut self, input: &mut Input<'_>) {
        let who = input.octet();
        let code = if who & 2 == 0 {
            ErrorCode::SHUTTING_DOWN
        } else {
            ErrorCode::LOGGED_OUT
        };
        self.excused.push(code);
        match (
            who & 1,
            &mut self.client.connection,
            &mut self.server.connection,
        ) {
            (0, Some(client), _) => client.close(code, "on purpose"),
            (1, _, Some(server)) => server.close(code, "on purpose"),
            _ => {}
        }
    }

    fn act_event(&mut self, input: &mut Input<'_>) {
        let size = usize::from(input.octet());
        if self.server.events < COUNTED
            && let Some(connection) = &mut self.server.connection
        {
            connection.event(&payload::Event {
                event: 1,
                body: vec![0; size].into(),
            });
            self.server.events += 1;
        }
    }

    /// One side is forgotten entirely; the other one notices, or not.
    fn act_crash(&mut self, input: &mut Input<'_>) {
        let bits = input.octet();
        self.up.cut(0);
        self.down.cut(0);
        if bits & 1 == 0 {
            self.server.crash(bits & 2 != 0);
            if bits & 4 == 0
                && let Some(client) = &mut self.client.connection
            {
                client.transport_closed(self.now);
            }
        } else {
            self.client.crash(bits & 2 != 0);
            if bits & 4 == 0
                && let Some(server) = &mut self.server.connection
            {
                server.transport_closed(self.now);
            }
        }
        self.blocked = (false, false);
    }
}

fn lane_and_type(bits: u8, size: usize) -> (Option<u8>, FrameType) {
    let lane = (bits & 7).checked_sub(1).map(|lane| lane % 3);
    let frame_type = if bits & 0x20 != 0 {
        FrameType::ENCRYPTED
    } else if size <= 34_000 && bits & 0x40 == 0 {
        FrameType::TEXT
    } else {
        FrameType::CUSTOM
    };
    (lane, frame_type)
}

fn faults(input: &mut Input<'_>) -> Faults {
    let bits = input.octet();
    let delay = [0, 5, 300, 8_000][usize::from(bits & 3)];
    Faults {
        delay: Duration::from_millis(delay),
        piece: [usize::MAX, 1, 7, 1_000][usize::from(bits >> 2 & 3)],
        capacity: [usize::MAX, 1, 3_000, 70_000][usize::from(bits >> 4 & 3)],
    }
}
