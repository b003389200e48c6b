//! The requests of a case: what is asked, and in how many pieces.
//!
//! | length of the input | two-way splits |
//! |---|---|
//! | up to 512 octets | all |
//! | up to 4,096 octets | the first and the last 64, around field borders and powers of two, every 16th |
//! | up to 64 KiB | around field borders and powers of two, at most 128 |
//! | beyond | the same, at most 16 |
//!
//! Inputs beyond 4,096 octets are also cut between their fields in all runs but the first, so that what
//! is repeated need not be written out.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::prepared::Prepared;
use crate::vectors::model::{
    Case, Config, Depth, FrameToSend, Part, Phase, Role, Step, Story, Test,
};
use crate::vectors::octets::{of_parts, to_hex};

/// Inputs up to this length are split everywhere.
const EVERYWHERE: usize = 512;

/// Inputs up to this length are fed octet by octet.
const OCTETWISE: usize = 4096;

/// Most splits beyond, and from when on there are fewer.
const SPLITS: usize = 128;
const LONG: usize = 64 * 1024;
const LONG_SPLITS: usize = 16;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The request, without its braces and its id.
    pub(super) body: String,
    /// What it is about.
    pub(super) run: Run,
}

/// In which form the octets of a case are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Run {
    /// In one piece; the only form of operations that take no octets.
    Whole,
    /// In pieces of one octet.
    Octetwise,
    /// A piece for each field.
    Fieldwise,
    /// In two pieces, the first of so many octets.
    Split(usize),
    /// With another frame behind.
    Followed,
    /// The first so many octets, with which the rejection is not due yet.
    Undecided(usize),
    /// The first so many octets, with which the rejection is due.
    Decided(usize),
    /// The first so many octets of a case that is not rejected.
    Prefix(usize),
    /// The other way: this frame, counted from 0, to be encoded to the octets of the input.
    Encoded(usize),
}

impl Run {
    /// Whether the verdict has to be that of the whole.
    pub(super) const fn is_division(self) -> bool {
        matches!(
            self,
            Self::Whole | Self::Octetwise | Self::Fieldwise | Self::Split(_)
        )
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("in one piece"),
            Self::Octetwise => f.write_str("octet by octet"),
            Self::Fieldwise => f.write_str("field by field"),
            Self::Split(place) => write!(f, "in two pieces, the first of {place} octets"),
            Self::Followed => f.write_str("followed by another frame"),
            Self::Undecided(count) => {
                write!(f, "the first {count} octets, when nothing is decided yet")
            }
            Self::Decided(count) => write!(f, "the first {count} octets, which decide"),
            Self::Prefix(count) => write!(f, "the first {count} octets alone"),
            Self::Encoded(frame) => write!(f, "frame {frame} encoded again"),
        }
    }
}

/// The runs of a decoding case, in order.
pub(super) fn runs(prepared: &Prepared<'_>) -> Vec<Run> {
    let length = prepared.octets.len();
    let mut runs = vec![Run::Whole];
    if length > 0 {
        let octetwise = length <= OCTETWISE;
        runs.push(if octetwise {
            Run::Octetwise
        } else {
            Run::Fieldwise
        });
    }
    let expect = &prepared.test.expect;
    if let Some(due) = expect.decide_by.map(|due| due as usize) {
        runs.extend(due.checked_sub(1).map(Run::Undecided));
        if due < length {
            runs.push(Run::Decided(due));
        }
    }
    if expect.reject.is_none() {
        runs.extend(prefixes(prepared).into_iter().map(Run::Prefix));
    }
    if expect.incomplete.is_none() {
        runs.push(Run::Followed);
    }
    if prepared.test.canonical && prepared.test.depth == Depth::Decode {
        runs.extend((0..prepared.frames.len()).map(Run::Encoded));
    }
    runs.extend(
        splits(length, prepared.borders())
            .into_iter()
            .map(Run::Split),
    );
    runs
}

/// Lengths at which a case without a fault is cut off: around the borders of header and payload.
fn prefixes(prepared: &Prepared<'_>) -> BTreeSet<usize> {
    let length = prepared.octets.len();
    prepared
        .wire_frames()
        .into_iter()
        .take(8)
        .flat_map(|frame| {
            let (start, end) = (frame.start, frame.end.min(length));
            [start, start + 1, start + 10, start + 11, end - 1]
        })
        .filter(|count| *count < length)
        .collect()
}

