//! How a message is shown, with what has become of it.

use eim_client::modified::{Modified, current_text};
use eim_client::store::Message;
use eim_codec::payload::TextBody;
use eim_codec::registry::FrameType;
use prost::Message as _;

/// The text of a message as it is now, with what it answers, and whether it is edited, pinned or
/// reacted to; `None` for what is neither a text nor recalled.
// impl[EIM-OPS-014]
pub(crate) fn shown(message: &Message, modified: Option<&Modified>) -> Option<String> {
    if message.tombstone || modified.is_some_and(|modified| modified.recall.is_some()) {
        return Some("(recalled)".to_owned());
    }
    let mut text = current_text(message, modified)?;
    if let Ok(body) = TextBody::decode(message.body.clone()) {
        if let Some(origin) = &body.forwarded {
            let from: String = origin.sender.iter().take(4).map(hex).collect();
            text = format!("[forwarded from {from}] {text}");
        }
        if body.reply_to != 0 {
            text = format!("↪ #{} {text}", body.reply_to);
        }
    }
    Some(text + &notes(modified))
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

    use eim_client::modified::Edit;

    use super::*;

    #[test]
    fn a_message_shows_what_has_become_of_it() {
        let body = TextBody {
            reply_to: 3,
            ..TextBody::new("first")
        };
        let mut message = Message {
            conversation: [7; 16].into(),
            log_epoch: 1,
            conv_seq: 4,
            frame_type: FrameType::TEXT,
            sender: None,
            sender_device: None,
            client_msg_id: None,
            time_ms: 0,
            user_seq: 0,
            body: body.encode_to_vec().into(),
            fallback_text: String::new(),
            tombstone: false,
        };
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
}
