//! Payloads as frames carry them: the skeletons of the protocol with random ids, around texts and documents.

use bytes::Bytes;
use eim_codec::payload::{
    BlobRef, CardBody, CustomBody, EditBody, Entry, Event, HeadsRequest, HistoryRequest, LinkCard,
    MediaBody, MembershipBody, NoticeBody, Push, ReactionBody, Request, Send, SettingsBody,
    SyncRequest, TextBody, card_body, request, send,
};
use eim_codec::registry::{FrameType, Operation};
use prost::Message as _;

use crate::corpus::{Language, Writer};
use crate::dice::Dice;

/// The plain payload of a frame.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Its type.
    pub frame_type: FrameType,
    /// As before compression.
    pub octets: Vec<u8>,
}

fn id(dice: &mut Dice) -> Bytes {
    Bytes::from(dice.octets(16))
}

/// A UUIDv7, whose first octets are a time.
fn uuid(dice: &mut Dice) -> Bytes {
    let mut octets = time(dice).to_be_bytes()[2..].to_vec();
    octets.extend(dice.octets(10));
    if let Some(octet) = octets.get_mut(6) {
        *octet = 0x70 | *octet & 0x0F;
    }
    if let Some(octet) = octets.get_mut(8) {
        *octet = 0x80 | *octet & 0x3F;
    }
    Bytes::from(octets)
}

/// Within a year from late 2026.
fn time(dice: &mut Dice) -> u64 {
    1_790_000_000_000 + dice.below(31_536_000_000)
}

/// A message on its way to the server.
pub fn send_of(dice: &mut Dice, frame_type: FrameType, body: Bytes) -> Payload {
    let target = if dice.chance(40) {
        send::Target::DirectTo(id(dice))
    } else {
        send::Target::Conversation(id(dice))
    };
    let message = Send {
        target: Some(target),
        client_msg_id: uuid(dice),
        first_sent_at_ms: time(dice),
        body,
        ..Send::default()
    };
    let octets = message.encode_to_vec();
    Payload { frame_type, octets }
}

/// A message on its way to a device.
pub fn push_of(dice: &mut Dice, frame_type: FrameType, body: Bytes) -> Payload {
    let conv_seq = 1 + dice.below(20_000);
    let entry = Entry {
        conversation: id(dice),
        log_epoch: 1,
        conv_seq,
        r#type: frame_type.0.into(),
        sender: id(dice),
        sender_device: id(dice),
        client_msg_id: uuid(dice),
        time_ms: time(dice),
        countable: conv_seq,
        body,
        ..Entry::default()
    };
    let push = Push {
        entry: Some(entry),
        user_seq: conv_seq + dice.below(100_000),
        echo: dice.chance(10),
    };
    let octets = push.encode_to_vec();
    Payload { frame_type, octets }
}

/// A text as a body.
#[must_use]
pub fn text(text: String) -> Bytes {
    TextBody::encode_text(text)
}

/// A document as the body of CUSTOM.
#[must_use]
pub fn custom(document: String) -> Bytes {
    let body = CustomBody {
        namespace: "com.example.app".to_owned(),
        data: document.into(),
    };
    body.encode_to_vec().into()
}

fn card(writer: &mut Writer, language: Language) -> Bytes {
    let card = LinkCard {
        url: format!(
            "https://example.com/articles/{}",
            writer.dice.below(1_000_000)
        ),
        title: writer.sentence(language),
        text: writer.message(language),
        ..LinkCard::default()
    };
    let body = CardBody {
        card: Some(card_body::Card::Link(card)),
        ..CardBody::default()
    };
    body.encode_to_vec().into()
}

