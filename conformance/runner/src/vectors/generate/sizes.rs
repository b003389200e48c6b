//! Stated sizes: at the cap of every type that may be compressed, above, and bombs.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::compression::{LZ4, SNAPPY, ZSTD, algorithm};
use super::draft::{Wire, case, decode, frames, part, rejected, u32_part};
use super::header::receivers;
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Kind, Part, PartRepeat};

const TEXT: u8 = 0x20;

/// Stated sizes at the cap of every type that may be compressed, and above.
pub(super) fn sizes(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let known = rules
        .active()
        .filter(|row| row.compression)
        .map(|row| row.value);
    for value in known.chain([0x3e, 0x46, 0x4f]) {
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
    let test = decode(
        Depth::Open,
        frame.parts(),
        frames(vec![frame.opened(&content)]),
    );
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
    let test = decode(
        Depth::Open,
        good.parts(),
        frames(vec![good.opened(&[0x61; 20])]),
    );
    let desc = format!("{name}: twenty octets, {}", algorithm(octet));
    cases.push(
        case(
            id("right"),
            &["EIM-CMP-001", "EIM-FRG-029"][..1],
            (&field, "exact"),
            desc,
            test,
        )
        .config(config),
    );
    let unknown = !matches!(rules.meaning(value), Meaning::Known(_));
    let large = if unknown {
        "EIM-CMP-015"
    } else {
        "EIM-CMP-014"
    };
    for (class, size, code) in [
        ("limit", cap, "DECOMPRESSION_FAILED"),
        ("limit+1", cap + 1, "DECOMPRESSED_TOO_LARGE"),
        ("sign-bit", 0x8000_0000, "DECOMPRESSED_TOO_LARGE"),
        ("max", u32::MAX, "DECOMPRESSED_TOO_LARGE"),
    ] {
        let frame = frame(size);
        let test = decode(Depth::Open, frame.parts(), rejected(Vec::new(), code, None));
        let req = if code == "DECOMPRESSION_FAILED" {
            ["EIM-CMP-016", "EIM-LIM-001"]
        } else {
            [large, "EIM-LIM-007"]
        };
        let desc = format!("{name} states {size} octets, allowed are {cap}, there are twenty");
        let label = class.replace('+', "-plus-");
        cases.push(
            case(id(&label), &req, (&field, class), desc, test)
                .config(config)
                .near(id("right"))
                .flag("LenientSize"),
        );
    }
    if octet != ZSTD {
        let nothing = Wire::of(rules, value)
            .compression(octet)
            .payload(vec![u32_part("size", 0)]);
        let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
        let test = decode(Depth::Open, nothing.parts(), expect);
        let desc = format!("{name} of no octet: no data is not the data of nothing");
        let made = case(
            id("no-data"),
            &["EIM-CMP-018", "EIM-CMP-023"],
            (&field, "no-data"),
            desc,
            test,
        );
        cases.push(made.config(config).kind(Kind::Order));
    }
    for short in 0..4_usize {
        let payload: Vec<Part> = if short == 0 {
            Vec::new()
        } else {
            vec![part("size", &vec![0; short])]
        };
        let frame = Wire::of(rules, value).compression(octet).payload(payload);
        if value != 0x61 && value != 0x3e {
            continue;
        }
        let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
        let test = decode(Depth::Open, frame.parts(), expect);
        let desc = format!("{name}: {short} octets where the size has four");
        let class = if short == 0 { "empty" } else { "truncated" };
        let order = case(
            id(&format!("short-{short}")),
            &["EIM-CMP-013"],
            (&field, class),
            desc,
            test,
        );
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
        let copy = PartRepeat {
            repeat: "fe0100".into(),
            count: 13_000,
            f: "data".into(),
        };
        vec![size.clone(), part("data", &head), Part::Repeat(copy)]
    };
    let cases = [
        (
            "lz4-10mib",
            LZ4,
            lz4,
            "40 kibioctets that yield ten mebioctets",
        ),
        (
            "snappy-800kib",
            SNAPPY,
            snappy(40_960),
            "39 kibioctets that yield 832,001 octets",
        ),
        (
            "snappy-states",
            SNAPPY,
            snappy(832_001),
            "the preamble says what the size hides",
        ),
    ];
    cases
        .into_iter()
        .map(|(label, octet, payload, desc)| {
            let frame = Wire::of(rules, TEXT).compression(octet).payload(payload);
            let expect = rejected(Vec::new(), "DECOMPRESSION_FAILED", None);
            let test = decode(Depth::Open, frame.parts(), expect);
            let req = ["EIM-CMP-016", "EIM-SEC-002", "EIM-LIM-007"];
            case(
                format!("cmp-bomb-{label}"),
                &req,
                (&format!("{}.size", algorithm(octet)), "bomb"),
                desc.into(),
                test,
            )
            .kind(Kind::Limit)
            .flag("DecompressionBomb")
        })
        .collect()
}
