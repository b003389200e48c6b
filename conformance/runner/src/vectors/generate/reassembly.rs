//! Messages that fail without ending the connection: too large for their type, or for the room.

use super::draft::{Wire, case, decode, rejected};
use super::fragments::{Message, Stream, bad, count, good};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Frame, Kind, Role};

const CUSTOM: u8 = 0x27;
const ENCRYPTED: u8 = 0x28;
/// Octets of data in a fragment of these cases.
const PIECE: u32 = 40_000;

/// A message of zeros, after what is there already.
fn sent(rules: &Rules, mut stream: Stream, message: &Message) -> Stream {
    let mut offset = 0;
    while offset < message.total {
        let size = PIECE.min(message.total - offset);
        let data = vec![0; size as usize];
        let payload = if offset == 0 {
            message.first(&data)
        } else {
            message.later(offset, &data)
        };
        stream = stream.fragment(rules, payload);
        offset += size;
    }
    stream
}

/// The frame of a message of zeros that has just become whole.
fn last(stream: &Stream, message: &Message) -> Frame {
    stream.whole(
        stream.wires.len() - 1,
        message,
        &vec![0; message.total as usize],
    )
}

/// All cases.
pub(super) fn cases(rules: &Rules) -> Vec<Case> {
    let mut cases = caps(rules);
    cases.extend(room(rules));
    cases.extend(failed(rules));
    cases
}

/// Messages as large as their type allows, and larger by one octet.
fn caps(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (role, value) in [
        (Role::Server, 0x20),
        (Role::Client, 0x20),
        (Role::Server, 0x21),
        (Role::Server, 0x25),
        (Role::Client, 0x29),
        (Role::Client, 0x48),
        (Role::Server, CUSTOM),
    ] {
        let config = Config {
            role,
            ..Config::default()
        };
        let Some(row) = rules.active().find(|row| row.value == value) else {
            continue;
        };
        let cap = u32::try_from(row.max_octets).unwrap_or(0);
        let side = if role == Role::Server {
            "server"
        } else {
            "client"
        };
        let ping = Wire::of(rules, 0x08);
        for (class, total) in [("limit", cap), ("limit+1", cap + 1)] {
            let message = Message::of(value, total);
            let stream = sent(rules, Stream::default(), &message);
            let whole = last(&stream, &message);
            let stream = stream.frame(ping.clone());
            let mut expect = stream.plain(stream.wires.len() - 1);
            if class == "limit" {
                expect.insert(0, whole);
            }
            let id = format!(
                "frg-cap-{value:02x}-{side}-{}",
                class.replace('+', "-plus-")
            );
            let over = if role == Role::Server {
                "EIM-FRG-020"
            } else {
                "EIM-FRG-022"
            };
            let req = if class == "limit" {
                ["EIM-LIM-001", "EIM-FRG-029"]
            } else {
                [over, "EIM-FRG-023"]
            };
            let desc = format!(
                "{} of {total} octets in fragments; the cap is {cap}",
                row.name
            );
            let field = format!("{}.total", row.name);
            cases.push(good(&id, &req, (&field, class), &desc, &stream, expect).config(&config));
        }
        // Small on the wire, and too large when decompressed.
        if row.compression {
            let message = Message {
                compression: 2,
                total: 14,
                uncompressed: cap + 1,
                ..Message::of(value, 0)
            };
            let stream = Stream::default()
                .fragment(rules, message.first(&[0; 14]))
                .frame(ping);
            let expect = stream.plain(1);
            let id = format!("frg-cap-{value:02x}-{side}-uncompressed");
            let over = if role == Role::Server {
                "EIM-FRG-020"
            } else {
                "EIM-FRG-022"
            };
            let desc = format!("{} of {} octets after decompression", row.name, cap + 1);
            let field = format!("{}.uncompressed", row.name);
            cases.push(
                good(&id, &[over], (&field, "limit+1"), &desc, &stream, expect).config(&config),
            );
        }
    }
    cases
}

