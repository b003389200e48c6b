//! How a message is shown, with what has become of it.

use eim_client::content_of;
use eim_client::modified::{Modified, current_text};
use eim_client::store::Message;
use eim_codec::payload::{Content, MediaBody, summary};
use eim_codec::registry::FrameType;

/// What a message says as it is now, with what it answers, and whether it is edited, pinned or
/// reacted to; `None` for what has neither a text nor content that can be shown, and is not
/// recalled.
// impl[EIM-OPS-014, EIM-CNT-015]
pub(crate) fn shown(message: &Message, modified: Option<&Modified>) -> Option<String> {
    if message.tombstone || modified.is_some_and(|modified| modified.recall.is_some()) {
        return Some("(recalled)".to_owned());
    }
    let content = content_of(message, modified);
    let text = match (&content, current_text(message, modified)) {
        (_, Some(text)) => text,
        // Whoever wrote it knows best what an application means.
        (Some(Content::Custom(_)), None) if !message.fallback_text.is_empty() => {
            message.fallback_text.clone()
        }
        (Some(content), None) => described(message.frame_type, content),
        (None, None) => return None,
    };
    Some(prefix(content.as_ref()) + &text + &notes(modified))
}

/// Where a message comes from, and what it answers.
fn prefix(content: Option<&Content>) -> String {
    let Some(content) = content else {
        return String::new();
    };
    let mut text = match content.reply_to() {
        0 => String::new(),
        number => format!("↪ #{number} "),
    };
    if let Some(origin) = content.origin() {
        let from: String = origin.sender.iter().take(4).map(hex).collect();
        text.push_str(&format!("[forwarded from {from}] "));
    }
    text
}

/// Messages of a FORWARD in one line of it.
const MERGED: usize = 5;

/// Content that is no text, in a line.
fn described(frame_type: FrameType, content: &Content) -> String {
    let mut text = summary(frame_type, content);
    let body = match content {
        Content::Forward(body) => body,
        Content::Media(body) => {
            text.push_str(&measures(body));
            return text;
        }
        _ => return text,
    };
    for message in body.messages.iter().take(MERGED) {
        let frame_type = message.frame_type().unwrap_or(FrameType::TEXT);
        let said = match Content::of(frame_type, &message.body) {
            Ok(Some(content)) => summary(frame_type, &content),
            _ => message.fallback_text.clone(),
        };
        text.push_str(&format!(" | {}: {said}", message.name));
    }
    if body.messages.len() > MERGED {
        text.push_str(" | …");
    }
    text
}

/// How large a file is, in pixels, seconds and octets, as far as its message tells.
fn measures(body: &MediaBody) -> String {
    let mut measures = Vec::new();
    if body.width > 0 && body.height > 0 {
        measures.push(format!("{}×{}", body.width, body.height));
    }
    if body.duration_ms > 0 {
        measures.push(format!("{} s", body.duration_ms.div_ceil(1000)));
    }
    match &body.blob {
        Some(blob) if blob.size > 0 => {
            measures.push(indicatif::HumanBytes(blob.size).to_string());
        }
        _ => {}
    }
    match measures.is_empty() {
        true => String::new(),
        false => format!(" ({})", measures.join(", ")),
    }
}

fn hex(octet: &u8) -> String {
    format!("{octet:02x}")
}

/// What stands behind a message of any kind.
pub(crate) fn notes(modified: Option<&Modified>) -> String {
    let Some(modified) = modified else {
        return String::new();
    };
    let mut notes = String::new();
    if modified.edit.is_some() {
        notes.push_str(" (edited)");
    }
    if modified.pinned {
        notes.push_str(" (pinned)");
    }
    for (reaction, users) in &modified.reactions {
        notes.push_str(&format!(" [{reaction} {}]", users.len()));
    }
    notes
}