/// Where an input of `length` octets is split. An empty piece at either end belongs to it.
fn splits(length: usize, borders: &[usize]) -> BTreeSet<usize> {
    if length <= EVERYWHERE {
        return (0..=length).collect();
    }
    let mut places = BTreeSet::from([0, 1, 10, 11, 12, length - 1, length]);
    let powers = (0..usize::BITS).map(|bits| 1_usize << bits);
    let powers: Vec<usize> = powers.take_while(|power| *power < length).collect();
    let special = borders.iter().chain(&powers);
    places.extend(special.flat_map(|place| [place.saturating_sub(1), *place, place + 1]));
    if length <= OCTETWISE {
        places.extend((0..64).flat_map(|place| [place, length - place]));
        places.extend((0..length).step_by(16));
        return places;
    }
    let most = if length <= LONG { SPLITS } else { LONG_SPLITS };
    let every = places.len().div_ceil(most);
    places
        .into_iter()
        .filter(|place| *place <= length)
        .step_by(every)
        .collect()
}

/// A request of a decoding case.
pub(super) fn decode(case: &Case, prepared: &Prepared<'_>, run: Run) -> Ask {
    let length = prepared.octets.len();
    let chunks = match run {
        Run::Encoded(place) => return encode_again(case, prepared, place),
        Run::Whole => vec![json!(prepared.hex())],
        Run::Octetwise => (0..length)
            .map(|place| {
                json!(to_hex(
                    prepared.octets.get(place..=place).unwrap_or_default()
                ))
            })
            .collect(),
        Run::Fieldwise => by_field(prepared, 0..length),
        Run::Split(place) => {
            let mut chunks = piece(prepared, 0..place);
            chunks.extend(piece(prepared, place..length));
            chunks
        }
        Run::Undecided(count) | Run::Decided(count) | Run::Prefix(count) => {
            piece(prepared, 0..count)
        }
        Run::Followed => followed(case, prepared),
    };
    let body = format!(
        "{},\"config\":{},\"chunks\":{}",
        head(case),
        config(&case.config),
        Value::Array(chunks)
    );
    Ask { body, run }
}

/// The request to encode a frame that is expected.
fn encode_again(case: &Case, prepared: &Prepared<'_>, place: usize) -> Ask {
    let frame = prepared.frames.get(place).map(|frame| {
        json!({
            "type": frame.stated.r#type,
            "sequence": frame.stated.sequence,
            "compression": frame.stated.compression,
            "payload_hex": to_hex(&frame.octets),
        })
    });
    let body = format!(
        "\"op\":\"encode\",\"case\":{},\"config\":{},\"frame\":{}",
        json!(case.id),
        config(&case.config),
        json!(frame)
    );
    let run = Run::Encoded(place);
    Ask { body, run }
}

/// Some of the octets: one chunk, or in a long input a chunk for each field.
fn piece(prepared: &Prepared<'_>, range: Range<usize>) -> Vec<Value> {
    if prepared.octets.len() > OCTETWISE {
        return by_field(prepared, range);
    }
    let octets = prepared.octets.get(range).unwrap_or_default();
    vec![json!(to_hex(octets))]
}

/// Some of the octets, a chunk for each field; what is repeated is given so.
fn by_field(prepared: &Prepared<'_>, range: Range<usize>) -> Vec<Value> {
    let mut chunks = Vec::new();
    let mut place = 0;
    for (part, end) in prepared.parts() {
        let here = range.start.max(place)..range.end.min(end);
        if here.start < here.end {
            let octets = prepared.octets.get(here.clone()).unwrap_or_default();
            chunks.push(match part {
                // A repetition of single octets may begin and end anywhere.
                Part::Repeat(part) if part.repeat.len() == 2 => {
                    json!({"repeat": part.repeat, "count": here.len()})
                }
                _ => json!(to_hex(octets)),
            });
        }
        place = end;
    }
    chunks
}

fn followed(case: &Case, prepared: &Prepared<'_>) -> Vec<Value> {
    let length = prepared.octets.len();
    let behind = to_hex(&sentinel(&case.config).octets());
    let mut chunks = piece(prepared, 0..length);
    match chunks.as_mut_slice() {
        [Value::String(octets)] => octets.push_str(&behind),
        _ => chunks.push(json!(behind)),
    }
    chunks
}

