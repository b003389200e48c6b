//! Bodies of messages: what a client may send in them.

use serde_json::json;

use super::content_texts;
use super::functions::checked;
use super::protobuf::{number, octets};
use super::rules::Rules;
use crate::vectors::model::Case;
use crate::vectors::octets::to_hex;

pub(super) const TEXT: u8 = 0x20;
const IMAGE: u8 = 0x21;
const FILE: u8 = 0x22;
const VOICE: u8 = 0x23;
const VIDEO: u8 = 0x24;
const LOCATION: u8 = 0x25;
const CARD: u8 = 0x26;
const CUSTOM: u8 = 0x27;
const NOTICE: u8 = 0x29;
pub(super) const FORWARD: u8 = 0x2B;

pub(super) const INVALID: &str = "INVALID_MESSAGE";
pub(super) const LARGE: &str = "MESSAGE_TOO_LARGE";

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = types();
    cases.extend(blobs(rules));
    cases.extend(media(rules));
    cases.extend(cards(rules));
    cases.extend(content_texts::cases(rules));
    Ok(cases)
}

/// One body, by a name that begins with that of its type, and the code if it is refused.
pub(super) fn body(
    (name, class): (&str, &str),
    req: &str,
    frame_type: u8,
    body: &[u8],
    refused: Option<&str>,
) -> Case {
    let id = format!("drv-content-{name}-{}", class.replace('+', "-plus-"));
    let arguments = [("type", json!(frame_type)), ("body", json!(to_hex(body)))];
    let kind = name.split('-').next().unwrap_or(name);
    let near = format!("drv-content-{kind}-typical");
    let refused = refused.map(|code| (code, &*near));
    checked("content", &arguments, (id, req, name, class), refused)
}

/// A reference to a blob, field by field.
#[derive(Clone)]
pub(super) struct Blob {
    blob: Vec<u8>,
    sha256: Vec<u8>,
    media_type: String,
    name: String,
}

impl Blob {
    pub(super) fn of(media_type: &str) -> Self {
        Self {
            blob: vec![0xB1; 16],
            sha256: vec![0x5A; 32],
            media_type: media_type.into(),
            name: "picture 1".into(),
        }
    }

    /// As field 1 of a MediaBody.
    pub(super) fn octets(&self) -> Vec<u8> {
        let fields = [
            octets(1, &self.blob),
            octets(2, &self.sha256),
            number(3, 1_234_567),
            octets(4, self.media_type.as_bytes()),
            octets(5, self.name.as_bytes()),
        ];
        octets(1, &fields.concat())
    }
}

/// A body of each type, one that is nothing, and one that is broken.
fn types() -> Vec<Case> {
    let card = octets(1, &[octets(1, &[7; 16]), octets(2, b"Ann")].concat());
    let place = [
        vec![0x09],
        48.137_f64.to_le_bytes().to_vec(),
        vec![0x11],
        11.575_f64.to_le_bytes().to_vec(),
        octets(3, b"the square"),
    ];
    let message = [number(1, TEXT.into()), octets(5, &octets(1, b"hello"))].concat();
    let media = |kind: &str, more: &[u8]| [Blob::of(kind).octets(), more.to_vec()].concat();
    let shape = [number(3, 640), number(4, 480)].concat();
    let length = number(5, 61_000);
    let mut cases = Vec::new();
    for (name, frame_type, typical, nothing) in [
        ("text", TEXT, octets(1, b"hello"), None),
        ("image", IMAGE, media("image/jpeg", &shape), Some(INVALID)),
        ("file", FILE, media("text/plain", &[]), Some(INVALID)),
        ("voice", VOICE, media("audio/ogg", &length), Some(INVALID)),
        ("video", VIDEO, media("video/mp4", &shape), Some(INVALID)),
        ("location", LOCATION, place.concat(), None),
        ("card", CARD, card, Some(INVALID)),
        (
            "custom",
            CUSTOM,
            octets(1, b"com.example.poll"),
            Some(INVALID),
        ),
        ("notice", NOTICE, octets(1, b"hello"), None),
        ("forward", FORWARD, octets(2, &message), Some(INVALID)),
    ] {
        let req = "EIM-CNT-001";
        let req = if frame_type == TEXT {
            "EIM-OPS-001"
        } else {
            req
        };
        cases.push(body((name, "typical"), req, frame_type, &typical, None));
        let later = [typical.clone(), octets(1000, b"of a later release")].concat();
        cases.push(body((name, "unknown-field"), req, frame_type, &later, None));
        if frame_type != TEXT {
            cases.push(body((name, "empty"), req, frame_type, &[], nothing));
            let broken = [typical, vec![0xFF]].concat();
            cases.push(body(
                (name, "broken"),
                req,
                frame_type,
                &broken,
                Some(INVALID),
            ));
        }
    }
    cases
}

