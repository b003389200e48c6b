//! Compares a verdict with what is expected of the octets it is about.

use super::plan::{Run, sentinel};
use super::prepared::{End, ExpectedFrame, Prepared};
use super::reply::{self, Octets};
use super::words;
use crate::vectors::model::{self, Case};

/// How a reply differs from what is expected; not empty.
pub(super) type Differences = Vec<String>;

/// Judges the reply to a run of a decoding case.
pub(super) fn verdict(
    case: &Case,
    prepared: &Prepared<'_>,
    run: Run,
    got: &reply::Verdict,
    stages_only: bool,
) -> Differences {
    let expect = &prepared.test.expect;
    let mut found = Differences::new();
    match run {
        // Judged where other encoding is.
        Run::Encoded(_) => {}
        Run::Whole | Run::Octetwise | Run::Fieldwise | Run::Split(_) | Run::Decided(_) => {
            frames(&prepared.frames, got.frames(), &mut found);
            end(expect, got, stages_only, &mut found);
        }
        Run::Followed => {
            followed(case, prepared, got, &mut found);
            end(expect, got, stages_only, &mut found);
        }
        Run::Undecided(count) | Run::Prefix(count) => {
            if let Some(reject) = &got.reject {
                let words = words::reject_words(&reject.stage, reject.code.as_deref());
                found.push(format!("{words} although nothing is wrong yet"));
            } else {
                let most = prepared.frames.len().min(got.frames().len());
                let count_due = prepared.frames_within(count).unwrap_or(most);
                let due = prepared.frames.get(..count_due).unwrap_or(&prepared.frames);
                frames(due, got.frames(), &mut found);
                end_of_prefix(prepared.end_after(count), got, &mut found);
            }
        }
    }
    found
}

/// The frame that follows belongs to the frames unless the connection ended.
fn followed(case: &Case, prepared: &Prepared<'_>, got: &reply::Verdict, found: &mut Differences) {
    let given = got.frames();
    if prepared.test.expect.reject.is_some() {
        return frames(&prepared.frames, given, found);
    }
    let Some((last, before)) = given.split_last() else {
        return found.push("the frame that followed is missing".to_owned());
    };
    frames(&prepared.frames, before, found);
    let sentinel = sentinel(&case.config);
    let same = last.version == sentinel.version
        && last.r#type == sentinel.r#type
        && (last.sequence, last.compression) == (0, 0)
        && [&last.payload_hex, &last.content_hex]
            .into_iter()
            .flatten()
            .all(|octets| octets.is(&[]));
    if !same && found.is_empty() {
        found.push(format!(
            "the frame that followed should be version {} {} without payload",
            sentinel.version,
            words::type_name(sentinel.r#type)
        ));
    }
}

/// Compares frames one by one.
pub(super) fn frames(
    expected: &[ExpectedFrame<'_>],
    got: &[reply::Frame],
    found: &mut Differences,
) {
    for (place, (expected, got)) in expected.iter().zip(got).enumerate() {
        let name = |field: &str| format!("frames[{place}].{field}");
        frame(expected, got, name, found);
    }
    if expected.len() != got.len() {
        let (expected, got) = (expected.len(), got.len());
        found.push(format!("frames: expected {expected}, got {got}"));
    }
}

/// Compares a frame field by field; `name` names fields.
pub(super) fn frame(
    expected: &ExpectedFrame<'_>,
    got: &reply::Frame,
    name: impl Fn(&str) -> String,
    found: &mut Differences,
) {
    let stated = expected.stated;
    let mut number = |field: &str, expected: u32, got: u32| {
        if expected != got {
            found.push(format!("{}: expected {expected}, got {got}", name(field)));
        }
    };
    number("version", stated.version.into(), got.version.into());
    number("type", stated.r#type.into(), got.r#type.into());
    number("sequence", stated.sequence, got.sequence);
    number(
        "compression",
        stated.compression.into(),
        got.compression.into(),
    );
    if stated.ordinal != got.ordinal {
        let text = |ordinal: &Option<String>| ordinal.as_deref().unwrap_or("none").to_owned();
        found.push(format!(
            "{}: expected {}, got {}",
            name("ordinal"),
            text(&stated.ordinal),
            text(&got.ordinal)
        ));
    }
    let mut octets = |field: &str, expected: &[u8], got: &Option<Octets>| match got {
        None => found.push(format!("{} is missing", name(field))),
        Some(got) if got.is(expected) => {}
        Some(got) => {
            let difference = words::difference(expected, got);
            found.push(format!("{} {difference}", name(field)));
        }
    };
    if stated.payload_hex.is_some() || stated.payload.is_some() {
        octets("payload_hex", &expected.octets, &got.payload_hex);
    } else {
        octets("content_hex", &expected.octets, &got.content_hex);
    }
    if let Some(canonical) = &stated.canonical_hex {
        let canonical = crate::vectors::octets::from_hex(canonical).unwrap_or_default();
        octets("canonical_hex", &canonical, &got.canonical_hex);
    }
}

fn end(expect: &model::Verdict, got: &reply::Verdict, stages_only: bool, found: &mut Differences) {
    let needed = expect.incomplete.map(|it| u64::from(it.need_at_least));
    incomplete(needed, got, found);
    reject(
        expect.reject.as_ref(),
        got.reject.as_ref(),
        stages_only,
        found,
    );
}

fn incomplete(needed: Option<u64>, got: &reply::Verdict, found: &mut Differences) {
    let given = got.incomplete.as_ref().map(|it| it.need_at_least);
    match (needed, given) {
        (Some(needed), Some(given)) if needed != given => found.push(format!(
            "incomplete.need_at_least: expected {needed}, got {given}"
        )),
        (Some(needed), None) => found.push(format!(
            "expected incomplete with at least {needed} octets missing"
        )),
        (None, Some(given)) => found.push(format!(
            "incomplete with at least {given} octets missing, which is not expected"
        )),
        _ => {}
    }
}

/// Compares rejections.
pub(super) fn reject(
    expected: Option<&model::Reject>,
    got: Option<&reply::Reject>,
    stages_only: bool,
    found: &mut Differences,
) {
    match (expected, got) {
        (Some(expected), Some(got)) => {
            let stage = words::stage(expected.stage);
            if got.stage != stage {
                found.push(format!("reject.stage: expected {stage}, got {}", got.stage));
            }
            code(&expected.code, got.code.as_deref(), stages_only, found);
        }
        (Some(expected), None) => {
            let words = words::reject_words(words::stage(expected.stage), Some(&expected.code));
            found.push(format!("expected to be {words}"));
        }
        (None, Some(got)) => {
            let words = words::reject_words(&got.stage, got.code.as_deref());
            found.push(format!("{words}, which is not expected"));
        }
        (None, None) => {}
    }
}

/// Compares error codes, unless the testee says that it has none.
pub(super) fn code(expected: &str, got: Option<&str>, stages_only: bool, found: &mut Differences) {
    match got {
        _ if stages_only => {}
        Some(got) if got == expected => {}
        Some(got) => found.push(format!("code: expected {expected}, got {got}")),
        None => found.push(format!("code: expected {expected}, got none")),
    }
}

fn end_of_prefix(expected: End, got: &reply::Verdict, found: &mut Differences) {
    let needed = match expected {
        End::Border => None,
        End::Missing(octets) => u64::try_from(octets).ok(),
    };
    incomplete(needed, got, found);
}

#[cfg(test)]
mod tests;