/// The requests of a case that is no decoding case.
pub(super) fn others(case: &Case) -> Result<Vec<Ask>, String> {
    match &case.test {
        Test::Decode(_) => Ok(Vec::new()),
        Test::Encode(test) => {
            let body = format!(
                "{},\"config\":{},\"frame\":{}",
                head(case),
                config(&case.config),
                frame(&test.frame)?
            );
            let run = Run::Whole;
            Ok(vec![Ask { body, run }])
        }
        Test::Story(test) => {
            let receives = |step: &Step| matches!(step, Step::Receive(_));
            let divided = test.steps.iter().any(receives).then_some(Run::Octetwise);
            [Some(Run::Whole), divided]
                .into_iter()
                .flatten()
                .map(|run| story(case, test, run))
                .collect()
        }
        Test::Derive(test) => {
            let body = format!(
                "{},\"function\":{},\"arguments\":{}",
                head(case),
                json!(test.function),
                Value::Object(test.arguments.clone())
            );
            let run = Run::Whole;
            Ok(vec![Ask { body, run }])
        }
    }
}

fn story(case: &Case, test: &Story, run: Run) -> Result<Ask, String> {
    let step = |step: &Step| match step {
        Step::Grant(grant) => Ok(json!({"grant": grant})),
        Step::Credit(credit) => Ok(json!({"credit": credit})),
        Step::Receive(parts) => {
            let octets = of_parts(parts)?;
            let size = match run {
                Run::Octetwise if octets.len() <= OCTETWISE => 1,
                _ => octets.len().max(1),
            };
            let chunks: Vec<Value> = octets.chunks(size).map(|c| json!(to_hex(c))).collect();
            Ok(json!({"receive": chunks}))
        }
        Step::Send(send) => Ok(json!({"send": frame(send)?})),
    };
    let steps: Result<Vec<Value>, String> = test.steps.iter().map(step).collect();
    let start = serde_json::to_value(&test.start).map_err(|error| error.to_string())?;
    let body = format!(
        "{},\"config\":{},\"start\":{start},\"steps\":{}",
        head(case),
        config(&case.config),
        Value::Array(steps?)
    );
    Ok(Ask { body, run })
}

fn head(case: &Case) -> String {
    format!("\"op\":{},\"case\":{}", json!(case.op()), json!(case.id))
}

fn config(config: &Config) -> String {
    serde_json::to_string(config).unwrap_or_default()
}

/// A frame to send; its octets are given in one string.
fn frame(frame: &FrameToSend) -> Result<Value, String> {
    let octets = to_hex(&frame.octets()?);
    let mut value = json!({"type": frame.r#type});
    if let Some(object) = value.as_object_mut() {
        let key = if frame.is_content() {
            "content_hex"
        } else {
            "payload_hex"
        };
        object.extend(frame.sequence.map(|it| ("sequence".to_owned(), json!(it))));
        object.extend(
            frame
                .compression
                .map(|it| ("compression".to_owned(), json!(it))),
        );
        object.insert(key.to_owned(), json!(octets));
    }
    Ok(value)
}

/// A frame that may follow any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sentinel {
    pub(super) version: u8,
    pub(super) r#type: u8,
}

impl Sentinel {
    /// A header with an empty payload.
    pub(super) fn octets(self) -> [u8; 11] {
        [self.version, self.r#type, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    }
}

/// An empty PING; before AUTH_OK, where that may not come, an empty HELLO or WELCOME.
pub(super) fn sentinel(config: &Config) -> Sentinel {
    const HELLO: u8 = 1;
    const WELCOME: u8 = 2;
    const PING: u8 = 8;
    let (version, r#type) = match (config.phase, config.role) {
        (Phase::Open, _) => (config.version, PING),
        (Phase::Handshake, Role::Server) => (1, HELLO),
        (Phase::Handshake, Role::Client) => (1, WELCOME),
    };
    Sentinel { version, r#type }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_inputs_are_split_everywhere_and_long_ones_at_few_places() {
        assert_eq!(splits(3, &[1]), BTreeSet::from([0, 1, 2, 3]));
        assert_eq!(splits(EVERYWHERE, &[]).len(), EVERYWHERE + 1);
        for (length, most) in [(600, 300), (OCTETWISE, 600), (40_000, 129), (2_000_000, 17)] {
            let places = splits(length, &[11, 15, length / 2]);
            assert!(places.len() <= most, "{length}: {}", places.len());
            assert!(places.iter().all(|place| *place <= length));
        }
        let places = splits(5000, &[700]);
        for place in [0, 10, 11, 12, 699, 700, 701, 4096] {
            assert!(places.contains(&place), "{place}");
        }
    }
}
