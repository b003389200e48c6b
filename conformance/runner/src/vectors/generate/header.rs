//! The header, field by field.

use super::draft::{Wire, case, decode, incomplete, judged, rejected};
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Kind, Phase, Role};

const PING: u8 = 0x08;
const TEXT: u8 = 0x20;

/// The four receivers of the type octet.
pub(super) fn receivers() -> [Config; 4] {
    let config = |role, phase| Config {
        role,
        phase,
        ..Config::default()
    };
    [
        config(Role::Server, Phase::Open),
        config(Role::Client, Phase::Open),
        config(Role::Server, Phase::Handshake),
        config(Role::Client, Phase::Handshake),
    ]
}

/// `server-open` and so on, for ids.
pub(super) fn name(config: &Config) -> String {
    let role = if config.role == Role::Server {
        "server"
    } else {
        "client"
    };
    let phase = if config.phase == Phase::Open {
        "open"
    } else {
        "handshake"
    };
    format!("{role}-{phase}")
}

/// What a requirement and a class say about a type that was accepted.
fn accepted(rules: &Rules, value: u8) -> (&'static [&'static str], &'static str) {
    match rules.meaning(value) {
        Meaning::Known(_) => (&["EIM-FRM-017"], "known"),
        Meaning::Unknown if rules.is_reserved(value) => {
            (&["EIM-FRM-021", "EIM-FRM-022", "EIM-REG-002"], "reserved")
        }
        Meaning::Unknown => (&["EIM-FRM-022", "EIM-SEQ-006"], "unknown"),
        _ if rules.is_grease(value) => (&["EIM-EXT-016", "EIM-FRM-023"], "grease"),
        _ => (&["EIM-FRM-023"], "ignorable"),
    }
}

/// A frame without the fault: of the same type at another receiver, or of another type at the same.
fn without_fault(rules: &Rules, config: &Config, value: u8) -> String {
    let good = |config: &Config| rules.fault(config, &Wire::of(rules, value)).is_none();
    if let Some(other) = receivers().iter().find(|other| good(other)) {
        return format!("hdr-type-{value:02x}-{}", name(other));
    }
    let sound = match (config.phase, config.role) {
        (Phase::Open, _) => PING,
        (Phase::Handshake, Role::Server) => 0x01,
        (Phase::Handshake, Role::Client) => 0x02,
    };
    format!("hdr-type-{sound:02x}-{}", name(config))
}

/// Every type octet, at both sides, before and after AUTH_OK.
pub(super) fn types(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for config in receivers() {
        for value in 0..=u8::MAX {
            cases.push(one_type(rules, &config, value));
        }
    }
    Ok(cases)
}

fn one_type(rules: &Rules, config: &Config, value: u8) -> Case {
    let frame = Wire::of(rules, value);
    let id = format!("hdr-type-{value:02x}-{}", name(config));
    let test = decode(Depth::Decode, frame.parts(), judged(rules, config, &frame));
    let range = rules.range(value);
    let Some((code, first)) = rules.fault(config, &frame) else {
        let (req, class) = accepted(rules, value);
        let desc = format!("type 0x{value:02x} of the {range} range is a frame");
        return case(id, req, ("type", class), desc, test)
            .config(config)
            .canonical();
    };
    let early = config.phase == Phase::Handshake;
    let (more, class) = match (code, rules.meaning(value)) {
        ("UNEXPECTED_FRAME", Meaning::Known(_)) if early => ("EIM-FRM-026", "wrong-phase"),
        ("UNEXPECTED_FRAME", Meaning::Known(row)) if row.phases.iter().any(|p| p == "open") => {
            ("EIM-FRM-026", "wrong-direction")
        }
        ("UNEXPECTED_FRAME", Meaning::Known(_)) => ("EIM-FRM-026", "wrong-phase"),
        ("UNEXPECTED_FRAME", Meaning::Unknown) => ("EIM-FRM-026", "unknown"),
        ("UNEXPECTED_FRAME", _) if rules.is_grease(value) => ("EIM-EXT-016", "grease"),
        ("UNEXPECTED_FRAME", _) => ("EIM-FRM-026", "ignorable"),
        (_, Meaning::Invalid) => ("EIM-FRM-007", "invalid"),
        (_, Meaning::Extension) => ("EIM-FRM-007", "not-negotiated"),
        _ if rules.is_reserved(value) => ("EIM-REG-002", "reserved"),
        _ => ("EIM-FRM-007", "unknown"),
    };
    let desc = format!("type 0x{value:02x} of the {range} range: {code}");
    case(id, &[first, more], ("type", class), desc, test)
        .config(config)
        .near(without_fault(rules, config, value))
}

/// Values of the version octet.
const VERSIONS: [(u8, &str); 18] = [
    (0, "zero"),
    (1, "one"),
    (2, "next"),
    (3, "typical"),
    (4, "bit"),
    (8, "bit"),
    (9, "swapped"),
    (0x10, "bit"),
    (0x16, "tls"),
    (0x20, "bit"),
    (0x40, "bit"),
    (0x47, "http"),
    (0x50, "http"),
    (0x7f, "largest-signed"),
    (0x80, "sign-bit"),
    (0x81, "sign-bit"),
    (0xfe, "max-1"),
    (0xff, "max"),
];

