//! Runs `conformance/vectors/framing`: every case whole, octet by octet, at every two-way split,
//! and followed by another frame.

mod model;
mod testee;

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use eim_codec::{HEADER_OCTETS, encode_frame};

use model::{Case, Expect, Kind, load};
use testee::{Run, Verdict};

/// Cases with more octets are not split everywhere.
const SPLIT_OCTETS: usize = 4096;

/// What this build lacks; with all features nothing.
fn lacks(feature: &str) -> bool {
    let name = feature.strip_prefix("compression.");
    let supported = eim_codec::compression::SUPPORTED;
    name.is_some_and(|name| {
        supported
            .iter()
            .all(|algorithm| algorithm.name() != Some(name))
    })
}

/// Rules that the connection keeps, not the decoder: phase, direction and sequence.
fn is_for_the_connection(case: &Case) -> bool {
    let code = case.expect.reject.as_ref().map(|reject| &*reject.code);
    matches!(code, Some("UNEXPECTED_FRAME" | "BAD_SEQUENCE"))
}

fn runnable() -> Vec<Case> {
    let cases = load().into_values();
    cases
        .filter(|case| !case.requires.iter().any(|feature| lacks(feature)))
        .filter(|case| !is_for_the_connection(case))
        .collect()
}

#[test]
fn every_case_runs_in_this_build() {
    let mut cases = load();
    cases.retain(|_, case| !is_for_the_connection(case));
    assert!(cases.len() >= 290, "{} cases", cases.len());
    assert_eq!(
        runnable().len(),
        cases.len(),
        "the tests are built with every compression"
    );
}

#[test]
fn whole() {
    for case in runnable() {
        let verdict = testee::run(&case, [Bytes::from(case.octets())]);
        assert_eq!(verdict, expected(&case), "{}", case.id);
    }
}

#[test]
fn octet_by_octet() {
    for case in runnable() {
        let octets = case.octets();
        let mut run = Run::new(&case);
        for (place, octet) in octets.iter().enumerate() {
            run.feed(Bytes::copy_from_slice(&[*octet]));
            if let Some(due) = case.expect.decide_by {
                let rejected = matches!(run.verdict(), Verdict::Rejected { .. });
                assert_eq!(
                    rejected,
                    place + 1 >= due,
                    "{} after {} octets",
                    case.id,
                    place + 1
                );
            }
        }
        assert_eq!(run.finish(), expected(&case), "{}", case.id);
    }
}

#[test]
fn every_two_way_split() {
    for case in runnable() {
        let octets = Bytes::from(case.octets());
        let everywhere = octets.len() <= SPLIT_OCTETS;
        let expected = expected(&case);
        for place in 0..=octets.len() {
            if everywhere || place <= 2 * HEADER_OCTETS || place % 40_093 == 0 {
                let verdict = testee::run(&case, [octets.slice(..place), octets.slice(place..)]);
                assert!(
                    verdict == expected,
                    "{} split at {place}: {verdict:?}",
                    case.id
                );
            }
        }
    }
}

#[test]
fn followed_by_another_frame() {
    for case in runnable() {
        let mut octets = BytesMut::from(case.octets().as_slice());
        let sentinel = testee::sentinel(&case);
        octets.put_slice(&sentinel.octets);
        let mut expected = expected(&case);
        match &mut expected {
            Verdict::Incomplete { .. } => continue,
            Verdict::Rejected { .. } => {}
            Verdict::Frames(frames) => frames.push(sentinel.expected),
        }
        assert_eq!(
            testee::run(&case, [octets.freeze()]),
            expected,
            "{}",
            case.id
        );
    }
}

#[test]
fn canonical_cases_encode_to_their_input() {
    let mut canonical = 0;
    for case in runnable().into_iter().filter(|case| case.canonical) {
        let mut out = BytesMut::new();
        for frame in testee::frames(&case) {
            let before = out.len();
            encode_frame(&frame, &mut out).expect("a decoded frame can be encoded");
            assert_eq!(out.len() - before, frame.encoded_len(), "{}", case.id);
        }
        assert_eq!(out, case.octets(), "{}", case.id);
        canonical += 1;
    }
    assert!(canonical > 0);
}

