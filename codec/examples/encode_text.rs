//! Writes a TEXT frame to standard output: a message of one user to another.
//!
//! ```text
//! cargo run -p eim-codec --features connection --example encode_text -- hello | xxd
//! ```

use std::error::Error;
use std::io::Write;

use bytes::BytesMut;
use eim_codec::Encoder;
use eim_codec::id::{ClientMsgId, UserId};
use eim_codec::payload::{Send, Target, TextBody};
use eim_codec::registry::{FrameType, limits};

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "hello".into());
    let body = TextBody::encode_text(text);
    TextBody::check(&body)?;

    // The server tells the peer's id (USERS); a real client draws a UUIDv7 for each message.
    let peer = UserId::from([0x22; 16]);
    let client_msg_id: ClientMsgId = "0190b5a0c0de7000800000000000002a".parse()?;
    let send = Send::new(Target::DirectTo(peer), client_msg_id, body);

    // Sequence 1: the first sequenced frame of the session.
    let encoder = Encoder::new(eim_codec::VERSION, limits::FRAME_OCTETS.default);
    let mut out = BytesMut::new();
    encoder.message(FrameType::TEXT, 1, &send, &mut out)?;
    std::io::stdout().write_all(&out)?;
    Ok(())
}
