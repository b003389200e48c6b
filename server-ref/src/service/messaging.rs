//! Messages on their way in: what is checked before the store sees them.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{self, CheckedSend, Send};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::Refusal;
use crate::store::{Append, Target};

/// Bodies below this size are copied out of the chunk they arrived in: a queued message of 200
/// octets must not keep a read of 64 KiB alive.
const COPY_BELOW_OCTETS: usize = 4096;

/// A message that may go to the store.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where it goes.
    pub conversation: ConversationId,
    /// What to append.
    pub append: Append,
}

/// Why a message does not go to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Only this message fails, and what follows it in its conversation, if that is known.
    Message(Refusal, Option<ConversationId>),
    /// The payload is no `Send`: the connection ends.
    Malformed,
}

/// Checks a message of `user` that arrived in a frame of `frame_type`.
///
/// # Errors
/// A [`Fault`].
// impl[EIM-MSG-007, EIM-MSG-020, EIM-MSG-025, EIM-EXT-004, EIM-MSG-033]
pub fn check(user: UserId, frame_type: FrameType, payload: Bytes) -> Result<Checked, Fault> {
    if frame_type.info().is_none() {
        let detail = format!("type {frame_type} is not supported");
        let refusal = Refusal::new(ErrorCode::UNSUPPORTED, detail);
        let send = Send::decode(payload).ok();
        let conversation = send.and_then(|send| addressed(user, &send));
        return Err(Fault::Message(refusal, conversation));
    }
    let send: Send = payload::decode(frame_type, payload).map_err(|_| Fault::Malformed)?;
    let addressed = addressed(user, &send);
    let send = CheckedSend::new(frame_type, send).map_err(|error| {
        Fault::Message(Refusal::new(error.code(), error.to_string()), addressed)
    })?;
    let conversation = conversation(user, send.target);
    let target = match send.target {
        payload::Target::Conversation(id) => Target::Conversation(id),
        payload::Target::DirectTo(peer) => Target::Direct(peer),
    };
    let body = if send.body.len() < COPY_BELOW_OCTETS {
        Bytes::copy_from_slice(&send.body)
    } else {
        send.body
    };
    let append = Append {
        target,
        frame_type,
        client_msg_id: send.client_msg_id,
        first_sent_at_ms: send.first_sent_at_ms,
        after_failed: send.after_failed,
        body,
        fallback_text: send.fallback_text,
        blobs: send.blobs,
    };
    Ok(Checked {
        conversation,
        append,
    })
}

/// The conversation that a message means which may break other rules; `None` if it names none.
fn addressed(user: UserId, send: &Send) -> Option<ConversationId> {
    let target = payload::Target::try_from(send.target.as_ref()?).ok()?;
    Some(conversation(user, target))
}

fn conversation(user: UserId, target: payload::Target) -> ConversationId {
    match target {
        payload::Target::Conversation(id) => id,
        payload::Target::DirectTo(peer) => ConversationId::direct(user, peer),
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::id::ClientMsgId;
    use eim_codec::payload::TextBody;

    use super::*;

    fn user() -> UserId {
        UserId::from([1; 16])
    }

    #[test]
    fn direct_and_conversation_targets_lead_to_the_same_conversation() {
        let peer = UserId::from([2; 16]);
        let send = |target| {
            let body = TextBody::encode_text("hi");
            let send = Send::new(target, ClientMsgId::from([3; 16]), body);
            check(user(), FrameType::TEXT, send.encode_to_vec().into()).unwrap()
        };
        let direct = send(payload::Target::DirectTo(peer));
        let id = ConversationId::direct(user(), peer);
        let conversation = send(payload::Target::Conversation(id));
        assert_eq!(direct.conversation, conversation.conversation);
        assert_eq!(direct.append.target, Target::Direct(peer));
        assert_eq!(conversation.append.target, Target::Conversation(id));
    }

    #[test]
    fn unknown_types_are_unsupported_and_garbage_is_malformed() {
        let fault = check(user(), FrameType(0x3F), Bytes::from_static(b"\xff")).unwrap_err();
        assert!(matches!(fault, Fault::Message(r, None) if r.code == ErrorCode::UNSUPPORTED));
        let fault = check(user(), FrameType::TEXT, Bytes::from_static(b"\xff")).unwrap_err();
        assert_eq!(fault, Fault::Malformed);
        let fault = check(user(), FrameType::TEXT, Bytes::new()).unwrap_err();
        assert!(matches!(fault, Fault::Message(r, None) if r.code == ErrorCode::INVALID_MESSAGE));
    }

    #[test]
    fn what_is_refused_names_its_conversation_when_it_can() {
        let peer = UserId::from([2; 16]);
        let target = payload::Target::DirectTo(peer);
        let send = Send::new(
            target,
            ClientMsgId::from([3; 16]),
            Bytes::from_static(b"\xff"),
        );
        let payload = Bytes::from(send.encode_to_vec());
        let expected = Some(ConversationId::direct(user(), peer));
        for (frame_type, code) in [
            (FrameType(0x3F), ErrorCode::UNSUPPORTED),
            (FrameType::TEXT, ErrorCode::INVALID_MESSAGE),
        ] {
            let fault = check(user(), frame_type, payload.clone()).unwrap_err();
            assert!(matches!(fault, Fault::Message(r, at) if r.code == code && at == expected));
        }
    }
}
