//! Zstandard with the dictionary of the protocol: what it alone allows, and what it shares with Zstandard without one.

use super::compressed::{Block, Zstd, checksum};
use super::compression::{Sample, ZSTD, ZSTD_DICT_1, counting, sentence};
use super::draft::{case, decode, rejected};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth};
use crate::vectors::octets::from_hex;
use crate::wire::compress::DICTIONARY;

/// Dictionary_ID of `zstd-dict-1`.
const ID: u32 = 1_991_471_976;

/// Made of what the dictionary knows.
pub(super) const CHINESE: &str =
    "好的，我知道了，马上处理。请大家注意：会议室改到三楼，没有问题的话，我们下午再确认一下时间。";
const JSON: &str = r#"{"type":"notice","level":"info","title":"OK","content":"Thanks, I will take a look at it this afternoon.","url":"https://example.com/notices/7","read":false}"#;

#[derive(Clone, Copy)]
enum Source {
    Sentence,
    Chinese,
    Json,
}

impl Source {
    fn content(self) -> Vec<u8> {
        match self {
            Self::Sentence => sentence(),
            Self::Chinese => CHINESE.into(),
            Self::Json => JSON.into(),
        }
    }
}

/// By the Zstandard library 1.5.7, at levels 1, 5 with the Dictionary_ID, and 19 with a checksum and a window in place of the
/// content size.
const TOOLS: [(&str, Source, &str); 9] = [
    (
        "sentence-1",
        Source::Sentence,
        "28b52ffd605801a5020033840faad65d6f251153bb92780d09b3bb66b583589817970a7623b9bbd4b02dd5be85d8375712afae22f5ac86cd4954b17988d8ac7e08bbb7c0c0e65a7db1024505fcec6c0002fb3d821dc0cf3fe6e4c8712fc4",
    ),
    (
        "sentence-5",
        Source::Sentence,
        "28b52ffd636873b37658017d0200a40245494d20636172733b61732061636b6e6f776c65646765646c6f73742c73686f776e2074776963652e200bfcec6c0002fbbd5dfa4643ad30b098091ea010ac51eafc92a1867deb72383f29dc11",
    ),
    (
        "sentence-19",
        Source::Sentence,
        "28b52ffd04002d0200b845494d206361723b2061636c65646765642c6e207477690ff0ec6c0556908bd99b13c03eb1bb7a349ae61a12e60831c1e7c4af5906b151c8c0051e71b8a2c2e17ccde10ba36c5b17",
    ),
    (
        "zh-1",
        Source::Chinese,
        "28b52ffd208a9d0100c0e4bbace4b88be58d88e5868de4b88be697b6e997b4e3808208fcb261f34ef229e2af20aff511df41a99bdb2240d30bf45601",
    ),
    (
        "zh-5",
        Source::Chinese,
        "28b52ffd236873b3768a6d0100808be58d88e5868de697b6e997b4e3808209fc58e8cf44f3de498c45a414249de48b6750b8e43673a029b59c8d",
    ),
    (
        "zh-19",
        Source::Chinese,
        "28b52ffd040045010028e5e5868d820bfc03e70058680fe08b3311d6205c5d04aa822424252b83e29cdb523b21611c2c0da5ac7ada",
    ),
    (
        "json-1",
        Source::Json,
        "28b52ffd209d150100304f4b3a22372208fc076a704ce98e04a62c66ed4e96ddd03b661926178ef51ebe01",
    ),
    (
        "json-5",
        Source::Json,
        "28b52ffd236873b3769d450100904f4b37222c2272656164223a66616c73657d06fc1cd301e3dad1c92e30cbbaceb0642cd6a92d05",
    ),
    (
        "json-19",
        Source::Json,
        "28b52ffd0400ed0000307b224f4b372206fc076a704c0d605c2c27538859068ccaf0335e77012f16d694",
    ),
];

fn config() -> Config {
    Config {
        compressions: vec![1, 2, 3, 4],
        ..Config::default()
    }
}

fn sample(label: &str, content: &[u8], data: Vec<u8>) -> Sample {
    Sample::new(label, ZSTD_DICT_1, content.to_vec(), data)
}

/// All cases about Zstandard with a dictionary.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = tools(rules)?;
    cases.extend(matches(rules));
    cases.extend(ids(rules)?);
    cases.extend(frames(rules));
    let config = config();
    let mut cases: Vec<Case> = cases.into_iter().map(|case| case.config(&config)).collect();
    cases.extend(without(rules)?);
    Ok(cases)
}

