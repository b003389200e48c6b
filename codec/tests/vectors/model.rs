//! The form of vectors, format 1. Unknown keys are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::testee::Outcome;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(rename = "$schema")]
    schema: String,
    format: u32,
    area: String,
    pub(crate) flags: BTreeMap<String, Flag>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {
    effect: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    req: Vec<String>,
    #[serde(rename = "level")]
    _level: Level,
    #[serde(rename = "since")]
    _since: String,
    pub(crate) op: Op,
    pub(crate) kind: Kind,
    #[serde(rename = "desc")]
    _desc: String,
    #[serde(rename = "about")]
    _about: serde_json::Value,
    #[serde(default)]
    pub(crate) canonical: bool,
    #[serde(default)]
    pub(crate) requires: Vec<String>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    pub(crate) near: Option<String>,
    #[serde(default)]
    pub(crate) config: Config,
    input: Vec<Part>,
    pub(crate) input_hex: Option<String>,
    pub(crate) expect: Expect,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Must,
    Should,
    May,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Op {
    Decode,
    Open,
    Message,
    Reassemble,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Valid,
    Invalid,
    Boundary,
    Order,
    Limit,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    #[default]
    Server,
    Client,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Handshake,
    #[default]
    Open,
}

#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) role: Role,
    pub(crate) phase: Phase,
    pub(crate) version: u8,
    pub(crate) max_payload: u32,
    pub(crate) compressions: Vec<u8>,
    pub(crate) negotiated_types: Vec<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: Role::Server,
            phase: Phase::Open,
            version: 1,
            max_payload: 65536,
            compressions: vec![1, 2, 3],
            negotiated_types: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    U8(U8),
    U32(U32),
    Hex(Hex),
    Repeat(Repeat),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct U8 {
    u8: u8,
    f: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct U32 {
    u32: u32,
    f: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
    f: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    repeat: String,
    count: usize,
    f: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    #[serde(default)]
    pub(crate) frames: Vec<FrameOut>,
    pub(crate) incomplete: Option<Incomplete>,
    pub(crate) reject: Option<Reject>,
    pub(crate) decide_by: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Incomplete {
    pub(crate) need_at_least: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reject {
    pub(crate) stage: String,
    pub(crate) code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameOut {
    version: u8,
    r#type: u8,
    sequence: u32,
    compression: u8,
    payload_hex: Option<String>,
    payload: Option<Vec<Repeats>>,
    content_hex: Option<String>,
    content: Option<Vec<Repeats>>,
    canonical_hex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeats {
    repeat: String,
    count: usize,
}

impl FrameOut {
    pub(crate) fn states_canonical(&self) -> bool {
        self.canonical_hex.is_some()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let expand = |repeats: &Vec<Repeats>| {
            repeats
                .iter()
                .flat_map(|part| octets(&part.repeat).repeat(part.count))
                .collect()
        };
        let hex = self
            .payload_hex
            .as_ref()
            .or(self.content_hex.as_ref())
            .map(|hex| octets(hex));
        let repeats = self.payload.as_ref().or(self.content.as_ref()).map(expand);
        Outcome {
            version: self.version,
            frame_type: self.r#type,
            sequence: self.sequence,
            compression: self.compression,
            octets: hex
                .or(repeats)
                .expect("a frame states its payload or its content"),
            canonical: self.canonical_hex.as_ref().map(|hex| octets(hex)),
        }
    }
}

impl Case {
    pub(crate) fn octets(&self) -> Vec<u8> {
        self.input.iter().flat_map(|part| part.octets()).collect()
    }

    /// Octets by frame (counted by version octets) and field.
    pub(crate) fn fields(&self) -> BTreeMap<(usize, String), Vec<u8>> {
        let (mut fields, mut frame) = (BTreeMap::<_, Vec<u8>>::new(), 0);
        for part in &self.input {
            frame += usize::from(part.field() == "version");
            let field = (frame, part.field().to_owned());
            fields.entry(field).or_default().extend(part.octets());
        }
        fields
    }
}

impl Part {
    fn octets(&self) -> Vec<u8> {
        match self {
            Self::U8(part) => vec![part.u8],
            Self::U32(part) => part.u32.to_be_bytes().to_vec(),
            Self::Hex(part) => octets(&part.hex),
            Self::Repeat(part) => octets(&part.repeat).repeat(part.count),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::U8(U8 { f, .. }) | Self::U32(U32 { f, .. }) => f,
            Self::Hex(Hex { f, .. }) | Self::Repeat(Repeat { f, .. }) => f,
        }
    }
}

pub(crate) fn is_header(field: &str) -> bool {
    ["version", "type", "sequence", "compression", "length"].contains(&field)
}

pub(crate) fn octets(hex: &str) -> Vec<u8> {
    let octet = |digits: &str| u8::from_str_radix(digits, 16).expect("lower-case hexadecimal");
    (0..hex.len())
        .step_by(2)
        .map(|place| octet(&hex[place..place + 2]))
        .collect()
}

fn conformance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

fn texts() -> Vec<(PathBuf, String)> {
    let folder = conformance().join("vectors/framing");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the vectors can be read")
        .map(|entry| entry.expect("the vectors can be read").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("the vectors can be read");
    paths
        .iter()
        .map(|path| (path.clone(), read(path)))
        .collect()
}

pub(crate) fn files() -> Vec<File> {
    let parse = |(path, text): (PathBuf, String)| {
        let file: File = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            (file.format, file.area.as_str()),
            (1, "framing"),
            "{}",
            path.display()
        );
        assert_eq!(
            file.schema,
            "../../schema/vectors.v1.schema.json",
            "{}",
            path.display()
        );
        assert!(file.flags.values().all(|flag| !flag.effect.is_empty()));
        file
    };
    texts().into_iter().map(parse).collect()
}

/// All cases by id.
pub(crate) fn load() -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    for case in files().into_iter().flat_map(|file| file.cases) {
        assert!(!case.req.is_empty(), "{} tests no requirement", case.id);
        let twice = cases.insert(case.id.clone(), case);
        assert!(
            twice.is_none(),
            "{} is there twice",
            twice.map_or_else(String::new, |case| case.id)
        );
    }
    cases
}

pub(crate) fn schema() -> serde_json::Value {
    let path = conformance().join("schema/vectors.v1.schema.json");
    let text = std::fs::read_to_string(path).expect("the schema can be read");
    serde_json::from_str(&text).expect("the schema is JSON")
}

pub(crate) fn raw_cases() -> Vec<serde_json::Value> {
    let parse = |(_, text): (PathBuf, String)| {
        let file: serde_json::Value = serde_json::from_str(&text).expect("vectors are JSON");
        file["cases"]
            .as_array()
            .expect("vectors have cases")
            .clone()
    };
    texts().into_iter().flat_map(parse).collect()
}
