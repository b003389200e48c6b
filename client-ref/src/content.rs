//! Messages that are more than a text: written, forwarded and read.

use eim_codec::payload::{Content, ForwardBody, ForwardedMessage, Origin, TextBody, summary};
use eim_codec::registry::{FrameType, limits};

use crate::client::Draft;
use crate::history::Past;
use crate::modified::Modified;
use crate::store::{Message, Target};

/// What is in a message as it is now; `None` for what is recalled, for what is no message of a
/// person, and for bodies that break the rules of their type.
// impl[EIM-CNT-015, EIM-CNT-017]
#[must_use]
pub fn content_of(message: &Message, modified: Option<&Modified>) -> Option<Content> {
    let recalled = modified.is_some_and(|modified| modified.recall.is_some());
    if message.tombstone || recalled {
        return None;
    }
    let content = Content::of(message.frame_type, &message.body).ok()??;
    let edit = modified.and_then(|modified| modified.edit.as_ref());
    Some(match (content, edit) {
        (Content::Text(sent), Some(edit)) => {
            Content::Text(TextBody {
                // What a message answers, and where it comes from, is not edited.
                reply_to: sent.reply_to,
                forwarded: sent.forwarded,
                ..edit.body.clone()
            })
        }
        (content, _) => content,
    })
}

impl Draft {
    /// A message of any content, with a text for those who do not know its type.
    #[must_use]
    pub fn content(target: Target, frame_type: FrameType, content: &Content) -> Self {
        let fallback = match content {
            Content::Text(_) => String::new(),
            other => summary(frame_type, other),
        };
        Self::new(target, frame_type, content.encode().to_vec(), fallback)
    }

    /// The same content in another conversation, saying where it comes from. `None` for what
    /// cannot be forwarded.
    // impl[EIM-CNT-013, EIM-CNT-014, EIM-CNT-017]
    #[must_use]
    pub fn forward(target: Target, past: &Past) -> Option<Self> {
        let message = &past.message;
        let content = content_of(message, Some(&past.modified))?;
        let content = content.forwarded(origin(message))?;
        Some(Self::content(target, message.frame_type, &content))
    }

    /// Several messages as one, each with the name of its sender. `None` when there is none, or
    /// one that cannot be forwarded so.
    // impl[EIM-CNT-011, EIM-CNT-012, EIM-CNT-014, EIM-CNT-017]
    #[must_use]
    pub fn merged<'a>(
        target: Target,
        title: String,
        messages: impl IntoIterator<Item = (&'a Past, String)>,
    ) -> Option<Self> {
        let messages: Option<Vec<_>> = messages
            .into_iter()
            .map(|(past, name)| forwarded(past, name))
            .collect();
        let body = ForwardBody {
            title,
            messages: messages?,
            ..ForwardBody::default()
        };
        body.check().ok()?;
        let content = Content::Forward(body);
        Some(Self::content(target, FrameType::FORWARD, &content))
    }
}

fn origin(message: &Message) -> Origin {
    Origin {
        sender: message
            .sender
            .map(|sender| sender.to_bytes())
            .unwrap_or_default(),
        time_ms: message.time_ms,
    }
}

fn forwarded(past: &Past, name: String) -> Option<ForwardedMessage> {
    let message = &past.message;
    let content = content_of(message, Some(&past.modified))?.detached();
    let Origin { sender, time_ms } = origin(message);
    let mut fallback_text = message.fallback_text.clone();
    let most = usize::try_from(limits::CAPTION_OCTETS.default).unwrap_or(usize::MAX);
    fallback_text.truncate(fallback_text.floor_char_boundary(most));
    Some(ForwardedMessage {
        r#type: message.frame_type.0.into(),
        sender,
        name,
        time_ms,
        body: content.encode(),
        fallback_text,
    })
}

#[cfg(test)]
mod tests {
    use eim_codec::payload::CustomBody;

    use super::*;
    use crate::modified::{Edit, Recall};

    fn target() -> Target {
        Target::User([9; 16].into())
    }

