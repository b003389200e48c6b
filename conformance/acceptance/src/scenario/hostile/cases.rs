//! Single peers that break one rule each, and the answer the specification calls for.

use std::net::SocketAddr;

use eim_codec::payload::{Ack, Ping, Pong, Send, send};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use crate::Failure;
use crate::scenario::hostile::peer::{Ending, Peer, frame, hello};

/// What must come back.
#[derive(Clone, Debug)]
enum Answer {
    /// ERROR with this code, and the end of the connection.
    Closes(ErrorCode),
    /// A result with this error for frame 1; the connection goes on.
    Refused(ErrorCode),
    /// Nothing; the connection goes on.
    Ignored,
}

/// One rule broken.
struct Case {
    name: &'static str,
    /// Authenticated first.
    open: bool,
    /// Octets for this user id.
    octets: fn(&[u8]) -> Vec<u8>,
    answer: Answer,
}

const UNKNOWN_CONTROL: FrameType = FrameType(0x1F);
const UNKNOWN_MESSAGE: FrameType = FrameType(0x3E);
const GREASE: FrameType = FrameType(0xEA);

fn cases() -> Vec<Case> {
    let mut cases = before_authentication();
    cases.extend(octets_that_are_no_frames());
    cases.extend(rules_of_the_session());
    cases
}