fn media(writer: &mut Writer) -> (FrameType, Bytes) {
    let kinds = [
        (FrameType::IMAGE, "image/jpeg", "photo.jpg"),
        (FrameType::IMAGE, "image/png", "screenshot.png"),
        (FrameType::FILE, "application/pdf", "report.pdf"),
        (FrameType::VIDEO, "video/mp4", "video.mp4"),
        (FrameType::VOICE, "audio/ogg", ""),
    ];
    let dice = &mut writer.dice;
    let (frame_type, media_type, name) = dice.pick(&kinds).copied().unwrap_or(kinds[0]);
    let blob = BlobRef {
        blob: id(dice),
        sha256: Bytes::from(dice.octets(32)),
        size: dice.below(10_000_000),
        media_type: media_type.to_owned(),
        name: name.to_owned(),
        stored: true,
    };
    let body = MediaBody {
        blob: Some(blob),
        width: 1920,
        height: 1080,
        ..MediaBody::default()
    };
    (frame_type, body.encode_to_vec().into())
}

/// What else a log holds: edits, reactions, notices, members, settings.
fn other(writer: &mut Writer, language: Language) -> (FrameType, Bytes) {
    let target = 1 + writer.dice.below(20_000);
    match writer.dice.below(6) {
        0 => {
            let text = Some(TextBody {
                text: writer.message(language),
                ..TextBody::default()
            });
            let body = EditBody { target, text };
            (FrameType::EDIT, body.encode_to_vec().into())
        }
        1 => {
            let some = ["👍", "❤️", "😂", "🎉", "OK", "+1"];
            let reaction = writer
                .dice
                .pick(&some)
                .copied()
                .unwrap_or_default()
                .to_owned();
            let body = ReactionBody {
                target,
                reaction,
                remove: false,
            };
            (FrameType::REACTION, body.encode_to_vec().into())
        }
        2 => {
            let text = writer.message(language);
            (
                FrameType::NOTICE,
                NoticeBody { text }.encode_to_vec().into(),
            )
        }
        3 => {
            let body = MembershipBody {
                change: 1,
                users: (0..=writer.dice.below(4))
                    .map(|_| id(&mut writer.dice))
                    .collect(),
                role: 1,
                ..MembershipBody::default()
            };
            (FrameType::MEMBERSHIP, body.encode_to_vec().into())
        }
        4 => {
            let body = SettingsBody {
                kind: 2,
                name: writer.sentence(language).chars().take(12).collect(),
                created: true,
                ..SettingsBody::default()
            };
            (FrameType::SETTINGS, body.encode_to_vec().into())
        }
        _ => media(writer),
    }
}

/// A request, or an event.
fn control(dice: &mut Dice) -> Payload {
    if dice.chance(30) {
        let event = Event {
            event: 17,
            body: Bytes::from([&[0x0A, 16], &*id(dice), &[0x12, 16], &*id(dice)].concat()),
        };
        return Payload {
            frame_type: FrameType::EVENT,
            octets: event.encode_to_vec(),
        };
    }
    let (operation, body) = match dice.below(3) {
        0 => (
            Operation::HISTORY,
            request::Body::History(HistoryRequest {
                conversation: id(dice),
                first: 1 + dice.below(10_000),
                last: 10_000 + dice.below(10_000),
                newest_first: true,
            }),
        ),
        1 => (
            Operation::SYNC,
            request::Body::Sync(SyncRequest {
                log_epoch: 1,
                user_seq: dice.below(100_000),
            }),
        ),
        _ => (
            Operation::HEADS,
            request::Body::Heads(HeadsRequest { after: id(dice) }),
        ),
    };
    let request = Request {
        request_id: uuid(dice),
        operation: operation.0,
        max_octets: 65_536,
        body: Some(body),
    };
    Payload {
        frame_type: FrameType::REQUEST,
        octets: request.encode_to_vec(),
    }
}

/// One payload as a busy day has them.
pub fn any(writer: &mut Writer) -> Payload {
    let language = if writer.dice.chance(60) {
        Language::Chinese
    } else {
        Language::English
    };
    let (frame_type, body) = match writer.dice.below(100) {
        0..50 => (FrameType::TEXT, text(writer.message(language))),
        50..75 => (FrameType::CUSTOM, custom(writer.document())),
        75..83 => (FrameType::CARD, card(writer, language)),
        83..95 => other(writer, language),
        _ => return control(&mut writer.dice),
    };
    if writer.dice.chance(25) && frame_type != FrameType::NOTICE {
        send_of(&mut writer.dice, frame_type, body)
    } else {
        push_of(&mut writer.dice, frame_type, body)
    }
}