fn blobs(rules: &Rules) -> Vec<Case> {
    let limit = |name: &str| rules.limit(name) as usize;
    let mut cases = Vec::new();
    let mut add = |field: &str, class: &str, req: &str, change: &dyn Fn(&mut Blob), refused| {
        let mut blob = Blob::of("image/png");
        change(&mut blob);
        let name = format!("image-{field}");
        cases.push(body((&name, class), req, IMAGE, &blob.octets(), refused));
    };
    let most = limit("blob_id_octets");
    for (class, length, refused) in [
        ("empty", 0, Some(INVALID)),
        ("one", 1, None),
        ("limit", most, None),
        ("limit+1", most + 1, Some(LARGE)),
    ] {
        let change = |blob: &mut Blob| blob.blob = vec![1; length];
        add("blob", class, "EIM-CNT-002", &change, refused);
    }
    for (class, length) in [("empty", 0), ("limit-1", 31), ("limit+1", 33)] {
        let change = |blob: &mut Blob| blob.sha256 = vec![1; length];
        add("sha256", class, "EIM-CNT-002", &change, Some(INVALID));
    }
    let long = |length: usize| format!("image/{}", "x".repeat(length));
    for (class, media_type, refused) in [
        ("tree", "image/vnd.example.a-b+xml".to_owned(), None),
        ("marks", "image/0!#$&-^_.+".into(), None),
        ("limit", long(127), None),
        ("limit+1", long(128), Some(INVALID)),
        ("empty", String::new(), Some(INVALID)),
        ("no-slash", "image".into(), Some(INVALID)),
        ("nothing-behind", "image/".into(), Some(INVALID)),
        ("two-slashes", "image/a/b".into(), Some(INVALID)),
        ("upper", "image/PNG".into(), Some(INVALID)),
        ("parameters", "image/png; a=b".into(), Some(INVALID)),
        ("dot-first", "image/.png".into(), Some(INVALID)),
        ("umlaut", "image/ü".into(), Some(INVALID)),
        ("line-end", "image/png\n".into(), Some(INVALID)),
        ("other-kind", "video/mp4".into(), Some(INVALID)),
        ("longer-kind", "imagery/png".into(), Some(INVALID)),
    ] {
        let change = |blob: &mut Blob| blob.media_type.clone_from(&media_type);
        add("type", class, "EIM-CNT-003", &change, refused);
    }
    let most = limit("file_name_octets");
    let two = |octets: usize| format!("{}{}", "é".repeat(octets / 2), "x".repeat(octets % 2));
    for (class, name, refused) in [
        ("empty", String::new(), None),
        ("dots", "a..b...".into(), None),
        ("three-dots", "...".into(), None),
        ("script", "кухня 厨房.jpg".into(), None),
        ("limit", two(most), None),
        ("limit+1", two(most + 1), Some(LARGE)),
        ("dot", ".".into(), Some(INVALID)),
        ("parent", "..".into(), Some(INVALID)),
        ("slash", "a/b".into(), Some(INVALID)),
        ("slash-first", "/etc".into(), Some(INVALID)),
        ("backslash", "a\\b".into(), Some(INVALID)),
        ("nul", "a\0".into(), Some(INVALID)),
        ("line-end", "a\nb".into(), Some(INVALID)),
        ("escape", "a\u{1b}[2J".into(), Some(INVALID)),
        ("unit-separator", "a\u{1f}".into(), Some(INVALID)),
        ("delete", "a\u{7f}".into(), Some(INVALID)),
    ] {
        let change = |blob: &mut Blob| blob.name.clone_from(&name);
        add("name", class, "EIM-CNT-004", &change, refused);
    }
    cases
}