/// What a compressor wrote, cut, continued, and with other sizes.
fn tools(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (label, source, hex) in TOOLS {
        let tool = sample(label, &source.content(), from_hex(hex)?);
        let size = u32::try_from(tool.content.len()).unwrap_or(0);
        cases.push(tool.valid(rules, "EIM-CMP-030", "zstd-dict-1.blocks", label));
        cases.push(tool.resized(rules, "limit-1", size - 1));
        cases.push(tool.resized(rules, "limit+1", size + 1));
        for cut in [0, 3, 4, 5, 9, 20, tool.data.len() - 1] {
            let what = format!("cut-{cut:02}");
            let fault = (&*what, "EIM-CMP-018", "zstd-dict-1.blocks", "truncated");
            cases.push(tool.spoilt(rules, fault, tool.data.get(..cut).unwrap_or_default()));
        }
        let more = [tool.data.as_slice(), &[0]].concat();
        let trailing = ("trailing", "EIM-CMP-018", "zstd-dict-1.blocks", "trailing");
        cases.push(tool.spoilt(rules, trailing, &more));
        let twice = tool.data.repeat(2);
        let several = ("twice", "EIM-CMP-019", "zstd-dict-1.frames", "several");
        cases.push(tool.spoilt(rules, several, &twice));
    }
    Ok(cases)
}

/// A block of literals, then one match that begins so many octets back: all of its codes by repetition, so that the bit
/// stream holds the bits of the offset alone.
fn block(literals: &[u8], offset: u32, length: u8) -> Vec<u8> {
    let value = offset + 3;
    let code = u8::try_from(value.ilog2()).unwrap_or(0);
    let short = u8::try_from(literals.len()).unwrap_or(0);
    let mut out = vec![short << 3];
    out.extend(literals);
    out.extend([1, 0b0101_0100, short, code, length - 3]);
    // The bit that ends the stream is where the leading bit of the value is.
    let octets = usize::from(code / 8) + 1;
    out.extend(value.to_le_bytes().into_iter().take(octets));
    out
}

/// Matches that reach into the dictionary.
fn matches(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    let total = u32::try_from(DICTIONARY.len()).unwrap_or(0);
    for (label, class, literals, offset, length) in [
        ("end", "min", &b""[..], 16_u32, 16_u8),
        ("over", "several", b"xy", 6, 20),
        ("middle", "typical", b"", 4_096, 30),
        ("deep", "max", b"abc", 32_003, 34),
    ] {
        let mut window = [DICTIONARY, literals].concat();
        for _ in 0..length {
            let place = window.len() - offset as usize;
            window.push(window.get(place).copied().unwrap_or(0));
        }
        let content = window.get(DICTIONARY.len()..).unwrap_or_default();
        let made = block(literals, offset, length);
        let frame = Zstd::single(content.len() as u64, vec![Block::Compressed(&made)]);
        let form = sample(&format!("match-{label}"), content, frame.octets());
        cases.push(form.valid(rules, "EIM-CMP-030", "zstd-dict-1.offset", class));
        let beyond = block(literals, total + 8, length);
        let wrong = Zstd::single(content.len() as u64, vec![Block::Compressed(&beyond)]);
        let fault = (
            "beyond the dictionary",
            "EIM-CMP-018",
            "zstd-dict-1.offset",
            "limit+1",
        );
        cases.push(form.spoilt(rules, fault, &wrong.octets()));
    }
    cases
}

/// What Dictionary_ID may say.
fn ids(rules: &Rules) -> Result<Vec<Case>, String> {
    let content = [0x61; 20];
    let base = Zstd::single(20, vec![Block::Rle(0x61, 20)]);
    let mut cases = Vec::new();
    for (octets, id) in [(0, 0), (1, 0), (2, 0), (4, 0), (4, ID)] {
        let frame = Zstd {
            dictionary: (id, octets),
            ..base.clone()
        };
        let label = match (id, octets) {
            (ID, _) => "id-named".to_owned(),
            (_, octets) => format!("id-0-in-{octets}"),
        };
        let class = if id == ID { "named" } else { "zero" };
        let form = sample(&label, &content, frame.octets());
        cases.push(form.valid(rules, "EIM-CMP-030", "zstd-dict-1.id", class));
    }
    let good = sample("id-named", &content, Vec::new());
    for (octets, id, class) in [
        (1, 1, "min"),
        (1, 168, "low-octet"),
        (2, 29_608, "low-octets"),
        (2, 0xffff, "two-octets-max"),
        (4, ID - 1, "limit-1"),
        (4, ID + 1, "limit+1"),
        (4, ID.swap_bytes(), "endian-swapped"),
        (4, u32::MAX, "max"),
    ] {
        let frame = Zstd {
            dictionary: (id, octets),
            ..base.clone()
        };
        let what = format!("dictionary {id}");
        let fault = (&*what, "EIM-CMP-029", "zstd-dict-1.id", class);
        cases.push(good.spoilt(rules, fault, &frame.octets()));
    }
    // The frame of a compressor with another id in its header.
    let (label, source, hex) = TOOLS.get(1).copied().ok_or("no frame with an id")?;
    let tool = sample(label, &source.content(), from_hex(hex)?);
    let mut other = tool.data.clone();
    if let Some(octet) = other.get_mut(5) {
        *octet ^= 1;
    }
    let fault = ("another id", "EIM-CMP-029", "zstd-dict-1.id", "bit");
    cases.push(tool.spoilt(rules, fault, &other));
    Ok(cases)
}

