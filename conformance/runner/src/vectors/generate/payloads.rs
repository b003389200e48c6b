//! Payloads as a whole: unknown fields, groups, depth, order, every type at every side.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::protobuf::{
    END, GROUP, I32, I64, LEN, VARINT, long_varint, number, octets, payload_of, tag,
};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Role};
use crate::vectors::octets::to_hex;

pub(super) const PING: u8 = 0x08;
const TEXT: u8 = 0x20;
/// No message uses it, and its tag has two octets.
pub(super) const UNKNOWN: u32 = 31;

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for row in rules.active() {
        for role in [Role::Server, Role::Client] {
            if let Some((message, config)) = payload_of(rules, row, role)? {
                let side = if role == Role::Server {
                    "server"
                } else {
                    "client"
                };
                let label = format!("{}-{side}", row.name.to_lowercase().replace('_', "-"));
                each_type(
                    rules,
                    row.value,
                    &config,
                    (&label, message.name()),
                    &mut cases,
                );
            }
        }
    }
    cases.extend(unknown_fields(rules));
    cases.extend(tags(rules));
    cases.extend(super::groups::groups(rules));
    cases.extend(super::groups::depths(rules));
    cases.extend(compressed(rules));
    cases.extend(unread(rules));
    Ok(cases)
}

/// A payload, and what is left of it when it is written again.
pub(super) fn good(
    rules: &Rules,
    name: &str,
    req: &[&str],
    about: (&str, &str),
    (value, payload, canonical): (u8, &[u8], &[u8]),
) -> Case {
    let frame = Wire::of(rules, value).with(payload);
    let mut opened = frame.opened(payload);
    opened.canonical_hex = Some(to_hex(canonical));
    let test = decode(Depth::Message, frame.parts(), frames(vec![opened]));
    case(
        name.into(),
        req,
        about,
        format!("{}: {}", about.0, about.1),
        test,
    )
}

pub(super) fn bad(
    rules: &Rules,
    name: &str,
    req: &str,
    about: (&str, &str),
    payload: &[u8],
) -> Case {
    let frame = Wire::of(rules, PING).with(payload);
    let test = decode(
        Depth::Message,
        frame.parts(),
        rejected(Vec::new(), "MALFORMED_PAYLOAD", None),
    );
    case(
        name.into(),
        &[req, "EIM-FRM-029"],
        about,
        format!("{}: {}", about.0, about.1),
        test,
    )
    .near("pay-all-ping")
}

/// What holds for the payload of every type, at both sides.
fn each_type(
    rules: &Rules,
    value: u8,
    config: &Config,
    (label, message): (&str, &str),
    cases: &mut Vec<Case>,
) {
    let field = |class: &str| (format!("{message}:{label}"), class.to_owned());
    let mut add = |class: &str, req: &[&str], payload: &[u8], canonical: &[u8]| {
        let (field, class) = field(class);
        let name = format!("pay-each-{label}-{class}");
        cases.push(
            good(
                rules,
                &name,
                req,
                (&field, &class),
                (value, payload, canonical),
            )
            .config(config),
        );
    };
    add("empty", &["EIM-FRM-017", "EIM-CNV-002"], &[], &[]);
    let all = every_wire_type();
    add("unknown-fields", &["EIM-EXT-001"], &all, &[]);
    let frame = Wire::of(rules, value).with(&[0x80]);
    let expect = rejected(Vec::new(), "MALFORMED_PAYLOAD", None);
    let test = decode(Depth::Message, frame.parts(), expect);
    let (name, class) = field("in-tag");
    let req = ["EIM-FRM-029", "EIM-CNV-005"];
    let made = case(
        format!("pay-each-{label}-in-tag"),
        &req,
        (&name, &class),
        format!("{label}: ends in a tag"),
        test,
    );
    cases.push(made.config(config).near(format!("pay-each-{label}-empty")));
}

/// An unknown field of each wire type.
pub(super) fn every_wire_type() -> Vec<u8> {
    [
        number(UNKNOWN, 300),
        tag(UNKNOWN, I64),
        vec![1, 2, 3, 4, 5, 6, 7, 8],
        octets(UNKNOWN, &[0xff, 0xfe]),
        tag(UNKNOWN, GROUP),
        number(1, 1),
        tag(UNKNOWN, END),
        tag(UNKNOWN, I32),
        vec![1, 2, 3, 4],
    ]
    .concat()
}

