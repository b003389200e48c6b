//! Frames to octets: exact octets, and what may not be sent.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::draft::{Wire, case, payload};
use super::header::{name, receivers};
use super::rules::{Meaning, Rules};
use super::zstd_dictionary::CHINESE;
use crate::registry::FrameType;
use crate::vectors::model::{
    Case, Code, Config, Encode, Encoded, FrameToSend, Payload, Phase, Repeat, Role, Test,
};
use crate::vectors::octets::to_hex;

const PING: u8 = 0x08;
const TEXT: u8 = 0x20;

/// The frame as a testee gets it.
fn to_send(frame: &Wire, content: Option<&[u8]>) -> FrameToSend {
    let mut out = FrameToSend {
        r#type: frame.r#type,
        sequence: Some(frame.sequence),
        compression: Some(frame.compression),
        payload_hex: None,
        payload: None,
        content_hex: None,
        content: None,
    };
    match (
        payload(content.unwrap_or(&frame.payload_octets())),
        content.is_some(),
    ) {
        (Payload::Hex(hex), true) => out.content_hex = Some(hex),
        (Payload::Repeats(repeats), true) => out.content = Some(repeats),
        (Payload::Hex(hex), false) => out.payload_hex = Some(hex),
        (Payload::Repeats(repeats), false) => out.payload = Some(repeats),
    }
    out
}

/// Header and payload; the payload short if it repeats.
fn octets(frame: &Wire) -> Payload {
    match payload(&frame.payload_octets()) {
        Payload::Hex(_) => Payload::Hex(to_hex(&frame.octets())),
        Payload::Repeats(mut repeats) => {
            let header = frame.octets().into_iter().take(11).collect::<Vec<_>>();
            repeats.insert(
                0,
                Repeat {
                    repeat: to_hex(&header),
                    count: 1,
                },
            );
            Payload::Repeats(repeats)
        }
    }
}

fn test(rules: &Rules, config: &Config, frame: &Wire) -> Test {
    let refuse = rules
        .fault(config, frame)
        .map(|(code, _)| Code { code: code.into() });
    let octets = refuse.is_none().then(|| octets(frame));
    let expect = Encoded {
        octets,
        opens: None,
        refuse,
    };
    Test::Encode(Encode {
        frame: to_send(frame, None),
        expect,
    })
}

/// One frame: its octets, or the code of the refusal with the case that has no fault.
fn one(
    rules: &Rules,
    config: &Config,
    id: String,
    about: (&str, &str),
    frame: &Wire,
    near: &str,
) -> Case {
    let test = test(rules, config, frame);
    let desc = format!("type 0x{:02x}: {} {}", frame.r#type, about.0, about.1);
    match rules.fault(config, frame) {
        None => case(id, &["EIM-FRM-001", "EIM-FRM-002"], about, desc, test).config(config),
        Some((code, id_of)) => {
            let more = sender_rule(code);
            case(id, &[more, id_of], about, desc, test)
                .config(config)
                .near(near)
        }
    }
}

/// The rule for senders that a refusal is due to.
fn sender_rule(code: &str) -> &'static str {
    match code {
        "UNKNOWN_COMPRESSION" => "EIM-CMP-005",
        "PAYLOAD_TOO_LARGE" => "EIM-FRM-019",
        "BAD_SEQUENCE" => "EIM-SEQ-003",
        _ => "EIM-REG-001",
    }
}

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = types(rules);
    cases.extend(versions(rules));
    cases.extend(sequences(rules));
    cases.extend(lengths(rules));
    cases.extend(compressions(rules));
    cases.extend(contents(rules));
    Ok(cases)
}

/// Every known type, where it may arrive and where not, and types that may not be sent at all.
fn types(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    let odd = [
        0x00, 0x0f, 0x12, 0x1f, 0x51, 0x63, 0x73, 0x7f, 0x80, 0xbf, 0xc0, 0xdf, 0xe5, 0xea, 0xf5,
        0xfa, 0xff,
    ];
    for value in rules.active().map(|row| row.value).chain(odd) {
        for config in receivers() {
            let frame = Wire::of(rules, value).with(&[0xc0, 0xff, 0xee]);
            let id = |value: u8, config: &Config| format!("enc-type-{value:02x}-{}", name(config));
            let other = receivers()
                .into_iter()
                .find(|other| rules.fault(other, &frame).is_none());
            let near = other.map_or_else(
                || {
                    let sound = match (config.phase, config.role) {
                        (Phase::Open, _) => PING,
                        (Phase::Handshake, Role::Server) => 0x01,
                        (Phase::Handshake, Role::Client) => 0x02,
                    };
                    id(sound, &config)
                },
                |other| id(value, &other),
            );
            let class = match rules.meaning(value) {
                Meaning::Known(_) if rules.fault(&config, &frame).is_none() => "known",
                Meaning::Known(_) if config.phase == Phase::Handshake => "wrong-phase",
                Meaning::Known(_) => "wrong-direction",
                Meaning::Invalid => "invalid",
                Meaning::Extension => "not-negotiated",
                Meaning::Ignorable => "grease",
                _ => "unknown",
            };
            cases.push(one(
                rules,
                &config,
                id(value, &config),
                ("type", class),
                &frame,
                &near,
            ));
        }
    }
    let negotiated = Config {
        negotiated_types: vec![0x80],
        ..Config::default()
    };
    let frame = Wire::of(rules, 0x80).with(&[1]);
    cases.push(one(
        rules,
        &negotiated,
        "enc-type-80-negotiated".into(),
        ("type", "negotiated"),
        &frame,
        "",
    ));
    cases
}