/// What holds of every Zstandard frame.
fn frames(rules: &Rules) -> Vec<Case> {
    let content = [0x61; 20];
    let blocks = || vec![Block::Rle(0x61, 20)];
    let base = Zstd::single(20, blocks());
    let good = sample("base", &content, base.octets());
    let mut cases = vec![good.valid(rules, "EIM-CMP-027", "zstd-dict-1", "typical")];
    let data = counting(300);
    let raw = Zstd::single(300, vec![Block::Raw(&data)]);
    let raw = sample("raw", &data, raw.octets());
    cases.push(raw.valid(rules, "EIM-CMP-027", "zstd-dict-1.blocks", "raw"));
    let empty = Zstd::single(0, vec![Block::Raw(b"")]).octets();
    let nothing = sample("empty", b"", empty.clone());
    cases.push(nothing.valid(rules, "EIM-CMP-023", "zstd-dict-1", "empty"));
    let sum = checksum(&content);
    for (what, req, class, octets) in [
        (
            "wrong checksum",
            "EIM-CMP-022",
            "bit",
            Zstd {
                checksum: Some(sum ^ 1),
                ..base.clone()
            }
            .octets(),
        ),
        (
            "window above",
            "EIM-CMP-020",
            "limit+1",
            Zstd::window(0x51, blocks()).octets(),
        ),
        (
            "window of the format",
            "EIM-CMP-020",
            "max",
            Zstd::window(0xff, blocks()).octets(),
        ),
        (
            "reserved bit",
            "EIM-CMP-018",
            "reserved-bit",
            Zstd {
                bits: 0x08,
                ..base.clone()
            }
            .octets(),
        ),
        (
            "no last block",
            "EIM-CMP-018",
            "missing",
            Zstd {
                ends: false,
                ..base.clone()
            }
            .octets(),
        ),
        (
            "dictionary in place of a frame",
            "EIM-CMP-019",
            "other-format",
            DICTIONARY.iter().copied().take(64).collect(),
        ),
        (
            "empty frame behind",
            "EIM-CMP-019",
            "several",
            [good.data.as_slice(), &empty].concat(),
        ),
        (
            "skippable before",
            "EIM-CMP-019",
            "skippable",
            [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0][..], &good.data].concat(),
        ),
    ] {
        cases.push(good.spoilt(rules, (what, req, "zstd-dict-1", class), &octets));
    }
    // A bomb: a thousand times what it takes, and more than it says.
    let bomb = Zstd::window(0x50, vec![Block::Rle(0, 131_072); 8]).octets();
    cases.push(good.spoilt(
        rules,
        ("bomb", "EIM-CMP-016", "zstd-dict-1", "above"),
        &bomb,
    ));
    let frame = good.frame(rules, 40_961, &good.data);
    let large = decode(
        Depth::Open,
        frame.parts(),
        rejected(Vec::new(), "DECOMPRESSED_TOO_LARGE", None),
    );
    let about = ("zstd-dict-1.size", "limit+1");
    let desc = "zstd-dict-1: states more than the type may have".to_owned();
    cases.push(
        case(
            "cmp-zstd-dict-1-above".to_owned(),
            &["EIM-CMP-014"],
            about,
            desc,
            large,
        )
        .near(good.id())
        .flag("AllocateBeforeCheck"),
    );
    cases
}

/// The dictionary is of its number alone: the octets are no zstd, and nothing at all where the number is not agreed on.
fn without(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let unnamed = |label: &str| !label.ends_with("-5");
    for (label, source, hex) in TOOLS.into_iter().filter(|(label, ..)| unnamed(label)) {
        let tool = sample(label, &source.content(), from_hex(hex)?);
        let size = u32::try_from(tool.content.len()).unwrap_or(0);
        let frame = tool.frame(rules, size, &tool.data).compression(ZSTD);
        let test = decode(
            Depth::Open,
            frame.parts(),
            rejected(Vec::new(), "DECOMPRESSION_FAILED", None),
        );
        let desc = format!("zstd: made with the dictionary, {label}");
        let id = format!("cmp-zstd-made-with-the-dictionary-{label}");
        let about = ("zstd.dictionary", "not-named");
        let made = case(id, &["EIM-CMP-018"], about, desc, test).near(tool.id());
        cases.push(made.config(&config()));
    }
    let (label, source, hex) = TOOLS[0];
    let tool = sample(label, &source.content(), from_hex(hex)?);
    let frame = tool.frame(rules, 600, &tool.data);
    let test = decode(
        Depth::Open,
        frame.parts(),
        rejected(Vec::new(), "UNKNOWN_COMPRESSION", None),
    );
    let about = ("zstd-dict-1", "not-negotiated");
    let desc = "zstd-dict-1 where it was not agreed on".to_owned();
    let id = "cmp-zstd-dict-1-not-negotiated".to_owned();
    let made = case(id, &["EIM-CMP-006"], about, desc, test).near(tool.id());
    cases.push(made.config(&Config::default()));
    Ok(cases)
}
