//! FRAGMENT and CANCEL: ids, offsets, totals, what is inside, how many at once.

use super::draft::{Wire, case, decode, frames, part, rejected, u8_part, u32_part};
use super::rules::Rules;
use super::{fragment_inner, fragment_numbers, fragment_orders};
use crate::vectors::model::{Case, Depth, Frame, Kind, Part};

const FRAGMENT: u8 = 0x10;
const CANCEL: u8 = 0x11;
pub(super) const CUSTOM: u8 = 0x27;

/// A message that is sent in fragments.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: u32,
    pub(super) inner_type: u8,
    pub(super) compression: u8,
    pub(super) total: u32,
    pub(super) uncompressed: u32,
}

impl Message {
    pub(super) fn of(inner_type: u8, total: u32) -> Self {
        Self {
            id: 7,
            inner_type,
            compression: 0,
            total,
            uncompressed: total,
        }
    }

    /// The payload of the fragment with offset 0.
    pub(super) fn first(&self, data: &[u8]) -> Vec<Part> {
        let mut parts = vec![
            u32_part("id", self.id),
            u32_part("offset", 0),
            u8_part("inner_type", self.inner_type),
            u8_part("inner_compression", self.compression),
            u32_part("total", self.total),
            u32_part("uncompressed", self.uncompressed),
        ];
        parts.extend((!data.is_empty()).then(|| part("data", data)));
        parts
    }

    pub(super) fn later(&self, offset: u32, data: &[u8]) -> Vec<Part> {
        let mut parts = vec![u32_part("id", self.id), u32_part("offset", offset)];
        parts.extend((!data.is_empty()).then(|| part("data", data)));
        parts
    }
}

/// A stream of frames from one side, numbered.
#[derive(Clone, Default)]
pub(super) struct Stream {
    pub(super) wires: Vec<Wire>,
}

impl Stream {
    pub(super) fn fragment(mut self, rules: &Rules, payload: Vec<Part>) -> Self {
        let frame = Wire::of(rules, FRAGMENT)
            .payload(payload)
            .sequence(self.next());
        self.wires.push(frame);
        self
    }

    pub(super) fn cancel(mut self, rules: &Rules, id: u32) -> Self {
        let mut payload = Vec::new();
        if id != 0 {
            payload.push(8);
            super::protobuf::varint(&mut payload, id.into());
        }
        let frame = Wire::of(rules, CANCEL).with(&payload).sequence(self.next());
        self.wires.push(frame);
        self
    }

    pub(super) fn frame(mut self, frame: Wire) -> Self {
        self.wires.push(frame);
        self
    }

    fn next(&self) -> u32 {
        let numbered = self.wires.iter().filter(|wire| wire.sequence > 0).count();
        u32::try_from(numbered).unwrap_or(0) + 1
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        self.wires.iter().flat_map(Wire::parts).collect()
    }

    /// The message that is whole with the frame at a place.
    pub(super) fn whole(&self, place: usize, message: &Message, content: &[u8]) -> Frame {
        let mut frame = self.wires.get(place).cloned().unwrap_or_default();
        frame.r#type = message.inner_type;
        frame.compression = message.compression;
        frame.opened(content)
    }

    /// A frame that is not a fragment.
    pub(super) fn plain(&self, place: usize) -> Vec<Frame> {
        self.wires
            .get(place)
            .map(|wire| wire.opened(&wire.payload_octets()))
            .into_iter()
            .collect()
    }
}

pub(super) fn good(
    id: &str,
    req: &[&str],
    about: (&str, &str),
    desc: &str,
    stream: &Stream,
    expect: Vec<Frame>,
) -> Case {
    let test = decode(Depth::Reassemble, stream.parts(), frames(expect));
    case(id.to_owned(), req, about, desc.to_owned(), test)
}

/// A stream that ends in a fault.
pub(super) fn bad(
    id: &str,
    req: &[&str],
    about: (&str, &str),
    code: &str,
    stream: &Stream,
) -> Case {
    let expect = rejected(Vec::new(), code, None);
    let test = decode(Depth::Reassemble, stream.parts(), expect);
    case(
        id.to_owned(),
        req,
        about,
        format!("{}: {}, {code}", about.0, about.1),
        test,
    )
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = splits(rules);
    cases.extend(ids(rules));
    cases.extend(fragment_inner::inner_types(rules));
    cases.extend(fragment_inner::inner_compressions(rules));
    cases.extend(offsets(rules));
    cases.extend(layouts(rules));
    cases.extend(fragment_numbers::numbers(rules));
    cases.extend(fragment_numbers::cancelled(rules));
    cases.extend(fragment_orders::cases(rules));
    cases.extend(super::reassembly::cases(rules));
    Ok(cases)
}

