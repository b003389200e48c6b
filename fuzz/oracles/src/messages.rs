//! Every message of the protocol by its name, as the codec reads and writes it.

use bytes::Bytes;
use eim_codec::payload;
use eim_codec::registry::FrameType;
use prost::Message;

/// Decodes and encodes again; `None` when the octets are none.
pub(crate) type Again = fn(Bytes) -> Option<Vec<u8>>;

fn again<M: Message + Default>(octets: Bytes) -> Option<Vec<u8>> {
    let message: M = payload::decode(FrameType::TEXT, octets).ok()?;
    let encoded = message.encode_to_vec();
    assert_eq!(message.encoded_len(), encoded.len(), "the length it states");
    Some(encoded)
}

macro_rules! messages {
    ($($name:ident)*) => {
        &[$((concat!("eim.v1.", stringify!($name)), again::<payload::$name>)),*]
    };
}

/// Names and functions; the place of a message is part of the form of inputs: new ones go to the end.
pub(crate) const MESSAGES: &[(&str, Again)] = messages! {
    Hello Welcome Auth AuthChallenge AuthOk Error GoAway Ping Pong Window Ack Cursor Background Lagged
    Cancel DetachedEntry Request Response Event Send Push Entry TextBody CustomBody LocationBody
    MediaBody CardBody ForwardBody NoticeBody
    MembershipBody SettingsBody EditBody RecallBody ReactionBody PinBody EntryState BlobCredit BlobEnd
};

/// The message of this name, encoded again.
pub(crate) fn canonical(name: &str, octets: Bytes) -> Option<Vec<u8>> {
    let (_, again) = MESSAGES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("every payload of the registry is listed");
    again(octets)
}
