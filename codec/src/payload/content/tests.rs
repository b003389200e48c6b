use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::payload::BlobRef;
use crate::registry::{ErrorCode, Limit};

fn blob(media_type: &str) -> BlobRef {
    BlobRef {
        blob: Bytes::from_static(b"b1"),
        sha256: Bytes::from_static(&[7; 32]),
        size: 12,
        media_type: media_type.to_string(),
        name: "kitchen.dat".into(),
        stored: false,
    }
}

fn media(media_type: &str) -> MediaBody {
    MediaBody {
        blob: Some(blob(media_type)),
        duration_ms: 61_001,
        ..MediaBody::default()
    }
}

fn code(frame_type: FrameType, body: &impl Message) -> Option<ErrorCode> {
    Content::of(frame_type, &body.encode_to_vec().into())
        .err()
        .map(InvalidSend::code)
}

fn octets(limit: &Limit<u32>, more: usize) -> Bytes {
    vec![b'x'; limit.default as usize + more].into()
}

const INVALID: Option<ErrorCode> = Some(ErrorCode::INVALID_MESSAGE);
const TOO_LARGE: Option<ErrorCode> = Some(ErrorCode::MESSAGE_TOO_LARGE);

// test[EIM-CNT-003, EIM-CNT-005, EIM-CNT-006, EIM-CNT-016]
#[test]
fn media_is_of_the_kind_of_its_type() {
    for (frame_type, kind) in [
        (FrameType::IMAGE, "image/jpeg"),
        (FrameType::VOICE, "audio/ogg"),
        (FrameType::VIDEO, "video/mp4"),
        (FrameType::FILE, "application/vnd.example+json"),
    ] {
        assert_eq!(code(frame_type, &media(kind)), None, "{kind}");
        let other = code(frame_type, &media("font/woff2"));
        let fits = frame_type == FrameType::FILE;
        assert_eq!(other, if fits { None } else { INVALID });
        let parameters = media("text/plain; charset=utf-8");
        assert_eq!(code(frame_type, &parameters), INVALID);
    }
    let mut nameless = media("audio/ogg");
    if let Some(blob) = &mut nameless.blob {
        blob.name.clear();
    }
    assert_eq!(code(FrameType::FILE, &nameless), INVALID);
    nameless.duration_ms = 0;
    assert_eq!(code(FrameType::VOICE, &nameless), INVALID);
    let mut flat = media("image/png");
    flat.width = 7;
    assert_eq!(code(FrameType::IMAGE, &flat), INVALID);
}

// test[EIM-CNT-002, EIM-CNT-004, EIM-CNT-007, EIM-CNT-008]
#[test]
fn what_is_said_of_a_blob_is_bounded() {
    let with = |change: &dyn Fn(&mut MediaBody, &mut BlobRef)| {
        let (mut body, mut blob) = (media("image/png"), blob("image/png"));
        change(&mut body, &mut blob);
        body.blob = Some(blob);
        code(FrameType::IMAGE, &body)
    };
    assert_eq!(with(&|_, blob| blob.blob = Bytes::new()), INVALID);
    let long = |more| octets(&limits::BLOB_ID_OCTETS, more);
    assert_eq!(with(&|_, blob| blob.blob = long(0)), None);
    assert_eq!(with(&|_, blob| blob.blob = long(1)), TOO_LARGE);
    assert_eq!(with(&|_, blob| blob.sha256.truncate(31)), INVALID);
    for name in ["..", ".", "a/b", "a\\b", "a\nb", "a\u{1b}[2J", "\u{7f}"] {
        assert_eq!(with(&|_, blob| blob.name = name.into()), INVALID, "{name}");
    }
    assert_eq!(with(&|_, blob| blob.name = "…jpg.küche".into()), None);
    let long = |more| octets(&limits::THUMBNAIL_OCTETS, more);
    assert_eq!(with(&|body, _| body.thumbnail = long(0)), None);
    assert_eq!(with(&|body, _| body.thumbnail = long(1)), TOO_LARGE);
    let long = |more| octets(&limits::WAVEFORM_OCTETS, more);
    assert_eq!(with(&|body, _| body.waveform = long(1)), TOO_LARGE);
    let long = "x".repeat(limits::CAPTION_OCTETS.default as usize + 1);
    assert_eq!(with(&|body, _| body.caption = long.clone()), TOO_LARGE);
    let none = MediaBody::default();
    assert_eq!(code(FrameType::IMAGE, &none), INVALID);
}

// test[EIM-CNT-009, EIM-CNT-010]
#[test]
fn a_card_has_a_user_or_an_address() {
    let link = |url: &str| CardBody {
        card: Some(card_body::Card::Link(LinkCard {
            url: url.into(),
            ..LinkCard::default()
        })),
        ..CardBody::default()
    };
    assert_eq!(code(FrameType::CARD, &CardBody::default()), INVALID);
    assert_eq!(
        code(FrameType::CARD, &link("https://example.org/a?b=c")),
        None
    );
    for url in [
        "https://",
        "javascript:alert(1)",
        "http://a b",
        "HTTP://a",
        "http://ä",
    ] {
        assert_eq!(code(FrameType::CARD, &link(url)), INVALID, "{url}");
    }
    let contact = |user: &'static [u8]| CardBody {
        card: Some(card_body::Card::Contact(ContactCard {
            user: Bytes::from_static(user),
            name: "Ann".into(),
        })),
        ..CardBody::default()
    };
    assert_eq!(code(FrameType::CARD, &contact(&[1; 16])), None);
    assert_eq!(code(FrameType::CARD, &contact(&[1; 15])), INVALID);
}

