//! A frame to octets, for a receiver that would accept them.

use bytes::{Bytes, BytesMut};
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use eim_codec::{Decoded, Decoder, Frame, compression, encode_frame, version_octet};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Config;
use super::hex::{digits, octets};
use super::request::{Members, take, take_or_default};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToSend {
    r#type: u8,
    #[serde(default)]
    sequence: u32,
    #[serde(default)]
    compression: u8,
    payload_hex: Option<String>,
    content_hex: Option<String>,
}

/// Answers a request.
pub(super) fn answer(mut request: Members) -> Result<Value, String> {
    let config: Config = take_or_default(&mut request, "config")?;
    let frame: ToSend = take(&mut request, "frame")?;
    let compressed_here = frame.content_hex.is_some();
    let frame = frame.frame(&config)?;
    let fits = |octets: Bytes| match compressed_here {
        true => frame.content().map(|_| octets).map_err(|it| it.code),
        false => Ok(octets),
    };
    Ok(match encoded(&frame, &config).and_then(fits) {
        Ok(octets) => json!({"octets": digits(&octets)}),
        Err(code) => json!({"refuse": {"code": code.to_string()}}),
    })
}

impl ToSend {
    /// The frame under the selected version, compressed if it is given so.
    pub(super) fn frame(&self, config: &Config) -> Result<Frame, String> {
        let (frame_type, algorithm) = (FrameType(self.r#type), Compression(self.compression));
        let payload = match (&self.payload_hex, &self.content_hex) {
            (Some(payload), None) => Bytes::from(octets(payload)?),
            (None, Some(content)) => {
                let plain = Bytes::from(octets(content)?);
                // Without the algorithm the frame cannot be sent, which the receiver's rules tell.
                compression::compress_anyway(algorithm, &plain).unwrap_or(plain)
            }
            _ => return Err("a frame has either payload_hex or content_hex".into()),
        };
        Ok(Frame {
            version: version_octet(frame_type, config.version),
            frame_type,
            sequence: self.sequence,
            compression: algorithm,
            payload,
        })
    }
}

/// The octets of a frame, unless the receiver would have to refuse them.
pub(super) fn encoded(frame: &Frame, config: &Config) -> Result<Bytes, ErrorCode> {
    let mut out = BytesMut::new();
    encode_frame(frame, &mut out).map_err(|_| ErrorCode::PAYLOAD_TOO_LARGE)?;
    let octets = out.freeze();
    let mut receiver = Decoder::new(config.limits());
    receiver.feed(octets.clone());
    match receiver.next() {
        Ok(Decoded::Frame(frame)) => {
            config
                .admit(frame.frame_type, frame.sequence)
                .map_err(|reject| reject.code)?;
            Ok(octets)
        }
        Ok(Decoded::Incomplete { .. }) => Err(ErrorCode::INTERNAL),
        Err(rejected) => Err(rejected.code),
    }
}
