//! Zstandard: its frame header, blocks, checksum and everything that chapter 12 forbids of it.

use super::compressed::{Block, Zstd, checksum};
use super::compression::{Sample, ZSTD, counting, sentence};
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Role};
use crate::vectors::octets::from_hex;

/// By `zstd -1` and `zstd -19`, and by `zstd -3` from a pipe, with a checksum and
/// another window descriptor: the tool declares two mebioctets when it does not know the size.
const TOOLS: [(&str, &str); 3] = [
    (
        "tool-1",
        "28b52ffd605801850200d2c40f15a0b5391f482a5bbed56e4f424f322dd7860b55a306154c50622fd579396b8057a9cb015f8f5a6c8a53aa3b88f596453b58eb701bfb0de88dd63252a320020400ec6c500f940eb1ca94278a18",
    ),
    (
        "tool-19",
        "28b52ffd6058016d0200d2040f11a0ed0408797283af367ec373a1e054c51a0f6a54ec6f7489cfe641b3637f0a75cfea47d15116dd2e93e78cef4cfdbc6045c9acedaceabd342f64040400ec6c500f140cb10a967f8b18",
    ),
    (
        "tool-pipe",
        "28b52ffd0450850200d2c40f15a0b5391f482a5bbed56e4f424f322dd7860b55a306154c50622fd579396b8057a9cb015f8f5a6c8a53aa3b88f596453b58eb701bfb0de88dd63252a320020400ec6c500f940eb1ca94278a18a36c5b17",
    ),
];

fn sample(label: &str, content: &[u8], frame: &Zstd<'_>) -> Sample {
    Sample::new(label, ZSTD, content.to_vec(), frame.octets())
}

/// All cases about Zstandard.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = forms(rules);
    cases.extend(headers(rules));
    cases.extend(windows(rules));
    cases.extend(faults(rules));
    cases.extend(super::zstd_blocks::cases(rules));
    cases.extend(single_segments(rules));
    for (label, hex) in TOOLS {
        let tool = Sample::new(label, ZSTD, sentence(), from_hex(hex)?);
        cases.push(tool.valid(rules, "EIM-CMP-002", "zstd.blocks", label));
        cases.push(tool.resized(rules, "limit-1", 599));
        cases.push(tool.resized(rules, "limit+1", 601));
        for cut in [0, 3, 4, 5, 7, 9, 20, 40, tool.data.len() - 1] {
            let what = format!("cut-{cut:02}");
            let fault = (&*what, "EIM-CMP-018", "zstd.blocks", "truncated");
            cases.push(tool.spoilt(rules, fault, tool.data.get(..cut).unwrap_or_default()));
        }
        let more = [tool.data.as_slice(), &[0]].concat();
        cases.push(tool.spoilt(
            rules,
            ("trailing", "EIM-CMP-018", "zstd.blocks", "trailing"),
            &more,
        ));
        let twice = [tool.data.as_slice(), tool.data.as_slice()].concat();
        cases.push(tool.spoilt(
            rules,
            ("twice", "EIM-CMP-019", "zstd.frames", "several"),
            &twice,
        ));
    }
    Ok(cases)
}