fn versions(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for version in [1, 2, 127, 128, 255] {
        for (role, phase, value) in [
            (Role::Server, Phase::Handshake, 0x01),
            (Role::Client, Phase::Handshake, 0x02),
            (Role::Server, Phase::Handshake, 0x03),
            (Role::Client, Phase::Handshake, 0x05),
            (Role::Server, Phase::Open, 0x06),
            (Role::Client, Phase::Open, PING),
            (Role::Server, Phase::Open, TEXT),
            (Role::Client, Phase::Open, 0xea),
        ] {
            let config = Config {
                role,
                phase,
                version,
                ..Config::default()
            };
            let octet = if [0x01, 0x02, 0x06].contains(&value) {
                1
            } else {
                version
            };
            let frame = Wire::of(rules, value).version(octet).with(&[8, 1]);
            let test = test(rules, &config, &frame);
            let req = if octet == version && version != 1 {
                "EIM-VER-002"
            } else {
                "EIM-VER-001"
            };
            let req = if [0x01, 0x02, 0x06].contains(&value) {
                "EIM-VER-001"
            } else {
                req
            };
            let desc = format!("type 0x{value:02x} where {version} was selected");
            let class = match version {
                1 => "one",
                127 => "largest-signed",
                128 => "sign-bit",
                255 => "max",
                _ => "next",
            };
            let id = format!("enc-version-{value:02x}-{version}");
            cases.push(case(id, &[req], ("version", class), desc, test).config(&config));
        }
    }
    cases
}

fn sequences(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for value in [TEXT, 0x10, 0x11, 0x27, PING, 0x0a, 0x60, 0xe5] {
        let config = Config::default();
        for (sequence, class) in [
            (0, "zero"),
            (1, "one"),
            (0x0102_0304, "typical"),
            (0x7fff_ffff, "largest-signed"),
            (0x8000_0000, "sign-bit"),
            (u32::MAX, "max"),
        ] {
            let frame = Wire::of(rules, value).sequence(sequence).with(&[8, 1]);
            let id = |sequence: u32| format!("enc-sequence-{value:02x}-{sequence:08x}");
            let near = id(u32::from(rules.is_sequenced(value)));
            cases.push(one(
                rules,
                &config,
                id(sequence),
                ("sequence", class),
                &frame,
                &near,
            ));
        }
    }
    cases
}

fn lengths(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    let open = |role, max_payload| Config {
        role,
        max_payload,
        ..Config::default()
    };
    let early = Config {
        phase: Phase::Handshake,
        ..Config::default()
    };
    for (config, value) in [
        (open(Role::Server, 65_536), PING),
        (open(Role::Server, 65_536), TEXT),
        (open(Role::Server, 65_536), 0x25),
        (open(Role::Client, 65_536), 0x0b),
        (open(Role::Client, 65_536), 0x61),
        (open(Role::Client, 1_048_576), 0x61),
        (open(Role::Server, 16_384), TEXT),
        (open(Role::Server, 16_384), 0x27),
        (open(Role::Server, 65_536), 0x28),
        (open(Role::Server, 65_536), 0xf5),
        (early, 0x01),
    ] {
        let limit = rules.most_payload(&config, value);
        for (class, length) in [("zero", 0), ("limit", limit), ("limit+1", limit + 1)] {
            let frame = Wire::of(rules, value).with(&vec![0x61; length as usize]);
            let id = |class: &str| {
                let label = class.replace('+', "-plus-");
                format!("enc-length-{value:02x}-{}-{label}", config.max_payload)
            };
            let field = format!("0x{value:02x}.length");
            let mut made = one(
                rules,
                &config,
                id(class),
                (&field, class),
                &frame,
                &id("limit"),
            );
            let capped = |row: &FrameType| u64::from(limit) == row.max_octets;
            let known = rules.active().find(|row| row.value == value);
            if class == "limit+1" && known.is_some_and(capped) {
                made.req.insert(0, "EIM-FRM-020".into());
            }
            cases.push(made);
        }
    }
    cases
}

