//! Operations on messages: what the body of an operation frame asks for.

use alloc::string::String;

use bytes::Bytes;
use prost::Message;

use super::checked_send::{InvalidSend, within};
use super::{EditBody, PinBody, ReactionBody, RecallBody};
use crate::registry::{FrameType, limits};

/// What an operation does to its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modifier {
    /// conv_seq of the message, at least 1.
    pub target: u64,
    /// What it does.
    pub act: Act,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its text is replaced; the new one stays in the body.
    Edit,
    /// It is taken back.
    Recall,
    /// A reaction of the sender is added, or removed.
    React {
        /// An emoji, or another short text.
        reaction: String,
        /// It is removed.
        remove: bool,
    },
    /// It is pinned, or the pin is taken off.
    Pin {
        /// The pin is taken off.
        remove: bool,
    },
}

/// Whether frames of this type are operations on messages.
#[must_use]
pub const fn is_modifier(frame_type: FrameType) -> bool {
    matches!(
        frame_type,
        FrameType::EDIT | FrameType::RECALL | FrameType::REACTION | FrameType::PIN
    )
}

impl Modifier {
    /// Reads the body of an operation; `None` for other types.
    ///
    /// # Errors
    /// [`InvalidSend::NotOperation`], and for EDIT what [`super::TextBody::fits`] says.
    // impl[EIM-OPS-005, EIM-OPS-006, EIM-OPS-022]
    pub fn of(frame_type: FrameType, body: &Bytes) -> Result<Option<Self>, InvalidSend> {
        let (target, act) = match frame_type {
            FrameType::EDIT => {
                let body: EditBody = parse(body)?;
                body.text.unwrap_or_default().fits()?;
                (body.target, Act::Edit)
            }
            FrameType::RECALL => (parse::<RecallBody>(body)?.target, Act::Recall),
            FrameType::REACTION => {
                let ReactionBody {
                    target,
                    reaction,
                    remove,
                } = parse(body)?;
                if reaction.is_empty() {
                    return Err(InvalidSend::NotOperation);
                }
                within(reaction.len(), limits::REACTION_OCTETS.default)?;
                (target, Act::React { reaction, remove })
            }
            FrameType::PIN => {
                let PinBody { target, remove } = parse(body)?;
                (target, Act::Pin { remove })
            }
            _ => return Ok(None),
        };
        if target == 0 {
            return Err(InvalidSend::NotOperation);
        }
        Ok(Some(Self { target, act }))
    }
}

fn parse<M: Message + Default>(body: &Bytes) -> Result<M, InvalidSend> {
    M::decode(body.clone()).map_err(|_| InvalidSend::NotOperation)
}

#[cfg(test)]
mod tests {
    use super::super::TextBody;
    use super::*;

    fn octets(message: &impl Message) -> Bytes {
        message.encode_to_vec().into()
    }

    // test[EIM-OPS-005]
    #[test]
    fn every_operation_names_its_target() {
        let edit = |target| EditBody {
            target,
            text: Some(TextBody::new("new")),
        };
        let read = Modifier::of(FrameType::EDIT, &octets(&edit(7)));
        let act = Act::Edit;
        assert_eq!(read, Ok(Some(Modifier { target: 7, act })));
        let nothing = Modifier::of(FrameType::EDIT, &octets(&edit(0)));
        assert_eq!(nothing, Err(InvalidSend::NotOperation));
        for frame_type in [FrameType::RECALL, FrameType::REACTION, FrameType::PIN] {
            let read = Modifier::of(frame_type, &Bytes::new());
            assert_eq!(read, Err(InvalidSend::NotOperation), "{frame_type}");
            let read = Modifier::of(frame_type, &Bytes::from_static(b"\xff"));
            assert_eq!(read, Err(InvalidSend::NotOperation), "{frame_type}");
        }
        let pin = PinBody {
            target: 1,
            remove: true,
        };
        let act = Act::Pin { remove: true };
        let read = Modifier::of(FrameType::PIN, &octets(&pin));
        assert_eq!(read, Ok(Some(Modifier { target: 1, act })));
        assert_eq!(Modifier::of(FrameType::TEXT, &Bytes::new()), Ok(None));
    }

    // test[EIM-OPS-022]
    #[test]
    fn a_reaction_is_short_and_not_empty() {
        let react = |reaction: &str| {
            let body = ReactionBody {
                target: 1,
                reaction: reaction.into(),
                remove: false,
            };
            Modifier::of(FrameType::REACTION, &octets(&body)).is_ok()
        };
        assert!(react("👍") && react(&"a".repeat(32)));
        assert!(!react("") && !react(&"a".repeat(33)));
    }
}
