//! What the server says.

use super::app::{hand_written, result};
use super::*;

impl World {
    pub(super) fn welcome(&mut self, how: u8) {
        let some = |list: Vec<u32>, bit: u8| if how & bit == 0 { list } else { Vec::new() };
        let algorithms = if self.config.compressions.is_empty() {
            vec![]
        } else {
            vec![1, 2, 3]
        };
        let known = if self.config.capabilities.is_empty() {
            vec![]
        } else {
            vec![1, 2, 3, 4]
        };
        self.hand.control(
            FrameType::WELCOME,
            &payload::Welcome {
                version: if how & 1 == 0 { 1 } else { 9 },
                compressions: some(algorithms, 2),
                capabilities: some(known, 4),
                max_frame_octets: [65_536, 16_384, 1, u32::MAX][usize::from(how >> 3 & 3)],
                mechanisms: vec!["SCRAM-SHA-256".into(), "EIM-RESUME".into()],
                heartbeat_ms: [45_000, 1_000, 999, 55_001][usize::from(how >> 5 & 3)],
                implementation: String::new(),
                nonce: vec![0x57; if how >> 7 == 0 { 32 } else { 31 }].into(),
            },
        );
    }

    pub(super) fn auth_ok(&mut self, how: u8) {
        let resumed = how & 1 != 0;
        if !resumed {
            self.sessions = self.sessions.wrapping_add(1);
            self.hand.begin(0);
        }
        let last = self.half.last();
        let credit = self.half.credit();
        let (received_through, frames, octets) = match (resumed, how >> 1 & 3) {
            (false, 3) => (0, 1, 65_546),
            (false, how) => (0, [64, 1, 1_000][usize::from(how)], 1_048_587),
            (true, 0 | 1) => (last, credit.0 + 5, credit.1 + 100_000),
            (true, 2) => (last / 2, credit.0, credit.1),
            (true, _) => (last + 1, 0, 0),
        };
        self.hand.control(
            FrameType::AUTH_OK,
            &payload::AuthOk {
                outcome: (if resumed {
                    SessionOutcome::Resumed
                } else {
                    SessionOutcome::Fresh
                })
                .into(),
                session_id: vec![self.sessions; if how & 0x80 == 0 { 16 } else { 15 }].into(),
                user_id: vec![0x11; 16].into(),
                window: Some(payload::Window {
                    received_through,
                    frames,
                    octets,
                }),
                log_epoch: 1,
                ..payload::AuthOk::default()
            },
        );
    }

    /// A push of any size, in one frame or in fragments.
    pub(super) fn push(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::CUSTOM,
            FrameType::ENTRY,
            FrameType(0x3E),
        ];
        let frame_type = input.pick(&types);
        let push = payload::Push {
            entry: Some(payload::Entry {
                body: body(u64::from(how), size.min(20_000), how & 8 != 0),
                ..payload::Entry::default()
            }),
            ..payload::Push::default()
        };
        self.hand
            .message(frame_type, &push.encode_to_vec().into(), how);
    }

    /// A control frame whose numbers are near what they should be.
    pub(super) fn control(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let last = self.half.last();
        let near = |number: u64| number.wrapping_add(u64::from(by % 4)).wrapping_sub(3);
        let hand = &mut self.hand;
        match kind % 12 {
            0..=2 => hand.control(
                FrameType::ACK,
                &payload::Ack {
                    log_epoch: 1,
                    results: (0..=by >> 5).map(|back| result(near(last), back)).collect(),
                },
            ),
            3 | 4 => {
                let credit = self.half.credit();
                hand.control(
                    FrameType::WINDOW,
                    &payload::Window {
                        received_through: near(last),
                        frames: credit.0.saturating_add(u64::from(kind >> 4)),
                        octets: credit.1.saturating_add(u64::from(by) * 1_000),
                    },
                );
            }
            5 => hand.control(FrameType::PING, &payload::Ping { token: by.into() }),
            6 => hand.control(
                FrameType::PONG,
                &payload::Pong {
                    token: u64::from(by % 4),
                    last_sequence_sent: hand_written(hand, by),
                    ..payload::Pong::default()
                },
            ),
            7 => hand.control(
                FrameType::RESPONSE,
                &payload::Response {
                    request_id: vec![by % 8; 16].into(),
                    operation: 1,
                    error: (kind & 16 == 0).then(ErrorInfo::default),
                    ..payload::Response::default()
                },
            ),
            8 => hand.control(FrameType::LAGGED, &payload::Lagged::default()),
            9 => hand.control(FrameType::EVENT, &payload::Event::default()),
            10 => hand.control(
                FrameType::AUTH_CHALLENGE,
                &payload::AuthChallenge::default(),
            ),
            _ => hand.numbered(
                FrameType::CANCEL,
                eim_codec::registry::Compression::NONE,
                payload::Cancel {
                    fragment_id: u32::from(by % 4),
                }
                .encode_to_vec()
                .into(),
            ),
        }
    }
}
