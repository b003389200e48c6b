//! Registries to Rust constants and tables.

use std::fmt::Write as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::schema::{
    Capabilities, Class, Compressions, Error, Errors, Events, Frame, FrameTypes, Grease, Limit,
    Limits, Named, Operations, PrivateUse, Range, Status,
};

fn load<T: DeserializeOwned>(folder: &Path, file: &str) -> T {
    let text = std::fs::read_to_string(folder.join(file)).expect("the registry can be read");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// `a-b_c` as `ABC`-style constant (`A_B_C`) or variant (`ABC`).
fn constant(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

fn variant(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn sorted<T>(mut rows: Vec<T>, key: impl Fn(&T) -> u32) -> Vec<T> {
    rows.sort_by_key(&key);
    assert!(
        rows.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])),
        "a number is used twice in a registry"
    );
    rows
}

fn note(status: Status) -> &'static str {
    match status {
        Status::Active => "",
        Status::Reserved => " Reserved.",
    }
}

/// The source of `codec/src/gen/registry.rs`.
pub(crate) fn generate(folder: &Path) -> String {
    let mut out = String::from(
        "// Generated from spec/registry; see mod.rs.\n\n\
         use crate::registry::{\n    Blame, Capability, Compression, Direction, ErrorClass, ErrorCode, ErrorCodeInfo, EventNumber,\n    FrameType, \
         FrameTypeInfo, Operation, Phase, Phases, RangeInfo, Scope, Unknown,\n};\n",
    );
    frames(&mut out, load(folder, "frame-types.toml"));
    compressions(&mut out, load(folder, "compression.toml"));
    capabilities(&mut out, load(folder, "capabilities.toml"));
    let operations: Operations = load(folder, "operations.toml");
    named(
        &mut out,
        "Operation",
        "OPERATIONS",
        operations.operation,
        "",
        true,
    );
    events(&mut out, load(folder, "events.toml"));
    errors(&mut out, load(folder, "error-codes.toml"));
    limits(&mut out, load(folder, "limits.toml"));
    out
}

fn frames(out: &mut String, registry: FrameTypes) {
    assert_eq!(registry.range.first().map(|range| range.first), Some(0));
    assert_eq!(registry.range.last().map(|range| range.last), Some(u8::MAX));
    for pair in registry.range.windows(2) {
        assert_eq!(
            pair[0].last.checked_add(1),
            Some(pair[1].first),
            "ranges leave a hole"
        );
    }
    let frames = sorted(registry.frame, |frame| frame.value.into());
    writeln!(out, "\nimpl FrameType {{").unwrap();
    for Frame {
        value,
        name,
        doc,
        status,
        ..
    } in &frames
    {
        writeln!(out, "    /// {doc}{}", note(*status)).unwrap();
        writeln!(
            out,
            "    pub const {}: Self = Self({value:#04x});",
            constant(name)
        )
        .unwrap();
    }
    grease(out, &registry.grease, 4);
    writeln!(out, "}}\n\npub(crate) static RANGES: &[RangeInfo] = &[").unwrap();
    for Range {
        first,
        last,
        name,
        unknown,
    } in &registry.range
    {
        writeln!(
            out,
            "    RangeInfo {{\n        first: FrameType({first:#04x}),\n        last: FrameType({last:#04x}),\n        \
             name: \"{name}\",\n        unknown: Unknown::{},\n    }},",
            variant(unknown)
        )
        .unwrap();
    }
    writeln!(
        out,
        "];\n\npub(crate) static FRAME_NAMES: &[(FrameType, &str)] = &["
    )
    .unwrap();
    for Frame { name, .. } in &frames {
        writeln!(out, "    (FrameType::{}, \"{name}\"),", constant(name)).unwrap();
    }
    writeln!(out, "];\n\n/// Indexed by the type octet.").unwrap();
    writeln!(
        out,
        "pub(crate) static FRAMES: [Option<FrameTypeInfo>; 256] = {{"
    )
    .unwrap();
    writeln!(out, "    let mut frames = [None; 256];").unwrap();
    for frame in frames.iter().filter(|frame| frame.status == Status::Active) {
        frame_row(out, frame);
    }
    writeln!(out, "    frames\n}};").unwrap();
}

fn frame_row(out: &mut String, frame: &Frame) {
    let Frame {
        value,
        name,
        direction,
        sequenced,
        compression,
        phases,
        max_octets,
        payload,
        ..
    } = frame;
    let phases: Vec<_> = phases
        .iter()
        .map(|phase| format!("Phase::{}", variant(phase)))
        .collect();
    writeln!(
        out,
        "    frames[{value:#04x}] = Some(FrameTypeInfo {{\n        frame_type: FrameType::{},\n        \
         direction: Direction::{},\n        sequenced: {sequenced},\n        compression: {compression},\n        \
         phases: Phases::of(&[{}]),\n        max_octets: {max_octets},\n        payload: \"{payload}\",\n    }});",
        constant(name),
        variant(direction),
        phases.join(", "),
    )
    .unwrap();
}

fn grease(out: &mut String, grease: &Grease, width: usize) {
    let values: Vec<_> = grease
        .values
        .iter()
        .map(|value| format!("Self({value:#0width$x})"))
        .collect();
    writeln!(out, "\n    /// Values kept for GREASE (RFC 8701).").unwrap();
    writeln!(
        out,
        "    pub const GREASE: &[Self] = &[{}];",
        values.join(", ")
    )
    .unwrap();
}

