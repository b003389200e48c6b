//! Keys of answers, made from what they answer.

use eim_client::store::Message;
use eim_codec::id::ClientMsgId;
use sha2::{Digest as _, Sha256};

/// The key of an answer to `message`; `what` tells several answers to one message apart. A UUIDv7 as
/// others, whose time is that of the message: the same whenever and wherever it is made, so that
/// the server takes the answer once even from a bot that has forgotten everything.
pub(crate) fn answer_key(message: &Message, what: &str) -> ClientMsgId {
    let hash = Sha256::new()
        .chain_update(b"eim-bot ")
        .chain_update(what)
        .chain_update(message.conversation.as_bytes())
        .chain_update(message.log_epoch.to_be_bytes())
        .chain_update(message.conv_seq.to_be_bytes())
        .finalize();
    let mut octets = [0; 16];
    octets.copy_from_slice(&hash[..16]);
    let [_, _, time @ ..] = message.time_ms.to_be_bytes();
    octets[..6].copy_from_slice(&time);
    octets[6] = octets[6] & 0x0F | 0x70;
    octets[8] = octets[8] & 0x3F | 0x80;
    ClientMsgId::from(octets)
}