#[test]
fn structured_and_hexadecimal_input_agree() {
    for case in load().into_values() {
        match &case.input_hex {
            Some(hex) => assert_eq!(model::octets(hex), case.octets(), "{}", case.id),
            None => assert!(
                case.octets().len() > SPLIT_OCTETS,
                "{} has no input_hex",
                case.id
            ),
        }
    }
}

#[test]
fn every_fault_differs_from_a_good_case_in_one_field() {
    let cases = load();
    for case in cases.values() {
        let faulty =
            case.expect.reject.is_some() && !matches!(case.kind, Kind::Order | Kind::Limit);
        let Some(near) = &case.near else {
            assert!(!faulty, "{} names no case without its fault", case.id);
            continue;
        };
        let near = cases
            .get(near)
            .unwrap_or_else(|| panic!("{}: no case {near}", case.id));
        assert!(
            near.expect.reject.is_none(),
            "{}: {} has a fault itself",
            case.id,
            near.id
        );
        let differences = difference(case, near);
        assert_eq!(
            differences.len(),
            1,
            "{} and {} differ in {differences:?}",
            case.id,
            near.id
        );
    }
}

/// Fields in which two cases differ; a length that says the truth in both follows from others.
fn difference(a: &Case, b: &Case) -> BTreeSet<String> {
    let (left, right) = (a.fields(), b.fields());
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differs = |key: &&&(usize, String)| {
        let truthful = |fields: &BTreeMap<(usize, String), Vec<u8>>| {
            let payload: usize = fields
                .iter()
                .filter(|((frame, field), _)| *frame == key.0 && !model::is_header(field))
                .map(|(_, octets)| octets.len())
                .sum();
            fields
                .get(**key)
                .is_some_and(|octets| octets.ends_with(&payload.to_be_bytes()[4..]))
        };
        let (one, other) = (left.get(**key), right.get(**key));
        let follows = key.1 == "length" && truthful(&left) && truthful(&right);
        one.map_or(&[][..], |octets| octets) != other.map_or(&[][..], |octets| octets) && !follows
    };
    let fields = keys
        .iter()
        .filter(differs)
        .map(|(frame, field)| format!("{field} {frame}"));
    let config = (a.config != b.config).then(|| "config".to_owned());
    fields.chain(config).collect()
}

#[test]
fn schema_knows_every_key_in_use() {
    let schema = model::schema();
    let known = |definition: &str| -> BTreeSet<String> {
        let properties = schema["$defs"][definition]["properties"].as_object();
        properties
            .expect("the schema defines it")
            .keys()
            .cloned()
            .collect()
    };
    let (case_keys, config_keys, expect_keys) = (known("case"), known("config"), known("expect"));
    for case in model::raw_cases() {
        let keys = |value: &serde_json::Value| -> BTreeSet<String> {
            value
                .as_object()
                .map(|object| object.keys().cloned().collect())
                .unwrap_or_default()
        };
        assert!(keys(&case).is_subset(&case_keys), "{case}");
        assert!(keys(&case["config"]).is_subset(&config_keys), "{case}");
        assert!(keys(&case["expect"]).is_subset(&expect_keys), "{case}");
    }
}

#[test]
fn flags_in_use_are_explained() {
    for file in model::files() {
        for case in &file.cases {
            for flag in &case.flags {
                assert!(file.flags.contains_key(flag), "{}: {flag}", case.id);
            }
        }
    }
}

fn expected(case: &Case) -> Verdict {
    let frames = case
        .expect
        .frames
        .iter()
        .map(model::FrameOut::outcome)
        .collect();
    match &case.expect {
        Expect {
            reject: Some(reject),
            ..
        } => Verdict::Rejected {
            frames,
            stage: reject.stage.clone(),
            code: reject.code.clone(),
        },
        Expect {
            incomplete: Some(incomplete),
            ..
        } => Verdict::Incomplete {
            frames,
            needed: incomplete.need_at_least,
        },
        Expect { .. } => Verdict::Frames(frames),
    }
}