/// Whether an entry is part of another one and has no line of its own.
pub(crate) fn is_part_of_another(message: &Message) -> bool {
    eim_codec::payload::is_modifier(message.frame_type)
}

/// What a message of another kind than text says.
pub(crate) fn fallback(message: &Message) -> String {
    match message.frame_type {
        // impl[EIM-MSG-065]
        _ if !message.fallback_text.is_empty() => message.fallback_text.clone(),
        FrameType::MEMBERSHIP => "(members changed)".to_owned(),
        FrameType::SETTINGS => "(settings changed)".to_owned(),
        FrameType::MODE => "(a large group from here on)".to_owned(),
        other => format!("({other})"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use eim_client::Draft;
    use eim_client::modified::Edit;
    use eim_client::store::Target;
    use eim_codec::payload::{BlobRef, ForwardBody, ForwardedMessage, Origin, TextBody};
    use prost::Message as _;

    use super::*;

    fn message(body: bytes::Bytes) -> Message {
        Message {
            conversation: [7; 16].into(),
            log_epoch: 1,
            conv_seq: 4,
            frame_type: FrameType::TEXT,
            sender: None,
            sender_device: None,
            client_msg_id: None,
            time_ms: 0,
            user_seq: 0,
            body,
            fallback_text: String::new(),
            tombstone: false,
        }
    }

    #[test]
    fn a_message_shows_what_has_become_of_it() {
        let body = TextBody {
            reply_to: 3,
            ..TextBody::new("first")
        };
        let mut message = message(body.encode_to_vec().into());
        assert_eq!(shown(&message, None).unwrap(), "↪ #3 first");
        let modified = Modified {
            edit: Some(Edit {
                conv_seq: 5,
                time_ms: 0,
                body: TextBody::new("second"),
            }),
            reactions: BTreeMap::from([("+1".to_owned(), BTreeSet::from([[1; 16].into()]))]),
            pinned: true,
            ..Modified::default()
        };
        let all = "↪ #3 second (edited) (pinned) [+1 1]";
        assert_eq!(shown(&message, Some(&modified)).unwrap(), all);
        message.erase();
        assert_eq!(shown(&message, None).unwrap(), "(recalled)");
    }

    // test[EIM-CNT-015]
    #[test]
    fn every_kind_has_a_line() {
        let line = |frame_type: FrameType, content: &Content| {
            let target = Target::User([9; 16].into());
            let draft = Draft::content(target, frame_type, content);
            let mut message = message(draft.body);
            message.frame_type = frame_type;
            shown(&message, None)
        };
        let blob = BlobRef {
            blob: vec![1].into(),
            sha256: vec![2; 32].into(),
            media_type: "image/png".into(),
            name: "roof.png".into(),
            size: 12_800,
            ..BlobRef::default()
        };
        let image = MediaBody {
            blob: Some(blob),
            caption: "our roof".into(),
            width: 640,
            height: 480,
            reply_to: 3,
            forwarded: Some(Origin {
                sender: vec![0xAB; 16].into(),
                time_ms: 1,
            }),
            ..MediaBody::default()
        };
        let image = Content::Media(image);
        assert_eq!(
            line(FrameType::IMAGE, &image).unwrap(),
            "↪ #3 [forwarded from abababab] [image roof.png our roof] (640×480, 12.50 KiB)"
        );
        // Not the kind that its type says: the fallback text takes its place.
        assert_eq!(line(FrameType::VIDEO, &image), None);
        let said = |name: &str, text: &str| ForwardedMessage {
            r#type: 0x20,
            name: name.into(),
            body: TextBody::encode_text(text),
            ..ForwardedMessage::default()
        };
        let merged = Content::Forward(ForwardBody {
            messages: vec![said("ann", "one"), said("bob", "two")],
            ..ForwardBody::default()
        });
        assert_eq!(
            line(FrameType::FORWARD, &merged).unwrap(),
            "[forwarded 2 messages] | ann: one | bob: two"
        );
    }
}
