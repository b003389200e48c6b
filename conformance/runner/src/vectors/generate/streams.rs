//! Several frames in one stream: whole, cut anywhere, and with a fault somewhere.

use super::draft::{Wire, case, decode, frames, incomplete, rejected};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Frame, Kind, Part, Role};

/// Where the pseudo-random octets begin.
pub(super) const SEED: u64 = 0x0045_494D_0001_0001;

/// SplitMix64: small, and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn octets(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}

/// A fault that a frame of a stream has.
const FAULTS: [(&str, &str); 6] = [
    ("version", "UNSUPPORTED_VERSION"),
    ("type", "INVALID_TYPE"),
    ("extension", "EXTENSION_NOT_NEGOTIATED"),
    ("compression", "UNKNOWN_COMPRESSION"),
    ("length", "PAYLOAD_TOO_LARGE"),
    ("sequence", "BAD_SEQUENCE"),
];

/// Streams of both sides.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut numbers = Numbers(SEED);
    let mut cases = Vec::new();
    for index in 0..24_u64 {
        let role = if index % 2 == 0 {
            Role::Server
        } else {
            Role::Client
        };
        let config = Config {
            role,
            ..Config::default()
        };
        let stream = stream(rules, &config, &mut numbers);
        cases.extend(of_stream(&config, &stream, index, &mut numbers));
        cases.extend(faulty(rules, &config, &stream, index)?);
    }
    cases.extend(rows(rules));
    Ok(cases)
}

/// Three to seven frames that a receiver accepts.
fn stream(rules: &Rules, config: &Config, numbers: &mut Numbers) -> Vec<Wire> {
    let arriving: Vec<u8> = (0..=u8::MAX)
        .filter(|&value| rules.fault(config, &Wire::of(rules, value)).is_none())
        .collect();
    let count = 3 + numbers.below(5);
    let mut sequence = 0;
    let mut frame = |_| {
        let choice = usize::try_from(numbers.below(arriving.len() as u64)).unwrap_or(0);
        let value = arriving.get(choice).copied().unwrap_or(0x08);
        let frame = Wire::of(rules, value);
        let size = match numbers.below(4) {
            0 => 0,
            1 => 1 + numbers.below(3),
            2 => 9 + numbers.below(5),
            _ => numbers.below(48),
        };
        let frame = frame.with(&numbers.octets(size));
        sequence += u32::from(rules.is_sequenced(value));
        if rules.is_sequenced(value) {
            frame.sequence(sequence)
        } else {
            frame
        }
    };
    (0..count).map(&mut frame).collect()
}

fn parts(stream: &[Wire]) -> Vec<Part> {
    stream.iter().flat_map(Wire::parts).collect()
}

fn decoded(stream: &[Wire]) -> Vec<Frame> {
    stream.iter().map(Wire::decoded).collect()
}

/// The whole stream, and one that ends too early.
fn of_stream(config: &Config, stream: &[Wire], index: u64, numbers: &mut Numbers) -> Vec<Case> {
    let id = format!("str-{index:02}");
    let desc = format!("{} frames back to back", stream.len());
    let req = ["EIM-FRM-004", "EIM-TRN-001", "EIM-FRM-003"];
    let test = decode(Depth::Decode, parts(stream), frames(decoded(stream)));
    let whole = case(id.clone(), &req, ("frames", "several"), desc, test)
        .config(config)
        .canonical();
    let Some((last, before)) = stream.split_last() else {
        return vec![whole];
    };
    let octets = last.octets();
    let cut = usize::try_from(1 + numbers.below(octets.len() as u64 - 1)).unwrap_or(1);
    let missing = if cut < 11 {
        11 - cut
    } else {
        octets.len() - cut
    };
    let mut input = parts(before);
    input.push(super::draft::part(
        "octets",
        octets.get(..cut).unwrap_or(&octets),
    ));
    let expect = incomplete(decoded(before), u32::try_from(missing).unwrap_or(1));
    let desc = format!("{} frames and {cut} octets of another", before.len());
    let class = if cut < 11 { "in-header" } else { "in-payload" };
    let early = case(
        format!("{id}-cut"),
        &["EIM-FRM-004"],
        ("frames", class),
        desc,
        decode(Depth::Decode, input, expect),
    );
    vec![whole, early.config(config).kind(Kind::Boundary)]
}