/// Unknown fields around known ones, with small and large numbers.
fn unknown_fields(rules: &Rules) -> Vec<Case> {
    let token = number(1, 5);
    let mut cases = vec![good(
        rules,
        "pay-all-ping",
        &["EIM-CNV-002"],
        ("payload", "typical"),
        (PING, &token, &token),
    )];
    for (class, field) in [
        ("two", 2),
        ("tag-limit", 15),
        ("tag-limit+1", 16),
        ("reserved", 19_000),
        ("two-octets", 2_047),
        ("three-octets", 2_048),
        ("max-1", 536_870_910),
        ("max", 536_870_911),
    ] {
        for (wire, value) in [
            (VARINT, vec![0]),
            (I64, vec![9; 8]),
            (LEN, vec![2, 0xc3, 0x28]),
            (I32, vec![9; 4]),
        ] {
            let unknown = [tag(field, wire), value].concat();
            for (place, payload) in [
                ("before", [unknown.clone(), token.clone()].concat()),
                ("behind", [token.clone(), unknown].concat()),
            ] {
                let name = format!("pay-unknown-{field}-{wire}-{place}");
                let about = ("unknown.number", format!("{class}-{wire}-{place}"));
                cases.push(good(
                    rules,
                    &name,
                    &["EIM-EXT-001"],
                    (about.0, &about.1),
                    (PING, &payload, &token),
                ));
            }
        }
    }
    let window = [number(3, 3), number(2, 2), number(1, 1)].concat();
    let order = [number(1, 1), number(2, 2), number(3, 3)].concat();
    cases.push(good(
        rules,
        "pay-order-window",
        &["EIM-CNV-003"],
        ("Window", "order"),
        (0x0a, &window, &order),
    ));
    let send = [
        octets(7, b"f"),
        octets(6, b"b"),
        octets(3, &[1; 16]),
        octets(2, &[2; 16]),
    ]
    .concat();
    let right = [
        octets(2, &[2; 16]),
        octets(3, &[1; 16]),
        octets(6, b"b"),
        octets(7, b"f"),
    ]
    .concat();
    cases.push(good(
        rules,
        "pay-order-send",
        &["EIM-CNV-003"],
        ("Send", "order"),
        (TEXT, &send, &right),
    ));
    cases
}

/// Tags that are too long, too large, or of no field and no wire type.
fn tags(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [2, 3, 5, 9, 10] {
        let payload = [long_varint(8, length), vec![5]].concat();
        let name = format!("pay-tag-overlong-{length}");
        let class = format!("overlong-{length}");
        cases.push(good(
            rules,
            &name,
            &["EIM-CNV-003"],
            ("tag", &class),
            (PING, &payload, &number(1, 5)),
        ));
    }
    let req = "EIM-CNV-005";
    for wire in 0..=7_u32 {
        let payload = [tag(0, wire), vec![0; 8]].concat();
        let class = format!("field-zero-{wire}");
        cases.push(bad(
            rules,
            &format!("pay-tag-{class}"),
            req,
            ("tag", &class),
            &payload,
        ));
    }
    for wire in [6, 7] {
        for field in [1, UNKNOWN, 536_870_911] {
            let payload = [tag(field, wire), vec![0]].concat();
            let class = format!("wire-type-{wire}-of-{field}");
            cases.push(bad(
                rules,
                &format!("pay-tag-{class}"),
                req,
                ("tag", &class),
                &payload,
            ));
        }
    }
    for (class, octets) in [
        (
            "above-max-field",
            [long_varint(1 << 32, 5), vec![0]].concat(),
        ),
        (
            "above-max-field-by-one-group",
            [long_varint((1 << 32) | 3, 5), long_varint((1 << 32) | 4, 5)].concat(),
        ),
        ("max-64-bits", [long_varint(!7, 10), vec![0]].concat()),
        (
            "swapped-to-one",
            [long_varint((1 << 35) | 8, 6), vec![5]].concat(),
        ),
        (
            "eleven-octets",
            [vec![0x88], vec![0x80; 9], vec![0, 5]].concat(),
        ),
        (
            "above-64-bits",
            [vec![0x88], vec![0x80; 8], vec![2, 5]].concat(),
        ),
        ("without-end", vec![0xff; 10]),
        ("truncated", vec![0x88]),
        ("truncated-behind-field", vec![8, 5, 0x88]),
        ("zero-octet", vec![0]),
        ("zero-behind-field", vec![8, 5, 0]),
    ] {
        cases.push(bad(
            rules,
            &format!("pay-tag-{class}"),
            req,
            ("tag", class),
            &octets,
        ));
    }
    for (class, octets) in [
        ("i64", [tag(UNKNOWN, I64), vec![1; 7]].concat()),
        ("i32", [tag(UNKNOWN, I32), vec![1; 3]].concat()),
        ("i64-empty", tag(UNKNOWN, I64)),
        ("i32-empty", tag(UNKNOWN, I32)),
        ("varint", [tag(UNKNOWN, VARINT), vec![0xff]].concat()),
        (
            "varint-11",
            [tag(UNKNOWN, VARINT), vec![0x80; 10], vec![0]].concat(),
        ),
        ("length", [tag(UNKNOWN, LEN), vec![1]].concat()),
    ] {
        let class = format!("unknown-truncated-{class}");
        cases.push(bad(
            rules,
            &format!("pay-{class}"),
            req,
            ("unknown.value", &class),
            &octets,
        ));
    }
    cases
}

