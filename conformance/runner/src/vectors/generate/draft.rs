//! Cases under construction.

use serde_json::{Map, Value};

use super::rules::Rules;
use crate::vectors::model::{
    About, Case, Config, Decode, Depth, Derive, Derived, Frame, Incomplete, Kind, Level, Part,
    PartHex, PartRepeat, PartU8, PartU32, Payload, Reject, Repeat, Stage, Test, Verdict,
};
use crate::vectors::octets::{of_parts, to_hex};

/// Runs of an octet from this length on are written as a repetition.
const RUN: usize = 64;

/// A frame as it goes over the wire, right or wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    pub(super) version: u8,
    pub(super) r#type: u8,
    pub(super) sequence: u32,
    pub(super) compression: u8,
    /// What the length field says, if not the truth.
    pub(super) length: Option<u32>,
    pub(super) payload: Vec<Part>,
}

impl Wire {
    /// An empty frame of a type, with sequence 1 if the type is sequenced.
    pub(super) fn of(rules: &Rules, value: u8) -> Self {
        Self {
            version: 1,
            r#type: value,
            sequence: u32::from(rules.is_sequenced(value)),
            compression: 0,
            length: None,
            payload: Vec::new(),
        }
    }

    pub(super) fn with(mut self, payload: &[u8]) -> Self {
        self.payload = if payload.is_empty() {
            Vec::new()
        } else {
            vec![part("payload", payload)]
        };
        self
    }

    pub(super) fn payload(mut self, payload: Vec<Part>) -> Self {
        self.payload = payload;
        self
    }

    pub(super) fn sequence(mut self, sequence: u32) -> Self {
        self.sequence = sequence;
        self
    }

    pub(super) fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    pub(super) fn compression(mut self, compression: u8) -> Self {
        self.compression = compression;
        self
    }

    pub(super) fn length(mut self, length: u32) -> Self {
        self.length = Some(length);
        self
    }

    pub(super) fn payload_octets(&self) -> Vec<u8> {
        of_parts(&self.payload).unwrap_or_default()
    }

