//! The measurements as a table.

use std::fmt::Write as _;

use eim_codec::HEADER_OCTETS;
use eim_codec::compression::{Level, SUPPORTED};
use eim_codec::registry::Compression;

use crate::measure::{Set, Taken, take};

/// One set under every algorithm: octets on the wire, part of the uncompressed frames, compressed frames, nanoseconds of CPU
/// for each plain octet.
///
/// # Errors
/// As [`take`].
pub fn of(set: &Set, level: Level, rounds: u32) -> Result<String, String> {
    let (frames, plain) = (set.payloads.len(), set.plain_octets());
    let before = plain + frames * HEADER_OCTETS;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} ({frames} frames, {} octets on average)",
        set.name,
        before / frames.max(1)
    );
    let _ = writeln!(
        out,
        "  {:<12} {before:>10}  100.0 %",
        Compression::NONE.to_string()
    );
    for algorithm in SUPPORTED {
        let Taken {
            wire_octets,
            compressed,
            compress,
            decompress,
        } = take(set, *algorithm, level, rounds)?;
        let part = wire_octets as f64 * 100.0 / before as f64;
        let each = |time: std::time::Duration| time.as_nanos() as f64 / plain as f64;
        let _ = writeln!(
            out,
            "  {:<12} {wire_octets:>10}  {part:>5.1} %  {compressed:>6} compressed  {:>6.1} ns/octet  {:>5.1} ns/octet back",
            algorithm.to_string(),
            each(compress),
            each(decompress),
        );
    }
    Ok(out)
}
