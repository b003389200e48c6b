//! What the peer says.

use super::app::frame;
use super::*;

impl World {
    pub(super) fn hello(&mut self, how: u8) {
        let hello = payload::Hello {
            versions: vec![if how & 1 == 0 { 1 } else { 9 }],
            compressions: if how & 2 == 0 {
                vec![1, 2, 3, 0x7777]
            } else {
                vec![]
            },
            capabilities: if how & 4 == 0 {
                vec![1, 2, 3, 4, 99]
            } else {
                vec![]
            },
            max_frame_octets: [65_536, 16_384, 1, u32::MAX][usize::from(how >> 3 & 3)],
            implementation: "x".repeat(usize::from(how >> 5)),
            nonce: vec![0x6e; 32].into(),
        };
        self.hand.control(FrameType::HELLO, &hello);
        let frame = frame(FrameType::HELLO, hello.encode_to_vec().into());
        self.hello = frame;
    }

    pub(super) fn auth(&mut self, how: u8) {
        let resumes = how & 1 != 0;
        let mechanism = if resumes {
            "EIM-RESUME"
        } else {
            "SCRAM-SHA-256"
        };
        let known = self.session.as_ref().filter(|_| how >> 6 != 3);
        let session_id = known.map_or([how; 16], |it| it.id().into());
        let window = match how >> 1 & 3 {
            0 => payload::Window {
                received_through: if resumes { self.half.last() } else { 0 },
                frames: 1_000,
                octets: 10 << 20,
            },
            1 => payload::Window {
                received_through: 0,
                frames: 1,
                octets: 1_048_587,
            },
            2 => payload::Window::default(),
            _ => payload::Window {
                received_through: self.half.last() / 2,
                frames: u64::MAX,
                octets: u64::MAX,
            },
        };
        let mode = [AttachMode::Full, AttachMode::SendOnly][usize::from(how >> 3 & 1)];
        let auth = payload::Auth {
            mechanism: mechanism.to_owned(),
            data: vec![how; usize::from(how >> 4)].into(),
            binding: self.binding.to_vec().into(),
            device: Some(payload::Device {
                device_id: vec![0xD1; 16].into(),
                ..payload::Device::default()
            }),
            mode: mode.into(),
            window: Some(window),
            session_id: session_id.to_vec().into(),
            log_epoch: 1,
            user_seq: 0,
        };
        self.hand.control(FrameType::AUTH, &auth);
    }

    /// A message of any size, in one frame or in fragments.
    pub(super) fn message(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::CUSTOM,
            FrameType::ENCRYPTED,
            FrameType(0x3E),
        ];
        let frame_type = input.pick(&types);
        let send = payload::Send {
            client_msg_id: vec![how; 16].into(),
            body: body(u64::from(how), size.min(20_000), how & 8 != 0),
            ..payload::Send::default()
        };
        self.hand
            .message(frame_type, &send.encode_to_vec().into(), how);
    }

    /// A control frame whose numbers are near what they should be.
    pub(super) fn control(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let near = |number: u64| number.wrapping_add(u64::from(by % 8)).wrapping_sub(3);
        let hand = &mut self.hand;
        match kind % 10 {
            0 | 1 => hand.control(
                FrameType::CURSOR,
                &payload::Cursor {
                    log_epoch: u64::from(kind >> 4 & 1),
                    user_seq: near(self.app.cursor.1),
                    settled_through: near(
                        self.app.last_ordinal.saturating_sub(u64::from(kind >> 6)),
                    ),
                },
            ),
            2 | 3 => {
                let credit = self.half.credit();
                hand.control(
                    FrameType::WINDOW,
                    &payload::Window {
                        received_through: self.half.last().min(near(self.half.last())),
                        frames: credit.0.saturating_add(u64::from(kind >> 4)),
                        octets: credit.1.saturating_add(u64::from(by) * 1_000),
                    },
                );
            }
            4 => hand.control(
                FrameType::PING,
                &payload::Ping {
                    token: u64::from(by),
                },
            ),
            5 => hand.control(
                FrameType::PONG,
                &payload::Pong {
                    token: u64::from(by % 4),
                    ..payload::Pong::default()
                },
            ),
            6 => hand.control(
                FrameType::REQUEST,
                &payload::Request {
                    request_id: vec![by % 32; usize::from(kind >> 4) + 1].into(),
                    operation: 1,
                    ..payload::Request::default()
                },
            ),
            7 => hand.control(
                FrameType::BACKGROUND,
                &payload::Background {
                    next_contact_ms: u64::from(by) * 4_000,
                },
            ),
            8 => hand.control(FrameType::CANCEL, &payload::Cancel::default()),
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

    pub(super) fn burst(&mut self, input: &mut Input<'_>) {
        let (kind, count) = (input.octet(), input.octet());
        for number in 0..count {
            match kind % 4 {
                0 => self.hand.control(
                    FrameType::PING,
                    &payload::Ping {
                        token: number.into(),
                    },
                ),
                1 => self.hand.message(FrameType::TEXT, &Bytes::new(), 0),
                2 => self
                    .hand
                    .control(FrameType(0xE5), &payload::Ping::default()),
                _ => self.hand.control(
                    FrameType::REQUEST,
                    &payload::Request {
                        request_id: vec![number; 16].into(),
                        ..payload::Request::default()
                    },
                ),
            }
        }
    }
}
