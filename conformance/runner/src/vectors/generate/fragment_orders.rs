//! One fragment with several faults: the first in the order of 14.2 decides.

use super::draft::{case, decode, rejected};
use super::fragments::{CUSTOM, Message, Stream};
use super::rules::Rules;
use crate::vectors::model::{Case, Depth, Kind};

/// A type that is never fragmented, and one that a server never receives.
const PING: u8 = 0x08;
const NOTICE: u8 = 0x29;

/// Every fault before each one that comes later.
pub(super) fn cases(rules: &Rules) -> Vec<Case> {
    let sound = Message::of(CUSTOM, 4);
    let open = || Stream::default().fragment(rules, Message::of(CUSTOM, 9).first(b"2"));
    let four = || {
        (0..4).fold(Stream::default(), |stream, id| {
            stream.fragment(
                rules,
                Message {
                    id,
                    ..Message::of(CUSTOM, 9)
                }
                .first(b"2"),
            )
        })
    };
    let with = |inner_type, compression, uncompressed| Message {
        inner_type,
        compression,
        uncompressed,
        ..sound.clone()
    };
    let fresh = Stream::default;
    let long = b"2\x00too long";
    let (layout, unexpected) = ("MALFORMED_FRAGMENT", "UNEXPECTED_FRAME");
    let (algorithm, many) = ("UNKNOWN_COMPRESSION", "TOO_MANY_FRAGMENTS");
    let streams = [
        (
            "length-inner-type",
            layout,
            fresh().fragment(rules, with(PING, 9, 5).first(b"")),
        ),
        (
            "id-inner-type",
            layout,
            open().fragment(rules, with(NOTICE, 9, 5).first(b"2")),
        ),
        (
            "id-compression",
            layout,
            open().fragment(rules, with(CUSTOM, 9, 5).first(b"2")),
        ),
        (
            "inner-type-compression",
            layout,
            fresh().fragment(rules, with(PING, 9, 5).first(b"2")),
        ),
        (
            "direction-compression",
            unexpected,
            fresh().fragment(rules, with(NOTICE, 9, 5).first(b"2")),
        ),
        (
            "direction-total",
            unexpected,
            fresh().fragment(rules, with(NOTICE, 0, 5).first(b"2")),
        ),
        (
            "direction-data",
            unexpected,
            fresh().fragment(rules, with(NOTICE, 0, 4).first(long)),
        ),
        (
            "compression-total",
            algorithm,
            fresh().fragment(rules, with(CUSTOM, 9, 5).first(b"2")),
        ),
        (
            "compression-data",
            algorithm,
            fresh().fragment(rules, with(CUSTOM, 9, 4).first(long)),
        ),
        (
            "total-number",
            layout,
            four().fragment(rules, with(CUSTOM, 0, 5).first(b"2")),
        ),
        (
            "data-number",
            layout,
            four().fragment(rules, sound.first(long)),
        ),
        (
            "direction-number",
            unexpected,
            four().fragment(rules, with(NOTICE, 0, 4).first(b"2")),
        ),
        (
            "compression-number",
            algorithm,
            four().fragment(rules, with(CUSTOM, 9, 4).first(b"2")),
        ),
        (
            "number-cap",
            many,
            four().fragment(rules, Message::of(CUSTOM, 262_145).first(b"2")),
        ),
        (
            "data-cap",
            layout,
            fresh().fragment(
                rules,
                Message {
                    total: 4,
                    uncompressed: 300_000,
                    ..sound.clone()
                }
                .first(b"2"),
            ),
        ),
    ];
    streams
        .into_iter()
        .map(|(label, code, stream)| {
            let order = [
                "length",
                "id",
                "inner-type",
                "direction",
                "compression",
                "total",
                "data",
            ];
            let first = order.into_iter().find(|first| label.starts_with(first));
            let first = first.unwrap_or("number");
            let rest = label.trim_start_matches(first).trim_start_matches('-');
            let expect = rejected(Vec::new(), code, None);
            let test = decode(Depth::Reassemble, stream.parts(), expect);
            let class = format!("before-{rest}");
            let desc = format!("{code}: {first} comes before {rest}");
            let rule = match first {
                "length" => "EIM-FRG-008",
                "id" => "EIM-FRG-009",
                "inner-type" => "EIM-FRG-013",
                "direction" => "EIM-FRG-014",
                "compression" => "EIM-FRG-015",
                "total" => "EIM-FRG-016",
                "data" => "EIM-FRG-012",
                _ => "EIM-FRG-025",
            };
            let req = [rule, "EIM-ERR-022"];
            case(
                format!("frg-order-{label}"),
                &req,
                (first, &class),
                desc,
                test,
            )
            .kind(Kind::Order)
        })
        .collect()
}
