//! Payloads to Protobuf messages, and back in the canonical form.

use bytes::Bytes;
use eim_codec::Rejected;
use eim_codec::payload::{self, decode};
use eim_codec::registry::FrameType;
use prost::Message;

use super::config::Role;

/// The message of a payload encoded again; `None` for types whose payload is none or is unknown.
pub(super) fn canonical(
    frame_type: FrameType,
    role: Role,
    content: &Bytes,
) -> Result<Option<Vec<u8>>, Rejected> {
    let Some(info) = frame_type.info() else {
        return Ok(None);
    };
    let content = content.clone();
    let again = match (info.payload, role) {
        ("eim.v1.Hello", _) => again::<payload::Hello>(frame_type, content),
        ("eim.v1.Welcome", _) => again::<payload::Welcome>(frame_type, content),
        ("eim.v1.Auth", _) => again::<payload::Auth>(frame_type, content),
        ("eim.v1.AuthChallenge", _) => again::<payload::AuthChallenge>(frame_type, content),
        ("eim.v1.AuthOk", _) => again::<payload::AuthOk>(frame_type, content),
        ("eim.v1.Error", _) => again::<payload::Error>(frame_type, content),
        ("eim.v1.GoAway", _) => again::<payload::GoAway>(frame_type, content),
        ("eim.v1.Ping", _) => again::<payload::Ping>(frame_type, content),
        ("eim.v1.Pong", _) => again::<payload::Pong>(frame_type, content),
        ("eim.v1.Window", _) => again::<payload::Window>(frame_type, content),
        ("eim.v1.Ack", _) => again::<payload::Ack>(frame_type, content),
        ("eim.v1.Cursor", _) => again::<payload::Cursor>(frame_type, content),
        ("eim.v1.Background", _) => again::<payload::Background>(frame_type, content),
        ("eim.v1.Lagged", _) => again::<payload::Lagged>(frame_type, content),
        ("eim.v1.Cancel", _) => again::<payload::Cancel>(frame_type, content),
        ("eim.v1.DetachedEntry", _) => again::<payload::DetachedEntry>(frame_type, content),
        ("eim.v1.Request", _) => again::<payload::Request>(frame_type, content),
        ("eim.v1.Response", _) => again::<payload::Response>(frame_type, content),
        ("eim.v1.BlobCredit", _) => again::<payload::BlobCredit>(frame_type, content),
        ("eim.v1.BlobEnd", _) => again::<payload::BlobEnd>(frame_type, content),
        ("eim.v1.Event", _) => again::<payload::Event>(frame_type, content),
        ("eim.v1.Send|eim.v1.Push", Role::Server) => again::<payload::Send>(frame_type, content),
        ("eim.v1.Send|eim.v1.Push" | "eim.v1.Push", _) => {
            again::<payload::Push>(frame_type, content)
        }
        _ => return Ok(None),
    };
    again.map(Some)
}

fn again<M: Message + Default>(t: FrameType, content: Bytes) -> Result<Vec<u8>, Rejected> {
    decode::<M>(t, content).map(|message| message.encode_to_vec())
}