fn named(
    out: &mut String,
    number: &str,
    table: &str,
    rows: Vec<Named>,
    more: &str,
    mutating: bool,
) {
    let rows = sorted(rows, |row| row.value);
    writeln!(out, "\nimpl {number} {{").unwrap();
    for Named {
        value,
        name,
        doc,
        status,
        ..
    } in &rows
    {
        writeln!(out, "    /// {doc}{}", note(*status)).unwrap();
        writeln!(
            out,
            "    pub const {}: Self = Self({value});",
            constant(name)
        )
        .unwrap();
    }
    let columns = if mutating { ", bool" } else { "" };
    writeln!(
        out,
        "{more}}}\n\npub(crate) static {table}: &[({number}, &str{columns})] = &["
    )
    .unwrap();
    for row in &rows {
        assert_eq!(
            row.mutating.is_some(),
            mutating,
            "{}: `mutating` belongs to operations",
            row.name
        );
        let mutating = row
            .mutating
            .map(|mutating| format!(", {mutating}"))
            .unwrap_or_default();
        writeln!(
            out,
            "    ({number}::{}, \"{}\"{mutating}),",
            constant(&row.name),
            row.name
        )
        .unwrap();
    }
    writeln!(out, "];").unwrap();
}

fn compressions(out: &mut String, registry: Compressions) {
    let mut more = String::new();
    grease(&mut more, &registry.grease, 4);
    named(
        out,
        "Compression",
        "COMPRESSIONS",
        registry.algorithm,
        &more,
        false,
    );
}

fn capabilities(out: &mut String, registry: Capabilities) {
    let mut more = String::new();
    let PrivateUse { first, last } = registry.private_use;
    writeln!(
        more,
        "\n    /// Numbers for private use.\n    \
         pub const PRIVATE_USE: core::ops::RangeInclusive<u32> = {first:#06x}..={last:#06x};"
    )
    .unwrap();
    grease(&mut more, &registry.grease, 6);
    named(
        out,
        "Capability",
        "CAPABILITIES",
        registry.capability,
        &more,
        false,
    );
}

fn events(out: &mut String, registry: Events) {
    let rows = registry.event.into_iter().map(|event| Named {
        value: event.value,
        name: event.name,
        mutating: None,
        status: event.status,
        doc: event.doc,
    });
    named(out, "EventNumber", "EVENTS", rows.collect(), "", false);
}

fn errors(out: &mut String, registry: Errors) {
    let classes = sorted(registry.class, |class| class.value.into());
    writeln!(out, "\nimpl ErrorClass {{").unwrap();
    for Class {
        value, name, doc, ..
    } in &classes
    {
        writeln!(
            out,
            "    /// {doc}\n    pub const {}: Self = Self({value:#04x});",
            constant(name)
        )
        .unwrap();
    }
    writeln!(
        out,
        "}}\n\npub(crate) static ERROR_CLASSES: &[(ErrorClass, &str, Blame)] = &["
    )
    .unwrap();
    for Class { name, blame, .. } in &classes {
        writeln!(
            out,
            "    (ErrorClass::{}, \"{name}\", Blame::{}),",
            constant(name),
            variant(blame)
        )
        .unwrap();
    }
    writeln!(out, "];").unwrap();
    let errors = sorted(registry.error, |error| error.value.into());
    writeln!(out, "\nimpl ErrorCode {{").unwrap();
    for Error {
        value, name, doc, ..
    } in &errors
    {
        writeln!(
            out,
            "    /// {doc}\n    pub const {name}: Self = Self({value:#06x});"
        )
        .unwrap();
    }
    writeln!(
        out,
        "}}\n\npub(crate) static ERRORS: &[(ErrorCode, &str, ErrorCodeInfo)] = &["
    )
    .unwrap();
    for Error {
        value,
        name,
        scope,
        retryable,
        closes,
        ..
    } in &errors
    {
        let class = value >> 8;
        let class = classes
            .iter()
            .find(|row| u16::from(row.value) == class)
            .unwrap_or_else(|| panic!("{name} has no class"));
        writeln!(
            out,
            "    (\n        ErrorCode::{name},\n        \"{name}\",\n        ErrorCodeInfo {{\n            \
             code: ErrorCode::{name},\n            class: ErrorClass::{},\n            scope: Scope::{},\n            \
             retryable: {retryable},\n            closes: {closes},\n        }},\n    ),",
            constant(&class.name),
            variant(scope),
        )
        .unwrap();
    }
    writeln!(out, "];").unwrap();
}

fn limits(out: &mut String, registry: Limits) {
    writeln!(
        out,
        "\n/// Limits of the protocol, in the unit that the name ends in."
    )
    .unwrap();
    writeln!(out, "pub mod limits {{\n    use crate::registry::Limit;").unwrap();
    for Limit {
        name,
        default,
        minimum,
        maximum,
        unit,
        doc,
    } in &registry.limit
    {
        let number = match unit.as_str() {
            "ms" => "u64",
            "octets" if *maximum > u64::from(u32::MAX) => "u64",
            "octets" | "frames" | "count" => "u32",
            other => panic!("{name}: unknown unit {other}"),
        };
        assert!(
            minimum <= default && default <= maximum,
            "{name}: default outside its bounds"
        );
        assert!(
            number == "u64" || u32::try_from(*maximum).is_ok(),
            "{name}: too large"
        );
        writeln!(
            out,
            "\n    /// {doc} Unit: {unit}.\n    pub const {}: Limit<{number}> =\n        \
             Limit {{ default: {default}, minimum: {minimum}, maximum: {maximum} }};",
            constant(name)
        )
        .unwrap();
    }
    writeln!(out, "}}").unwrap();
}
