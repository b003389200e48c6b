//! Compressed payloads: what each algorithm can write, and what no receiver may take.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::header::receivers;
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Kind, Part};
use crate::vectors::octets::from_hex;

const TEXT: u8 = 0x20;
pub(super) const ZSTD: u8 = 1;
const LZ4: u8 = 2;
const SNAPPY: u8 = 3;

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
        Self { label, algorithm, content, data }
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
        Wire::of(rules, TEXT).compression(self.algorithm).payload(payload)
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
        let desc = format!("{}, {}: states {size}", algorithm(self.algorithm), self.label);
        let test = decode(Depth::Open, frame.parts(), expect);
        let id = format!("{}-size-{}", self.id(), class.replace('+', "plus-"));
        let about = (format!("{}.size", algorithm(self.algorithm)), class.to_owned());
        case(id, &["EIM-CMP-016"], (&about.0, &about.1), desc, test)
            .near(self.id())
            .flag("LenientSize")
    }
}

pub(super) const fn algorithm(octet: u8) -> &'static str {
    match octet {
        ZSTD => "zstd",
        LZ4 => "lz4",
        _ => "snappy",
    }
}

/// Octets that do not repeat.
pub(super) fn counting(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 7 + index / 256) % 256).unwrap_or(0)).collect()
}

/// A prefix, then a copy from `offset` octets back.
fn copied(prefix: &[u8], offset: usize, length: usize, end: &[u8]) -> Vec<u8> {
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
    for (class, length) in [("one", 1), ("limit-1", 14), ("limit", 15), ("limit+1", 16), ("extended", 269), ("extended-limit", 270), ("extended-max", 525)] {
        let content = counting(length);
        let data = Lz4::default().end(&content);
        add(&format!("literals-{length}"), class, content, data);
    }
    for (class, length) in [("min", 4), ("limit-1", 18), ("limit", 19), ("extended", 273), ("extended-limit", 274), ("above", 400)] {
        let content = copied(b"abcdefgh", 8, length, b"12345");
        let data = Lz4::default().copy(b"abcdefgh", 8, length).end(b"12345");
        add(&format!("match-{length}"), class, content, data);
    }
    for (class, offset) in [("one", 1), ("two", 2), ("swapped", 256), ("above", 300)] {
        let prefix = counting(300);
        let content = copied(&prefix, offset, 12, b"12345");
        let data = Lz4::default().copy(&prefix, u16::try_from(offset).unwrap_or(0), 12).end(b"12345");
        add(&format!("offset-{offset}"), class, content, data);
    }
    let content = copied(&copied(b"ab", 2, 6, b"xyz"), 3, 9, b"12345");
    let data = Lz4::default().copy(b"ab", 2, 6).copy(b"xyz", 3, 9).end(b"12345");
    add("matches", "several", content, data);
    add("tool", "tool", sentence(), from_hex(SENTENCE_LZ4).unwrap_or_default());
    samples
}

fn snappy_samples() -> Vec<(Sample, &'static str)> {
    let mut samples = Vec::new();
    let mut add = |label: &str, class, content: Vec<u8>, data: Snappy| {
        samples.push((Sample::new(label, SNAPPY, content, data.0), class));
    };
    for (class, length) in [("one", 1), ("limit", 60), ("limit+1", 61), ("extended-limit", 256), ("extended", 257), ("several-octets", 300)] {
        let content = counting(length);
        let data = Snappy::of(length).literal(&content);
        add(&format!("literal-{length}"), class, content, data);
    }
    for (class, length) in [("min", 4), ("max", 11)] {
        let data = Snappy::of(8 + usize::from(length)).literal(b"abcdefgh").copy1(8, length);
        add(&format!("copy1-{length}"), class, copied(b"abcdefgh", 8, length.into(), b""), data);
    }
    for (class, length) in [("one", 1), ("max", 64)] {
        let total = 8 + usize::from(length);
        let content = copied(b"abcdefgh", 8, length.into(), b"");
        let data = Snappy::of(total).literal(b"abcdefgh");
        add(&format!("copy2-{length}"), class, content.clone(), data.clone().copy2(8, length));
        add(&format!("copy4-{length}"), class, content, data.copy4(8, length));
    }
    let far = counting(300);
    let data = Snappy::of(307).literal(&far);
    add("copy1-far", "high-bits", copied(&far, 300, 7, b""), data.clone().copy1(300, 7));
    add("copy2-swapped", "swapped", copied(&far, 256, 7, b""), data.copy2(256, 7));
    let data = Snappy::of(20).literal(b"ab").copy1(1, 9).literal(b"xy").copy2(2, 7);
    add("mixed", "several", copied(&copied(b"ab", 1, 9, b"xy"), 2, 7, b""), data);
    samples
}

