use serde_json::{Value, json};

use super::*;
use crate::codec::plan;
use crate::vectors::model::Test;

fn case(test: Value) -> Case {
    let mut case = json!({
        "id": "x", "req": ["EIM-FRM-004"], "level": "must", "since": "1.0", "op": "decode",
        "kind": "valid", "desc": "x", "about": {"field": "frame", "class": "whole"},
    });
    if let (Value::Object(case), Value::Object(test)) = (&mut case, test) {
        case.extend(test);
    }
    serde_json::from_value(case).unwrap()
}

/// A PING and half a header.
fn ping_and_half() -> Case {
    case(json!({
        "input": [{"hex": "01080000000000000000020801", "f": "octets"}, {"hex": "0108", "f": "octets"}],
        "expect": {
            "frames": [{"version": 1, "type": 8, "sequence": 0, "compression": 0,
                        "payload_hex": "0801"}],
            "incomplete": {"need_at_least": 9},
        },
    }))
}

fn differences(case: &Case, run: Run, got: Value) -> Differences {
    let Test::Decode(test) = &case.test else {
        panic!("a decoding case");
    };
    let prepared = Prepared::new(test).unwrap();
    let got = reply::Verdict::read(got).unwrap();
    verdict(case, &prepared, run, &got, false)
}

fn ping() -> Value {
    json!({"version": 1, "type": 8, "sequence": 0, "compression": 0, "payload_hex": "0801"})
}

#[test]
fn differences_are_named_field_by_field() {
    let case = ping_and_half();
    let right = json!({"id": 1, "frames": [ping()], "incomplete": {"need_at_least": 9}});
    assert!(differences(&case, Run::Whole, right).is_empty());
    let mut other = ping();
    other["sequence"] = json!(7);
    other["payload_hex"] = json!("0802");
    let wrong = json!({"id": 1, "frames": [other], "incomplete": {"need_at_least": 8}});
    assert_eq!(
        differences(&case, Run::Whole, wrong),
        [
            "frames[0].sequence: expected 0, got 7",
            "frames[0].payload_hex differs from octet 1 on: expected 01, got 02",
            "incomplete.need_at_least: expected 9, got 8",
        ]
    );
    let none =
        json!({"id": 1, "frames": [], "reject": {"stage": "header", "code": "INVALID_TYPE"}});
    assert_eq!(
        differences(&case, Run::Octetwise, none),
        [
            "frames: expected 1, got 0",
            "expected incomplete with at least 9 octets missing",
            "rejected with INVALID_TYPE (header), which is not expected",
        ]
    );
}

#[test]
fn each_cut_has_its_own_verdict() {
    let case = ping_and_half();
    for (count, frames, needed) in [
        (0, 0, Some(11)),
        (1, 0, Some(10)),
        (10, 0, Some(1)),
        (11, 0, Some(2)),
        (12, 0, Some(1)),
        (13, 1, None),
        (14, 1, Some(10)),
    ] {
        let mut got = json!({"frames": vec![ping(); frames]});
        if let Some(needed) = needed {
            got["incomplete"] = json!({"need_at_least": needed});
        }
        let found = differences(&case, Run::Prefix(count), got.clone());
        assert!(found.is_empty(), "{count}: {found:?}");
        got["incomplete"] = json!({"need_at_least": 5});
        assert!(!differences(&case, Run::Prefix(count), got.clone()).is_empty());
        got["frames"] = json!(vec![ping(); 1 - frames]);
        assert!(!differences(&case, Run::Prefix(count), got).is_empty());
    }
}

#[test]
fn what_follows_is_a_frame_unless_the_connection_ended() {
    let good = case(json!({
        "input": [{"hex": "01080000000000000000020801", "f": "octets"}],
        "expect": {"frames": [ping()]},
    }));
    let mut sentinel = ping();
    sentinel["payload_hex"] = json!("");
    let both = json!({"frames": [ping(), sentinel]});
    assert!(differences(&good, Run::Followed, both).is_empty());
    for wrong in [
        json!({"frames": []}),
        json!({"frames": [ping()]}),
        json!({"frames": [ping(), ping()]}),
    ] {
        assert!(!differences(&good, Run::Followed, wrong).is_empty());
    }
    let bad = case(json!({
        "input": [{"hex": "0208000000000000000000", "f": "octets"}],
        "expect": {"reject": {"stage": "header", "code": "UNSUPPORTED_VERSION"}, "decide_by": 11},
    }));
    let reject = json!({"stage": "header", "code": "UNSUPPORTED_VERSION"});
    let right = json!({"frames": [], "reject": reject});
    assert!(differences(&bad, Run::Followed, right).is_empty());
    let went_on = json!({"frames": [sentinel], "reject": reject});
    assert!(!differences(&bad, Run::Followed, went_on).is_empty());
}

#[test]
fn a_case_is_run_in_every_form_once() {
    let case = ping_and_half();
    let Test::Decode(test) = &case.test else {
        panic!("a decoding case");
    };
    let prepared = Prepared::new(test).unwrap();
    let runs = plan::runs(&prepared);
    let count = |wanted: fn(&Run) -> bool| runs.iter().filter(|run| wanted(run)).count();
    assert_eq!(count(|run| matches!(run, Run::Split(_))), 16);
    assert_eq!(count(|run| matches!(run, Run::Whole)), 1);
    assert_eq!(count(|run| matches!(run, Run::Octetwise)), 1);
    assert_eq!(count(|run| matches!(run, Run::Followed)), 0);
    assert_eq!(count(|run| matches!(run, Run::Prefix(_))), 5);
    let asks: std::collections::BTreeSet<String> = runs
        .iter()
        .map(|run| plan::decode(&case, &prepared, *run).body)
        .collect();
    assert_eq!(asks.len(), runs.len(), "no request is asked twice");
}

#[test]
fn long_octets_may_be_given_by_their_hash() {
    let digest = json!({"length": 3, "sha256":
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"});
    let octets: Octets = serde_json::from_value(digest).unwrap();
    assert!(octets.is(b"abc") && !octets.is(b"abd") && !octets.is(b"ab"));
}
