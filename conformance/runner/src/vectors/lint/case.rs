//! One case by itself.

use std::collections::BTreeSet;

use super::Knowledge;
use crate::vectors::generate::HEX_OCTETS;
use crate::vectors::model::{
    Case, Decode, Depth, Encode, Frame, Kind, Level, Part, Reject, Stage, Step, Story, Test,
};
use crate::vectors::octets::{from_hex, of_parts, to_hex};

/// Everything that is wrong.
pub(super) fn check(case: &Case, knowledge: &Knowledge) -> Vec<String> {
    let mut faults = Vec::new();
    names(case, &mut faults);
    requirements(case, knowledge, &mut faults);
    for code in codes(case) {
        if !knowledge.codes.contains(&code) {
            faults.push(format!("{code} is no error code"));
        }
    }
    let features = features(case);
    if features != case.requires {
        faults.push(format!("requires {:?}, uses {features:?}", case.requires));
    }
    match &case.test {
        Test::Decode(test) => decode(case, test, &mut faults),
        Test::Encode(test) => encode(case, test, &mut faults),
        Test::Story(test) => story(case, test, &mut faults),
        Test::Derive(test) => {
            if test.expect.value.is_some() == test.expect.reject.is_some() {
                faults.push("not exactly one of value, reject".into());
            }
        }
    }
    let fits = match case.kind {
        Kind::Valid => !refuses(case) && !is_incomplete(case),
        Kind::Boundary => is_incomplete(case),
        Kind::Invalid | Kind::Order | Kind::Limit => refuses(case),
    };
    if !fits {
        faults.push(format!(
            "kind {:?} does not fit what is expected",
            case.kind
        ));
    }
    faults
}

fn is_word(text: &str, more: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(letter)
}

fn names(case: &Case, faults: &mut Vec<String>) {
    let id = &case.id;
    let lower = |text: &str| text.chars().all(|letter| !letter.is_ascii_uppercase());
    if !is_word(id, "-") || !lower(id) || id.contains("--") || id.ends_with('-') {
        faults.push("ids are words of lower-case letters and digits with hyphens between".into());
    }
    if !is_word(&case.about.field, "_.:-") {
        faults.push(format!("no name of a field: {}", case.about.field));
    }
    if !is_word(&case.about.class, ".+-") || !lower(&case.about.class) {
        faults.push(format!("no name of a class: {}", case.about.class));
    }
    if case.desc.is_empty() {
        faults.push("says nothing".into());
    }
}

fn requirements(case: &Case, knowledge: &Knowledge, faults: &mut Vec<String>) {
    if case.req.is_empty() {
        faults.push("tests no requirement".into());
    }
    for (index, id) in case.req.iter().enumerate() {
        let Some(row) = knowledge.requirements.get(id) else {
            faults.push(format!("{id} is no requirement"));
            continue;
        };
        if row.status != "active" {
            faults.push(format!("{id} is {}", row.status));
        }
        if !row.needs_vectors() {
            faults.push(format!(
                "{id} is not verified by vectors: add `vector` to its block"
            ));
        }
        let level = match row.level.as_str() {
            "must" | "must-not" => Level::Must,
            "should" | "should-not" => Level::Should,
            _ => Level::May,
        };
        if index == 0 && level != case.level {
            faults.push(format!("{id} is a {}", row.level));
        }
    }
    let unique: BTreeSet<&String> = case.req.iter().collect();
    if unique.len() != case.req.len() {
        faults.push("names a requirement twice".into());
    }
}

/// Error codes that are expected.
fn codes(case: &Case) -> Vec<String> {
    let reject = |reject: &Option<Reject>| reject.as_ref().map(|reject| reject.code.clone());
    match &case.test {
        Test::Decode(test) => reject(&test.expect.reject).into_iter().collect(),
        Test::Encode(test) => test
            .expect
            .refuse
            .iter()
            .map(|code| code.code.clone())
            .collect(),
        Test::Story(test) => test
            .expect
            .iter()
            .filter_map(|step| reject(&step.reject))
            .collect(),
        Test::Derive(test) => test
            .expect
            .reject
            .iter()
            .map(|code| code.code.clone())
            .collect(),
    }
}