/// The version octet: of the types that always carry 1, and of the others, under several versions.
pub(super) fn versions(rules: &Rules) -> Result<Vec<Case>, String> {
    let open = |role, version| Config {
        role,
        version,
        ..Config::default()
    };
    let early = |role, version| Config {
        phase: Phase::Handshake,
        ..open(role, version)
    };
    let (server, client) = (Role::Server, Role::Client);
    let mut cases = Vec::new();
    for (label, config, value) in [
        ("hello", early(server, 1), 0x01),
        ("hello-2", early(server, 2), 0x01),
        ("welcome", early(client, 1), 0x02),
        ("welcome-2", early(client, 2), 0x02),
        ("auth", early(server, 1), 0x03),
        ("auth-ok", early(client, 1), 0x05),
        ("error-early", early(client, 1), 0x06),
        ("error", open(server, 1), 0x06),
        ("error-2", open(client, 2), 0x06),
        ("error-255", open(server, 255), 0x06),
        ("ping", open(server, 1), PING),
        ("ping-2", open(client, 2), PING),
        ("ping-255", open(server, 255), PING),
        ("text", open(server, 1), TEXT),
        ("text-2", open(server, 2), TEXT),
        ("unknown", open(client, 1), 0x3e),
        ("unknown-2", open(server, 2), 0x4e),
        ("grease-2", open(server, 2), 0xe5),
    ] {
        let right = if [0x01, 0x02, 0x06].contains(&value) {
            1
        } else {
            config.version
        };
        let mut octets: Vec<(u8, &str)> = VERSIONS.to_vec();
        // The whole table for one type is enough; for the others its corners.
        if label != "ping" {
            octets.retain(|(octet, _)| [0, 1, 2, 0x16, 0x47, 0x80, 0xff].contains(octet));
        }
        for (octet, class) in octets {
            let frame = Wire::of(rules, value).version(octet);
            let id = |octet: u8| format!("hdr-version-{label}-{octet:02x}");
            let test = decode(Depth::Decode, frame.parts(), judged(rules, &config, &frame));
            let selected = config.version;
            let desc =
                format!("version octet {octet} of type 0x{value:02x}, selected is {selected}");
            let about = ("version", class);
            cases.push(match rules.fault(&config, &frame) {
                None => {
                    let req = if right == 1 {
                        "EIM-VER-001"
                    } else {
                        "EIM-VER-002"
                    };
                    case(id(octet), &[req], about, desc, test)
                        .config(&config)
                        .canonical()
                }
                Some((_, req)) => case(id(octet), &[req, "EIM-FRM-008"], about, desc, test)
                    .config(&config)
                    .near(id(right)),
            });
        }
    }
    cases.extend(foreign_protocols());
    Ok(cases)
}