/// What strangers send.
fn before_authentication() -> Vec<Case> {
    use Answer::Closes;
    vec![
        Case {
            name: "a length of 4 GiB before authentication",
            open: false,
            octets: |_| vec![1, 1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            answer: Closes(ErrorCode::PAYLOAD_TOO_LARGE),
        },
        Case {
            name: "an unknown version",
            open: false,
            octets: |_| {
                let mut octets = frame(FrameType::HELLO, 0, 0, &hello().encode_to_vec());
                octets[0] = 9;
                octets
            },
            answer: Closes(ErrorCode::UNSUPPORTED_VERSION),
        },
        Case {
            name: "a message before authentication",
            open: false,
            octets: |_| frame(FrameType::TEXT, 1, 0, &[]),
            answer: Closes(ErrorCode::UNEXPECTED_FRAME),
        },
    ]
}

/// Octets that are no valid payload.
fn octets_that_are_no_frames() -> Vec<Case> {
    use Answer::{Closes, Refused};
    vec![
        Case {
            name: "a length of 4 GiB after authentication",
            open: true,
            octets: |_| vec![1, 0x20, 0, 0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            answer: Closes(ErrorCode::PAYLOAD_TOO_LARGE),
        },
        Case {
            name: "a zstd bomb that announces 1 GiB",
            open: true,
            octets: |_| frame(FrameType::TEXT, 1, 1, &bomb(1 << 30)),
            answer: Closes(ErrorCode::DECOMPRESSED_TOO_LARGE),
        },
        Case {
            name: "a zstd bomb that announces 1 KiB and holds 1 GiB",
            open: true,
            octets: |_| frame(FrameType::TEXT, 1, 1, &bomb(1 << 10)),
            answer: Closes(ErrorCode::DECOMPRESSION_FAILED),
        },
        Case {
            name: "text that is not UTF-8",
            open: true,
            octets: |user| frame(FrameType::TEXT, 1, 0, &text(user, b"\x0A\x02\xC3\x28")),
            answer: Refused(ErrorCode::INVALID_MESSAGE),
        },
    ]
}

/// Valid frames that the session does not allow, or does not know.
fn rules_of_the_session() -> Vec<Case> {
    use Answer::{Closes, Ignored, Refused};
    vec![
        Case {
            name: "an unknown control type",
            open: true,
            octets: |_| frame(UNKNOWN_CONTROL, 0, 0, &[]),
            answer: Closes(ErrorCode::INVALID_TYPE),
        },
        Case {
            name: "an unknown message type",
            open: true,
            octets: |user| frame(UNKNOWN_MESSAGE, 1, 0, &text(user, b"\x0A\x01x")),
            answer: Refused(ErrorCode::UNSUPPORTED),
        },
        Case {
            name: "grease",
            open: true,
            octets: |_| frame(GREASE, 0, 0, &[0x5A; 64]),
            answer: Ignored,
        },
        Case {
            name: "a wrong sequence",
            open: true,
            octets: |user| frame(FrameType::TEXT, 7, 0, &text(user, b"\x0A\x01x")),
            answer: Closes(ErrorCode::BAD_SEQUENCE),
        },
        Case {
            name: "5,000 frames at once beyond the credit",
            open: true,
            octets: |_| {
                (1..=5000)
                    .flat_map(|number| frame(UNKNOWN_MESSAGE, number, 0, &[]))
                    .collect()
            },
            answer: Closes(ErrorCode::CREDIT_EXCEEDED),
        },
    ]
}

/// Plays every case against the server; returns a line for each.
pub(crate) fn play(
    address: SocketAddr,
    user: &str,
    password: &str,
) -> Result<Vec<String>, Failure> {
    let mut report = Vec::new();
    for case in cases() {
        let mut peer = if case.open {
            Peer::open(address, user, password)?
        } else {
            Peer::connect(address)?
        };
        let octets = (case.octets)(peer.user());
        peer.write(&octets)?;
        check(&case, &mut peer)?;
        report.push(format!("{}: {:?}", case.name, case.answer));
    }
    Ok(report)
}

fn check(case: &Case, peer: &mut Peer) -> Result<(), Failure> {
    match &case.answer {
        Answer::Closes(code) => {
            let ending = peer.read_to_end()?;
            expect(case, ending == Ending::Error(*code), &format!("{ending:?}"))
        }
        Answer::Refused(code) => {
            let ack = peer.read_until(FrameType::ACK)?;
            let ack =
                Ack::decode(&ack.payload[..]).map_err(|error| Failure::Run(error.to_string()))?;
            let got = ack.results.first().map(|result| {
                (
                    result.ordinal,
                    result.error.as_ref().map_or(0, |error| error.code),
                )
            });
            expect(
                case,
                got == Some((1, u32::from(code.0))),
                &format!("{got:?}"),
            )?;
            answers_ping(case, peer)
        }
        Answer::Ignored => answers_ping(case, peer),
    }
}

/// The barrier: whatever the peer did, the connection still answers PING, with nothing but flow
/// control before it.
fn answers_ping(case: &Case, peer: &mut Peer) -> Result<(), Failure> {
    peer.send(FrameType::PING, 0, &Ping { token: 4711 })?;
    loop {
        let answer = peer.read()?;
        match answer.frame_type {
            FrameType::WINDOW | FrameType::PING => {}
            FrameType::PONG => {
                let pong = Pong::decode(&answer.payload[..])
                    .map_err(|error| Failure::Run(error.to_string()))?;
                return expect(case, pong.token == 4711, &format!("token {}", pong.token));
            }
            other => return expect(case, false, &format!("{other:?}")),
        }
    }
}

fn expect(case: &Case, holds: bool, got: &str) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::Verdict(format!(
            "{}: expected {:?}, got {got}",
            case.name, case.answer
        )))
    }
}

/// A Send to oneself.
fn text(user: &[u8], body: &'static [u8]) -> Vec<u8> {
    Send {
        target: Some(send::Target::DirectTo(user.to_vec().into())),
        client_msg_id: message_id().into(),
        body: body.into(),
        ..Send::default()
    }
    .encode_to_vec()
}

/// A UUIDv7; one is enough, because no message of these cases is ever accepted.
fn message_id() -> Vec<u8> {
    vec![0x01, 0x93, 0, 0, 0, 0, 0x70, 1, 0x80, 0, 0, 0, 0, 0, 0, 1]
}

/// A compressed payload whose size prefix says `announced` and whose zstd frame holds 1 GiB: a
/// frame header with a window of 128 KiB, then run-length blocks of 128 KiB each.
fn bomb(announced: u32) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    const BLOCKS: u32 = (1 << 30) / BLOCK;
    let mut octets = announced.to_be_bytes().to_vec();
    octets.extend_from_slice(&[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]);
    for number in 1..=BLOCKS {
        let last = u32::from(number == BLOCKS);
        let header = last | (1 << 1) | (BLOCK << 3);
        octets.extend_from_slice(&header.to_le_bytes()[..3]);
        octets.push(0);
    }
    octets
}