/// Octets that are compressed already, and algorithms that may not be used.
fn compressions(rules: &Rules) -> Vec<Case> {
    // Twenty octets 0x61, by the algorithm of the octet; by Snappy where there is none.
    let data = |octet: u8| {
        let data = match octet {
            1 => Zstd::single(20, vec![Block::Rle(0x61, 20)]).octets(),
            2 => Lz4::default().copy(b"a", 1, 14).end(b"aaaaa"),
            _ => Snappy::of(20).literal(b"a").copy2(1, 19).0,
        };
        [&[0, 0, 0, 20][..], &data].concat()
    };
    let mut cases = Vec::new();
    for (label, config) in [
        ("all", Config::default()),
        (
            "none",
            Config {
                compressions: Vec::new(),
                ..Config::default()
            },
        ),
        (
            "zstd",
            Config {
                compressions: vec![1],
                ..Config::default()
            },
        ),
    ] {
        for octet in [0, 1, 2, 3, 4, 5, 0x5a, 0xa5, 0x80, 0xff] {
            for value in [TEXT, PING, 0x28, 0x10, 0xe5] {
                if value != TEXT && label != "all" {
                    continue;
                }
                let sound = Wire::of(rules, value).compression(octet);
                let refused = rules.fault(&config, &sound).is_some();
                let frame = sound.with(&data(if refused { 0 } else { octet }));
                let id = |octet: u8| format!("enc-compression-{value:02x}-{label}-{octet:02x}");
                let class = match octet {
                    0 => "zero",
                    1..=3 => "algorithm",
                    4 => "reserved",
                    0x5a | 0xa5 => "grease",
                    0x80 => "sign-bit",
                    0xff => "max",
                    _ => "unknown",
                };
                let field = format!("0x{value:02x}.compression");
                cases.push(one(
                    rules,
                    &config,
                    id(octet),
                    (&field, class),
                    &frame,
                    &id(0),
                ));
            }
        }
    }
    cases
}

/// Content that the testee compresses itself.
fn contents(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    let mixed = super::compression::counting(700);
    for (octet, label, rule) in [
        (1, "zstd", "EIM-CMP-002"),
        (2, "lz4", "EIM-CMP-003"),
        (3, "snappy", "EIM-CMP-004"),
        (4, "zstd-dict-1", "EIM-CMP-027"),
    ] {
        let mut agreed = Config::default();
        if !agreed.compressions.contains(&octet) {
            agreed.compressions.push(octet);
        }
        // Long enough that nobody would rather not compress it (EIM-CMP-011).
        let mut contents: Vec<(&str, &[u8])> = vec![
            ("repeated", &[0x61; 200]),
            ("long", &[0; 4096]),
            ("limit", &[0x20; 40_960]),
            ("counting", &mixed),
            ("limit+1", &[0x20; 40_961]),
        ];
        if rule == "EIM-CMP-027" {
            contents.push(("office", CHINESE.as_bytes()));
        }
        for (class, content) in contents {
            let frame = Wire::of(rules, TEXT).compression(octet);
            let id = |class: &str| format!("enc-content-{label}-{}", class.replace('+', "-plus-"));
            let refuse = class == "limit+1";
            let expect = Encoded {
                octets: None,
                opens: (!refuse).then(|| frame.opened(content)),
                refuse: refuse.then(|| Code {
                    code: "DECOMPRESSED_TOO_LARGE".into(),
                }),
            };
            let test = Test::Encode(Encode {
                frame: to_send(&frame, Some(content)),
                expect,
            });
            let desc = format!("{} octets, to be compressed by {label}", content.len());
            let about = (format!("{label}.content"), class);
            let req = if refuse {
                ["EIM-FRM-020", "EIM-CMP-014"]
            } else {
                ["EIM-CMP-001", rule]
            };
            let made = case(id(class), &req, (&about.0, about.1), desc, test).config(&agreed);
            cases.push(if refuse { made.near(id("limit")) } else { made });
        }
        for (name, config, value) in [
            (
                "not-negotiated",
                Config {
                    compressions: Vec::new(),
                    ..Config::default()
                },
                TEXT,
            ),
            ("ping", agreed.clone(), PING),
            ("encrypted", agreed.clone(), 0x28),
        ] {
            let frame = Wire::of(rules, value).compression(octet);
            let plain = Wire::of(rules, value);
            for (suffix, frame) in [("-plain", &plain), ("", &frame)] {
                let refuse = suffix.is_empty();
                let expect = Encoded {
                    octets: None,
                    opens: (!refuse).then(|| frame.opened(&[0x61; 200])),
                    refuse: refuse.then(|| Code {
                        code: "UNKNOWN_COMPRESSION".into(),
                    }),
                };
                let test = Test::Encode(Encode {
                    frame: to_send(frame, Some(&[0x61; 200])),
                    expect,
                });
                let id = format!("enc-content-{label}-{name}{suffix}");
                let field = format!("{label}.compression");
                let desc = format!("{label} where it may not be used: {name}{suffix}");
                let req = if refuse {
                    ["EIM-CMP-005", "EIM-CMP-007"]
                } else {
                    ["EIM-CMP-010", "EIM-FRM-001"]
                };
                let class = if refuse { name } else { "zero" };
                let made = case(id.clone(), &req, (&field, class), desc, test).config(&config);
                cases.push(if refuse {
                    made.near(id + "-plain")
                } else {
                    made
                });
            }
        }
    }
    cases
}
