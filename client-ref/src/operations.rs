//! Operations on messages: edit, recall, react, pin, and the lists of what they left.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    EditBody, Pin, PinBody, PinsRequest, ReactionBody, ReactionsRequest, RecallBody, TextBody,
    UserReactions, request, response,
};
use eim_codec::registry::{FrameType, Operation};
use prost::Message as _;

use crate::client::{Client, Draft};
use crate::error::RequestError;
use crate::store::Target;

impl Draft {
    /// A text with everything that a text can have.
    #[must_use]
    pub fn rich_text(target: Target, body: &TextBody) -> Self {
        Self::new(target, FrameType::TEXT, body.encode_to_vec(), String::new())
    }

    /// Replaces the text of message `conv_seq`.
    #[must_use]
    pub fn edit(target: Target, conv_seq: u64, text: TextBody) -> Self {
        let fallback = format!("edited: {}", text.text);
        let body = EditBody {
            target: conv_seq,
            text: Some(text),
        };
        Self::new(target, FrameType::EDIT, body.encode_to_vec(), fallback)
    }

    /// Takes message `conv_seq` back.
    #[must_use]
    pub fn recall(target: Target, conv_seq: u64) -> Self {
        let body = RecallBody { target: conv_seq }.encode_to_vec();
        Self::new(target, FrameType::RECALL, body, "recalled a message".into())
    }

    /// Reacts to message `conv_seq`, or takes the reaction back.
    #[must_use]
    pub fn react(target: Target, conv_seq: u64, reaction: &str, remove: bool) -> Self {
        let body = ReactionBody {
            target: conv_seq,
            reaction: reaction.to_owned(),
            remove,
        };
        let fallback = if remove {
            format!("took {reaction} back")
        } else {
            format!("reacted with {reaction}")
        };
        Self::new(target, FrameType::REACTION, body.encode_to_vec(), fallback)
    }

    /// Pins message `conv_seq`, or takes the pin off.
    #[must_use]
    pub fn pin(target: Target, conv_seq: u64, remove: bool) -> Self {
        let body = PinBody {
            target: conv_seq,
            remove,
        };
        let fallback = if remove { "unpinned" } else { "pinned" };
        let fallback = format!("{fallback} a message");
        Self::new(target, FrameType::PIN, body.encode_to_vec(), fallback)
    }

    pub(crate) fn new(
        target: Target,
        frame_type: FrameType,
        body: Vec<u8>,
        mut fallback_text: String,
    ) -> Self {
        // A fallback is for a glance; with a whole text it would not fit beside it.
        fallback_text.truncate(fallback_text.floor_char_boundary(FALLBACK_OCTETS));
        Self {
            target,
            frame_type,
            body: Bytes::from(body),
            fallback_text,
            checkpoint: None,
        }
    }
}

/// Octets of a fallback text at most.
const FALLBACK_OCTETS: usize = 256;

impl Client {
    /// Pinned messages of a conversation, by number.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn pins(&self, conversation: ConversationId) -> Result<Vec<Pin>, RequestError> {
        let mut pins: Vec<Pin> = Vec::new();
        loop {
            let after = pins.last().map_or(0, |pin| pin.target);
            let body = request::Body::Pins(PinsRequest {
                conversation: conversation.to_bytes(),
                after,
            });
            let answer = self.ask(Operation::PINS, body).await?;
            let response::Body::Pins(page) = answer else {
                return Err(RequestError::Nonsense("not pins"));
            };
            let more = page.more && page.pins.last().is_some_and(|pin| pin.target > after);
            pins.extend(page.pins);
            if !more {
                return Ok(pins);
            }
        }
    }

    /// Who reacts to a message, by user.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn reactions(
        &self,
        conversation: ConversationId,
        conv_seq: u64,
    ) -> Result<Vec<(UserId, Vec<String>)>, RequestError> {
        let mut all: Vec<(UserId, Vec<String>)> = Vec::new();
        loop {
            let after = all.last().map(|(user, _)| user.to_bytes());
            let body = request::Body::Reactions(ReactionsRequest {
                conversation: conversation.to_bytes(),
                target: conv_seq,
                after: after.clone().unwrap_or_default(),
            });
            let answer = self.ask(Operation::REACTIONS, body).await?;
            let response::Body::Reactions(page) = answer else {
                return Err(RequestError::Nonsense("not reactions"));
            };
            let before = all.len();
            for UserReactions { user, reactions } in page.users {
                let user =
                    UserId::from_slice(&user).map_err(|_| RequestError::Nonsense("a user"))?;
                all.push((user, reactions));
            }
            let last = all.last().map(|(user, _)| user.to_bytes());
            if !page.more || all.len() == before || last <= after {
                return Ok(all);
            }
        }
    }
}
