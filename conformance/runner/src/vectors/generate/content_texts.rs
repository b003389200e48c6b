//! Bodies made of texts: FORWARD, TEXT, and which spans of a text are shown.

use serde_json::{Value, json};

use super::contents::{Blob, FORWARD, INVALID, LARGE, TEXT, body};
use super::draft::{case, derive};
use super::protobuf::{number, octets};
use super::rules::Rules;
use crate::vectors::model::Case;
use crate::vectors::octets::to_hex;

/// All cases.
pub(super) fn cases(rules: &Rules) -> Vec<Case> {
    let mut cases = forwards(rules);
    cases.extend(texts(rules));
    cases.extend(spans());
    cases
}

fn forwards(rules: &Rules) -> Vec<Case> {
    let limit = |name: &str| rules.limit(name) as usize;
    let message = |frame_type: u64, sender: &[u8], body: &[u8]| {
        let fields = [number(1, frame_type), octets(2, sender), octets(5, body)];
        octets(2, &fields.concat())
    };
    let hello = octets(1, b"hello");
    let plain = |frame_type| message(frame_type, &[1; 16], &hello);
    let most = limit("forward_messages");
    let caption = limit("caption_octets");
    let title = |more| [octets(1, &vec![b't'; caption + more]), plain(0x20)].concat();
    let text = limit("text_octets");
    let long = octets(1, &vec![b'x'; text + 1]);
    let image = Blob::of("image/png").octets();
    let wrong = Blob::of("video/mp4").octets();
    let named = |field, more| {
        let name = octets(field, &vec![b'n'; caption + more]);
        octets(2, &[number(1, 0x20), name].concat())
    };
    let inside = [number(1, FORWARD.into()), octets(5, &plain(0x20))].concat();
    [
        ("title", "limit", "EIM-CNT-008", title(0), None),
        ("title", "limit+1", "EIM-CNT-008", title(1), Some(LARGE)),
        ("name", "limit", "EIM-CNT-008", named(3, 0), None),
        ("name", "limit+1", "EIM-CNT-008", named(3, 1), Some(LARGE)),
        ("fallback", "limit", "EIM-CNT-008", named(6, 0), None),
        (
            "fallback",
            "limit+1",
            "EIM-CNT-008",
            named(6, 1),
            Some(LARGE),
        ),
        (
            "messages",
            "limit",
            "EIM-CNT-011",
            plain(0x20).repeat(most),
            None,
        ),
        (
            "messages",
            "limit+1",
            "EIM-CNT-011",
            plain(0x20).repeat(most + 1),
            Some(INVALID),
        ),
        (
            "messages",
            "none",
            "EIM-CNT-011",
            octets(1, b"title"),
            Some(INVALID),
        ),
        (
            "sender",
            "none",
            "EIM-CNT-012",
            message(0x20, &[], &hello),
            None,
        ),
        (
            "sender",
            "limit-1",
            "EIM-CNT-012",
            message(0x20, &[1; 15], &hello),
            Some(INVALID),
        ),
        (
            "sender",
            "limit+1",
            "EIM-CNT-012",
            message(0x20, &[1; 17], &hello),
            Some(INVALID),
        ),
        ("type", "future", "EIM-CNT-012", plain(0x3F), None),
        ("type", "encrypted", "EIM-CNT-012", plain(0x28), None),
        (
            "type",
            "missing",
            "EIM-CNT-012",
            octets(2, &octets(5, &hello)),
            Some(INVALID),
        ),
        ("type", "control", "EIM-CNT-012", plain(0x1F), Some(INVALID)),
        (
            "type",
            "operation",
            "EIM-CNT-012",
            plain(0x40),
            Some(INVALID),
        ),
        (
            "type",
            "no-octet",
            "EIM-CNT-012",
            plain(0x120),
            Some(INVALID),
        ),
        (
            "type",
            "forward",
            "EIM-CNT-012",
            octets(2, &inside),
            Some(INVALID),
        ),
        (
            "body",
            "image",
            "EIM-CNT-012",
            message(0x21, &[], &image),
            None,
        ),
        (
            "body",
            "other-kind",
            "EIM-CNT-012",
            message(0x21, &[], &wrong),
            Some(INVALID),
        ),
        (
            "body",
            "broken",
            "EIM-CNT-012",
            message(0x20, &[], &[0xFF]),
            Some(INVALID),
        ),
        (
            "body",
            "too-long",
            "EIM-CNT-012",
            message(0x20, &[], &long),
            Some(LARGE),
        ),
        (
            "body",
            "second-is-wrong",
            "EIM-CNT-012",
            [plain(0x20), message(0x21, &[], &wrong)].concat(),
            Some(INVALID),
        ),
    ]
    .into_iter()
    .map(|(field, class, req, octets, refused)| {
        let name = format!("forward-{field}");
        body((&name, class), req, FORWARD, &octets, refused)
    })
    .collect()
}