/// What LZ4 and Snappy can write, truncated and followed by more.
pub(super) fn algorithms(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (sample, class) in lz4_samples().into_iter().chain(snappy_samples()) {
        let snappy = sample.algorithm == SNAPPY;
        let (req, field) = if snappy { ("EIM-CMP-004", "snappy") } else { ("EIM-CMP-003", "lz4") };
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
    cases.extend(lz4_faults(rules));
    cases.extend(snappy_faults(rules));
    Ok(cases)
}

fn lz4_faults(rules: &Rules) -> Vec<Case> {
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
    for (what, class, offset) in [("offset zero", "zero", 0), ("offset beyond", "limit+1", 9), ("offset swapped", "endian-swapped", 0x0800), ("offset max", "max", 0xffff)] {
        cases.push(sample.spoilt(rules, (what, "EIM-CMP-018", "lz4.offset", class), &block(offset)));
    }
    let more = |extra: &[u8]| [data.as_slice(), extra].concat();
    for (what, class, octets) in [
        ("a second block", "several", more(&data)),
        ("followed by a frame end", "other-format", more(&[0, 0, 0, 0])),
        ("literal length without end", "endless", vec![0xf0, 0xff, 0xff, 0xff]),
        ("literal length beyond", "above", vec![0xf0, 0xff, 0x00, 0x61]),
        ("match length without end", "endless", [&[0x8f][..], b"abcdefgh", &[8, 0, 0xff, 0xff]].concat()),
        ("ends with a match", "missing", vec![0x81, b'a', b'b', b'c', b'd', b'e', b'f', b'g', b'h', 8, 0]),
        ("zeros", "zero", vec![0; 20]),
    ] {
        cases.push(sample.spoilt(rules, (what, "EIM-CMP-018", "lz4.data", class), &octets));
    }
    cases
}

fn snappy_faults(rules: &Rules) -> Vec<Case> {
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
        ("copy1 offset zero", "zero", of(21).copy1(0, 10).literal(b"xyz").0),
        ("copy2 offset zero", "zero", of(21).copy2(0, 10).literal(b"xyz").0),
        ("copy4 offset zero", "zero", of(21).copy4(0, 10).literal(b"xyz").0),
        ("copy1 beyond", "limit+1", of(21).copy1(9, 10).literal(b"xyz").0),
        ("copy2 beyond", "limit+1", of(21).copy2(9, 10).literal(b"xyz").0),
        ("copy4 beyond", "limit+1", of(21).copy4(9, 10).literal(b"xyz").0),
        ("copy2 swapped", "endian-swapped", of(21).copy2(0x0800, 10).literal(b"xyz").0),
        ("copy4 max", "max", of(21).copy4(u32::MAX, 10).literal(b"xyz").0),
    ] {
        cases.push(sample.spoilt(rules, (what, "EIM-CMP-018", "snappy.offset", class), &octets));
    }
    let rest = data.get(1..).unwrap_or_default();
    let stating = |preamble: &[u8]| [preamble, rest].concat();
    for (what, class, octets) in [
        ("preamble one less", "limit-1", stating(&[20])),
        ("preamble one more", "limit+1", stating(&[22])),
        ("preamble zero", "zero", stating(&[0])),
        ("preamble max", "max", stating(&[0xff, 0xff, 0xff, 0xff, 0x0f])),
        ("preamble above 32 bits", "above", stating(&[0xff, 0xff, 0xff, 0xff, 0x7f])),
        ("preamble of eleven octets", "overlong", stating(&[0x80; 11])),
        ("preamble without end", "endless", vec![0x80, 0x80]),
        ("no preamble", "missing", rest.to_vec()),
    ] {
        cases.push(sample.spoilt(rules, (what, "EIM-CMP-016", "snappy.preamble", class), &octets));
    }
    let long = of(21).copy2(8, 10).literal(b"wxyz").0;
    let fault = ("one octet more", "EIM-CMP-016", "snappy.data", "limit+1");
    cases.push(sample.spoilt(rules, fault, &long));
    let literal = ("literal beyond", "EIM-CMP-018", "snappy.data", "above");
    cases.push(sample.spoilt(rules, literal, &[21, 63 << 2, 0xff, 0xff, 0xff, 0x7f, 0x61]));
    let twice = [data.as_slice(), data.as_slice()].concat();
    cases.push(sample.spoilt(rules, ("twice", "EIM-CMP-018", "snappy.data", "several"), &twice));
    cases
}

