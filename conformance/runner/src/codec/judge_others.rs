//! Compares the replies of operations other than decoding with what is expected.

use serde_json::Value;

use super::judge::{self, Differences};
use super::opened;
use super::prepared::{Prepared, expected_frames};
use super::reply::{self, Octets};
use super::words;
use crate::vectors::model::{Derive, Encode, Outcome, Story};

/// Judges the reply to `encode`.
pub(super) fn encoded(test: &Encode, got: &reply::Encoded, stages_only: bool) -> Differences {
    let mut found = Differences::new();
    match (&got.octets, &got.refuse) {
        (Some(octets), None) => octets_of_frame(test, octets, &mut found),
        (None, Some(refuse)) => match &test.expect.refuse {
            Some(expected) => {
                let code = refuse.code.as_deref();
                judge::code(&expected.code, code, stages_only, &mut found);
            }
            None => found.push(format!(
                "refused with {}, which is not expected",
                refuse.code.as_deref().unwrap_or("no code")
            )),
        },
        _ => found.push("needs either octets or refuse".to_owned()),
    }
    found
}

/// Judges the reply to a frame of a decoding case that was to be encoded.
pub(super) fn encoded_again(
    prepared: &Prepared<'_>,
    place: usize,
    got: &reply::Encoded,
) -> Differences {
    let frame = prepared.wire_frames().into_iter().nth(place);
    let due = frame.and_then(|frame| prepared.octets.get(frame));
    match (due, &got.octets, &got.refuse) {
        (Some(due), Some(octets), None) => {
            let octets = Octets::Hex(octets.clone());
            if octets.is(due) {
                return Differences::new();
            }
            vec![format!("octets {}", words::difference(due, &octets))]
        }
        (_, None, Some(refuse)) => vec![format!(
            "refused with {}, although it was accepted",
            refuse.code.as_deref().unwrap_or("no code")
        )],
        _ => vec!["needs either octets or refuse".to_owned()],
    }
}

fn octets_of_frame(test: &Encode, got: &str, found: &mut Differences) {
    let expect = &test.expect;
    if let Some(refuse) = &expect.refuse {
        let got = words::shortened(got);
        found.push(format!(
            "expected to be refused with {}, got {got}",
            refuse.code
        ));
    } else if let Some(frame) = &expect.opens {
        found.extend(opened::differences(frame, got));
    } else if let Some(octets) = &expect.octets {
        let octets = octets.octets().unwrap_or_default();
        let got = Octets::Hex(got.to_owned());
        if !got.is(&octets) {
            found.push(format!("octets {}", words::difference(&octets, &got)));
        }
    }
}

/// Judges the reply to `story`.
pub(super) fn told(test: &Story, got: &reply::Told, stages_only: bool) -> Differences {
    let mut found = Differences::new();
    if test.expect.len() != got.steps.len() {
        let (expected, got) = (test.expect.len(), got.steps.len());
        found.push(format!("steps: expected {expected}, got {got}"));
    }
    for (place, (expected, got)) in test.expect.iter().zip(&got.steps).enumerate() {
        let mut in_step = Differences::new();
        outcome(expected, got, stages_only, &mut in_step);
        let named = in_step
            .into_iter()
            .map(|difference| format!("steps[{place}]: {difference}"));
        found.extend(named);
    }
    found
}

fn outcome(expected: &Outcome, got: &reply::Verdict, stages_only: bool, found: &mut Differences) {
    let frames = expected.frames.as_deref().unwrap_or_default();
    match expected_frames(frames) {
        Ok(frames) => judge::frames(&frames, got.frames(), found),
        Err(error) => found.push(error),
    }
    let missing = |missing: Option<u64>| match missing {
        Some(octets) => format!("at least {octets} octets missing"),
        None => "nothing missing".to_owned(),
    };
    let due = expected.incomplete.map(|it| u64::from(it.need_at_least));
    let given = got.incomplete.as_ref().map(|it| it.need_at_least);
    if due != given {
        found.push(format!(
            "incomplete: expected {}, got {}",
            missing(due),
            missing(given)
        ));
    }
    judge::reject(
        expected.reject.as_ref(),
        got.reject.as_ref(),
        stages_only,
        found,
    );
    match (&expected.octets, &got.octets) {
        (Some(due), Some(given)) => {
            let (due, given) = (due.octets().unwrap_or_default(), Octets::Hex(given.clone()));
            if !given.is(&due) {
                found.push(format!("octets {}", words::difference(&due, &given)));
            }
        }
        (Some(_), None) => found.push("expected octets, got none".to_owned()),
        (None, Some(given)) => found.push(format!(
            "octets {} are not expected",
            words::shortened(given)
        )),
        (None, None) => {}
    }
    for (name, due, given) in [
        ("blocked", expected.blocked, got.blocked),
        ("closed", expected.closed, got.closed),
    ] {
        if due != given {
            found.push(format!("{name}: expected {due}, got {given}"));
        }
    }
}

/// Judges the reply to `derive`.
pub(super) fn derived(test: &Derive, got: &reply::Derived, stages_only: bool) -> Differences {
    let mut found = Differences::new();
    let none = Value::Null;
    match (&test.expect.reject, &got.reject) {
        (Some(expected), Some(reject)) => {
            judge::code(
                &expected.code,
                reject.code.as_deref(),
                stages_only,
                &mut found,
            );
        }
        (Some(expected), None) => found.push(format!(
            "expected to be rejected with {}, got {}",
            expected.code,
            got.value.as_ref().unwrap_or(&none)
        )),
        (None, Some(reject)) => found.push(format!(
            "rejected with {}, which is not expected",
            reject.code.as_deref().unwrap_or("no code")
        )),
        (None, None) if test.expect.value == got.value => {}
        (None, None) => found.push(format!(
            "value: expected {}, got {}",
            test.expect.value.as_ref().unwrap_or(&none),
            got.value.as_ref().unwrap_or(&none)
        )),
    }
    if got.reject.is_some() && got.value.is_some() {
        found.push("both value and reject".to_owned());
    }
    found
}

/// Outcomes of a story in words, one a line.
pub(super) fn outcomes(outcomes: &[Outcome]) -> String {
    let lines = outcomes.iter().enumerate().map(|(place, outcome)| {
        let text = serde_json::to_string(outcome).unwrap_or_default();
        format!("step {place}: {text}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