/// Blocks of each kind and number.
fn forms(rules: &Rules) -> Vec<Case> {
    let data = counting(300);
    let (left, right) = data.split_at(100);
    let runs = [vec![0x61; 200], b"end".to_vec()].concat();
    let forms: [(&str, &[u8], Vec<Block<'_>>); 7] = [
        ("raw-1", b"x", vec![Block::Raw(b"x")]),
        ("raw-300", &data, vec![Block::Raw(&data)]),
        (
            "rle-200-raw",
            &runs,
            vec![Block::Rle(0x61, 200), Block::Raw(b"end")],
        ),
        ("raw-raw", &data, vec![Block::Raw(left), Block::Raw(right)]),
        (
            "empty-first",
            b"abc",
            vec![Block::Raw(b""), Block::Raw(b"abc")],
        ),
        (
            "empty-last",
            b"abc",
            vec![Block::Raw(b"abc"), Block::Raw(b"")],
        ),
        ("rle-one", b"a", vec![Block::Rle(0x61, 1)]),
    ];
    let mut cases = Vec::new();
    for (label, content, blocks) in forms {
        let form = sample(label, content, &Zstd::single(content.len() as u64, blocks));
        let size = u32::try_from(content.len()).unwrap_or(0);
        cases.push(form.valid(rules, "EIM-CMP-002", "zstd.blocks", label));
        cases.push(form.resized(rules, "limit-1", size - 1));
        cases.push(form.resized(rules, "limit+1", size + 1));
        let cut = form.data.split_last().map_or(&[][..], |(_, rest)| rest);
        cases.push(form.spoilt(
            rules,
            ("truncated", "EIM-CMP-018", "zstd.blocks", "truncated"),
            cut,
        ));
    }
    cases
}

/// The ways to write the header of a frame.
fn headers(rules: &Rules) -> Vec<Case> {
    let content = counting(300);
    let base = Zstd::single(300, vec![Block::Raw(&content)]);
    let mut cases = Vec::new();
    for (label, class, frame) in [
        (
            "size-2-octets",
            "two-octets",
            Zstd {
                size: (300, 2),
                ..base.clone()
            },
        ),
        (
            "size-4-octets",
            "four-octets",
            Zstd {
                size: (300, 4),
                ..base.clone()
            },
        ),
        (
            "size-8-octets",
            "eight-octets",
            Zstd {
                size: (300, 8),
                ..base.clone()
            },
        ),
        (
            "window-and-size",
            "both",
            Zstd {
                window: Some(0x50),
                size: (300, 4),
                ..base.clone()
            },
        ),
        (
            "window-and-size-8",
            "both-eight",
            Zstd {
                window: Some(0),
                size: (300, 8),
                ..base.clone()
            },
        ),
        (
            "unused-bit",
            "unused",
            Zstd {
                bits: 0x10,
                ..base.clone()
            },
        ),
        (
            "checksum-right",
            "checksum",
            Zstd {
                checksum: Some(checksum(&content)),
                ..base.clone()
            },
        ),
    ] {
        let form = sample(label, &content, &frame);
        cases.push(form.valid(rules, "EIM-CMP-002", "zstd.descriptor", class));
        let (_, octets) = frame.size;
        for (what, class, size) in [
            ("content size less", "limit-1", 299),
            ("content size more", "limit+1", 301),
        ] {
            let other = Zstd {
                size: (size, octets),
                ..frame.clone()
            };
            let fault = (what, "EIM-CMP-016", "zstd.content_size", class);
            cases.push(form.spoilt(rules, fault, &other.octets()));
        }
        if octets == 8 {
            for (what, class, size) in [
                ("content size sign bit", "sign-bit", 1 << 63),
                ("content size max", "max", u64::MAX),
            ] {
                let other = Zstd {
                    size: (size, 8),
                    ..frame.clone()
                };
                let fault = (what, "EIM-CMP-016", "zstd.content_size", class);
                cases.push(form.spoilt(rules, fault, &other.octets()));
            }
        }
    }
    let right = checksum(&content);
    let form = sample(
        "checksum-right",
        &content,
        &Zstd {
            checksum: Some(right),
            ..base.clone()
        },
    );
    for bit in [0, 7, 8, 16, 31] {
        let wrong = Zstd {
            checksum: Some(right ^ (1 << bit)),
            ..base.clone()
        };
        let what = format!("bit-{bit}");
        let fault = (
            &*what,
            "EIM-CMP-022",
            "zstd.checksum",
            if bit == 31 { "sign-bit" } else { "bit" },
        );
        cases.push(form.spoilt(rules, fault, &wrong.octets()));
    }
    for (what, class, sum) in [
        ("zero", "zero", 0),
        ("swapped", "endian-swapped", right.swap_bytes()),
        ("of nothing", "empty", checksum(b"")),
    ] {
        let wrong = Zstd {
            checksum: Some(sum),
            ..base.clone()
        };
        cases.push(form.spoilt(
            rules,
            (what, "EIM-CMP-022", "zstd.checksum", class),
            &wrong.octets(),
        ));
    }
    for missing in 1..=4 {
        let cut = form
            .data
            .get(..form.data.len() - missing)
            .unwrap_or_default();
        let what = format!("without-{missing}");
        let fault = (&*what, "EIM-CMP-018", "zstd.checksum", "truncated");
        cases.push(form.spoilt(rules, fault, cut));
    }
    cases
}

/// Window descriptors up to the limit, and above.
fn windows(rules: &Rules) -> Vec<Case> {
    let content = [0x61; 20];
    let blocks = || vec![Block::Rle(0x61, 20)];
    let mut cases = Vec::new();
    let near = sample("descriptor-50", &content, &Zstd::window(0x50, blocks()));
    for exponent in 0..=31_u8 {
        for mantissa in [0, 1, 4, 7] {
            let descriptor = exponent << 3 | mantissa;
            let frame = Zstd::window(descriptor, blocks());
            let class = format!("log-{}-{mantissa}", exponent + 10);
            if descriptor <= 0x50 {
                let form = sample(&format!("descriptor-{descriptor:02x}"), &content, &frame);
                let limit = if descriptor == 0x50 { "limit" } else { &class };
                cases.push(form.valid(rules, "EIM-CMP-020", "zstd.window", limit));
            } else if mantissa == 0 || exponent == 10 || exponent == 31 {
                let what = format!("not-{descriptor:02x}");
                let fault = (&*what, "EIM-CMP-020", "zstd.window", &*class);
                cases.push(
                    near.spoilt(rules, fault, &frame.octets())
                        .flag("AllocateBeforeCheck"),
                );
            }
        }
    }
    cases
}

/// What chapter 12 or the format forbids.
fn faults(rules: &Rules) -> Vec<Case> {
    let content = [0x61; 20];
    let base = Zstd::single(20, vec![Block::Rle(0x61, 20)]);
    let good = sample("base", &content, &base);
    let mut cases = vec![good.valid(rules, "EIM-CMP-002", "zstd", "typical")];
    for (octets, id) in [
        (1, 1),
        (1, 255),
        (2, 256),
        (2, 0xffff),
        (4, 0x0001_0000),
        (4, u32::MAX),
    ] {
        let frame = Zstd {
            dictionary: (id, octets),
            ..base.clone()
        };
        let what = format!("dictionary {id}");
        let class = format!(
            "{octets}-octets-{}",
            if id.count_ones() > 2 { "max" } else { "min" }
        );
        let fault = (&*what, "EIM-CMP-021", "zstd.dictionary", &*class);
        cases.push(good.spoilt(rules, fault, &frame.octets()));
    }
    for octets in [1, 2, 4] {
        let frame = Zstd {
            dictionary: (0, octets),
            ..base.clone()
        };
        let none = sample(&format!("dictionary-0-in-{octets}"), &content, &frame);
        cases.push(none.valid(rules, "EIM-CMP-021", "zstd.dictionary", "zero"));
    }
    let body = good.data.get(4..).unwrap_or_default();
    for (what, class, magic) in [
        ("magic zero", "zero", [0, 0, 0, 0]),
        ("magic swapped", "endian-swapped", [0xfd, 0x2f, 0xb5, 0x28]),
        ("magic one less", "below", [0x27, 0xb5, 0x2f, 0xfd]),
        ("magic one more", "next", [0x29, 0xb5, 0x2f, 0xfd]),
        ("magic last octet", "bit", [0x28, 0xb5, 0x2f, 0xfc]),
        (
            "magic of LZ4 frames",
            "other-format",
            [0x04, 0x22, 0x4d, 0x18],
        ),
        ("magic of gzip", "other-format", [0x1f, 0x8b, 0x08, 0x00]),
    ] {
        let octets = [&magic[..], body].concat();
        let what = what.to_lowercase();
        cases.push(good.spoilt(rules, (&what, "EIM-CMP-019", "zstd.magic", class), &octets));
    }
    for (number, class) in [(0x50, "min"), (0x57, "typical"), (0x5f, "max")] {
        let skippable = [number, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        for (place, octets) in [
            ("before", [&skippable[..], &good.data].concat()),
            ("behind", [&good.data, &skippable[..]].concat()),
        ] {
            let what = format!("skippable-{number:02x}-{place}");
            let class = format!("{class}-{place}");
            let fault = (&*what, "EIM-CMP-019", "zstd.skippable", &*class);
            cases.push(good.spoilt(rules, fault, &octets));
        }
    }
    let empty = Zstd::single(0, vec![Block::Raw(b"")]).octets();
    for (what, class, octets) in [
        (
            "an empty frame before",
            "before",
            [&empty[..], &good.data].concat(),
        ),
        (
            "an empty frame behind",
            "behind",
            [&good.data, &empty[..]].concat(),
        ),
        ("the frame twice", "several", good.data.repeat(2)),
    ] {
        cases.push(good.spoilt(rules, (what, "EIM-CMP-019", "zstd.frames", class), &octets));
    }
    for (what, class, frame) in [
        (
            "reserved bit",
            "reserved-bit",
            Zstd {
                bits: 0x08,
                ..base.clone()
            },
        ),
        (
            "reserved block",
            "reserved",
            Zstd {
                blocks: vec![Block::Reserved],
                ..base.clone()
            },
        ),
        (
            "no last block",
            "missing",
            Zstd {
                ends: false,
                ..base.clone()
            },
        ),
        (
            "no block",
            "empty",
            Zstd {
                blocks: Vec::new(),
                ..base.clone()
            },
        ),
        (
            "compressed block of zeros",
            "zero",
            Zstd {
                blocks: vec![Block::Compressed(&[0; 8])],
                ..base.clone()
            },
        ),
        (
            "compressed block of ones",
            "max",
            Zstd {
                blocks: vec![Block::Compressed(&[0xff; 8])],
                ..base.clone()
            },
        ),
        (
            "compressed block of nothing",
            "empty-block",
            Zstd {
                blocks: vec![Block::Compressed(&[])],
                ..base.clone()
            },
        ),
        (
            "a block behind the last",
            "trailing",
            Zstd {
                ends: true,
                ..base.clone()
            },
        ),
    ] {
        let mut octets = frame.octets();
        if class == "trailing" {
            octets.extend([0x03, 0, 0]);
        }
        cases.push(good.spoilt(rules, (what, "EIM-CMP-018", "zstd.blocks", class), &octets));
    }
    cases
}

/// A frame of a single segment declares its content as its window.
fn single_segments(rules: &Rules) -> Vec<Case> {
    let config = Config {
        role: Role::Client,
        ..Config::default()
    };
    let frame = |size: u32, window: Option<u8>| {
        let mut blocks = vec![Block::Rle(0x20, 131_072); (size / 131_072) as usize];
        if !size.is_multiple_of(131_072) {
            blocks.push(Block::Rle(0x20, size % 131_072));
        }
        let data = Zstd {
            window,
            ..Zstd::single(size.into(), blocks)
        };
        let payload = vec![
            u32_part("size", size),
            part("magic", &Zstd::magic()),
            part("descriptor", &data.descriptor()),
            part("blocks", &data.body()),
        ];
        Wire::of(rules, 0x50).compression(ZSTD).payload(payload)
    };
    let mut cases = Vec::new();
    for (label, class, size, window) in [
        ("limit", "limit", 1_048_576, None),
        ("windowed", "above-windowed", 1_114_112, Some(0x50)),
        ("above", "limit+1", 1_048_577, None),
        ("above-windowed", "limit+1-windowed", 1_048_577, Some(0x50)),
    ] {
        let frame = frame(size, window);
        let refused = class == "limit+1";
        let expect = if refused {
            rejected(Vec::new(), "DECOMPRESSION_FAILED", None)
        } else {
            frames(vec![frame.opened(&vec![0x20; size as usize])])
        };
        let test = decode(Depth::Open, frame.parts(), expect);
        let desc = format!(
            "ENTRY of {size} octets, {}",
            window.map_or("in a single segment", |_| "with a window")
        );
        let id = |label: &str| format!("cmp-zstd-segment-{label}");
        let made = case(
            id(label),
            &["EIM-CMP-020"],
            ("zstd.window.single", class),
            desc,
            test,
        )
        .config(&config);
        cases.push(if refused {
            made.near(id("above-windowed"))
        } else {
            made
        });
    }
    cases
}
