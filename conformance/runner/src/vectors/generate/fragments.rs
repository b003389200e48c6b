//! FRAGMENT and CANCEL: ids, offsets, totals, what is inside, how many at once.

use super::compressed::{Block, Lz4, Snappy, Zstd};
use super::draft::{Wire, case, decode, frames, part, rejected, u8_part, u32_part};
use super::rules::{Meaning, Rules};
use crate::vectors::model::{Case, Config, Depth, Frame, Kind, Part, Role};

const FRAGMENT: u8 = 0x10;
const CANCEL: u8 = 0x11;
const CUSTOM: u8 = 0x27;
const ENCRYPTED: u8 = 0x28;

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
        Self { id: 7, inner_type, compression: 0, total, uncompressed: total }
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
        let frame = Wire::of(rules, FRAGMENT).payload(payload).sequence(self.next());
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
        self.wires.get(place).map(|wire| wire.opened(&wire.payload_octets())).into_iter().collect()
    }
}

pub(super) fn good(id: &str, req: &[&str], about: (&str, &str), desc: &str, stream: &Stream, expect: Vec<Frame>) -> Case {
    let test = decode(Depth::Reassemble, stream.parts(), frames(expect));
    case(id.to_owned(), req, about, desc.to_owned(), test)
}

/// A stream that ends in a fault.
pub(super) fn bad(id: &str, req: &[&str], about: (&str, &str), code: &str, stream: &Stream) -> Case {
    let expect = rejected(Vec::new(), code, None);
    let test = decode(Depth::Reassemble, stream.parts(), expect);
    case(id.to_owned(), req, about, format!("{}: {}, {code}", about.0, about.1), test)
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = splits(rules);
    cases.extend(ids(rules));
    cases.extend(inner_types(rules));
    cases.extend(inner_compressions(rules));
    cases.extend(offsets(rules));
    cases.extend(layouts(rules));
    cases.extend(numbers(rules));
    cases.extend(cancelled(rules));
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
            let payload = if offset == 0 { message.first(piece) } else { message.later(offset, piece) };
            stream = stream.fragment(rules, payload);
            offset += count(piece.len());
        }
        let last = stream.wires.len() - 1;
        let expect = vec![stream.whole(last, &message, &content)];
        let desc = format!("thirty octets, {size} a fragment");
        let class = format!("pieces-of-{size}");
        let req = ["EIM-FRG-003", "EIM-FRG-001", "EIM-FRG-029"];
        cases.push(good(&format!("frg-split-{size:02}"), &req, ("data", &class), &desc, &stream, expect));
        // Everything but the last fragment: no message.
        if last > 0 {
            let mut early = stream.clone();
            early.wires.pop();
            let id = format!("frg-split-{size:02}-unfinished");
            cases.push(good(&id, &["EIM-FRG-029"], ("data", "unfinished"), "the last fragment is missing: no message", &early, Vec::new()));
        }
    }
    cases
}

/// Ids are the sender's choice.
fn ids(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, id) in [("zero", 0), ("one", 1), ("largest-signed", 0x7fff_ffff), ("sign-bit", 0x8000_0000), ("endian-swapped", 0x0700_0000), ("max", u32::MAX)] {
        let message = Message { id, ..Message::of(CUSTOM, 6) };
        let stream = Stream::default()
            .fragment(rules, message.first(b"2\x04ab"))
            .fragment(rules, message.later(4, b"cd"));
        let expect = vec![stream.whole(1, &message, b"2\x04abcd")];
        let base = format!("frg-id-{class}");
        cases.push(good(&base, &["EIM-FRG-001"], ("id", class), "an id that the sender chose", &stream, expect));
        let other = Message { id: id ^ 1, ..message.clone() };
        let stream = Stream::default()
            .fragment(rules, message.first(b"2\x04ab"))
            .fragment(rules, other.later(4, b"cd"));
        cases.push(bad(&format!("{base}-other"), &["EIM-FRG-010"], ("id", class), "MALFORMED_FRAGMENT", &stream).near(base));
    }
    cases
}

