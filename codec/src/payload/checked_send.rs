//! `Send` with everything checked that the frame alone can tell.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Modifier, Send, TextBody, send};
use crate::id::{BlobId, ClientMsgId, ConversationId, InvalidId, UserId};
use crate::registry::{ErrorCode, FrameType, limits};

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A conversation the sender is a member of.
    Conversation(ConversationId),
    /// The direct conversation with this user, created on demand.
    DirectTo(UserId),
}

impl From<Target> for send::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::Conversation(id) => Self::Conversation(id.to_bytes()),
            Target::DirectTo(id) => Self::DirectTo(id.to_bytes()),
        }
    }
}

impl TryFrom<&send::Target> for Target {
    type Error = InvalidId;

    fn try_from(target: &send::Target) -> Result<Self, InvalidId> {
        match target {
            send::Target::Conversation(id) => {
                ConversationId::from_slice(id).map(Self::Conversation)
            }
            send::Target::DirectTo(id) => UserId::from_slice(id).map(Self::DirectTo),
        }
    }
}

/// Room kept in the cap of a type for what `Push` and `Entry` add to body and fallback text.
const PUSH_OVERHEAD_OCTETS: u32 = 256;

/// A message that keeps the rules of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSend {
    /// Where it goes.
    pub target: Target,
    /// Idempotency key.
    pub client_msg_id: ClientMsgId,
    /// Server time of the first attempt, in Unix milliseconds; 0 on the first attempt.
    pub first_sent_at_ms: u64,
    /// The sender knows that an earlier message of the conversation failed.
    pub after_failed: bool,
    /// Body as sent.
    pub body: Bytes,
    /// Fallback text as sent.
    pub fallback_text: String,
    /// Blobs that the message refers to, each once.
    pub blobs: Vec<BlobId>,
}

/// Why a message fails; the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSend {
    /// Neither `conversation` nor `direct_to`.
    #[error("the message has no target")]
    NoTarget,
    /// The target is not an id.
    #[error("target: {0}")]
    Target(InvalidId),
    /// `client_msg_id` is not an id.
    #[error("client_msg_id: {0}")]
    ClientMsgId(InvalidId),
    /// An extension that must be understood is not.
    #[error("critical extension {0} is not supported")]
    CriticalExtension(u32),
    /// The body of a TEXT is not a `TextBody`, or not UTF-8.
    #[error("the body is not text")]
    NotText,
    /// A place that is not on the globe.
    #[error("latitude or longitude is out of range")]
    Coordinates,
    /// A namespace that is no reversed domain name.
    #[error("the namespace is no reversed domain name")]
    Namespace,
    /// A body that breaks a rule of its type.
    #[error("content: {0}")]
    Content(&'static str),
    /// A mention that is no id.
    #[error("mentions: {0}")]
    Mention(InvalidId),
    /// A blob that is no id, is named twice, or is named by an operation.
    #[error("blobs: not an id, or not once")]
    Blobs,
    /// The body of an operation is not that of its type, or names no target.
    #[error("the body is not that of the operation")]
    NotOperation,
    /// More of something than its limit allows.
    #[error("{count} {what} where at most {max} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// Limit.
        max: u32,
    },
    /// A text or body beyond its limit.
    #[error("{octets} octets where at most {max} are allowed")]
    TooLarge {
        /// Octets of the text or body.
        octets: usize,
        /// Limit in octets.
        max: u32,
    },
}

impl InvalidSend {
    /// The code of the message's result.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NoTarget
            | Self::Target(_)
            | Self::ClientMsgId(_)
            | Self::NotText
            | Self::Coordinates
            | Self::Namespace
            | Self::Content(_)
            | Self::Mention(_)
            | Self::Blobs
            | Self::NotOperation
            | Self::TooMany { .. } => ErrorCode::INVALID_MESSAGE,
            Self::CriticalExtension(_) => ErrorCode::UNSUPPORTED,
            Self::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
        }
    }
}

impl CheckedSend {
    /// Checks `send`, which arrived in a frame of `frame_type`. This version knows no critical
    /// extension.
    ///
    /// # Errors
    /// [`InvalidSend`].
    // impl[EIM-MSG-005, EIM-MSG-026, EIM-MSG-028, EIM-MSG-032]
    pub fn new(frame_type: FrameType, send: Send) -> Result<Self, InvalidSend> {
        let target = send.target.as_ref().ok_or(InvalidSend::NoTarget)?;
        let target = Target::try_from(target).map_err(InvalidSend::Target)?;
        let client_msg_id =
            ClientMsgId::from_slice(&send.client_msg_id).map_err(InvalidSend::ClientMsgId)?;
        if let Some(extension) = send.critical_extensions.first() {
            return Err(InvalidSend::CriticalExtension(*extension));
        }
        within(send.body.len(), limits::MESSAGE_OCTETS.default)?;
        if frame_type == FrameType::TEXT {
            TextBody::check(&send.body)?;
        }
        Modifier::of(frame_type, &send.body)?;
        let blobs = blobs(frame_type, &send.blobs)?;
        if let Some(info) = frame_type.info() {
            // impl[EIM-MSG-068] What every member is pushed has to fit as well.
            let content = send.body.len().saturating_add(send.fallback_text.len());
            within(
                content,
                info.max_octets.saturating_sub(PUSH_OVERHEAD_OCTETS),
            )?;
        }
        Ok(Self {
            target,
            client_msg_id,
            first_sent_at_ms: send.first_sent_at_ms,
            after_failed: send.after_failed,
            body: send.body,
            fallback_text: send.fallback_text,
            blobs,
        })
    }
}