/// Whether something is rejected or refused.
pub(super) fn refuses(case: &Case) -> bool {
    !codes(case).is_empty()
}

fn is_incomplete(case: &Case) -> bool {
    matches!(&case.test, Test::Decode(test) if test.expect.incomplete.is_some())
}

/// The stage that a code belongs to, by the testee protocol.
fn stage(code: &str) -> Stage {
    match code {
        "UNSUPPORTED_VERSION"
        | "INVALID_TYPE"
        | "EXTENSION_NOT_NEGOTIATED"
        | "UNEXPECTED_FRAME"
        | "BAD_SEQUENCE"
        | "CREDIT_EXCEEDED" => Stage::Header,
        "PAYLOAD_TOO_LARGE" => Stage::Length,
        "UNKNOWN_COMPRESSION" | "DECOMPRESSION_FAILED" | "DECOMPRESSED_TOO_LARGE" => {
            Stage::Compression
        }
        "MALFORMED_PAYLOAD" | "MALFORMED_FRAGMENT" => Stage::Payload,
        _ => Stage::Semantic,
    }
}

fn decode(case: &Case, test: &Decode, faults: &mut Vec<String>) {
    let octets = match of_parts(&test.input) {
        Ok(octets) => octets,
        Err(error) => return faults.push(error),
    };
    match &test.input_hex {
        Some(hex) if *hex != to_hex(&octets) => {
            faults.push("input_hex says something else than input".into())
        }
        None if octets.len() <= HEX_OCTETS => faults.push("input_hex is missing".into()),
        _ => {}
    }
    let expect = &test.expect;
    let said = [expect.incomplete.is_some(), expect.reject.is_some()];
    if said == [true, true] || said == [false, false] && expect.frames.is_none() {
        faults.push("not exactly one of frames alone, incomplete, reject".into());
    }
    for frame in expect.frames() {
        self::frame(frame, test.depth, faults);
    }
    if let Some(reject) = &expect.reject {
        if reject.stage != stage(&reject.code) {
            faults.push(format!("{} belongs to another stage", reject.code));
        }
        decide_by(test, reject, &octets, faults);
    } else if expect.decide_by.is_some() {
        faults.push("decide_by without reject".into());
    }
    if test.canonical && case.kind != Kind::Valid {
        faults.push("only valid cases are canonical".into());
    }
}

fn frame(frame: &Frame, depth: Depth, faults: &mut Vec<String>) {
    let on_wire = frame.payload_hex.is_some() || frame.payload.is_some();
    if on_wire != (depth == Depth::Decode) {
        faults.push("payload belongs to decode, content to the other operations".into());
    }
    if frame.canonical_hex.is_some() && depth != Depth::Message {
        faults.push("canonical_hex belongs to message".into());
    }
    if frame.ordinal.is_some() {
        faults.push("ordinals belong to stories".into());
    }
    if let Err(error) = frame.octets() {
        faults.push(error);
    }
    if let Some(Err(error)) = frame.canonical_hex.as_deref().map(from_hex) {
        faults.push(error);
    }
}

/// A fault of the header is due at its eleventh octet, and every other fault has no time of its own.
fn decide_by(test: &Decode, reject: &Reject, octets: &[u8], faults: &mut Vec<String>) {
    let due = matches!(
        &*reject.code,
        "UNSUPPORTED_VERSION"
            | "INVALID_TYPE"
            | "EXTENSION_NOT_NEGOTIATED"
            | "UNKNOWN_COMPRESSION"
            | "PAYLOAD_TOO_LARGE"
    );
    let mut start = 0;
    for _ in test.expect.frames() {
        let length = octets.get(start + 7..start + 11);
        let length = length
            .and_then(|length| length.try_into().ok())
            .map_or(0, u32::from_be_bytes);
        start += 11 + length as usize;
    }
    match test.expect.decide_by {
        Some(_) if !due => faults.push(format!("{} has no time of its own", reject.code)),
        Some(at) if at as usize != start + 11 => {
            faults.push(format!(
                "decide_by is {at}, the header ends at {}",
                start + 11
            ));
        }
        None if due && test.depth == Depth::Decode => faults.push("decide_by is missing".into()),
        _ => {}
    }
}