/// A message of thirty octets in pieces of every size.
fn splits(rules: &Rules) -> Vec<Case> {
    let content = super::compression::counting(30);
    let message = Message::of(CUSTOM, 30);
    let mut cases = Vec::new();
    for size in [1, 2, 3, 7, 10, 15, 29, 30] {
        let mut stream = Stream::default();
        let mut offset = 0;
        for piece in content.chunks(size) {
            let payload = if offset == 0 {
                message.first(piece)
            } else {
                message.later(offset, piece)
            };
            stream = stream.fragment(rules, payload);
            offset += count(piece.len());
        }
        let last = stream.wires.len() - 1;
        let expect = vec![stream.whole(last, &message, &content)];
        let desc = format!("thirty octets, {size} a fragment");
        let class = format!("pieces-of-{size}");
        let req = ["EIM-FRG-003", "EIM-FRG-001", "EIM-FRG-029"];
        cases.push(good(
            &format!("frg-split-{size:02}"),
            &req,
            ("data", &class),
            &desc,
            &stream,
            expect,
        ));
        // Everything but the last fragment: no message.
        if last > 0 {
            let mut early = stream.clone();
            early.wires.pop();
            let id = format!("frg-split-{size:02}-unfinished");
            cases.push(good(
                &id,
                &["EIM-FRG-029"],
                ("data", "unfinished"),
                "the last fragment is missing: no message",
                &early,
                Vec::new(),
            ));
        }
    }
    cases
}

/// Ids are the sender's choice.
fn ids(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, id) in [
        ("zero", 0),
        ("one", 1),
        ("largest-signed", 0x7fff_ffff),
        ("sign-bit", 0x8000_0000),
        ("endian-swapped", 0x0700_0000),
        ("max", u32::MAX),
    ] {
        let message = Message {
            id,
            ..Message::of(CUSTOM, 6)
        };
        let stream = Stream::default()
            .fragment(rules, message.first(b"2\x04ab"))
            .fragment(rules, message.later(4, b"cd"));
        let expect = vec![stream.whole(1, &message, b"2\x04abcd")];
        let base = format!("frg-id-{class}");
        cases.push(good(
            &base,
            &["EIM-FRG-001"],
            ("id", class),
            "an id that the sender chose",
            &stream,
            expect,
        ));
        let other = Message {
            id: id ^ 1,
            ..message.clone()
        };
        let stream = Stream::default()
            .fragment(rules, message.first(b"2\x04ab"))
            .fragment(rules, other.later(4, b"cd"));
        cases.push(
            bad(
                &format!("{base}-other"),
                &["EIM-FRG-010"],
                ("id", class),
                "MALFORMED_FRAGMENT",
                &stream,
            )
            .near(base),
        );
    }
    cases
}