/// Every type octet as inner type, at both sides.
fn inner_types(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for role in [Role::Server, Role::Client] {
        let config = Config { role, ..Config::default() };
        let side = if role == Role::Server { "server" } else { "client" };
        for value in 0..=u8::MAX {
            // Far from the borders one of four is enough.
            let border = (0x1e..=0x51).contains(&value) || value % 0x10 == 0 || value % 0x10 == 0xf;
            if !border && value % 4 != 1 {
                continue;
            }
            let message = Message::of(value, 2);
            let stream = Stream::default().fragment(rules, message.first(&[0x32, 0]));
            let id = format!("frg-inner-{value:02x}-{side}");
            let inside = matches!(rules.range(value), "message" | "operation") || value == 0x50;
            let near = if role == Role::Server { "frg-inner-27-server" } else { "frg-inner-27-client" };
            let made = if !inside {
                let class = match rules.meaning(value) {
                    Meaning::Known(_) => "known",
                    _ => rules.range(value),
                };
                bad(&id, &["EIM-FRG-013"], ("inner_type", class), "MALFORMED_FRAGMENT", &stream).near(near)
            } else if !rules.may_arrive(&config, value) {
                bad(&id, &["EIM-FRG-014"], ("inner_type", "wrong-direction"), "UNEXPECTED_FRAME", &stream).near(near)
            } else {
                let class = match rules.meaning(value) {
                    Meaning::Known(_) => "known",
                    _ if rules.is_reserved(value) => "reserved",
                    _ => "unknown",
                };
                let expect = vec![stream.whole(0, &message, &[0x32, 0])];
                let desc = format!("inner type 0x{value:02x} in one fragment");
                good(&id, &["EIM-FRG-029", "EIM-FRG-013"], ("inner_type", class), &desc, &stream, expect)
            };
            cases.push(made.config(&config));
        }
    }
    cases
}