fn encode(case: &Case, test: &Encode, faults: &mut Vec<String>) {
    let expect = &test.expect;
    let said = [
        expect.octets.is_some(),
        expect.opens.is_some(),
        expect.refuse.is_some(),
    ];
    if said.into_iter().filter(|there| *there).count() != 1 {
        faults.push("not exactly one of octets, opens, refuse".into());
    }
    if test.frame.sequence.is_none() || test.frame.compression.is_none() {
        faults.push("sequence and compression are stated".into());
    }
    if expect.opens.is_some() && !test.frame.is_content() {
        faults.push("a payload on the wire has exact octets".into());
    }
    if let Err(error) = test.frame.octets() {
        faults.push(error);
    }
    if let Some(Err(error)) = expect
        .octets
        .as_ref()
        .map(crate::vectors::model::Payload::octets)
    {
        faults.push(error);
    }
    if case.kind == Kind::Boundary {
        faults.push("octets to send are never incomplete".into());
    }
}

fn story(_case: &Case, test: &Story, faults: &mut Vec<String>) {
    if test.steps.len() != test.expect.len() {
        faults.push("one outcome a step".into());
    }
    let mut over = false;
    for (step, outcome) in test.steps.iter().zip(&test.expect) {
        if over != outcome.closed {
            faults.push("after a rejection, and only then, steps are closed".into());
        }
        if let Some(reject) = &outcome.reject {
            over = true;
            if reject.stage != stage(&reject.code) {
                faults.push(format!("{} belongs to another stage", reject.code));
            }
        }
        let fits = match step {
            _ if outcome.closed => true,
            Step::Grant(_) => *outcome == crate::vectors::model::Outcome::default(),
            Step::Credit(_) => {
                outcome.frames.is_none() && outcome.octets.is_none() && !outcome.blocked
            }
            Step::Receive(_) => outcome.octets.is_none() && !outcome.blocked,
            Step::Send(_) => outcome.octets.is_some() != outcome.blocked,
        };
        if !fits {
            faults.push("an outcome that the step cannot have".into());
        }
    }
}

/// What a testee needs for a case, from its octets.
#[must_use]
pub fn features(case: &Case) -> Vec<String> {
    let mut features = BTreeSet::new();
    if !case.config.negotiated_types.is_empty() {
        features.insert("extensions".to_owned());
    }
    let mut uses = |octet: u8| {
        let name = match octet {
            1 => "compression.zstd",
            2 => "compression.lz4",
            3 => "compression.snappy",
            4 => "compression.zstd-dict-1",
            _ => return,
        };
        if case.config.compressions.contains(&octet) {
            features.insert(name.to_owned());
        }
    };
    // An algorithm that a testee lacks it cannot have negotiated: it stops at the octet.
    let stops_before = |code: &String| {
        matches!(
            code.as_str(),
            "UNSUPPORTED_VERSION"
                | "INVALID_TYPE"
                | "EXTENSION_NOT_NEGOTIATED"
                | "UNKNOWN_COMPRESSION"
        )
    };
    if !codes(case).iter().any(stops_before) {
        match &case.test {
            Test::Decode(test) => test.input.iter().filter_map(algorithm).for_each(&mut uses),
            Test::Encode(test) => test.frame.compression.into_iter().for_each(&mut uses),
            Test::Story(test) => {
                for step in &test.steps {
                    if let Step::Receive(parts) = step {
                        parts.iter().filter_map(algorithm).for_each(&mut uses);
                    }
                }
            }
            Test::Derive(_) => {}
        }
    }
    features.into_iter().collect()
}

/// The compression octet that a part is.
fn algorithm(part: &Part) -> Option<u8> {
    match part {
        Part::U8(part) if ["compression", "inner_compression"].contains(&&*part.f) => Some(part.u8),
        _ => None,
    }
}
