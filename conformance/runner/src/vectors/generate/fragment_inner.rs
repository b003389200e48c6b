//! What is inside of a fragmented message: its type, its compression.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::fragments::{CUSTOM, Message, Stream, bad, count, good};
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Role};

const ENCRYPTED: u8 = 0x28;

/// Every type octet as inner type, at both sides.
pub(super) fn inner_types(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
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
        for value in 0..=u8::MAX {
            // Far from the borders one of four is enough.
            let border = (0x1e..=0x51).contains(&value) || value % 0x10 == 0 || value % 0x10 == 0xf;
            if !border && value % 4 != 1 {
                continue;
            }
            let message = Message::of(value, 2);
            let stream = Stream::default().fragment(rules, message.first(&[0x32, 0]));
            let id = format!("frg-inner-{value:02x}-{side}");
            let inside = matches!(rules.range(value), "message" | "operation") || value == 0x50;
            let near = if role == Role::Server {
                "frg-inner-27-server"
            } else {
                "frg-inner-27-client"
            };
            let made = if !inside {
                let class = match rules.meaning(value) {
                    Meaning::Known(_) => "known",
                    _ => rules.range(value),
                };
                bad(
                    &id,
                    &["EIM-FRG-013"],
                    ("inner_type", class),
                    "MALFORMED_FRAGMENT",
                    &stream,
                )
                .near(near)
            } else if !rules.may_arrive(&config, value) {
                bad(
                    &id,
                    &["EIM-FRG-014"],
                    ("inner_type", "wrong-direction"),
                    "UNEXPECTED_FRAME",
                    &stream,
                )
                .near(near)
            } else {
                let class = match rules.meaning(value) {
                    Meaning::Known(_) => "known",
                    _ if rules.is_reserved(value) => "reserved",
                    _ => "unknown",
                };
                let expect = vec![stream.whole(0, &message, &[0x32, 0])];
                let desc = format!("inner type 0x{value:02x} in one fragment");
                good(
                    &id,
                    &["EIM-FRG-029", "EIM-FRG-013"],
                    ("inner_type", class),
                    &desc,
                    &stream,
                    expect,
                )
            };
            cases.push(made.config(&config));
        }
    }
    cases
}

/// Compressed whole, then split; and what may not be compressed.
pub(super) fn inner_compressions(rules: &Rules) -> Vec<Case> {
    let content = [0x61; 20];
    let mut cases = Vec::new();
    for (octet, name, data) in [
        (
            1,
            "zstd",
            Zstd::single(20, vec![Block::Rle(0x61, 20)]).octets(),
        ),
        (2, "lz4", Lz4::default().copy(b"a", 1, 14).end(b"aaaaa")),
        (3, "snappy", Snappy::of(20).literal(b"a").copy2(1, 19).0),
    ] {
        let inner = [&[0, 0, 0, 20][..], &data].concat();
        let message = Message {
            compression: octet,
            total: count(inner.len()),
            uncompressed: 20,
            ..Message::of(CUSTOM, 0)
        };
        let two = |message: &Message, inner: &[u8], at: usize| {
            let (left, right) = inner.split_at(at);
            Stream::default()
                .fragment(rules, message.first(left))
                .fragment(rules, message.later(count(at), right))
        };
        let base = format!("frg-{name}");
        for at in [1, 3, 4, 5, inner.len() - 1] {
            let stream = two(&message, &inner, at);
            let expect = vec![stream.whole(1, &message, &content)];
            let id = if at == 4 {
                base.clone()
            } else {
                format!("{base}-at-{at:02}")
            };
            let class = if at < 4 { "in-size" } else { "in-data" };
            cases.push(good(
                &id,
                &["EIM-FRG-002", "EIM-FRG-029"],
                (&format!("{name}.data"), class),
                "compressed whole, then split",
                &stream,
                expect,
            ));
        }
        let field = |field: &str| format!("{name}.{field}");
        for (class, uncompressed) in [
            ("limit-1", 19),
            ("limit+1", 21),
            ("zero", 0),
            ("endian-swapped", 0x1400),
        ] {
            let other = Message {
                uncompressed,
                ..message.clone()
            };
            let id = format!("{base}-uncompressed-{}", class.replace('+', "-plus-"));
            let stream = two(&other, &inner, 4);
            cases.push(
                bad(
                    &id,
                    &["EIM-FRG-017"],
                    (&field("uncompressed"), class),
                    "DECOMPRESSION_FAILED",
                    &stream,
                )
                .near(&*base),
            );
        }
        if name == "snappy" {
            let corrupt = [&inner[..inner.len() - 2], &[9, 0]].concat();
            let stream = two(&message, &corrupt, 4);
            cases.push(
                bad(
                    &format!("{base}-corrupt"),
                    &["EIM-CMP-018", "EIM-FRG-029"],
                    (&field("data"), "corrupt"),
                    "DECOMPRESSION_FAILED",
                    &stream,
                )
                .near(&*base),
            );
        }
        for (label, compressions) in [
            ("none", vec![]),
            ("others", (1..=3).filter(|one| *one != octet).collect()),
        ] {
            let config = Config {
                compressions,
                ..Config::default()
            };
            let id = format!("{base}-not-negotiated-{label}");
            let stream = two(&message, &inner, 4);
            cases.push(
                bad(
                    &id,
                    &["EIM-FRG-015"],
                    (&field("inner_compression"), "not-negotiated"),
                    "UNKNOWN_COMPRESSION",
                    &stream,
                )
                .config(&config)
                .near(&*base),
            );
        }
        let encrypted = Message {
            inner_type: ENCRYPTED,
            ..message.clone()
        };
        let stream = two(&encrypted, &inner, 4);
        cases.push(
            bad(
                &format!("{base}-encrypted"),
                &["EIM-FRG-015"],
                (&field("inner_type"), "not-allowed"),
                "UNKNOWN_COMPRESSION",
                &stream,
            )
            .near(&*base),
        );
    }
    let plain = Message::of(CUSTOM, 6);
    let stream = |message: &Message| Stream::default().fragment(rules, message.first(b"2\x04abcd"));
    let base = stream(&plain);
    let expect = vec![base.whole(0, &plain, b"2\x04abcd")];
    cases.push(good(
        "frg-plain",
        &["EIM-FRG-001"],
        ("inner_compression", "zero"),
        "not compressed",
        &base,
        expect,
    ));
    for (class, octet) in [
        ("reserved", 4),
        ("unknown", 5),
        ("grease", 0x5a),
        ("grease", 0xa5),
        ("sign-bit", 0x80),
        ("max", 0xff),
    ] {
        let other = Message {
            compression: octet,
            ..plain.clone()
        };
        let id = format!("frg-compression-{octet:02x}");
        cases.push(
            bad(
                &id,
                &["EIM-FRG-015"],
                ("inner_compression", class),
                "UNKNOWN_COMPRESSION",
                &stream(&other),
            )
            .near("frg-plain"),
        );
    }
    for (class, uncompressed) in [
        ("zero", 0),
        ("limit-1", 5),
        ("limit+1", 7),
        ("max", u32::MAX),
    ] {
        let other = Message {
            uncompressed,
            ..plain.clone()
        };
        let id = format!("frg-plain-uncompressed-{}", class.replace('+', "-plus-"));
        let made = bad(
            &id,
            &["EIM-FRG-016"],
            ("uncompressed", class),
            "MALFORMED_FRAGMENT",
            &stream(&other),
        );
        cases.push(made.near("frg-plain"));
    }
    cases
}