// test[EIM-CNT-011, EIM-CNT-012]
#[test]
fn messages_that_are_forwarded_could_be_sent() {
    let message = |frame_type: u32, body: &str| ForwardedMessage {
        r#type: frame_type,
        sender: Bytes::from_static(&[1; 16]),
        body: TextBody::encode_text(body),
        ..ForwardedMessage::default()
    };
    let of = |messages| ForwardBody {
        messages,
        ..ForwardBody::default()
    };
    let check = |messages| code(FrameType::FORWARD, &of(messages));
    let max = limits::FORWARD_MESSAGES.default as usize;
    assert_eq!(check(vec![message(0x20, "a"); max]), None);
    assert_eq!(check(vec![message(0x20, "a"); max + 1]), INVALID);
    assert_eq!(check(vec![]), INVALID);
    // A type of the future passes, what is no message does not, and nothing goes deeper.
    assert_eq!(check(vec![message(0x3F, "a")]), None);
    for frame_type in [0, 0x1F, 0x2B, 0x40, 0x120] {
        assert_eq!(check(vec![message(frame_type, "a")]), INVALID);
    }
    let too_long = "x".repeat(limits::TEXT_OCTETS.default as usize + 1);
    assert_eq!(check(vec![message(0x20, &too_long)]), TOO_LARGE);
    let stranger = ForwardedMessage {
        sender: Bytes::from_static(&[1; 4]),
        ..message(0x20, "a")
    };
    assert_eq!(check(vec![stranger]), INVALID);
}

// test[EIM-CNT-013, EIM-CNT-014]
#[test]
fn what_is_forwarded_says_where_it_comes_from_first() {
    let origin = |octet: u8| Origin {
        sender: Bytes::from(vec![octet; 16]),
        time_ms: octet.into(),
    };
    let body = TextBody {
        mentions: vec![Bytes::from_static(&[9; 16])],
        mention_all: true,
        reply_to: 3,
        ..TextBody::new("hi")
    };
    let once = Content::Text(body).forwarded(origin(1)).unwrap();
    let expected = TextBody {
        forwarded: Some(origin(1)),
        ..TextBody::new("hi")
    };
    assert_eq!(once, Content::Text(expected));
    let twice = once.clone().forwarded(origin(2)).unwrap();
    assert_eq!(twice, once);
    let media = MediaBody {
        reply_to: 4,
        ..media("image/png")
    };
    let media = Content::Media(media).forwarded(origin(1)).unwrap();
    assert_eq!((media.reply_to(), media.origin()), (0, Some(&origin(1))));
}

// test[EIM-CNT-001]
#[test]
fn a_body_is_of_its_type() {
    let broken = Bytes::from_static(b"\xff");
    for frame_type in 0x20..=0x3F {
        let frame_type = FrameType(frame_type);
        let known = !matches!(Content::of(frame_type, &broken), Ok(None));
        let listed = matches!(frame_type.0, 0x20..=0x27 | 0x29 | 0x2B);
        assert_eq!(known, listed, "{frame_type}");
        assert!(!known || Content::of(frame_type, &broken).is_err());
    }
}

#[test]
fn a_summary_is_a_line() {
    let voice = Content::Media(MediaBody {
        caption: "for you".into(),
        ..media("audio/ogg")
    });
    let line = summary(FrameType::VOICE, &voice);
    assert_eq!(line, "[voice kitchen.dat for you] 1:02");
    let place = Content::Location(LocationBody {
        latitude: 48.137_154,
        longitude: 11.5,
        ..LocationBody::default()
    });
    assert_eq!(
        summary(FrameType::LOCATION, &place),
        "[location 48.13715, 11.50000]"
    );
}

// test[EIM-BLB-028]
#[test]
fn a_message_names_the_blobs_that_its_server_keeps() {
    let media = |octet: u8, stored| {
        let blob = BlobRef {
            blob: vec![octet; 16].into(),
            stored,
            ..blob("image/png")
        };
        MediaBody {
            blob: Some(blob),
            ..MediaBody::default()
        }
    };
    let named = |content: &Content| content.stored_blobs();
    assert_eq!(named(&Content::Media(media(7, true))), [[7; 16].into()]);
    assert!(named(&Content::Media(media(7, false))).is_empty());
    assert!(named(&Content::Text(TextBody::new("hi"))).is_empty());
    let message = |frame_type: FrameType, body: &MediaBody| ForwardedMessage {
        r#type: frame_type.0.into(),
        body: body.encode_to_vec().into(),
        ..ForwardedMessage::default()
    };
    let forward = Content::Forward(ForwardBody {
        messages: alloc::vec![
            message(FrameType::IMAGE, &media(9, true)),
            message(FrameType::FILE, &media(8, true)),
            message(FrameType::IMAGE, &media(9, true)),
            message(FrameType::IMAGE, &media(6, false)),
            message(FrameType::CUSTOM, &media(5, true)),
        ],
        ..ForwardBody::default()
    });
    assert_eq!(named(&forward), [[8; 16].into(), [9; 16].into()]);
}

// test[EIM-BLB-003]
#[test]
fn what_is_said_of_a_blob_may_be_left_out_but_not_wrong() {
    use super::super::describes_blob;
    assert!(describes_blob("", "") && describes_blob("image/png", "roof.png"));
    assert!(!describes_blob("image", "") && !describes_blob("", "../roof.png"));
}