    fn past(body: &TextBody) -> Past {
        let draft = Draft::rich_text(target(), body);
        Past {
            message: Message {
                conversation: [7; 16].into(),
                log_epoch: 1,
                conv_seq: 4,
                frame_type: draft.frame_type,
                sender: Some([1; 16].into()),
                sender_device: None,
                client_msg_id: None,
                time_ms: 55,
                user_seq: 0,
                body: draft.body,
                fallback_text: String::new(),
                tombstone: false,
            },
            modified: Modified::default(),
            reactions: Vec::new(),
        }
    }

    fn edited(text: &str) -> Modified {
        Modified {
            edit: Some(Edit {
                conv_seq: 5,
                time_ms: 0,
                body: TextBody::new(text),
            }),
            ..Modified::default()
        }
    }

    fn read(draft: &Draft) -> Content {
        Content::of(draft.frame_type, &draft.body).unwrap().unwrap()
    }

    // test[EIM-CNT-013, EIM-CNT-014, EIM-CNT-017]
    #[test]
    fn a_message_is_forwarded_as_it_is_now() {
        let mut past = past(&TextBody {
            reply_to: 2,
            mention_all: true,
            ..TextBody::new("first")
        });
        let forwarded = |past: &Past| Draft::forward(target(), past).map(|draft| read(&draft));
        let with = |text: &str| TextBody {
            forwarded: Some(origin(&past.message)),
            ..TextBody::new(text)
        };
        let (first, second) = (with("first"), with("second"));
        assert_eq!(forwarded(&past), Some(Content::Text(first)));
        past.modified = edited("second");
        assert_eq!(forwarded(&past), Some(Content::Text(second)));
        past.modified.recall = Some(Recall {
            conv_seq: 6,
            by: None,
        });
        assert_eq!(forwarded(&past), None);
    }

    // test[EIM-CNT-011, EIM-CNT-012, EIM-CNT-014, EIM-CNT-017]
    #[test]
    fn several_messages_become_one() {
        let mut one = past(&TextBody {
            mentions: vec![vec![3; 16].into()],
            ..TextBody::new("one")
        });
        let mut two = past(&TextBody::new("two"));
        two.modified = edited("two, better");
        let merge = |messages: &[&Past]| {
            let named = messages.iter().map(|past| (*past, "ann".to_owned()));
            Draft::merged(target(), "notes".into(), named)
        };
        let draft = merge(&[&one, &two]).unwrap();
        assert_eq!(draft.fallback_text, "[forwarded 2 messages notes]");
        let Content::Forward(body) = read(&draft) else {
            panic!("no FORWARD");
        };
        let texts = body.messages.iter().map(|message| {
            assert_eq!((&message.sender[..], message.time_ms), (&[1; 16][..], 55));
            message.body.clone()
        });
        let expected = ["one", "two, better"].map(TextBody::encode_text);
        assert_eq!(texts.collect::<Vec<_>>(), expected);
        // Not within another one, not what is gone, not nothing.
        let mut nested = past(&TextBody::new(""));
        (nested.message.frame_type, nested.message.body) = (draft.frame_type, draft.body);
        assert!(merge(&[&nested]).is_none());
        assert!(Draft::forward(target(), &nested).is_some());
        assert!(merge(&[]).is_none());
        one.message.erase();
        assert!(merge(&[&one, &two]).is_none());
    }

    // test[EIM-CNT-015]
    #[test]
    fn a_body_that_breaks_its_rules_is_no_content() {
        let mut past = past(&TextBody::new("com"));
        past.message.frame_type = FrameType::CUSTOM;
        assert_eq!(content_of(&past.message, None), None);
        let body = CustomBody {
            namespace: "com.example".into(),
            ..CustomBody::default()
        };
        past.message.body = Content::Custom(body.clone()).encode();
        let content = content_of(&past.message, None);
        assert_eq!(content, Some(Content::Custom(body)));
        // It cannot say where it comes from.
        assert!(Draft::forward(target(), &past).is_none());
    }
}
