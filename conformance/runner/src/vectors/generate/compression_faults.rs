//! LZ4 and Snappy data that no receiver may take.

use super::compressed::{Lz4, Snappy};
use super::compression::{LZ4, SNAPPY, Sample, copied};
use super::rules::Rules;
use crate::vectors::model::Case;

pub(super) fn lz4_faults(rules: &Rules) -> Vec<Case> {
    let content = copied(b"abcdefgh", 8, 12, b"12345");
    let data = Lz4::default().copy(b"abcdefgh", 8, 12).end(b"12345");
    let sample = Sample::new("base", LZ4, content, data.clone());
    let mut cases = vec![sample.valid(rules, "EIM-CMP-003", "lz4", "typical")];
    for cut in 0..data.len() {
        let what = format!("cut-{cut:02}");
        let class = if cut == 0 { "empty" } else { "truncated" };
        let fault = (&*what, "EIM-CMP-018", "lz4.data", class);
        cases.push(sample.spoilt(rules, fault, data.get(..cut).unwrap_or_default()));
    }
    let block = |offset| Lz4::default().copy(b"abcdefgh", offset, 12).end(b"12345");
    for (what, class, offset) in [
        ("offset zero", "zero", 0),
        ("offset beyond", "limit+1", 9),
        ("offset swapped", "endian-swapped", 0x0800),
        ("offset max", "max", 0xffff),
    ] {
        cases.push(sample.spoilt(
            rules,
            (what, "EIM-CMP-018", "lz4.offset", class),
            &block(offset),
        ));
    }
    let more = |extra: &[u8]| [data.as_slice(), extra].concat();
    for (what, class, octets) in [
        ("a second block", "several", more(&data)),
        (
            "followed by a frame end",
            "other-format",
            more(&[0, 0, 0, 0]),
        ),
        (
            "literal length without end",
            "endless",
            vec![0xf0, 0xff, 0xff, 0xff],
        ),
        (
            "literal length beyond",
            "above",
            vec![0xf0, 0xff, 0x00, 0x61],
        ),
        (
            "match length without end",
            "endless",
            [&[0x8f][..], b"abcdefgh", &[8, 0, 0xff, 0xff]].concat(),
        ),
        (
            "ends with a match",
            "missing",
            vec![0x81, b'a', b'b', b'c', b'd', b'e', b'f', b'g', b'h', 8, 0],
        ),
        ("zeros", "zero", vec![0; 20]),
    ] {
        cases.push(sample.spoilt(rules, (what, "EIM-CMP-018", "lz4.data", class), &octets));
    }
    cases
}

pub(super) fn snappy_faults(rules: &Rules) -> Vec<Case> {
    let content = copied(b"abcdefgh", 8, 10, b"xyz");
    let of = |length| Snappy::of(length).literal(b"abcdefgh");
    let data = of(21).copy2(8, 10).literal(b"xyz").0;
    let sample = Sample::new("base", SNAPPY, content, data.clone());
    let mut cases = vec![sample.valid(rules, "EIM-CMP-004", "snappy", "typical")];
    for cut in 0..data.len() {
        let what = format!("cut-{cut:02}");
        let class = if cut == 0 { "empty" } else { "truncated" };
        let fault = (&*what, "EIM-CMP-018", "snappy.data", class);
        cases.push(sample.spoilt(rules, fault, data.get(..cut).unwrap_or_default()));
    }
    for (what, class, octets) in [
        (
            "copy1 offset zero",
            "zero",
            of(21).copy1(0, 10).literal(b"xyz").0,
        ),
        (
            "copy2 offset zero",
            "zero",
            of(21).copy2(0, 10).literal(b"xyz").0,
        ),
        (
            "copy4 offset zero",
            "zero",
            of(21).copy4(0, 10).literal(b"xyz").0,
        ),
        (
            "copy1 beyond",
            "limit+1",
            of(21).copy1(9, 10).literal(b"xyz").0,
        ),
        (
            "copy2 beyond",
            "limit+1",
            of(21).copy2(9, 10).literal(b"xyz").0,
        ),
        (
            "copy4 beyond",
            "limit+1",
            of(21).copy4(9, 10).literal(b"xyz").0,
        ),
        (
            "copy2 swapped",
            "endian-swapped",
            of(21).copy2(0x0800, 10).literal(b"xyz").0,
        ),
        (
            "copy4 max",
            "max",
            of(21).copy4(u32::MAX, 10).literal(b"xyz").0,
        ),
    ] {
        cases.push(sample.spoilt(
            rules,
            (what, "EIM-CMP-018", "snappy.offset", class),
            &octets,
        ));
    }
    let rest = data.get(1..).unwrap_or_default();
    let stating = |preamble: &[u8]| [preamble, rest].concat();
    for (what, class, octets) in [
        ("preamble one less", "limit-1", stating(&[20])),
        ("preamble one more", "limit+1", stating(&[22])),
        ("preamble zero", "zero", stating(&[0])),
        (
            "preamble max",
            "max",
            stating(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ),
        (
            "preamble above 32 bits",
            "above",
            stating(&[0xff, 0xff, 0xff, 0xff, 0x7f]),
        ),
        (
            "preamble of eleven octets",
            "overlong",
            stating(&[0x80; 11]),
        ),
        ("preamble without end", "endless", vec![0x80, 0x80]),
        ("no preamble", "missing", rest.to_vec()),
    ] {
        cases.push(sample.spoilt(
            rules,
            (what, "EIM-CMP-016", "snappy.preamble", class),
            &octets,
        ));
    }
    let long = of(21).copy2(8, 10).literal(b"wxyz").0;
    let fault = ("one octet more", "EIM-CMP-016", "snappy.data", "limit+1");
    cases.push(sample.spoilt(rules, fault, &long));
    let literal = ("literal beyond", "EIM-CMP-018", "snappy.data", "above");
    cases.push(sample.spoilt(rules, literal, &[21, 63 << 2, 0xff, 0xff, 0xff, 0x7f, 0x61]));
    let twice = [data.as_slice(), data.as_slice()].concat();
    cases.push(sample.spoilt(
        rules,
        ("twice", "EIM-CMP-018", "snappy.data", "several"),
        &twice,
    ));
    cases
}