fn media(rules: &Rules) -> Vec<Case> {
    let limit = |name: &str| rules.limit(name) as usize;
    let of = |kind: &str, fields: &[Vec<u8>]| [Blob::of(kind).octets(), fields.concat()].concat();
    let thumbnail = limit("thumbnail_octets");
    let waveform = limit("waveform_octets");
    let caption = limit("caption_octets");
    let length = || number(5, 1);
    let mut nameless = Blob::of("text/plain");
    nameless.name.clear();
    let shape = |width: u64, height: u64| {
        let side = |field, value| {
            if value == 0 {
                vec![]
            } else {
                number(field, value)
            }
        };
        of("image/png", &[side(3, width), side(4, height)])
    };
    let picture = |more| of("image/png", &[octets(6, &vec![6; thumbnail + more])]);
    let wave = |more| {
        of(
            "audio/ogg",
            &[length(), octets(7, &vec![7; waveform + more])],
        )
    };
    let words = |more| of("image/png", &[octets(2, &vec![b'c'; caption + more])]);
    let clip = |fields: &[Vec<u8>]| of("video/mp4", fields);
    [
        (
            ("file-name", "empty"),
            "EIM-CNT-005",
            FILE,
            nameless.octets(),
            Some(INVALID),
        ),
        (
            ("voice-type", "other-kind"),
            "EIM-CNT-003",
            VOICE,
            of("video/ogg", &[length()]),
            Some(INVALID),
        ),
        (
            ("video-type", "other-kind"),
            "EIM-CNT-003",
            VIDEO,
            of("image/gif", &[]),
            Some(INVALID),
        ),
        (
            ("file-type", "font"),
            "EIM-CNT-003",
            FILE,
            of("font/woff2", &[]),
            None,
        ),
        (
            ("image-shape", "none"),
            "EIM-CNT-006",
            IMAGE,
            shape(0, 0),
            None,
        ),
        (
            ("image-shape", "one"),
            "EIM-CNT-006",
            IMAGE,
            shape(1, 1),
            None,
        ),
        (
            ("image-shape", "max"),
            "EIM-CNT-006",
            IMAGE,
            shape(0xFFFF_FFFF, 0xFFFF_FFFF),
            None,
        ),
        (
            ("image-shape", "width-alone"),
            "EIM-CNT-006",
            IMAGE,
            shape(640, 0),
            Some(INVALID),
        ),
        (
            ("image-shape", "height-alone"),
            "EIM-CNT-006",
            IMAGE,
            shape(0, 480),
            Some(INVALID),
        ),
        (
            ("voice-duration", "one"),
            "EIM-CNT-016",
            VOICE,
            of("audio/ogg", &[length()]),
            None,
        ),
        (
            ("voice-duration", "zero"),
            "EIM-CNT-016",
            VOICE,
            of("audio/ogg", &[]),
            Some(INVALID),
        ),
        (
            ("video-duration", "zero"),
            "EIM-CNT-016",
            VIDEO,
            clip(&[]),
            None,
        ),
        (
            ("image-thumbnail", "limit"),
            "EIM-CNT-007",
            IMAGE,
            picture(0),
            None,
        ),
        (
            ("image-thumbnail", "limit+1"),
            "EIM-CNT-007",
            IMAGE,
            picture(1),
            Some(LARGE),
        ),
        (
            ("voice-waveform", "limit"),
            "EIM-CNT-007",
            VOICE,
            wave(0),
            None,
        ),
        (
            ("voice-waveform", "limit+1"),
            "EIM-CNT-007",
            VOICE,
            wave(1),
            Some(LARGE),
        ),
        (
            ("image-caption", "limit"),
            "EIM-CNT-008",
            IMAGE,
            words(0),
            None,
        ),
        (
            ("image-caption", "limit+1"),
            "EIM-CNT-008",
            IMAGE,
            words(1),
            Some(LARGE),
        ),
    ]
    .into_iter()
    .map(|(name, req, frame_type, octets, refused)| body(name, req, frame_type, &octets, refused))
    .collect()
}