/// Compressed whole, then split; and what may not be compressed.
fn inner_compressions(rules: &Rules) -> Vec<Case> {
    let content = [0x61; 20];
    let mut cases = Vec::new();
    for (octet, name, data) in [
        (1, "zstd", Zstd::single(20, vec![Block::Rle(0x61, 20)]).octets()),
        (2, "lz4", Lz4::default().copy(b"a", 1, 14).end(b"aaaaa")),
        (3, "snappy", Snappy::of(20).literal(b"a").copy2(1, 19).0),
    ] {
        let inner = [&[0, 0, 0, 20][..], &data].concat();
        let message = Message { compression: octet, total: count(inner.len()), uncompressed: 20, ..Message::of(CUSTOM, 0) };
        let two = |message: &Message, inner: &[u8], at: usize| {
            let (left, right) = inner.split_at(at);
            Stream::default()
                .fragment(rules, message.first(left))
                .fragment(rules, message.later(count(at), right))
        };
        let base = format!("frg-{name}");
        for at in [1, 3, 4, 5, inner.len() - 1] {
            let stream = two(&message, &inner, at);
            let expect = vec![stream.whole(1, &message, &content)];
            let id = if at == 4 { base.clone() } else { format!("{base}-at-{at:02}") };
            let class = if at < 4 { "in-size" } else { "in-data" };
            cases.push(good(&id, &["EIM-FRG-002", "EIM-FRG-029"], (&format!("{name}.data"), class), "compressed whole, then split", &stream, expect));
        }
        let field = |field: &str| format!("{name}.{field}");
        for (class, uncompressed) in [("limit-1", 19), ("limit+1", 21), ("zero", 0), ("endian-swapped", 0x1400)] {
            let other = Message { uncompressed, ..message.clone() };
            let id = format!("{base}-uncompressed-{}", class.replace('+', "-plus-"));
            let stream = two(&other, &inner, 4);
            cases.push(bad(&id, &["EIM-FRG-017"], (&field("uncompressed"), class), "DECOMPRESSION_FAILED", &stream).near(&*base));
        }
        if name == "snappy" {
            let corrupt = [&inner[..inner.len() - 2], &[9, 0]].concat();
            let stream = two(&message, &corrupt, 4);
            cases.push(bad(&format!("{base}-corrupt"), &["EIM-CMP-018", "EIM-FRG-029"], (&field("data"), "corrupt"), "DECOMPRESSION_FAILED", &stream).near(&*base));
        }
        for (label, compressions) in [("none", vec![]), ("others", (1..=3).filter(|one| *one != octet).collect())] {
            let config = Config { compressions, ..Config::default() };
            let id = format!("{base}-not-negotiated-{label}");
            let stream = two(&message, &inner, 4);
            cases.push(bad(&id, &["EIM-FRG-015"], (&field("inner_compression"), "not-negotiated"), "UNKNOWN_COMPRESSION", &stream).config(&config).near(&*base));
        }
        let encrypted = Message { inner_type: ENCRYPTED, ..message.clone() };
        let stream = two(&encrypted, &inner, 4);
        cases.push(bad(&format!("{base}-encrypted"), &["EIM-FRG-015"], (&field("inner_type"), "not-allowed"), "UNKNOWN_COMPRESSION", &stream).near(&*base));
    }
    let plain = Message::of(CUSTOM, 6);
    let stream = |message: &Message| Stream::default().fragment(rules, message.first(b"2\x04abcd"));
    let base = stream(&plain);
    let expect = vec![base.whole(0, &plain, b"2\x04abcd")];
    cases.push(good("frg-plain", &["EIM-FRG-001"], ("inner_compression", "zero"), "not compressed", &base, expect));
    for (class, octet) in [("reserved", 4), ("unknown", 5), ("grease", 0x5a), ("grease", 0xa5), ("sign-bit", 0x80), ("max", 0xff)] {
        let other = Message { compression: octet, ..plain.clone() };
        let id = format!("frg-compression-{octet:02x}");
        cases.push(bad(&id, &["EIM-FRG-015"], ("inner_compression", class), "UNKNOWN_COMPRESSION", &stream(&other)).near("frg-plain"));
    }
    for (class, uncompressed) in [("zero", 0), ("limit-1", 5), ("limit+1", 7), ("max", u32::MAX)] {
        let other = Message { uncompressed, ..plain.clone() };
        let id = format!("frg-plain-uncompressed-{}", class.replace('+', "-plus-"));
        let made = bad(&id, &["EIM-FRG-016"], ("uncompressed", class), "MALFORMED_FRAGMENT", &stream(&other));
        cases.push(made.near("frg-plain"));
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
    let mut cases = vec![good("frg-offset", &["EIM-FRG-003"], ("offset", "typical"), "three fragments in order", &base, expect)];
    for (class, second) in [("limit-1", 3), ("limit+1", 5), ("next", 8), ("total", 12), ("above", 13), ("one", 1), ("endian-swapped", 0x0400_0000), ("sign-bit", 0x8000_0004), ("max", u32::MAX)] {
        let id = format!("frg-offset-second-{}", class.replace('+', "-plus-"));
        cases.push(bad(&id, &["EIM-FRG-011"], ("offset", class), "MALFORMED_FRAGMENT", &stream(second, 8)).near("frg-offset"));
    }
    for (class, third) in [("repeated", 4), ("gap", 9), ("overlap", 7), ("above", 100)] {
        let id = format!("frg-offset-third-{class}");
        let made = bad(&id, &["EIM-FRG-011"], ("offset", class), "MALFORMED_FRAGMENT", &stream(4, third));
        cases.push(made.near("frg-offset"));
    }
    for (class, total) in [("limit-1", 11), ("half", 6), ("one", 1), ("zero", 0)] {
        let other = Message { total, uncompressed: total, ..message.clone() };
        let stream = Stream::default()
            .fragment(rules, other.first(&content[..4]))
            .fragment(rules, other.later(4, &content[4..8]))
            .fragment(rules, other.later(8, &content[8..]));
        let id = format!("frg-total-{class}");
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
        let made = bad(&format!("frg-beyond-{extra}"), &["EIM-FRG-012"], ("data", class), "MALFORMED_FRAGMENT", &stream);
        cases.push(made.near("frg-offset"));
    }
    cases
}

/// Payloads that end too early for what they are.
fn layouts(rules: &Rules) -> Vec<Case> {
    let message = Message::of(CUSTOM, 2);
    let first = Wire::of(rules, FRAGMENT).payload(message.first(b"2\x00"));
    let octets = first.payload_octets();
    let raw = |payload: &[u8]| Stream { wires: vec![Wire::of(rules, FRAGMENT).with(payload)] };
    let base = raw(&octets);
    let expect = vec![base.whole(0, &message, b"2\x00")];
    let mut cases = vec![good("frg-layout", &["EIM-FRG-008"], ("payload", "typical"), "a first fragment, payload in one piece", &base, expect)];
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
        let made = bad(&format!("frg-layout-{cut:02}"), &["EIM-FRG-008"], ("payload", class), "MALFORMED_FRAGMENT", &stream);
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
    cases.push(good("frg-layout-later", &["EIM-FRG-008"], ("payload", "later"), "a later fragment of nine octets", &base, expect));
    for cut in 0..9 {
        let class = if cut < 8 { "later-truncated" } else { "later-without-data" };
        let stream = two(later.get(..cut).unwrap_or_default());
        let made = bad(&format!("frg-layout-later-{cut}"), &["EIM-FRG-008"], ("payload", class), "MALFORMED_FRAGMENT", &stream);
        cases.push(made.near("frg-layout-later"));
    }
    cases
}

/// Four messages at once, and a fifth.
fn numbers(rules: &Rules) -> Vec<Case> {
    let message = |id: u32| Message { id, ..Message::of(CUSTOM, 2) };
    let open = |count: u32| (0..count).fold(Stream::default(), |stream, id| stream.fragment(rules, message(id).first(b"2")));
    let close = |mut stream: Stream, order: &[u32]| {
        for id in order {
            stream = stream.fragment(rules, message(*id).later(1, b"\x00"));
        }
        stream
    };
    let whole = |stream: &Stream, places: std::ops::Range<usize>| -> Vec<Frame> {
        places.map(|place| stream.whole(place, &message(0), b"2\x00")).collect()
    };
    let mut cases = Vec::new();
    for (label, order) in [("forwards", [0, 1, 2, 3]), ("backwards", [3, 2, 1, 0]), ("mixed", [2, 0, 3, 1])] {
        let stream = close(open(4), &order);
        let expect = whole(&stream, 4..8);
        let id = format!("frg-four-{label}");
        cases.push(good(&id, &["EIM-FRG-025", "EIM-FRG-027", "EIM-LIM-001"], ("messages", label), "four messages at once", &stream, expect));
    }
    let five = bad("frg-five", &["EIM-FRG-025"], ("messages", "limit+1"), "TOO_MANY_FRAGMENTS", &open(5));
    cases.push(five.kind(Kind::Order));
    let again = close(open(4), &[0]).fragment(rules, message(9).first(b"2")).fragment(rules, message(9).later(1, b"\x00"));
    let expect = [whole(&again, 4..5), whole(&again, 6..7)].concat();
    cases.push(good("frg-five-later", &["EIM-FRG-025"], ("messages", "limit"), "a fifth message when one of four is whole", &again, expect));
    cases
}

/// CANCEL ends a message; its id is free again.
fn cancelled(rules: &Rules) -> Vec<Case> {
    let message = |id: u32| Message { id, ..Message::of(CUSTOM, 2) };
    let mut cases = Vec::new();
    for id in [0, 1, 7, u32::MAX] {
        let stream = Stream::default().fragment(rules, message(id).first(b"2")).cancel(rules, id);
        let expect = stream.plain(1);
        let name = format!("frg-cancel-{id:08x}");
        let class = if id == 0 { "zero" } else if id == u32::MAX { "max" } else { "typical" };
        cases.push(good(&name, &["EIM-FRG-033"], ("Cancel.fragment_id", class), "CANCEL is a frame, the message is none", &stream, expect));
        let wrong = Stream::default().fragment(rules, message(id).first(b"2")).cancel(rules, id ^ 2);
        cases.push(bad(&format!("{name}-other"), &["EIM-FRG-035"], ("Cancel.fragment_id", "unknown"), "MALFORMED_FRAGMENT", &wrong).near(&*name));
    }
    let again = Stream::default()
        .fragment(rules, message(7).first(b"2"))
        .cancel(rules, 7)
        .fragment(rules, message(7).first(b"2"))
        .fragment(rules, message(7).later(1, b"\x00"));
    let expect = [again.plain(1), vec![again.whole(3, &message(7), b"2\x00")]].concat();
    cases.push(good("frg-cancel-again", &["EIM-FRG-033", "EIM-FRG-004"], ("id", "again"), "an id is free after CANCEL", &again, expect));
    let open = Stream::default().fragment(rules, message(7).first(b"2")).cancel(rules, 7);
    let later = open.clone().fragment(rules, message(7).later(1, b"\x00"));
    let made = decode(Depth::Reassemble, later.parts(), rejected(later.plain(1), "MALFORMED_FRAGMENT", None));
    cases.push(case("frg-cancel-later".into(), &["EIM-FRG-010", "EIM-FRG-033"], ("id", "cancelled"), "a fragment after CANCEL".into(), made).kind(Kind::Order));
    let twice = open.cancel(rules, 7);
    let made = decode(Depth::Reassemble, twice.parts(), rejected(twice.plain(1), "MALFORMED_FRAGMENT", None));
    cases.push(case("frg-cancel-twice".into(), &["EIM-FRG-035"], ("Cancel.fragment_id", "cancelled"), "CANCEL twice".into(), made).kind(Kind::Order));
    let mut five = (0..4).fold(Stream::default(), |stream, id| stream.fragment(rules, message(id).first(b"2"))).cancel(rules, 2);
    five = five.fragment(rules, message(9).first(b"2")).fragment(rules, message(9).later(1, b"\x00"));
    let expect = [five.plain(4), vec![five.whole(6, &message(9), b"2\x00")]].concat();
    cases.push(good("frg-cancel-makes-room", &["EIM-FRG-033", "EIM-FRG-025"], ("messages", "cancelled"), "CANCEL makes room for another message", &five, expect));
    cases
}