/// The stream with one frame that is wrong: what is before it counts, what is behind it does not.
fn faulty(
    rules: &Rules,
    config: &Config,
    stream: &[Wire],
    index: u64,
) -> Result<Vec<Case>, String> {
    let place = usize::try_from(index).unwrap_or(0) % stream.len();
    let choice = usize::try_from(index).unwrap_or(0) % FAULTS.len();
    let (fault, code) = FAULTS.get(choice).copied().ok_or("no fault")?;
    let mut bad = stream.to_vec();
    let frame = bad.get_mut(place).ok_or("no frame")?;
    match fault {
        "version" => frame.version = 0x16,
        "type" => frame.r#type = 0xff,
        "extension" => frame.r#type = 0xb0,
        "compression" => frame.compression = 0x99,
        "length" => frame.length = Some(0x8000_0000),
        _ => {
            frame.sequence = if rules.is_sequenced(frame.r#type) {
                0
            } else {
                77
            }
        }
    }
    let before = stream.get(..place).unwrap_or_default();
    let behind = before.iter().map(|frame| frame.octets().len()).sum();
    let due = super::draft::is_due_at_header(code).then_some(behind);
    let expect = rejected(decoded(before), code, due);
    let desc = format!(
        "frame {} of {} has a wrong {fault}",
        place + 1,
        stream.len()
    );
    let req = ["EIM-FRM-030", "EIM-ERR-005", "EIM-ERR-022"];
    let class = format!("{fault}-{}", if place == 0 { "first" } else { "later" });
    let test = decode(Depth::Decode, parts(&bad), expect);
    let id = format!("str-{index:02}-{fault}");
    Ok(vec![
        case(id, &req, ("frames", &class), desc, test)
            .config(config)
            .near(format!("str-{index:02}"))
            .flag("ReadsOn"),
    ])
}

/// Many equal frames, and frames whose octets look like frames.
fn rows(rules: &Rules) -> Vec<Case> {
    let ping = Wire::of(rules, 0x08);
    let mut cases = Vec::new();
    for count in [2, 16, 100] {
        let stream = vec![ping.clone(); count];
        let test = decode(Depth::Decode, parts(&stream), frames(decoded(&stream)));
        let req = ["EIM-FRM-004", "EIM-TRN-001"];
        let desc = format!("{count} empty frames");
        cases.push(
            case(
                format!("str-row-{count}"),
                &req,
                ("frames", "equal"),
                desc,
                test,
            )
            .canonical(),
        );
    }
    let inner = ping.octets();
    let outer = Wire::of(rules, 0x20).with(&inner);
    let stream = [outer, ping.clone()];
    let test = decode(Depth::Decode, parts(&stream), frames(decoded(&stream)));
    let desc = "a payload that looks like a frame".to_owned();
    cases.push(
        case(
            "str-nested".into(),
            &["EIM-FRM-001"],
            ("payload", "like-a-frame"),
            desc,
            test,
        )
        .canonical(),
    );
    let zeros = Wire::of(rules, 0x3e).with(&[0; 11]);
    let stream = [zeros.clone(), zeros.sequence(2)];
    let test = decode(Depth::Decode, parts(&stream), frames(decoded(&stream)));
    let desc = "payloads of zeros, which between frames would be faults".to_owned();
    cases.push(
        case(
            "str-zeros".into(),
            &["EIM-FRM-001"],
            ("payload", "zero"),
            desc,
            test,
        )
        .canonical(),
    );
    let between = ping.octets();
    let mut input = ping.parts();
    input.push(super::draft::part(
        "octets",
        &[&[0], between.as_slice()].concat(),
    ));
    let expect = rejected(vec![ping.decoded()], "UNSUPPORTED_VERSION", Some(11));
    let desc = "an octet 0 between two frames".to_owned();
    let test = decode(Depth::Decode, input, expect);
    cases.push(
        case(
            "str-between".into(),
            &["EIM-VER-004", "EIM-FRM-003"],
            ("frames", "between"),
            desc,
            test,
        )
        .kind(Kind::Order),
    );
    cases
}