/// Stated sizes at the cap of every type that may be compressed, and above.
pub(super) fn sizes(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let known = rules.active().filter(|row| row.compression).map(|row| row.value);
    for value in known.chain([0x3e, 0x40, 0x4f]) {
        let mut configs = receivers().into_iter();
        let config = configs.find(|config| rules.may_arrive(config, value));
        let config = config.ok_or("a type that may never arrive")?;
        let (name, cap) = match rules.meaning(value) {
            Meaning::Known(row) => (row.name.clone(), u32::try_from(row.max_octets).unwrap_or(0)),
            _ => ("unknown".into(), rules.limit("message_octets")),
        };
        cases.push(full(rules, &config, value, (&name, cap)));
        for algorithm in [ZSTD, LZ4, SNAPPY] {
            stated(rules, &config, (value, algorithm), (&name, cap), &mut cases);
        }
    }
    cases.extend(bombs(rules));
    Ok(cases)
}

/// A payload that decompresses to exactly the cap.
fn full(rules: &Rules, config: &Config, value: u8, (name, cap): (&str, u32)) -> Case {
    let whole = cap / 131_072;
    let mut blocks = vec![Block::Rle(0x20, 131_072); whole as usize];
    if cap % 131_072 > 0 {
        blocks.push(Block::Rle(0x20, cap % 131_072));
    }
    let data = Zstd::window(0x50, blocks).octets();
    let payload = vec![u32_part("size", cap), part("data", &data)];
    let frame = Wire::of(rules, value).compression(ZSTD).payload(payload);
    let content = vec![0x20; cap as usize];
    let test = decode(Depth::Open, frame.parts(), frames(vec![frame.opened(&content)]));
    let desc = format!("{name} of {cap} octets, as many as are allowed");
    let req = ["EIM-CMP-014", "EIM-LIM-001"];
    let id = format!("cmp-size-{value:02x}-full");
    case(id, &req, (&format!("{name}.size"), "exact"), desc, test).config(config)
}