    /// What the length field says.
    pub(super) fn stated_length(&self) -> u32 {
        let truth = || u32::try_from(self.payload_octets().len()).unwrap_or(u32::MAX);
        self.length.unwrap_or_else(truth)
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = vec![
            u8_part("version", self.version),
            u8_part("type", self.r#type),
            u32_part("sequence", self.sequence),
            u8_part("compression", self.compression),
            u32_part("length", self.stated_length()),
        ];
        parts.extend(self.payload.iter().cloned());
        parts
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        of_parts(&self.parts()).unwrap_or_default()
    }

    /// The frame that `decode` finds.
    pub(super) fn decoded(&self) -> Frame {
        let mut frame = self.frame();
        match payload(&self.payload_octets()) {
            Payload::Hex(hex) => frame.payload_hex = Some(hex),
            Payload::Repeats(repeats) => frame.payload = Some(repeats),
        }
        frame
    }

    /// The frame that `open`, `message` and `reassemble` find.
    pub(super) fn opened(&self, content: &[u8]) -> Frame {
        let mut frame = self.frame();
        match payload(content) {
            Payload::Hex(hex) => frame.content_hex = Some(hex),
            Payload::Repeats(repeats) => frame.content = Some(repeats),
        }
        frame
    }

    fn frame(&self) -> Frame {
        Frame {
            version: self.version,
            r#type: self.r#type,
            sequence: self.sequence,
            compression: self.compression,
            ordinal: None,
            payload_hex: None,
            payload: None,
            content_hex: None,
            content: None,
            canonical_hex: None,
        }
    }
}

/// Octets, short if they repeat.
pub(super) fn payload(octets: &[u8]) -> Payload {
    match octets {
        [first, rest @ ..] if rest.len() >= RUN && rest.iter().all(|octet| octet == first) => {
            Payload::Repeats(vec![Repeat {
                repeat: format!("{first:02x}"),
                count: u32::try_from(octets.len()).unwrap_or(u32::MAX),
            }])
        }
        _ => Payload::Hex(to_hex(octets)),
    }
}

/// A field of octets, short if they repeat.
pub(super) fn part(f: &str, octets: &[u8]) -> Part {
    let f = f.to_owned();
    match payload(octets) {
        Payload::Hex(hex) => Part::Hex(PartHex { hex, f }),
        Payload::Repeats(repeats) => {
            let Repeat { repeat, count } = repeats.into_iter().next().unwrap_or(Repeat {
                repeat: String::new(),
                count: 0,
            });
            Part::Repeat(PartRepeat { repeat, count, f })
        }
    }
}

pub(super) fn u8_part(f: &str, u8: u8) -> Part {
    Part::U8(PartU8 { u8, f: f.into() })
}

pub(super) fn u32_part(f: &str, u32: u32) -> Part {
    Part::U32(PartU32 { u32, f: f.into() })
}

/// Where a code is found (the table of the testee protocol).
pub(super) fn stage(code: &str) -> Stage {
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

/// Whether a code is due when the header is complete (EIM-FRM-007).
pub(super) fn is_due_at_header(code: &str) -> bool {
    matches!(
        code,
        "UNSUPPORTED_VERSION"
            | "INVALID_TYPE"
            | "EXTENSION_NOT_NEGOTIATED"
            | "UNKNOWN_COMPRESSION"
            | "PAYLOAD_TOO_LARGE"
    )
}

pub(super) fn reject(code: &str) -> Option<Reject> {
    Some(Reject {
        stage: stage(code),
        code: code.into(),
    })
}

/// Frames and nothing more.
pub(super) fn frames(frames: Vec<Frame>) -> Verdict {
    Verdict {
        frames: Some(frames),
        ..Verdict::default()
    }
}

/// Frames, then a rejection of the frame that begins `behind` octets after the first one.
pub(super) fn rejected(frames: Vec<Frame>, code: &str, behind: Option<usize>) -> Verdict {
    let due = behind.map(|octets| u32::try_from(octets + 11).unwrap_or(u32::MAX));
    Verdict {
        frames: (!frames.is_empty()).then_some(frames),
        reject: reject(code),
        decide_by: due,
        ..Verdict::default()
    }
}

/// Frames, then octets are missing.
pub(super) fn incomplete(frames: Vec<Frame>, need_at_least: u32) -> Verdict {
    Verdict {
        frames: (!frames.is_empty()).then_some(frames),
        incomplete: Some(Incomplete { need_at_least }),
        ..Verdict::default()
    }
}

/// A case of any operation; level, features and hexadecimal are filled in later.
pub(super) fn case(
    id: String,
    req: &[&str],
    about: (&str, &str),
    desc: String,
    test: Test,
) -> Case {
    Case {
        id,
        req: req.iter().map(|&id| id.to_owned()).collect(),
        level: Level::Must,
        since: "1.0".into(),
        kind: Kind::Valid,
        desc,
        about: About {
            field: about.0.into(),
            class: about.1.into(),
        },
        requires: Vec::new(),
        flags: Vec::new(),
        near: None,
        config: Config::default(),
        test,
    }
}

/// Octets to frames.
pub(super) fn decode(depth: Depth, input: Vec<Part>, expect: Verdict) -> Test {
    Test::Decode(Decode {
        depth,
        canonical: false,
        input,
        input_hex: None,
        expect,
    })
}

/// A function; `Err` is the code of a refusal.
pub(super) fn derive(
    function: &str,
    arguments: &[(&str, Value)],
    expect: Result<Value, &str>,
) -> Test {
    let arguments: Map<String, Value> = arguments
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let expect = match expect {
        Ok(value) => Derived {
            value: Some(value),
            reject: None,
        },
        Err(code) => Derived {
            value: None,
            reject: Some(crate::vectors::model::Code { code: code.into() }),
        },
    };
    Test::Derive(Derive {
        function: function.into(),
        arguments,
        expect,
    })
}

impl Case {
    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Has one fault, which the named case has not.
    pub(super) fn near(mut self, near: impl Into<String>) -> Self {
        self.kind = Kind::Invalid;
        self.near = Some(near.into());
        self
    }

    pub(super) fn config(mut self, config: &Config) -> Self {
        self.config = config.clone();
        self
    }

    pub(super) fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.into());
        self
    }

    pub(super) fn canonical(mut self) -> Self {
        if let Test::Decode(test) = &mut self.test {
            test.canonical = true;
        }
        self
    }
}

/// Splits off fragments, orders and the like from the fault: a header with its verdict at `decode`.
///
/// The payload has to be whole where phase, direction or sequence are at fault, since a receiver may
/// judge these at the header or later.
pub(super) fn judged(rules: &Rules, config: &Config, frame: &Wire) -> Verdict {
    let have = u32::try_from(frame.payload_octets().len()).unwrap_or(u32::MAX);
    match rules.fault(config, frame) {
        Some((code, _)) => rejected(Vec::new(), code, is_due_at_header(code).then_some(0)),
        None if frame.stated_length() > have => {
            incomplete(Vec::new(), frame.stated_length() - have)
        }
        None => frames(vec![frame.decoded()]),
    }
}