/// Two of the largest messages are open; what is left is exactly known.
fn room(rules: &Rules) -> Vec<Case> {
    let large = rules
        .active()
        .find(|row| row.value == ENCRYPTED)
        .map_or(0, |row| row.max_octets);
    let large = u32::try_from(large).unwrap_or(0);
    let open = |id| Message {
        id,
        ..Message::of(ENCRYPTED, large)
    };
    let rest = rules.limit("reassembly_octets") - 2 * large;
    let both = Stream::default()
        .fragment(rules, open(1).first(&[0]))
        .fragment(rules, open(2).first(&[0]));
    let mut cases = Vec::new();
    for (class, total) in [("limit", rest), ("limit+1", rest + 1)] {
        let message = Message {
            id: 3,
            ..Message::of(CUSTOM, total)
        };
        let stream = sent(rules, both.clone(), &message);
        let fits = class == "limit";
        let expect = if fits {
            vec![last(&stream, &message)]
        } else {
            Vec::new()
        };
        let req = if fits {
            ["EIM-LIM-001", "EIM-FRG-029"]
        } else {
            ["EIM-FRG-021", "EIM-FRG-023"]
        };
        let id = format!("frg-room-{}", class.replace('+', "-plus-"));
        let desc = format!("a third message of {total} octets where there is room for {rest}");
        cases.push(good(
            &id,
            &req,
            ("reassembly", class),
            &desc,
            &stream,
            expect,
        ));
    }
    let message = Message {
        id: 3,
        ..Message::of(CUSTOM, rest + 1)
    };
    let freed = sent(rules, both.cancel(rules, 1), &message);
    let expect = [freed.plain(2), vec![last(&freed, &message)]].concat();
    cases.push(good(
        "frg-room-cancelled",
        &["EIM-FRG-033"],
        ("reassembly", "cancelled"),
        "CANCEL gives back the room",
        &freed,
        expect,
    ));
    cases
}

/// A message that failed stays open until its last fragment, and is checked as any other.
fn failed(rules: &Rules) -> Vec<Case> {
    let too_large = |id| Message {
        id,
        ..Message::of(0x25, 8_193)
    };
    let open = Stream::default().fragment(rules, too_large(7).first(&[0; 4]));
    let good_id = "frg-failed-goes-on";
    let next = open.clone().fragment(rules, too_large(7).later(4, &[1; 4]));
    let mut cases = vec![good(
        good_id,
        &["EIM-FRG-023"],
        ("offset", "failed"),
        "later fragments of a failed message are taken",
        &next,
        Vec::new(),
    )];
    for (class, offset) in [("limit-1", 3), ("limit+1", 5), ("above", 9_000)] {
        let stream = open
            .clone()
            .fragment(rules, too_large(7).later(offset, &[1; 4]));
        let id = format!("frg-failed-offset-{}", class.replace('+', "-plus-"));
        let made = bad(
            &id,
            &["EIM-FRG-011", "EIM-FRG-023"],
            ("offset", class),
            "MALFORMED_FRAGMENT",
            &stream,
        );
        cases.push(made.near(good_id));
    }
    let again = open.clone().fragment(rules, too_large(7).first(&[0; 4]));
    cases.push(
        bad(
            "frg-failed-again",
            &["EIM-FRG-009", "EIM-FRG-023"],
            ("id", "failed"),
            "MALFORMED_FRAGMENT",
            &again,
        )
        .kind(Kind::Order),
    );
    let cancelled = open.cancel(rules, 7);
    let expect = cancelled.plain(1);
    cases.push(good(
        "frg-failed-cancelled",
        &["EIM-FRG-033", "EIM-FRG-023"],
        ("Cancel.fragment_id", "failed"),
        "a failed message can be cancelled",
        &cancelled,
        expect,
    ));
    let four = (0..4).fold(Stream::default(), |stream, id| {
        stream.fragment(rules, too_large(id).first(&[0]))
    });
    let five = four.fragment(rules, too_large(4).first(&[0]));
    let req = ["EIM-FRG-025"];
    let made = decode(
        Depth::Reassemble,
        five.parts(),
        rejected(Vec::new(), "TOO_MANY_FRAGMENTS", None),
    );
    cases.push(
        case(
            "frg-failed-five".into(),
            &req,
            ("messages", "failed"),
            "failed messages count".into(),
            made,
        )
        .kind(Kind::Order),
    );
    let whole = sent(rules, Stream::default(), &too_large(7));
    let small = Message {
        id: 7,
        ..Message::of(0x25, 2)
    };
    let stream = whole.fragment(rules, small.first(&[0x32, 0]));
    let expect = vec![stream.whole(count(stream.wires.len()) as usize - 1, &small, &[0x32, 0])];
    cases.push(good(
        "frg-failed-ended",
        &["EIM-FRG-023", "EIM-FRG-009"],
        ("id", "again"),
        "the id is free when the failed message has ended",
        &stream,
        expect,
    ));
    cases
}