fn stated(
    rules: &Rules,
    config: &Config,
    (value, octet): (u8, u8),
    (name, cap): (&str, u32),
    cases: &mut Vec<Case>,
) {
    let data = match octet {
        ZSTD => Zstd::single(20, vec![Block::Rle(0x61, 20)]).octets(),
        LZ4 => Lz4::default().copy(b"a", 1, 14).end(b"aaaaa"),
        _ => Snappy::of(20).literal(b"a").copy2(1, 19).0,
    };
    let frame = |size| {
        let payload = vec![u32_part("size", size), part("data", &data)];
        Wire::of(rules, value).compression(octet).payload(payload)
    };
    let id = |class: &str| format!("cmp-size-{value:02x}-{}-{class}", algorithm(octet));
    let field = format!("{name}.{}.size", algorithm(octet));
    let good = frame(20);
    let test = decode(Depth::Open, good.parts(), frames(vec![good.opened(&[0x61; 20])]));
    let desc = format!("{name}: twenty octets, {}", algorithm(octet));
    cases.push(case(id("right"), &["EIM-CMP-001", "EIM-FRG-029"][..1], (&field, "exact"), desc, test).config(config));
    let unknown = !matches!(rules.meaning(value), Meaning::Known(_));
    let large = if unknown { "EIM-CMP-015" } else { "EIM-CMP-014" };
    for (class, size, code) in [
        ("limit", cap, "DECOMPRESSION_FAILED"),
        ("limit+1", cap + 1, "DECOMPRESSED_TOO_LARGE"),
        ("sign-bit", 0x8000_0000, "DECOMPRESSED_TOO_LARGE"),
        ("max", u32::MAX, "DECOMPRESSED_TOO_LARGE"),
    ] {
        let frame = frame(size);
        let test = decode(Depth::Open, frame.parts(), rejected(Vec::new(), code, None));
        let req = if code == "DECOMPRESSION_FAILED" { ["EIM-CMP-016", "EIM-LIM-001"] } else { [large, "EIM-LIM-007"] };
        let desc = format!("{name} states {size} octets, allowed are {cap}, there are twenty");
        let label = class.replace('+', "-plus-");
        cases.push(case(id(&label), &req, (&field, class), desc, test).config(config).near(id("right")).flag("LenientSize"));
    }
    for short in 0..4_usize {
        let payload: Vec<Part> = if short == 0 { Vec::new() } else { vec![part("size", &vec![0; short])] };
        let frame = Wire::of(rules, value).compression(octet).payload(payload);
        if value != 0x61 && value != 0x3e {
            continue;
        }
        let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
        let test = decode(Depth::Open, frame.parts(), expect);
        let desc = format!("{name}: {short} octets where the size has four");
        let class = if short == 0 { "empty" } else { "truncated" };
        let order = case(id(&format!("short-{short}")), &["EIM-CMP-013"], (&field, class), desc, test);
        cases.push(order.config(config).kind(Kind::Order));
    }
}

/// Little to send, much to work on.
fn bombs(rules: &Rules) -> Vec<Case> {
    let size = u32_part("size", 40_960);
    let mut lz4 = vec![size.clone(), part("data", &[0x1f, 0x61, 1, 0])];
    lz4.push(part("data", &vec![0xff; 40_000]));
    lz4.push(part("data", &[0, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]));
    let snappy = |preamble: usize| {
        let head = Snappy::of(preamble).literal(&[0x61]).0;
        let copy = crate::vectors::model::PartRepeat { repeat: "fe0100".into(), count: 13_000, f: "data".into() };
        vec![size.clone(), part("data", &head), Part::Repeat(copy)]
    };
    let cases = [
        ("lz4-10mib", LZ4, lz4, "40 kibioctets that yield ten mebioctets"),
        ("snappy-800kib", SNAPPY, snappy(40_960), "39 kibioctets that yield 832,001 octets"),
        ("snappy-states", SNAPPY, snappy(832_001), "the preamble says what the size hides"),
    ];
    cases
        .into_iter()
        .map(|(label, octet, payload, desc)| {
            let frame = Wire::of(rules, TEXT).compression(octet).payload(payload);
            let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
            let test = decode(Depth::Open, frame.parts(), expect);
            let req = ["EIM-CMP-016", "EIM-SEC-002", "EIM-LIM-007"];
            case(format!("cmp-bomb-{label}"), &req, (&format!("{}.size", algorithm(octet)), "bomb"), desc.into(), test)
                .kind(Kind::Limit)
                .flag("DecompressionBomb")
        })
        .collect()
}
