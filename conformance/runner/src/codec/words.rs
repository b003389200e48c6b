//! Verdicts in words, for people.

use super::reply::{self, Octets};
use crate::vectors::model;

/// Digits of octets that are shown.
const DIGITS: usize = 64;

/// Name of a frame type and its number.
pub(super) fn type_name(number: u8) -> String {
    format!("type 0x{number:02x}")
}

fn count(frames: usize) -> String {
    match frames {
        0 => "no frame".to_owned(),
        1 => "1 frame".to_owned(),
        more => format!("{more} frames"),
    }
}

/// What is expected of octets.
pub(super) fn expected(verdict: &model::Verdict) -> String {
    let frames = verdict.frames();
    let end = match (&verdict.incomplete, &verdict.reject) {
        (Some(incomplete), _) => incomplete_words(incomplete.need_at_least.into()),
        (_, Some(reject)) => reject_words(stage(reject.stage), Some(&reject.code)),
        (None, None) => "nothing more".to_owned(),
    };
    let by = verdict.decide_by.map_or_else(String::new, |due| {
        format!(", due at octet {due} and not before")
    });
    let mut text = format!("{}, then {end}{by}", count(frames.len()));
    for (place, frame) in frames.iter().enumerate() {
        text.push_str(&format!("\n  frame {place}: {}", stated_frame(frame)));
    }
    text
}

/// What came instead.
pub(super) fn actual(verdict: &reply::Verdict) -> String {
    let frames = verdict.frames();
    let end = match (&verdict.incomplete, &verdict.reject) {
        (Some(incomplete), _) => incomplete_words(incomplete.need_at_least),
        (_, Some(reject)) => reject_words(&reject.stage, reject.code.as_deref()),
        (None, None) => "nothing more".to_owned(),
    };
    let mut text = format!("{}, then {end}", count(frames.len()));
    for (place, frame) in frames.iter().enumerate() {
        text.push_str(&format!("\n  frame {place}: {}", given_frame(frame)));
    }
    text
}

fn incomplete_words(needed: u64) -> String {
    format!("incomplete, at least {needed} octets missing")
}

pub(super) fn reject_words(stage: &str, code: Option<&str>) -> String {
    match code {
        Some(code) => format!("rejected with {code} ({stage})"),
        None => format!("rejected ({stage})"),
    }
}

/// The name of a stage in replies.
pub(super) const fn stage(stage: model::Stage) -> &'static str {
    match stage {
        model::Stage::Header => "header",
        model::Stage::Length => "length",
        model::Stage::Compression => "compression",
        model::Stage::Payload => "payload",
        model::Stage::Semantic => "semantic",
    }
}

fn stated_frame(frame: &model::Frame) -> String {
    let octets = frame.octets().unwrap_or_default();
    let digits = crate::vectors::octets::to_hex(&octets);
    let (version, sequence) = (frame.version, frame.sequence);
    let (kind, compression) = (type_name(frame.r#type), frame.compression);
    let payload = shortened(&digits);
    format!("version {version} {kind} sequence {sequence} compression {compression} {payload}")
}

fn given_frame(frame: &reply::Frame) -> String {
    let octets = frame.payload_hex.as_ref().or(frame.content_hex.as_ref());
    let (version, sequence) = (frame.version, frame.sequence);
    let (kind, compression) = (type_name(frame.r#type), frame.compression);
    let payload = octets.map_or_else(|| "without octets".to_owned(), given_octets);
    format!("version {version} {kind} sequence {sequence} compression {compression} {payload}")
}

/// Octets of a reply.
pub(super) fn given_octets(octets: &Octets) -> String {
    match octets {
        Octets::Hex(digits) => shortened(digits),
        Octets::Digest(summary) => format!("{summary:?}"),
    }
}

/// The first digits, and how many octets there are.
pub(super) fn shortened(digits: &str) -> String {
    match digits.get(..DIGITS) {
        _ if digits.is_empty() => "(empty)".to_owned(),
        Some(first) if digits.len() > DIGITS => {
            format!("{first}… ({} octets)", digits.len() / 2)
        }
        _ => digits.to_owned(),
    }
}

/// Where two octet strings differ first, in words.
pub(super) fn difference(expected: &[u8], got: &Octets) -> String {
    let expected = crate::vectors::octets::to_hex(expected);
    let Octets::Hex(got) = got else {
        return format!(
            "expected {}, got {}",
            shortened(&expected),
            given_octets(got)
        );
    };
    let same = expected
        .bytes()
        .zip(got.bytes())
        .take_while(|(a, b)| a == b);
    let place = same.count() / 2;
    let from = |digits: &str| shortened(digits.get(place * 2..).unwrap_or_default());
    format!(
        "differs from octet {place} on: expected {}, got {}",
        from(&expected),
        from(got)
    )
}
