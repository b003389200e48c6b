//! A disagreement as a candidate for a vector: the case in the form of vectors, and who said what. The
//! verdict in it is that of the first testee that has one; which is right is for a person to say.

use serde_json::{Map, Value, json};

use super::Disagreement;
use super::entry::op;
use super::mutate::frames;
use crate::codec::{Asker, Opinion};
use crate::vectors::octets::to_hex;

/// Names of the fields of a header and their octets.
const FIELDS: [(&str, usize); 5] = [
    ("version", 1),
    ("type", 1),
    ("sequence", 4),
    ("compression", 1),
    ("length", 4),
];

pub(super) fn write(disagreement: &Disagreement, testees: &[Asker], seed: u64) -> Value {
    let entry = &disagreement.small;
    let said: Map<String, Value> = testees
        .iter()
        .zip(&disagreement.opinions)
        .map(|(testee, opinion)| (testee.name().to_owned(), json!(opinion.to_string())))
        .collect();
    json!({
        "source": "fuzz",
        "seed": seed.to_string(),
        "made_from": entry.base,
        "opinions": said,
        "case": {
            "id": format!("candidate-{}", name(disagreement)),
            "req": [],
            "level": "must",
            "since": "1.0",
            "op": op(entry.depth),
            "kind": "invalid",
            "desc": "",
            "about": {"field": "", "class": ""},
            "config": entry.config,
            "input": input(&entry.octets),
            "input_hex": to_hex(&entry.octets),
            "expect": expect(&disagreement.opinions),
        },
    })
}

/// A name for the file: letters and digits that depend on the octets alone.
fn name(disagreement: &Disagreement) -> String {
    let entry = &disagreement.small;
    let hash = entry
        .octets
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01B3)
        });
    format!("{}-{hash:016x}", op(entry.depth))
}

/// The octets field by field, as far as there are headers.
fn input(octets: &[u8]) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = octets;
    let mut ends: Vec<usize> = frames(octets).iter().map(|frame| frame.end).collect();
    ends.push(octets.len());
    let mut begun = 0;
    for end in ends {
        let (mut frame, behind) = rest.split_at(end.saturating_sub(begun).min(rest.len()));
        rest = behind;
        begun = end;
        for (field, size) in FIELDS {
            let Some((value, behind)) = frame.split_at_checked(size) else {
                break;
            };
            frame = behind;
            let number = value
                .iter()
                .fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet));
            let key = if size == 1 { "u8" } else { "u32" };
            parts.push(json!({key: number, "f": field}));
        }
        if !frame.is_empty() {
            parts.push(json!({"hex": to_hex(frame), "f": "payload"}));
        }
    }
    parts
}

/// What the first testee with a verdict said; frames are left out, a person writes them.
fn expect(opinions: &[Opinion]) -> Value {
    let ends = opinions.iter().find_map(|opinion| match opinion {
        Opinion::Verdict { end, .. } => Some(end),
        _ => None,
    });
    let words: Vec<&str> = ends.map_or_else(Vec::new, |end| end.split(' ').collect());
    match words[..] {
        ["incomplete", needed] => {
            json!({"incomplete": {"need_at_least": needed.parse().unwrap_or(0_u32)}})
        }
        ["reject", stage, code] => json!({"reject": {"stage": stage, "code": code}}),
        _ => json!({"frames": []}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Entry;
    use crate::vectors::model::{Case, Test};
    use crate::vectors::octets::of_parts;

    #[test]
    fn a_candidate_is_a_case_with_the_same_octets() {
        for octets in [
            vec![1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1, 1, 9],
            vec![1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 9, 8],
            vec![1, 8, 0],
        ] {
            let small = Entry {
                octets: octets.clone(),
                ..Entry::default()
            };
            let end = "reject header INVALID_TYPE".to_owned();
            let opinions = vec![
                Opinion::Unsupported,
                Opinion::Verdict {
                    frames: vec![],
                    end,
                },
            ];
            let found = small.clone();
            let disagreement = Disagreement {
                found,
                small,
                opinions,
                again: 0,
            };
            let written = write(&disagreement, &[], 5);
            let case: Case = serde_json::from_value(written["case"].clone()).unwrap();
            let Test::Decode(decode) = case.test else {
                panic!("it decodes");
            };
            assert_eq!(of_parts(&decode.input).unwrap(), octets);
            assert_eq!(decode.expect.reject.unwrap().code, "INVALID_TYPE");
        }
    }
}