/// What else arrives at an open port.
fn foreign_protocols() -> Vec<Case> {
    let config = Config {
        phase: Phase::Handshake,
        ..Config::default()
    };
    let texts: [(&str, &str, &[u8]); 6] = [
        (
            "tls-client-hello",
            "tls",
            &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0x5a, 0x5a],
        ),
        ("http-get", "http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("http-post", "http", b"POST /eim HTTP/1.1\r\n"),
        ("http2-preface", "http", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("ssh", "ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("xmpp", "xmpp", b"<?xml version='1.0'?>"),
    ];
    let mut cases = Vec::new();
    for (label, class, octets) in texts {
        let id = format!("hdr-version-{label}");
        let part = |octets: &[u8]| vec![super::draft::part("octets", octets)];
        let whole = rejected(Vec::new(), "UNSUPPORTED_VERSION", Some(0));
        let desc = format!("the first octets of another protocol: {label}");
        let test = decode(Depth::Decode, part(octets), whole);
        let req = ["EIM-VER-003", "EIM-FRM-007"];
        let order = case(id.clone(), &req, ("version", class), desc, test);
        cases.push(order.config(&config).kind(Kind::Order));
        let ten = decode(
            Depth::Decode,
            part(octets.get(..10).unwrap_or(octets)),
            incomplete(Vec::new(), 1),
        );
        let desc = format!("ten octets of another protocol: {label}");
        let early = case(id + "-10", &["EIM-FRM-005"], ("version", class), desc, ten);
        cases.push(early.config(&config).kind(Kind::Boundary));
    }
    cases
}

const SEQUENCES: [(u32, &str); 8] = [
    (0, "zero"),
    (1, "one"),
    (2, "typical"),
    (0x0100_0000, "endian-swapped"),
    (0x7fff_ffff, "largest-signed"),
    (0x8000_0000, "sign-bit"),
    (0xffff_fffe, "max-1"),
    (0xffff_ffff, "max"),
];

/// The sequence of every type: 0 for those that have none, anything else for the others.
pub(super) fn sequences(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let unknown = [0x2a, 0x3f, 0x44, 0x4f, 0x46, 0xe0, 0xe5, 0xfe];
    let known: Vec<u8> = rules.active().map(|row| row.value).collect();
    for value in known.into_iter().chain(unknown) {
        let mut configs = receivers().into_iter();
        let sequenced = rules.is_sequenced(value);
        let Some(config) = configs.find(|config| rules.may_arrive(config, value)) else {
            return Err(format!("type 0x{value:02x} may never arrive"));
        };
        for (sequence, class) in SEQUENCES {
            let rare = matches!(class, "typical" | "max-1") && !matches!(value, PING | TEXT);
            if rare {
                continue;
            }
            let frame = Wire::of(rules, value).sequence(sequence);
            let id = |sequence: u32| format!("hdr-sequence-{value:02x}-{sequence:08x}");
            let test = decode(Depth::Decode, frame.parts(), judged(rules, &config, &frame));
            let desc = format!("sequence {sequence} of type 0x{value:02x}");
            let about = ("sequence", class);
            cases.push(match rules.fault(&config, &frame) {
                None => {
                    let unknown = !matches!(rules.meaning(value), Meaning::Known(_));
                    let req: &[&str] = match (sequenced, unknown) {
                        (true, true) => &["EIM-SEQ-006", "EIM-FRM-002"],
                        (true, false) => &["EIM-FRM-002"],
                        (false, _) => &["EIM-SEQ-003", "EIM-SEQ-005"],
                    };
                    case(id(sequence), req, about, desc, test)
                        .config(&config)
                        .canonical()
                }
                Some((_, req)) => case(id(sequence), &[req], about, desc, test)
                    .config(&config)
                    .near(id(u32::from(sequenced))),
            });
        }
    }
    Ok(cases)
}

/// The compression octet: of every type, of every value, under every set of algorithms.
pub(super) fn compressions(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for row in rules.active() {
        let mut configs = receivers().into_iter();
        let config = configs.find(|config| rules.may_arrive(config, row.value));
        let config = config.ok_or("a type that may never arrive")?;
        for octet in [0, 1, 2, 3, 4, 0x5a, 0xa5, 0xff] {
            cases.push(one_compression(rules, &config, row.value, octet, "each"));
        }
    }
    let server = Config::default();
    for value in [0x2a, 0x3e, 0x46, 0x4f, 0xe0, 0xe5, 0xfe] {
        for octet in [0, 1, 2, 3, 4, 0xa5] {
            cases.push(one_compression(rules, &server, value, octet, "each"));
        }
    }
    for octet in (5..=20).chain([31, 32, 63, 64, 100, 127, 128, 129, 130, 131, 192, 240, 254]) {
        cases.push(one_compression(rules, &server, TEXT, octet, "each"));
    }
    for set in 0..8_u8 {
        let compressions: Vec<u8> = (1..=3)
            .filter(|octet| set & (1 << (octet - 1)) != 0)
            .collect();
        let config = Config {
            compressions,
            ..Config::default()
        };
        for octet in 0..=3 {
            cases.push(one_compression(
                rules,
                &config,
                TEXT,
                octet,
                &format!("set-{set}"),
            ));
        }
    }
    let zero = Config {
        compressions: vec![0],
        ..Config::default()
    };
    cases.push(one_compression(rules, &zero, TEXT, 0, "set-zero"));
    let reserved = Config {
        compressions: vec![1, 4],
        ..Config::default()
    };
    cases.push(one_compression(rules, &reserved, TEXT, 1, "set-reserved"));
    Ok(cases)
}

fn one_compression(rules: &Rules, config: &Config, value: u8, octet: u8, set: &str) -> Case {
    let frame = Wire::of(rules, value).compression(octet);
    let id = |octet: u8| format!("hdr-compression-{value:02x}-{set}-{octet:02x}");
    let test = decode(Depth::Decode, frame.parts(), judged(rules, config, &frame));
    let desc = format!("compression octet {octet} of type 0x{value:02x}");
    let class = match octet {
        0 => "zero",
        1..=3 if config.compressions.contains(&octet) => "algorithm",
        1..=3 => "not-negotiated",
        4 => "reserved",
        0x5a | 0xa5 => "grease",
        0x80 => "sign-bit",
        0xff => "max",
        _ => "unknown",
    };
    match rules.fault(config, &frame) {
        None => {
            let req: &[&str] = if octet == 0 {
                &["EIM-CMP-010"]
            } else {
                &["EIM-CMP-006", "EIM-CMP-005"]
            };
            let made = case(id(octet), req, ("compression", class), desc, test).config(config);
            if octet == 0 { made.canonical() } else { made }
        }
        Some((_, req)) => {
            let more = match class {
                "grease" => "EIM-EXT-016",
                "reserved" => "EIM-REG-002",
                _ => "EIM-FRM-007",
            };
            let class = if req == "EIM-CMP-007" {
                "not-allowed"
            } else {
                class
            };
            case(id(octet), &[req, more], ("compression", class), desc, test)
                .config(config)
                .near(id(0))
        }
    }
}