fn texts(rules: &Rules) -> Vec<Case> {
    let limit = |name: &str| rules.limit(name) as usize;
    let mention = |length: usize| octets(2, &vec![7; length]);
    let span = [number(1, 0), number(2, 1), number(3, 1)].concat();
    let spans = |count: usize| octets(4, &span).repeat(count);
    let (mentions, most) = (limit("text_mentions"), limit("text_spans"));
    let mut cases = Vec::new();
    let mut add = |field: &str, class: &str, req: &str, more: Vec<u8>, refused| {
        let octets = [octets(1, b"hello"), more].concat();
        let name = format!("text-{field}");
        cases.push(body((&name, class), req, TEXT, &octets, refused));
    };
    let req = "EIM-OPS-001";
    add("mention", "typical", req, mention(16), None);
    for (class, length) in [("empty", 0), ("limit-1", 15), ("limit+1", 17)] {
        add("mention", class, req, mention(length), Some(INVALID));
    }
    let second = [mention(16), mention(15)].concat();
    add("mention", "second-is-wrong", req, second, Some(INVALID));
    let req = "EIM-OPS-002";
    add("mentions", "limit", req, mention(16).repeat(mentions), None);
    let over = mention(16).repeat(mentions + 1);
    add("mentions", "limit+1", req, over, Some(INVALID));
    add("mentions", "all", req, number(3, 1), None);
    add("spans", "limit", req, spans(most), None);
    add("spans", "limit+1", req, spans(most + 1), Some(INVALID));
    cases
}

/// Which spans of "é€😀ab" are shown: its characters begin at 0, 2, 5, 9 and 10, its end is 11.
fn spans() -> Vec<Case> {
    let text = "é€😀ab";
    let kinds = [
        ("bold", 1),
        ("italic", 2),
        ("strike", 3),
        ("underline", 4),
        ("code", 5),
        ("code-block", 6),
        ("quote", 7),
        ("link", 8),
        ("mention", 9),
    ];
    let mut rows: Vec<(String, u64, u64, u64, bool)> = kinds
        .map(|(class, kind)| (format!("kind-{class}"), 0, 2, kind, true))
        .to_vec();
    for (class, start, length, kind, shown) in [
        ("kind-none", 0, 2, 0, false),
        ("kind-next", 0, 2, 10, false),
        ("kind-max", 0, 2, 0x7FFF_FFFF, false),
        ("whole", 0, 11, 1, true),
        ("last", 10, 1, 1, true),
        ("two-characters", 2, 7, 1, true),
        ("empty", 2, 0, 1, false),
        ("empty-at-end", 11, 0, 1, false),
        ("cut-start", 1, 1, 1, false),
        ("cut-end", 0, 3, 1, false),
        ("cut-both", 3, 4, 1, false),
        ("in-character", 6, 2, 1, false),
        ("beyond", 10, 2, 1, false),
        ("behind", 12, 1, 1, false),
        ("max-length", 0, 0xFFFF_FFFF, 1, false),
        ("max-start", 0xFFFF_FFFF, 1, 1, false),
        ("overflow", 0xFFFF_FFFF, 0xFFFF_FFFF, 1, false),
        ("wraps", 2, 0xFFFF_FFFE, 1, false),
    ] {
        rows.push((class.into(), start, length, kind, shown));
    }
    let field = |start: u64, length: u64, kind: u64| {
        octets(
            4,
            &[number(1, start), number(2, length), number(3, kind)].concat(),
        )
    };
    let made = |class: &str, spans: Vec<u8>, shown: Value| {
        let octets = [octets(1, text.as_bytes()), spans].concat();
        let arguments = [("body", json!(to_hex(&octets)))];
        let test = derive("spans", &arguments, Ok(shown));
        let desc = format!("spans: {class}");
        let id = format!("drv-spans-{class}");
        case(id, &["EIM-OPS-004"], ("spans", class), desc, test)
    };
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|(class, start, length, kind, shown)| {
            let yielded = if *shown {
                json!([[kind, start, length]])
            } else {
                json!([])
            };
            made(class, field(*start, *length, *kind), yielded)
        })
        .collect();
    cases.push(made("none", Vec::new(), json!([])));
    let several = [
        field(5, 4, 2),
        field(1, 1, 1),
        field(0, 11, 1),
        field(5, 4, 2),
    ]
    .concat();
    let shown = json!([[2, 5, 4], [1, 0, 11], [2, 5, 4]]);
    cases.push(made("several", several, shown));
    cases
}
