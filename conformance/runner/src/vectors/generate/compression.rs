//! Compressed payloads: what each algorithm can write, and what no receiver may take.

use super::compressed::{Lz4, Snappy};
use super::compression_faults;
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::protobuf::long_varint;
use super::rules::Rules;
use crate::vectors::model::{Case, Depth};
use crate::vectors::octets::from_hex;

const TEXT: u8 = 0x20;
pub(super) const ZSTD: u8 = 1;
pub(super) const LZ4: u8 = 2;
pub(super) const SNAPPY: u8 = 3;
pub(super) const ZSTD_DICT_1: u8 = 4;

/// Six hundred octets of text; what tools made of them is below.
pub(super) fn sentence() -> Vec<u8> {
    let text = "EIM carries messages; a message that was acknowledged is never lost, \
                and a message is never shown twice. ";
    text.repeat(6).into_bytes().into_iter().take(600).collect()
}

/// By `lz4 -9`: the block alone.
const SENTENCE_LZ4: &str = "f40845494d2063617272696573206d657373616765733b20610c00f71a2074686174207761732061636b6e6f776c6564676564206973206e65766572206c6f73742c20616e643300051d00df73686f776e2074776963652e206900ffd8506e64206120";

/// Something that decompresses, and how it is called.
pub(super) struct Sample {
    pub(super) label: String,
    pub(super) algorithm: u8,
    pub(super) content: Vec<u8>,
    /// Behind the size.
    pub(super) data: Vec<u8>,
}

impl Sample {
    pub(super) fn new(label: &str, algorithm: u8, content: Vec<u8>, data: Vec<u8>) -> Self {
        let label = label.to_owned();
        Self {
            label,
            algorithm,
            content,
            data,
        }
    }

    pub(super) fn id(&self) -> String {
        format!("cmp-{}-{}", algorithm(self.algorithm), self.label)
    }

    fn size(&self) -> u32 {
        u32::try_from(self.content.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn frame(&self, rules: &Rules, size: u32, data: &[u8]) -> Wire {
        let mut payload = vec![u32_part("size", size)];
        if !data.is_empty() {
            payload.push(part("data", data));
        }
        Wire::of(rules, TEXT)
            .compression(self.algorithm)
            .payload(payload)
    }

    /// The sample as it is.
    pub(super) fn valid(&self, rules: &Rules, req: &str, field: &str, class: &str) -> Case {
        let frame = self.frame(rules, self.size(), &self.data);
        let expect = frames(vec![frame.opened(&self.content)]);
        let desc = format!("{}: {}", algorithm(self.algorithm), self.label);
        let test = decode(Depth::Open, frame.parts(), expect);
        case(self.id(), &[req, "EIM-CMP-012"], (field, class), desc, test)
    }

    /// The sample with other data.
    pub(super) fn spoilt(
        &self,
        rules: &Rules,
        (what, req, field, class): (&str, &str, &str, &str),
        data: &[u8],
    ) -> Case {
        let frame = self.frame(rules, self.size(), data);
        let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
        let desc = format!("{}, {}: {what}", algorithm(self.algorithm), self.label);
        let test = decode(Depth::Open, frame.parts(), expect);
        let id = format!("{}-{}", self.id(), what.replace([' ', ','], "-"));
        case(id, &[req], (field, class), desc, test).near(self.id())
    }

    /// The sample with another stated size.
    pub(super) fn resized(&self, rules: &Rules, class: &str, size: u32) -> Case {
        let frame = self.frame(rules, size, &self.data);
        let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
        let desc = format!(
            "{}, {}: states {size}",
            algorithm(self.algorithm),
            self.label
        );
        let test = decode(Depth::Open, frame.parts(), expect);
        let id = format!("{}-size-{}", self.id(), class.replace('+', "plus-"));
        let about = (
            format!("{}.size", algorithm(self.algorithm)),
            class.to_owned(),
        );
        case(id, &["EIM-CMP-016"], (&about.0, &about.1), desc, test)
            .near(self.id())
            .flag("LenientSize")
    }
}

pub(super) const fn algorithm(octet: u8) -> &'static str {
    match octet {
        ZSTD => "zstd",
        LZ4 => "lz4",
        ZSTD_DICT_1 => "zstd-dict-1",
        _ => "snappy",
    }
}

/// Octets that do not repeat.
pub(super) fn counting(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from((index * 7 + index / 256) % 256).unwrap_or(0))
        .collect()
}

/// A prefix, then a copy from `offset` octets back.
pub(super) fn copied(prefix: &[u8], offset: usize, length: usize, end: &[u8]) -> Vec<u8> {
    let mut out = prefix.to_vec();
    for _ in 0..length {
        out.push(out.get(out.len() - offset).copied().unwrap_or(0));
    }
    out.extend(end);
    out
}