fn cards(rules: &Rules) -> Vec<Case> {
    let limit = |name: &str| rules.limit(name) as usize;
    let contact =
        |user: &[u8], name: &[u8]| octets(1, &[octets(1, user), octets(2, name)].concat());
    let link =
        |url: &str, more: &[u8]| octets(2, &[octets(1, url.as_bytes()), more.to_vec()].concat());
    let most = limit("url_octets");
    let long = |length: usize| format!("https://{}", "x".repeat(length - 8));
    let caption = limit("caption_octets");
    let words = |field, more| octets(field, &vec![b'w'; caption + more]);
    let label = |more| octets(3, &vec![b'l'; caption + more]);
    let mut cases = Vec::new();
    let mut add = |name: &str, class: &str, req: &str, octets: Vec<u8>, refused| {
        cases.push(body((name, class), req, CARD, &octets, refused));
    };
    for (class, length) in [("empty", 0), ("limit-1", 15), ("limit+1", 17)] {
        let card = contact(&vec![7; length], b"Ann");
        add("card-user", class, "EIM-CNT-009", card, Some(INVALID));
    }
    let req = "EIM-CNT-008";
    let anonymous = contact(&[7; 16], &[]);
    add("card-name", "empty", req, anonymous, None);
    let named = |more| contact(&[7; 16], &vec![b'n'; caption + more]);
    add("card-name", "limit", req, named(0), None);
    add("card-name", "limit+1", req, named(1), Some(LARGE));
    let page = "https://example.org/";
    add("card-title", "limit", req, link(page, &words(2, 0)), None);
    add(
        "card-title",
        "limit+1",
        req,
        link(page, &words(2, 1)),
        Some(LARGE),
    );
    add("card-text", "limit", req, link(page, &words(3, 0)), None);
    add(
        "card-text",
        "limit+1",
        req,
        link(page, &words(3, 1)),
        Some(LARGE),
    );
    let both = [contact(&[7; 3], b""), link(page, &[])].concat();
    add("card", "last-counts", "EIM-CNT-009", both, None);
    for (class, url, refused) in [
        ("https", page.to_owned(), None),
        ("http", "http://a".into(), None),
        (
            "marks",
            "https://user@example.org:8443/~a/%20?b=c&d#e".into(),
            None,
        ),
        ("limit", long(most), None),
        ("limit+1", long(most + 1), Some(LARGE)),
        ("empty", String::new(), Some(INVALID)),
        ("scheme-alone", "https://".into(), Some(INVALID)),
        ("no-scheme", "example.org".into(), Some(INVALID)),
        ("upper", "HTTPS://example.org".into(), Some(INVALID)),
        ("script", "javascript:alert(1)".into(), Some(INVALID)),
        ("file", "file:///etc/hosts".into(), Some(INVALID)),
        ("space", "https://a b".into(), Some(INVALID)),
        ("space-first", " https://a".into(), Some(INVALID)),
        ("line-end", "https://a\n".into(), Some(INVALID)),
        ("delete", "https://a\u{7f}".into(), Some(INVALID)),
        ("umlaut", "https://bücher.example".into(), Some(INVALID)),
    ] {
        add("card-url", class, "EIM-CNT-010", link(&url, &[]), refused);
    }
    for (class, more, refused) in [("limit", 0, None), ("limit+1", 1, Some(LARGE))] {
        cases.push(body(
            ("location-label", class),
            req,
            LOCATION,
            &label(more),
            refused,
        ));
        let text = words(1, more);
        cases.push(body(("notice-text", class), req, NOTICE, &text, refused));
    }
    let nowhere = [vec![0x09], 91_f64.to_le_bytes().to_vec()].concat();
    cases.push(body(
        ("location", "above"),
        "EIM-MSG-034",
        LOCATION,
        &nowhere,
        Some(INVALID),
    ));
    let nan = [vec![0x11], f64::NAN.to_le_bytes().to_vec()].concat();
    cases.push(body(
        ("location", "nan"),
        "EIM-MSG-034",
        LOCATION,
        &nan,
        Some(INVALID),
    ));
    let alone = octets(1, b"example");
    cases.push(body(
        ("custom", "one-label"),
        "EIM-MSG-071",
        CUSTOM,
        &alone,
        Some(INVALID),
    ));
    cases
}
