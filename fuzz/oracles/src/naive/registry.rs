//! The tables of the registry, read line by line from the files of the specification.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Lines of `key = value` after each heading in double brackets.
type Row = BTreeMap<&'static str, &'static str>;

/// A frame type that is active.
pub(crate) struct Type {
    /// "client", "server" or "both".
    pub(crate) direction: &'static str,
    pub(crate) sequenced: bool,
    pub(crate) compression: bool,
    /// As written in the file.
    pub(crate) phases: &'static str,
    pub(crate) max_octets: u64,
    /// Name of a message, two of them, or a chapter.
    pub(crate) payload: &'static str,
}

/// The frame types that are active, by number.
pub(crate) static TYPES: LazyLock<BTreeMap<u8, Type>> = LazyLock::new(|| {
    rows(
        include_str!("../../../../spec/registry/frame-types.toml"),
        "frame",
    )
    .into_iter()
    .filter(|row| row["status"] == "active")
    .map(|row| {
        let known = Type {
            direction: row["direction"],
            sequenced: row["sequenced"] == "true",
            compression: row["compression"] == "true",
            phases: row["phases"],
            max_octets: row["max_octets"].parse().expect("a number of octets"),
            payload: row["payload"],
        };
        (octet(row["value"]), known)
    })
    .collect()
});

/// The name of the range of a type.
pub(crate) fn range(frame_type: u8) -> &'static str {
    static RANGES: LazyLock<Vec<(u8, u8, &'static str)>> = LazyLock::new(|| {
        rows(
            include_str!("../../../../spec/registry/frame-types.toml"),
            "range",
        )
        .into_iter()
        .map(|row| (octet(row["first"]), octet(row["last"]), row["name"]))
        .collect()
    });
    let found = RANGES
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&frame_type));
    found.expect("every octet is in a range").2
}

/// The default of a limit.
pub(crate) fn limit(name: &str) -> u64 {
    static LIMITS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        rows(
            include_str!("../../../../spec/registry/limits.toml"),
            "limit",
        )
    });
    let row = LIMITS.iter().find(|row| row["name"] == name);
    row.expect("a limit")["default"].parse().expect("a number")
}

fn rows(text: &'static str, table: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == format!("[[{table}]]");
            if inside {
                rows.push(Row::new());
            }
        } else if inside
            && let (Some(row), Some((key, value))) = (rows.last_mut(), line.split_once(" = "))
        {
            row.insert(key.trim(), value.trim().trim_matches('"'));
        }
    }
    rows
}

fn octet(text: &str) -> u8 {
    let digits = text.strip_prefix("0x").expect("hexadecimal");
    u8::from_str_radix(digits, 16).expect("an octet")
}
