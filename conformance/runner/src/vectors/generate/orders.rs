//! Several faults in one frame: the first in order decides (10.2, 10.5).

use super::draft::{Wire, case, decode, judged, part, rejected, u32_part};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Kind};

const TEXT: u8 = 0x20;
/// Server to client only, sequenced, compressible.
const NOTICE: u8 = 0x29;

/// A way in which the type octet is wrong, or the direction.
const TYPES: [(&str, u8); 5] = [
    ("", TEXT),
    ("invalid", 0x00),
    ("unknown", 0x0f),
    ("extension", 0x80),
    ("direction", NOTICE),
];

/// Every combination of at least two faults.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (type_fault, value) in TYPES {
        for set in 0..16_u8 {
            let has = |bit: u8| set & bit != 0;
            let faults: Vec<&str> = [
                (has(1), "version"),
                (
                    !type_fault.is_empty() && type_fault != "direction",
                    type_fault,
                ),
                (has(2), "compression"),
                (has(4), "length"),
                (type_fault == "direction", type_fault),
                (has(8), "sequence"),
            ]
            .into_iter()
            .filter(|(there, _)| *there)
            .map(|(_, name)| name)
            .collect();
            if faults.len() >= 2 {
                cases.push(combination(rules, value, set, &faults));
            }
        }
    }
    cases.extend(behind_the_header(rules));
    Ok(cases)
}

fn combination(rules: &Rules, value: u8, set: u8, faults: &[&str]) -> Case {
    let config = Config::default();
    let mut frame = Wire::of(rules, value);
    if set & 1 != 0 {
        frame = frame.version(2);
    }
    if set & 2 != 0 {
        frame = frame.compression(9);
    }
    if set & 4 != 0 {
        frame = frame.length(u32::MAX);
    }
    if set & 8 != 0 {
        let wrong = if rules.is_sequenced(value) { 0 } else { 5 };
        frame = frame.sequence(wrong);
    }
    let test = decode(Depth::Decode, frame.parts(), judged(rules, &config, &frame));
    let (first, rest) = faults
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let due = !matches!(first, "direction" | "sequence");
    let req = if due {
        ["EIM-FRM-008", "EIM-ERR-022"]
    } else {
        ["EIM-FRM-026", "EIM-ERR-022"]
    };
    let class = format!("before-{}", rest.join("-"));
    let desc = format!("{} decides, {} is wrong too", first, rest.join(", "));
    case(
        format!("hdr-order-{}", faults.join("-")),
        &req,
        (first, &class),
        desc,
        test,
    )
    .kind(Kind::Order)
}

/// Faults that need the payload come behind all that the header shows.
fn behind_the_header(rules: &Rules) -> Vec<Case> {
    let corrupt = vec![
        u32_part("size", 20),
        part("data", &[0x1a, 0x61, 2, 0, 0x50]),
    ];
    let bad_utf8 = [0x3a, 1, 0xff];
    let text = |sequence| Wire::of(rules, TEXT).sequence(sequence);
    let notice = Wire::of(rules, NOTICE);
    let frames = [
        (
            "sequence-decompression",
            Depth::Open,
            text(0).compression(2).payload(corrupt.clone()),
            "BAD_SEQUENCE",
        ),
        (
            "direction-decompression",
            Depth::Open,
            notice.clone().compression(2).payload(corrupt.clone()),
            "UNEXPECTED_FRAME",
        ),
        (
            "direction-sequence-decompression",
            Depth::Open,
            notice.clone().sequence(0).compression(2).payload(corrupt),
            "UNEXPECTED_FRAME",
        ),
        (
            "sequence-payload",
            Depth::Message,
            text(0).with(&bad_utf8),
            "BAD_SEQUENCE",
        ),
        (
            "direction-payload",
            Depth::Message,
            notice.with(&bad_utf8),
            "UNEXPECTED_FRAME",
        ),
        (
            "control-sequence-payload",
            Depth::Message,
            Wire::of(rules, 0x08).sequence(1).with(&[8]),
            "BAD_SEQUENCE",
        ),
        (
            "phase-payload",
            Depth::Message,
            Wire::of(rules, 0x01).with(&[8]),
            "UNEXPECTED_FRAME",
        ),
        (
            "fragment-sequence-layout",
            Depth::Reassemble,
            Wire::of(rules, 0x10).sequence(0).with(&[0; 7]),
            "BAD_SEQUENCE",
        ),
        (
            "cancel-sequence-unknown",
            Depth::Reassemble,
            Wire::of(rules, 0x11).sequence(0).with(&[8, 9]),
            "BAD_SEQUENCE",
        ),
        (
            "size-decompression",
            Depth::Open,
            text(1)
                .compression(2)
                .payload(vec![u32_part("size", 40_961), part("data", &[0xff])]),
            "DECOMPRESSED_TOO_LARGE",
        ),
        (
            "decompression-payload",
            Depth::Message,
            text(1).compression(2).payload(vec![
                u32_part("size", 4),
                part("data", &[0x30, 0x3a, 1, 0xff]),
            ]),
            "DECOMPRESSION_FAILED",
        ),
    ];
    frames
        .into_iter()
        .map(|(label, depth, frame, code)| {
            let (first, rest) = label.split_once('-').unwrap_or((label, ""));
            let test = decode(depth, frame.parts(), rejected(Vec::new(), code, None));
            let desc = format!("{code} comes before what else is wrong: {label}");
            let class = format!("before-{rest}");
            let req = ["EIM-FRM-026", "EIM-ERR-022"];
            case(
                format!("hdr-order-{label}"),
                &req,
                (first, &class),
                desc,
                test,
            )
            .kind(Kind::Order)
        })
        .collect()
}
