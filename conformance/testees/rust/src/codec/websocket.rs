//! WebSocket messages to frames, as a server takes them.

use bytes::Bytes;
use eim_codec::registry::ErrorCode;
use eim_codec::{Decoded, Decoder, DecoderLimits, Fault, Rejected};
use serde::Deserialize;

use super::hex::octets;

/// A message: binary, or else text.
#[derive(Deserialize)]
pub(super) struct Message {
    binary: Option<String>,
}

/// Numbers of frames in each message, or why the connection ends.
pub(super) fn frames(messages: Vec<Message>) -> Result<Result<Vec<usize>, ErrorCode>, String> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    let mut counts = Vec::new();
    for message in messages {
        let Some(digits) = message.binary else {
            return Ok(Err(Rejected::from(Fault::TextMessage).code));
        };
        decoder.feed(Bytes::from(octets(&digits)?));
        let mut count = 0;
        loop {
            match decoder.next() {
                Ok(Decoded::Frame(_)) => count += 1,
                Ok(Decoded::Incomplete { .. }) => break,
                Err(rejected) => return Ok(Err(rejected.code)),
            }
        }
        if let Err(rejected) = decoder.end_message() {
            return Ok(Err(rejected.code));
        }
        counts.push(count);
    }
    Ok(Ok(counts))
}
