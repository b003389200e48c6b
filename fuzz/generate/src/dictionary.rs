//! The dictionary of all targets, from the registry: octets that mean something together.

use std::fmt::Write as _;

use eim_conformance::data::Data;
use eim_conformance::registry::Registries;

/// Path below the folder of fuzzing.
pub const PATH: &str = "dict/eim.dict";

/// Octets that formats other than ours begin with, and those that decoders trip over.
const FORMATS: &[(&str, &[u8])] = &[
    ("zstd-magic", &[0x28, 0xB5, 0x2F, 0xFD]),
    ("zstd-skippable", &[0x50, 0x2A, 0x4D, 0x18]),
    ("zstd-single-segment", &[0x28, 0xB5, 0x2F, 0xFD, 0x20]),
    ("zstd-checksum", &[0x28, 0xB5, 0x2F, 0xFD, 0x04]),
    ("zstd-window-20", &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50]),
    ("zstd-window-21", &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58]),
    (
        "varint-longest",
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    ),
    (
        "varint-zero-in-ten",
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ),
    ("tag-largest-field", &[0xF8, 0xFF, 0xFF, 0xFF, 0x0F]),
    ("tag-group", &[0x0B, 0x0C]),
    ("id-of-16", &[0x0A, 0x10]),
    ("utf8-surrogate", &[0xED, 0xA0, 0x80]),
];

/// The text of the dictionary, in the form of libFuzzer and AFL.
///
/// # Errors
/// A registry that cannot be read.
#[expect(clippy::too_many_lines, reason = "one table")]
pub fn text(data: &Data) -> Result<String, String> {
    let registries = Registries::load(data)?;
    let mut text =
        String::from("# Made by `cargo run -p eim-fuzz-generate -- dictionary`. Do not edit.\n");
    let mut put = |name: &str, octets: &[u8]| {
        let _ = write!(text, "{}=\"", name.replace('-', "_"));
        for octet in octets {
            let _ = write!(text, "\\x{octet:02X}");
        }
        text.push_str("\"\n");
    };
    for frame in &registries.frames.frame {
        let sequence = u8::from(frame.sequenced);
        // Version, type, sequence, compression: the length is what a fuzzer should try.
        let name = format!("frame_{}", frame.name.to_lowercase());
        put(&name, &[1, frame.value, 0, 0, 0, sequence, 0]);
    }
    for range in &registries.frames.range {
        put(
            &format!("first_{}", range.name),
            &[1, range.first, 0, 0, 0, 0, 0],
        );
        put(
            &format!("last_{}", range.name),
            &[1, range.last, 0, 0, 0, 1, 0],
        );
    }
    for algorithm in &registries.compression.algorithm {
        // Sequence 1, the algorithm, no length yet.
        let number = algorithm.value.to_be_bytes()[3];
        put(
            &format!("compression_{}", algorithm.name),
            &[0, 0, 0, 1, number, 0, 0],
        );
    }
    for limit in &registries.limits.limit {
        for (name, value) in [("default", limit.default), ("maximum", limit.maximum)] {
            if let Ok(value) = u32::try_from(value) {
                put(&format!("{}_{name}", limit.name), &value.to_be_bytes());
                let above = value.saturating_add(1);
                put(
                    &format!("{}_{name}_above", limit.name),
                    &above.to_be_bytes(),
                );
            }
        }
    }
    for frame in registries
        .frames
        .frame
        .iter()
        .filter(|it| it.max_octets > 1024)
    {
        let most = u32::try_from(frame.max_octets).unwrap_or(u32::MAX);
        put(
            &format!("most_{}", frame.name.to_lowercase()),
            &most.to_be_bytes(),
        );
    }
    // Fields 1 and 2 of numbers, as in ErrorInfo, Request and Hello.
    for error in &registries.errors.error {
        let mut octets = vec![0x08];
        varint(u32::from(error.value), &mut octets);
        put(&format!("error_{}", error.name.to_lowercase()), &octets);
    }
    for operation in &registries.operations.operation {
        let mut octets = vec![0x10];
        varint(operation.value, &mut octets);
        put(
            &format!("operation_{}", operation.name.to_lowercase()),
            &octets,
        );
    }
    for frame in registries.frames.frame.iter().filter(|it| it.sequenced) {
        // The end of an offset of 0, the inner type, no compression.
        let octets = [0, 0, 0, 0, frame.value, 0];
        put(&format!("inner_{}", frame.name.to_lowercase()), &octets);
    }
    for (name, octets) in FORMATS {
        put(name, octets);
    }
    Ok(text)
}

fn varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7F {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