impl Send {
    /// A first attempt at a message.
    #[must_use]
    pub fn new(target: Target, client_msg_id: ClientMsgId, body: Bytes) -> Self {
        Self {
            target: Some(target.into()),
            client_msg_id: client_msg_id.to_bytes(),
            body,
            ..Self::default()
        }
    }
}

/// What a message refers to: operations refer to nothing.
// impl[EIM-BLB-029]
fn blobs(frame_type: FrameType, named: &[Bytes]) -> Result<Vec<BlobId>, InvalidSend> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    at_most("blobs", named.len(), limits::MESSAGE_BLOBS.default)?;
    let blobs: Result<Vec<BlobId>, _> = named.iter().map(|id| BlobId::from_slice(id)).collect();
    let mut blobs = blobs.map_err(|_| InvalidSend::Blobs)?;
    blobs.sort_unstable();
    let twice = blobs.windows(2).any(|pair| pair.first() == pair.last());
    if twice || !matches!(frame_type.0, 0x20..=0x3F) {
        return Err(InvalidSend::Blobs);
    }
    Ok(blobs)
}

pub(super) fn within(octets: usize, max: u32) -> Result<(), InvalidSend> {
    match u32::try_from(octets) {
        Ok(length) if length <= max => Ok(()),
        _ => Err(InvalidSend::TooLarge { octets, max }),
    }
}

pub(super) fn at_most(what: &'static str, count: usize, max: u32) -> Result<(), InvalidSend> {
    match u32::try_from(count) {
        Ok(found) if found <= max => Ok(()),
        _ => Err(InvalidSend::TooMany { what, count, max }),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn send(body: impl Into<Bytes>) -> Send {
        let target = Target::DirectTo(UserId::from([7; 16]));
        Send::new(target, ClientMsgId::from([9; 16]), body.into())
    }

    fn code(frame_type: FrameType, send: Send) -> Option<ErrorCode> {
        CheckedSend::new(frame_type, send)
            .err()
            .map(InvalidSend::code)
    }

    #[test]
    fn a_text_passes_as_it_is() {
        let body = TextBody::encode_text("你好");
        let checked = CheckedSend::new(FrameType::TEXT, send(body.clone())).unwrap();
        assert_eq!(checked.target, Target::DirectTo(UserId::from([7; 16])));
        assert_eq!(checked.client_msg_id, ClientMsgId::from([9; 16]));
        assert_eq!(checked.body, body);
    }

    #[test]
    fn ids_have_16_octets() {
        let no_target = Send {
            target: None,
            ..send("")
        };
        assert_eq!(
            code(FrameType::TEXT, no_target),
            Some(ErrorCode::INVALID_MESSAGE)
        );
        for octets in [0, 15, 17] {
            let id = Bytes::from(vec![1; octets]);
            let target = Some(send::Target::Conversation(id.clone()));
            let bad_target = Send { target, ..send("") };
            assert_eq!(
                code(FrameType::TEXT, bad_target),
                Some(ErrorCode::INVALID_MESSAGE)
            );
            let bad_key = Send {
                client_msg_id: id,
                ..send("")
            };
            assert_eq!(
                code(FrameType::TEXT, bad_key),
                Some(ErrorCode::INVALID_MESSAGE)
            );
        }
    }

    #[test]
    fn text_is_utf8_within_its_limit_and_may_be_empty() {
        let max = usize::try_from(limits::TEXT_OCTETS.default).unwrap();
        let text =
            |octets| TextBody::encode_text(core::str::from_utf8(&vec![b'a'; octets]).unwrap());
        assert_eq!(code(FrameType::TEXT, send("")), None);
        assert_eq!(code(FrameType::TEXT, send(text(max))), None);
        assert_eq!(
            code(FrameType::TEXT, send(text(max + 1))),
            Some(ErrorCode::MESSAGE_TOO_LARGE)
        );
        for body in [
            vec![0x0A, 2, 0xC3, 0x28],
            vec![0x0A, 9, b'a'],
            vec![0x08, 1],
        ] {
            assert_eq!(
                code(FrameType::TEXT, send(body)),
                Some(ErrorCode::INVALID_MESSAGE)
            );
        }
    }

    #[test]
    fn other_bodies_are_opaque() {
        let octets: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(code(FrameType::CUSTOM, send(octets.clone())), None);
        assert_eq!(code(FrameType(0x3F), send(octets)), None);
    }

    #[test]
    fn body_and_fallback_text_leave_room_for_the_push() {
        let cap = FrameType::CARD.info().unwrap().max_octets - PUSH_OVERHEAD_OCTETS;
        let with = |fallback: u32| Send {
            fallback_text: "a".repeat(usize::try_from(fallback).unwrap()),
            ..send("body")
        };
        assert_eq!(code(FrameType::CARD, with(cap - 4)), None);
        assert_eq!(
            code(FrameType::CARD, with(cap - 3)),
            Some(ErrorCode::MESSAGE_TOO_LARGE)
        );
    }

    #[test]
    fn an_unknown_critical_extension_is_unsupported() {
        let send = Send {
            critical_extensions: vec![4],
            ..send("")
        };
        assert_eq!(code(FrameType::TEXT, send), Some(ErrorCode::UNSUPPORTED));
    }
}