fn lz4_samples() -> Vec<(Sample, &'static str)> {
    let mut samples = Vec::new();
    let mut add = |label: &str, class, content: Vec<u8>, data| {
        samples.push((Sample::new(label, LZ4, content, data), class));
    };
    for (class, length) in [
        ("one", 1),
        ("limit-1", 14),
        ("limit", 15),
        ("limit+1", 16),
        ("extended", 269),
        ("extended-limit", 270),
        ("extended-max", 525),
    ] {
        let content = counting(length);
        let data = Lz4::default().end(&content);
        add(&format!("literals-{length}"), class, content, data);
    }
    for (class, length) in [
        ("min", 4),
        ("limit-1", 18),
        ("limit", 19),
        ("extended", 273),
        ("extended-limit", 274),
        ("above", 400),
    ] {
        let content = copied(b"abcdefgh", 8, length, b"12345");
        let data = Lz4::default().copy(b"abcdefgh", 8, length).end(b"12345");
        add(&format!("match-{length}"), class, content, data);
    }
    for (class, offset) in [
        ("one", 1),
        ("two", 2),
        ("swapped", 256),
        ("above", 300),
        ("twelve-bits", 4095),
        ("thirteen-bits", 4097),
    ] {
        let prefix = counting(offset.max(300));
        let content = copied(&prefix, offset, 12, b"12345");
        let data = Lz4::default()
            .copy(&prefix, u16::try_from(offset).unwrap_or(0), 12)
            .end(b"12345");
        add(&format!("offset-{offset}"), class, content, data);
    }
    let content = copied(&copied(b"ab", 2, 6, b"xyz"), 3, 9, b"12345");
    let data = Lz4::default()
        .copy(b"ab", 2, 6)
        .copy(b"xyz", 3, 9)
        .end(b"12345");
    add("matches", "several", content, data);
    add(
        "tool",
        "tool",
        sentence(),
        from_hex(SENTENCE_LZ4).unwrap_or_default(),
    );
    samples
}

fn snappy_samples() -> Vec<(Sample, &'static str)> {
    let mut samples = Vec::new();
    let mut add = |label: &str, class, content: Vec<u8>, data: Snappy| {
        samples.push((Sample::new(label, SNAPPY, content, data.0), class));
    };
    for (class, length) in [
        ("one", 1),
        ("limit", 60),
        ("limit+1", 61),
        ("extended-limit", 256),
        ("extended", 257),
        ("several-octets", 300),
    ] {
        let content = counting(length);
        let data = Snappy::of(length).literal(&content);
        add(&format!("literal-{length}"), class, content, data);
    }
    for (class, length) in [("min", 4), ("max", 11)] {
        let data = Snappy::of(8 + usize::from(length))
            .literal(b"abcdefgh")
            .copy1(8, length);
        add(
            &format!("copy1-{length}"),
            class,
            copied(b"abcdefgh", 8, length.into(), b""),
            data,
        );
    }
    for (class, length) in [("one", 1), ("max", 64)] {
        let total = 8 + usize::from(length);
        let content = copied(b"abcdefgh", 8, length.into(), b"");
        let data = Snappy::of(total).literal(b"abcdefgh");
        add(
            &format!("copy2-{length}"),
            class,
            content.clone(),
            data.clone().copy2(8, length),
        );
        add(
            &format!("copy4-{length}"),
            class,
            content,
            data.copy4(8, length),
        );
    }
    let far = counting(300);
    let data = Snappy::of(307).literal(&far);
    add(
        "copy1-far",
        "high-bits",
        copied(&far, 300, 7, b""),
        data.clone().copy1(300, 7),
    );
    add(
        "copy2-swapped",
        "swapped",
        copied(&far, 256, 7, b""),
        data.copy2(256, 7),
    );
    // Longer than needed is fine, up to five octets (12.3).
    for octets in 2..=5 {
        let rest = Snappy(Vec::new()).literal(b"a").copy2(1, 19).0;
        let data = Snappy([long_varint(20, octets), rest].concat());
        samples.push((
            Sample::new(
                &format!("preamble-{octets}"),
                SNAPPY,
                vec![0x61; 20],
                data.0,
            ),
            "overlong",
        ));
    }
    let mut add = |label: &str, class, content: Vec<u8>, data: Snappy| {
        samples.push((Sample::new(label, SNAPPY, content, data.0), class));
    };
    let data = Snappy::of(20)
        .literal(b"ab")
        .copy1(1, 9)
        .literal(b"xy")
        .copy2(2, 7);
    add(
        "mixed",
        "several",
        copied(&copied(b"ab", 1, 9, b"xy"), 2, 7, b""),
        data,
    );
    samples
}

/// What LZ4 and Snappy can write, truncated and followed by more.
pub(super) fn algorithms(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (sample, class) in lz4_samples().into_iter().chain(snappy_samples()) {
        let snappy = sample.algorithm == SNAPPY;
        let (req, field) = if snappy {
            ("EIM-CMP-004", "snappy")
        } else {
            ("EIM-CMP-003", "lz4")
        };
        let element = sample.label.split('-').next().unwrap_or_default();
        let element = format!("{field}.{element}");
        cases.push(sample.valid(rules, req, &element, class));
        let size = sample.size();
        cases.push(sample.resized(rules, "limit-1", size - 1));
        cases.push(sample.resized(rules, "limit+1", size + 1));
        let last = sample.data.split_last().map_or(&[][..], |(_, rest)| rest);
        let cut = ("truncated", "EIM-CMP-018", &*element, "truncated");
        cases.push(sample.spoilt(rules, cut, last));
        let more = [sample.data.as_slice(), &[0]].concat();
        let trailing = ("trailing", "EIM-CMP-018", &*element, "trailing");
        cases.push(sample.spoilt(rules, trailing, &more));
    }
    cases.extend(compression_faults::lz4_faults(rules));
    cases.extend(compression_faults::snappy_faults(rules));
    Ok(cases)
}