/// The second of three fragments at every wrong place.
fn offsets(rules: &Rules) -> Vec<Case> {
    let message = Message::of(CUSTOM, 12);
    let content = b"2\x0aabcdefghij";
    let stream = |second: u32, third: u32| {
        Stream::default()
            .fragment(rules, message.first(&content[..4]))
            .fragment(rules, message.later(second, &content[4..8]))
            .fragment(rules, message.later(third, &content[8..]))
    };
    let base = stream(4, 8);
    let expect = vec![base.whole(2, &message, content)];
    let mut cases = vec![good(
        "frg-offset",
        &["EIM-FRG-003"],
        ("offset", "typical"),
        "three fragments in order",
        &base,
        expect,
    )];
    for (class, second) in [
        ("limit-1", 3),
        ("limit+1", 5),
        ("next", 8),
        ("total", 12),
        ("above", 13),
        ("one", 1),
        ("endian-swapped", 0x0400_0000),
        ("sign-bit", 0x8000_0004),
        ("max", u32::MAX),
    ] {
        let id = format!("frg-offset-second-{}", class.replace('+', "-plus-"));
        cases.push(
            bad(
                &id,
                &["EIM-FRG-011"],
                ("offset", class),
                "MALFORMED_FRAGMENT",
                &stream(second, 8),
            )
            .near("frg-offset"),
        );
    }
    for (class, third) in [("repeated", 4), ("gap", 9), ("overlap", 7), ("above", 100)] {
        let id = format!("frg-offset-third-{class}");
        let made = bad(
            &id,
            &["EIM-FRG-011"],
            ("offset", class),
            "MALFORMED_FRAGMENT",
            &stream(4, third),
        );
        cases.push(made.near("frg-offset"));
    }
    for (class, total) in [("limit-1", 11), ("half", 6), ("one", 1), ("zero", 0)] {
        let other = Message {
            total,
            uncompressed: total,
            ..message.clone()
        };
        let stream = Stream::default()
            .fragment(rules, other.first(&content[..4]))
            .fragment(rules, other.later(4, &content[4..8]))
            .fragment(rules, other.later(8, &content[8..]));
        let id = format!("frg-too-small-{class}");
        let req = ["EIM-FRG-012", "EIM-ERR-005"];
        let code = "MALFORMED_FRAGMENT";
        cases.push(bad(&id, &req, ("total", class), code, &stream).kind(Kind::Order));
    }
    for extra in [1_usize, 2, 100] {
        let long = [&content[8..], &vec![0; extra][..]].concat();
        let stream = Stream::default()
            .fragment(rules, message.first(&content[..4]))
            .fragment(rules, message.later(4, &content[4..8]))
            .fragment(rules, message.later(8, &long));
        let class = if extra == 1 { "limit+1" } else { "above" };
        let made = bad(
            &format!("frg-beyond-{extra}"),
            &["EIM-FRG-012"],
            ("data", class),
            "MALFORMED_FRAGMENT",
            &stream,
        );
        cases.push(made.near("frg-offset"));
    }
    cases
}

/// Payloads that end too early for what they are.
fn layouts(rules: &Rules) -> Vec<Case> {
    let message = Message::of(CUSTOM, 2);
    let first = Wire::of(rules, FRAGMENT).payload(message.first(b"2\x00"));
    let octets = first.payload_octets();
    let raw = |payload: &[u8]| Stream {
        wires: vec![Wire::of(rules, FRAGMENT).with(payload)],
    };
    let base = raw(&octets);
    let expect = vec![base.whole(0, &message, b"2\x00")];
    let mut cases = vec![good(
        "frg-layout",
        &["EIM-FRG-008"],
        ("payload", "typical"),
        "a first fragment, payload in one piece",
        &base,
        expect,
    )];
    for cut in 0..19 {
        let class = match cut {
            0 => "empty",
            1..=3 => "in-id",
            4 => "after-id",
            5..=7 => "in-offset",
            8 => "after-offset",
            9..=17 => "in-first-fields",
            _ => "without-data",
        };
        let stream = raw(octets.get(..cut).unwrap_or_default());
        let made = bad(
            &format!("frg-layout-{cut:02}"),
            &["EIM-FRG-008"],
            ("payload", class),
            "MALFORMED_FRAGMENT",
            &stream,
        );
        cases.push(made.near("frg-layout"));
    }
    let two = |second: &[u8]| {
        let stream = Stream::default().fragment(rules, Message::of(CUSTOM, 2).first(b"2"));
        let number = stream.next();
        stream.frame(Wire::of(rules, FRAGMENT).with(second).sequence(number))
    };
    let later = [0, 0, 0, 7, 0, 0, 0, 1, 0];
    let base = two(&later);
    let expect = vec![base.whole(1, &message, b"2\x00")];
    cases.push(good(
        "frg-layout-later",
        &["EIM-FRG-008"],
        ("payload", "later"),
        "a later fragment of nine octets",
        &base,
        expect,
    ));
    for cut in 0..9 {
        let class = if cut < 8 {
            "later-truncated"
        } else {
            "later-without-data"
        };
        let stream = two(later.get(..cut).unwrap_or_default());
        let made = bad(
            &format!("frg-layout-later-{cut}"),
            &["EIM-FRG-008"],
            ("payload", class),
            "MALFORMED_FRAGMENT",
            &stream,
        );
        cases.push(made.near("frg-layout-later"));
    }
    cases
}
