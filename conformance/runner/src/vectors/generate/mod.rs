//! Cases that are computed: families over header fields, compression, fragments, payloads, flow
//! and functions.
//!
//! A family says what it expects from the chapters and registries alone. What it writes depends on
//! nothing else: no clock, no randomness but a stated seed, no compressor whose output may change.

#![expect(
    clippy::too_many_lines,
    reason = "a family is a table of cases, read from top to bottom"
)]

mod compressed;
mod compression;
mod compression_faults;
mod content_texts;
mod contents;
mod credit;
mod derive;
mod draft;
mod early;
mod encode;
mod flags;
mod fragment_inner;
mod fragment_numbers;
mod fragment_orders;
mod fragments;
mod functions;
mod groups;
mod header;
mod lengths;
mod negotiated;
mod orders;
mod payload_faults;
mod payload_fields;
mod payloads;
mod protobuf;
mod reassembly;
mod rules;
mod saslprep;
mod sizes;
mod stories;
mod streams;
mod truncations;
mod windows;
mod zstd;
mod zstd_blocks;
mod zstd_dictionary;

use std::collections::BTreeMap;

use super::lint::features;
use super::load::FOLDER;
use super::model::{Case, FORMAT, File, Generator, Level, Test};
use super::octets::{of_parts, to_hex};
use crate::data::Data;
use rules::Rules;

/// Version of all families together; MANIFEST.json states it.
pub const VERSION: u32 = 1;

/// Octets up to which `input_hex` repeats the input.
pub const HEX_OCTETS: usize = 4096;

/// A file that is computed.
struct Family {
    /// Folder and name, as in `header/types`.
    path: &'static str,
    /// Seed of its pseudo-random octets, if it has any.
    seed: Option<u64>,
    cases: fn(&Rules) -> Result<Vec<Case>, String>,
}

const FAMILIES: &[Family] = &[
    Family {
        path: "header/types",
        seed: None,
        cases: header::types,
    },
    Family {
        path: "header/versions",
        seed: None,
        cases: header::versions,
    },
    Family {
        path: "header/sequences",
        seed: None,
        cases: header::sequences,
    },
    Family {
        path: "header/compressions",
        seed: None,
        cases: header::compressions,
    },
    Family {
        path: "header/truncations",
        seed: None,
        cases: truncations::truncations,
    },
    Family {
        path: "header/early",
        seed: None,
        cases: early::cases,
    },
    Family {
        path: "header/negotiated",
        seed: None,
        cases: negotiated::cases,
    },
    Family {
        path: "header/lengths",
        seed: None,
        cases: lengths::cases,
    },
    Family {
        path: "header/orders",
        seed: None,
        cases: orders::cases,
    },
    Family {
        path: "streams/frames",
        seed: Some(streams::SEED),
        cases: streams::cases,
    },
    Family {
        path: "compression/algorithms",
        seed: None,
        cases: compression::algorithms,
    },
    Family {
        path: "compression/sizes",
        seed: None,
        cases: sizes::sizes,
    },
    Family {
        path: "compression/zstd",
        seed: None,
        cases: zstd::cases,
    },
    Family {
        path: "compression/zstd-dict-1",
        seed: None,
        cases: zstd_dictionary::cases,
    },
    Family {
        path: "fragments/reassembly",
        seed: None,
        cases: fragments::cases,
    },
    Family {
        path: "payloads/fields",
        seed: None,
        cases: payload_fields::cases,
    },
    Family {
        path: "payloads/embedded-fields",
        seed: None,
        cases: payload_fields::embedded,
    },
    Family {
        path: "payloads/faults",
        seed: None,
        cases: payload_faults::cases,
    },
    Family {
        path: "payloads/request-faults",
        seed: None,
        cases: payload_faults::requests,
    },
    Family {
        path: "payloads/embedded-faults",
        seed: None,
        cases: payload_faults::embedded,
    },
    Family {
        path: "payloads/encodings",
        seed: None,
        cases: payloads::cases,
    },
    Family {
        path: "encode/frames",
        seed: None,
        cases: encode::cases,
    },
    Family {
        path: "flow/stories",
        seed: None,
        cases: stories::cases,
    },
    Family {
        path: "derive/identity",
        seed: None,
        cases: derive::cases,
    },
    Family {
        path: "derive/values",
        seed: None,
        cases: functions::cases,
    },
    Family {
        path: "derive/content",
        seed: None,
        cases: contents::cases,
    },
];

/// The text of every generated file, by its path below the project.
///
/// # Errors
/// Data of the suite that cannot be read, or a generator that contradicts itself.
pub fn files(data: &Data) -> Result<BTreeMap<String, String>, String> {
    let rules = Rules::load(data)?;
    FAMILIES
        .iter()
        .map(|family| {
            let file = family.file(&rules)?;
            Ok((format!("{FOLDER}/{}.json", family.path), text(&file)?))
        })
        .collect()
}

impl Family {
    fn file(&self, rules: &Rules) -> Result<File, String> {
        let mut cases = (self.cases)(rules)?;
        for case in &mut cases {
            complete(case, rules)?;
        }
        let (area, _) = self.path.split_once('/').unwrap_or((self.path, ""));
        Ok(File {
            schema: "../../schema/vectors.v1.schema.json".into(),
            format: FORMAT,
            area: area.into(),
            generator: Some(Generator {
                family: self.path.into(),
                version: VERSION,
                seed: self.seed.map(|seed| seed.to_string()),
            }),
            flags: flags::used(&cases)?,
            cases,
        })
    }
}

/// Fills in what follows from the rest of a case.
fn complete(case: &mut Case, rules: &Rules) -> Result<(), String> {
    let first = case.req.first().ok_or("a case without requirement")?;
    case.level = match rules.level(first)? {
        "must" | "must-not" => Level::Must,
        "should" | "should-not" => Level::Should,
        _ => Level::May,
    };
    if let Test::Decode(test) = &mut case.test {
        let octets = of_parts(&test.input)?;
        test.input_hex = (octets.len() <= HEX_OCTETS).then(|| to_hex(&octets));
    }
    case.requires = features(case);
    Ok(())
}

/// One case a line, so that a difference shows which case it is in.
///
/// # Errors
/// None for what serde can write.
pub fn text(file: &File) -> Result<String, String> {
    let mut text = String::from("{\n");
    text += &format!("  \"$schema\": {},\n", json(&file.schema)?);
    text += &format!("  \"format\": {},\n", file.format);
    text += &format!("  \"area\": {},\n", json(&file.area)?);
    if let Some(generator) = &file.generator {
        text += &format!("  \"generator\": {},\n", json(generator)?);
    }
    text += &format!("  \"flags\": {},\n", json(&file.flags)?);
    text += "  \"cases\": [\n";
    for (index, case) in file.cases.iter().enumerate() {
        let comma = if index + 1 < file.cases.len() {
            ","
        } else {
            ""
        };
        text += &format!("    {}{comma}\n", json(case)?);
    }
    Ok(text + "  ]\n}\n")
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
