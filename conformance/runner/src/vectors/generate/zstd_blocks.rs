//! Zstandard blocks as large as the window and the format allow, and above (RFC 8878, 3.1.1.2.4). Libraries differ
//! in blocks of one repeated octet.

use super::compressed::{Block, Zstd};
use super::compression::{Sample, ZSTD};
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::rules::Rules;
use crate::vectors::model::{Case, Depth};

const CUSTOM: u8 = 0x27;

/// Window descriptors, and the most octets that a block may yield in them.
const WINDOWS: [(u8, u32); 4] = [(0x00, 1024), (0x01, 1152), (0x08, 2048), (0x28, 32_768)];

/// Largest block of all, whatever the window is.
const LARGEST: u32 = 131_072;

/// Blocks at and above their largest size.
pub(super) fn cases(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (descriptor, most) in WINDOWS {
        let content = vec![0x61; most as usize + 1];
        let divided = Zstd::window(
            descriptor,
            vec![Block::Rle(0x61, most), Block::Rle(0x61, 1)],
        );
        let label = format!("block-{most}");
        let good = Sample::new(&label, ZSTD, content.clone(), divided.octets());
        cases.push(good.valid(rules, "EIM-CMP-002", "zstd.block_size", "limit"));
        for (what, block) in [
            ("repeated octet", Block::Rle(0x61, most + 1)),
            ("raw", Block::Raw(&content)),
        ] {
            let whole = Zstd::window(descriptor, vec![block]);
            let fault = (what, "EIM-CMP-018", "zstd.block_size", "limit+1");
            cases.push(good.spoilt(rules, fault, &whole.octets()));
        }
    }
    cases.extend(largest(rules));
    cases
}

/// The same with the largest block that any window allows, in a type with room for it.
fn largest(rules: &Rules) -> [Case; 2] {
    let size = LARGEST + 1;
    let frame = |blocks| {
        let data = Zstd::window(0x50, blocks).octets();
        let payload = vec![u32_part("size", size), part("data", &data)];
        Wire::of(rules, CUSTOM).compression(ZSTD).payload(payload)
    };
    let good = frame(vec![Block::Rle(0x61, LARGEST), Block::Rle(0x61, 1)]);
    let content = vec![0x61; size as usize];
    let opened = frames(vec![good.opened(&content)]);
    let id = "cmp-zstd-block-131072";
    let bad = frame(vec![Block::Rle(0x61, size)]);
    let failed = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
    let desc = |what: &str| format!("zstd: a block of {what} octets, and a window of 1 MiB");
    [
        case(
            id.into(),
            &["EIM-CMP-002", "EIM-CMP-012"],
            ("zstd.block_size", "max"),
            desc("131072"),
            decode(Depth::Open, good.parts(), opened),
        ),
        case(
            format!("{id}-repeated-octet"),
            &["EIM-CMP-018"],
            ("zstd.block_size", "max+1"),
            desc("131073"),
            decode(Depth::Open, bad.parts(), failed),
        )
        .near(id),
    ]
}
