//! The length field: every cap of every type, and numbers that are read wrong.

use super::draft::{Wire, case, decode, judged};
use super::header::receivers;
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Kind, Phase, Role};

/// Limits that a side may announce, and the default between them.
const ANNOUNCED: [u32; 3] = [16_384, 65_536, 1_048_576];

/// Lengths of every type at, below and above what is accepted, and numbers that are read wrong.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let known: Vec<u8> = rules.active().map(|row| row.value).collect();
    let unknown = [0x2a, 0x3f, 0x44, 0x45, 0x46, 0x4f, 0xe0, 0xe5, 0xfa, 0xfe];
    for value in known.into_iter().chain(unknown) {
        let mut configs = receivers().into_iter();
        let config = configs.find(|config| rules.may_arrive(config, value));
        let config = config.ok_or("a type that may never arrive")?;
        for max_payload in ANNOUNCED {
            if config.phase == Phase::Handshake && max_payload != 65_536 {
                continue;
            }
            let config = Config {
                max_payload,
                ..config.clone()
            };
            around(rules, &config, value, &mut cases);
        }
    }
    let early = Config {
        phase: Phase::Handshake,
        ..Config::default()
    };
    let late = Config {
        role: Role::Client,
        ..early.clone()
    };
    around(rules, &early, 0x06, &mut cases);
    around(rules, &late, 0x06, &mut cases);
    odd_numbers(rules, &mut cases);
    Ok(cases)
}

/// Lengths around the largest that a receiver accepts.
fn around(rules: &Rules, config: &Config, value: u8, cases: &mut Vec<Case>) {
    let limit = rules.most_payload(config, value);
    let announced = config.max_payload;
    // The cap of a type is below all that a side announces: once is enough.
    if limit < announced && announced != 65_536 && limit <= 16_384 {
        return;
    }
    let side = if config.role == Role::Server {
        "s"
    } else {
        "c"
    };
    let early = if config.phase == Phase::Handshake {
        "h"
    } else {
        ""
    };
    let id = |class: &str| format!("hdr-length-{value:02x}-{side}{early}{announced}-{class}");
    let field = match rules.meaning(value) {
        Meaning::Known(row) => format!("{}.length", row.name),
        Meaning::Ignorable => "ignorable.length".into(),
        _ => "unknown.length".into(),
    };
    for (class, length) in [
        ("zero", 0),
        ("one", 1),
        ("limit-1", limit - 1),
        ("limit", limit),
        ("limit-plus-1", limit + 1),
    ] {
        if matches!(class, "zero" | "one") && announced != 65_536 {
            continue;
        }
        let frame = Wire::of(rules, value).length(length);
        let test = decode(Depth::Decode, frame.parts(), judged(rules, config, &frame));
        let desc = format!("type 0x{value:02x} with length {length}, accepted are {limit}");
        let counted = class.replace("-plus-", "+");
        let about = (&*field, &*counted);
        cases.push(match rules.fault(config, &frame) {
            None if length == 0 => case(id(class), &["EIM-FRM-017"], about, desc, test)
                .config(config)
                .canonical(),
            None => {
                let req: &[&str] = match class {
                    "limit" => &["EIM-FRM-016", "EIM-LIM-001"],
                    _ => &["EIM-FRM-016"],
                };
                case(id(class), req, about, desc, test)
                    .config(config)
                    .kind(Kind::Boundary)
            }
            Some((_, req)) => case(
                id(class),
                &[req, "EIM-LIM-007", "EIM-FRM-007"],
                about,
                desc,
                test,
            )
            .config(config)
            .near(id("limit"))
            .flag("OffByOneLimit")
            .flag("LateVerdict"),
        });
    }
}

/// Numbers that overflow, have the sign bit, or are small when read backwards.
fn odd_numbers(rules: &Rules, cases: &mut Vec<Case>) {
    for value in [0x08, 0x20, 0x3f, 0xe5] {
        let max_payload = if matches!(value, 0x08 | 0xe5) {
            65_536
        } else {
            1_048_576
        };
        let config = Config {
            max_payload,
            ..Config::default()
        };
        let label = match rules.meaning(value) {
            Meaning::Known(row) => row.name.clone(),
            Meaning::Ignorable => "ignorable".into(),
            _ => "unknown".into(),
        };
        let field = format!("{label}.length");
        for (class, length) in [
            ("max", u32::MAX),
            ("max-1", u32::MAX - 1),
            ("minus-11", u32::MAX - 10),
            ("minus-header", u32::MAX - 11),
            ("sign-bit", 0x8000_0000),
            ("largest-signed", 0x7fff_ffff),
            ("endian-swapped", 0x0100_0000),
            ("swapped-halves", 0x0200_0000),
            ("above-24-bits", 0x0100_0001),
            ("above-16-bits-of-max", 0xffff_0000),
        ] {
            let frame = Wire::of(rules, value).length(length);
            let test = decode(Depth::Decode, frame.parts(), judged(rules, &config, &frame));
            let req = rules
                .fault(&config, &frame)
                .map_or("EIM-FRM-012", |(_, req)| req);
            let desc = format!("type 0x{value:02x} with length {length}");
            let id = format!("hdr-length-{value:02x}-{class}");
            let more = ["EIM-FRM-007", "EIM-LIM-007", "EIM-SEC-002"];
            cases.push(
                case(
                    id,
                    &[req, more[0], more[1], more[2]],
                    (&field, class),
                    desc,
                    test,
                )
                .config(&config)
                .near(format!("hdr-length-{value:02x}-s{max_payload}-limit"))
                .flag("AllocateBeforeCheck")
                .flag("SignedLength"),
            );
        }
    }
}
