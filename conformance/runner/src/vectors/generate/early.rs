//! Headers of frames that may not come, without their payload: the testee protocol asks for the verdict
//! now (10.5).

use super::draft::{Wire, case, decode, incomplete, rejected};
use super::header::{name, receivers};
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Kind};

/// Octets of payload that the header announces and that never come.
const MISSING: u32 = 4;

/// Known types of either direction and of several phases, and unknown ones.
const TYPES: [u8; 12] = [
    0x01, 0x02, 0x03, 0x08, 0x0b, 0x0c, 0x20, 0x29, 0x3e, 0x60, 0x61, 0xe5,
];

/// Direction, phase and sequence, judged while the payload is missing.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for config in receivers() {
        for value in TYPES {
            cases.push(one_type(rules, &config, value)?);
            if rules.may_arrive(&config, value) {
                cases.push(wrong_sequence(rules, &config, value));
            }
        }
    }
    Ok(cases)
}

fn id(config: &Config, value: u8) -> String {
    format!("hdr-early-{value:02x}-{}", name(config))
}

fn field(rules: &Rules, value: u8, field: &str) -> String {
    match rules.meaning(value) {
        Meaning::Known(row) => format!("{}.{field}", row.name),
        Meaning::Ignorable => format!("ignorable.{field}"),
        _ => format!("unknown.{field}"),
    }
}

fn one_type(rules: &Rules, config: &Config, value: u8) -> Result<Case, String> {
    let frame = Wire::of(rules, value).length(MISSING);
    let about = field(rules, value, "type");
    if rules.may_arrive(config, value) {
        let test = decode(
            Depth::Decode,
            frame.parts(),
            incomplete(Vec::new(), MISSING),
        );
        let desc = format!("type 0x{value:02x} may come, and its payload is missing");
        let case = case(
            id(config, value),
            &["EIM-FRM-006"],
            (&about, "header"),
            desc,
            test,
        );
        return Ok(case.config(config).kind(Kind::Boundary));
    }
    let (code, req) = rules
        .fault(config, &frame)
        .ok_or("a type that may not come, without fault")?;
    let expect = rejected(Vec::new(), code, None);
    let test = decode(Depth::Decode, frame.parts(), expect);
    let desc = format!("type 0x{value:02x}: {code} is due before its payload is there");
    let elsewhere = receivers()
        .iter()
        .find(|other| rules.may_arrive(other, value))
        .map(|other| id(other, value))
        .ok_or("a type that may never come")?;
    let req = [req, "EIM-FRM-026"];
    let case = case(id(config, value), &req, (&about, "header"), desc, test);
    Ok(case.config(config).near(elsewhere).flag("LateVerdict"))
}

fn wrong_sequence(rules: &Rules, config: &Config, value: u8) -> Case {
    let right = Wire::of(rules, value).length(MISSING);
    let (sequence, req) = match right.sequence {
        0 => (7, "EIM-SEQ-005"),
        _ => (0, "EIM-SEQ-004"),
    };
    let frame = right.sequence(sequence);
    let expect = rejected(Vec::new(), "BAD_SEQUENCE", None);
    let test = decode(Depth::Decode, frame.parts(), expect);
    let desc =
        format!("type 0x{value:02x} with sequence {sequence}: due before its payload is there");
    let about = field(rules, value, "sequence");
    case(
        format!("{}-sequence", id(config, value)),
        &[req, "EIM-FRM-026"],
        (&about, "header"),
        desc,
        test,
    )
    .config(config)
    .near(id(config, value))
    .flag("LateVerdict")
}