/// What is compressed is parsed by the same rules.
fn compressed(rules: &Rules) -> Vec<Case> {
    let right = octets(7, "grüße".as_bytes());
    let wrong = [&[0x3a, 7, b'g', b'r', 0xfc, b'n', b'e', b's', b'.'][..]].concat();
    let mut cases = Vec::new();
    let mut payload = |octet: u8, label: &str, class: &str, content: &[u8]| {
        let data = match octet {
            1 => Zstd::single(content.len() as u64, vec![Block::Raw(content)]).octets(),
            2 => Lz4::default().end(content),
            _ => Snappy::of(content.len()).literal(content).0,
        };
        let size = u32_part("size", u32::try_from(content.len()).unwrap_or(0));
        let frame = Wire::of(rules, TEXT)
            .compression(octet)
            .payload(vec![size, part("data", &data)]);
        let name = format!("pay-compressed-{label}");
        let field = format!("{label}.content");
        let sound = class == "typical" || class == "unknown";
        let (id, expect) = if sound {
            let mut opened = frame.opened(content);
            opened.canonical_hex = Some(to_hex(if class == "typical" { content } else { &[] }));
            (
                if class == "typical" {
                    name.clone()
                } else {
                    format!("{name}-{class}")
                },
                frames(vec![opened]),
            )
        } else {
            (
                format!("{name}-{class}"),
                rejected(Vec::new(), "MALFORMED_PAYLOAD", None),
            )
        };
        let test = decode(Depth::Message, frame.parts(), expect);
        let made = case(
            id,
            &["EIM-CMP-024"],
            (&field, class),
            format!("{label}: {class}"),
            test,
        );
        cases.push(if sound { made } else { made.near(name) });
    };
    for (octet, label) in [(1, "zstd"), (2, "lz4"), (3, "snappy")] {
        payload(octet, label, "typical", &right);
        payload(octet, label, "invalid-utf8", &wrong);
        payload(
            octet,
            label,
            "truncated",
            &[0x3a, 9, b'g', b'r', b'u', b'e', b'n', b'e', b's'],
        );
        payload(
            octet,
            label,
            "wrong-wire-type",
            &[0x38, 1, 0x38, 1, 0x38, 1, 0x38, 1, 8],
        );
        payload(octet, label, "unknown", &number(UNKNOWN, 1));
    }
    cases
}

/// Payloads that nobody parses: unknown types, and types of the ignorable range.
fn unread(rules: &Rules) -> Vec<Case> {
    let garbage = [0x00, 0x07, 0xff, 0xff, 0x80];
    let mut cases = Vec::new();
    for value in [
        0x2a, 0x3f, 0x44, 0x45, 0x46, 0x47, 0x4f, 0xe0, 0xe5, 0xfa, 0xfe,
    ] {
        for role in [Role::Server, Role::Client] {
            let config = Config {
                role,
                ..Config::default()
            };
            let side = if role == Role::Server {
                "server"
            } else {
                "client"
            };
            let frame = Wire::of(rules, value).with(&garbage);
            let test = decode(
                Depth::Message,
                frame.parts(),
                frames(vec![frame.opened(&garbage)]),
            );
            let (req, class): (&[&str], _) = match () {
                () if rules.is_grease(value) => (&["EIM-EXT-016", "EIM-FRM-023"], "grease"),
                () if rules.is_reserved(value) => (&["EIM-FRM-021", "EIM-REG-002"], "reserved"),
                () if value >= 0xe0 => (&["EIM-FRM-023"], "ignorable"),
                () => (&["EIM-FRM-022"], "unknown"),
            };
            let name = format!("pay-unread-{value:02x}-{side}");
            let desc = format!("type 0x{value:02x}: the payload is not parsed");
            cases.push(case(name, req, ("payload", class), desc, test).config(&config));
        }
    }
    cases
}
