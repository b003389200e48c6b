//! Several fragmented messages at once, and CANCEL.

use super::draft::{case, decode, rejected};
use super::fragments::{CUSTOM, Message, Stream, bad, good};
use super::rules::Rules;
use crate::vectors::model::{Case, Depth, Frame, Kind};

/// Four messages at once, and a fifth.
pub(super) fn numbers(rules: &Rules) -> Vec<Case> {
    let message = |id: u32| Message {
        id,
        ..Message::of(CUSTOM, 2)
    };
    let open = |count: u32| {
        (0..count).fold(Stream::default(), |stream, id| {
            stream.fragment(rules, message(id).first(b"2"))
        })
    };
    let close = |mut stream: Stream, order: &[u32]| {
        for id in order {
            stream = stream.fragment(rules, message(*id).later(1, b"\x00"));
        }
        stream
    };
    let whole = |stream: &Stream, places: std::ops::Range<usize>| -> Vec<Frame> {
        places
            .map(|place| stream.whole(place, &message(0), b"2\x00"))
            .collect()
    };
    let mut cases = Vec::new();
    for (label, order) in [
        ("forwards", [0, 1, 2, 3]),
        ("backwards", [3, 2, 1, 0]),
        ("mixed", [2, 0, 3, 1]),
    ] {
        let stream = close(open(4), &order);
        let expect = whole(&stream, 4..8);
        let id = format!("frg-four-{label}");
        cases.push(good(
            &id,
            &["EIM-FRG-025", "EIM-FRG-027", "EIM-LIM-001"],
            ("messages", label),
            "four messages at once",
            &stream,
            expect,
        ));
    }
    let five = bad(
        "frg-five",
        &["EIM-FRG-025"],
        ("messages", "limit+1"),
        "TOO_MANY_FRAGMENTS",
        &open(5),
    );
    cases.push(five.kind(Kind::Order));
    let again = close(open(4), &[0])
        .fragment(rules, message(9).first(b"2"))
        .fragment(rules, message(9).later(1, b"\x00"));
    let expect = [whole(&again, 4..5), whole(&again, 6..7)].concat();
    cases.push(good(
        "frg-five-later",
        &["EIM-FRG-025"],
        ("messages", "limit"),
        "a fifth message when one of four is whole",
        &again,
        expect,
    ));
    cases
}

/// CANCEL ends a message; its id is free again.
pub(super) fn cancelled(rules: &Rules) -> Vec<Case> {
    let message = |id: u32| Message {
        id,
        ..Message::of(CUSTOM, 2)
    };
    let mut cases = Vec::new();
    for id in [0, 1, 7, u32::MAX] {
        let stream = Stream::default()
            .fragment(rules, message(id).first(b"2"))
            .cancel(rules, id);
        let expect = stream.plain(1);
        let name = format!("frg-cancel-{id:08x}");
        let class = if id == 0 {
            "zero"
        } else if id == u32::MAX {
            "max"
        } else {
            "typical"
        };
        cases.push(good(
            &name,
            &["EIM-FRG-033"],
            ("Cancel.fragment_id", class),
            "CANCEL is a frame, the message is none",
            &stream,
            expect,
        ));
        let wrong = Stream::default()
            .fragment(rules, message(id).first(b"2"))
            .cancel(rules, id ^ 2);
        cases.push(
            bad(
                &format!("{name}-other"),
                &["EIM-FRG-035"],
                ("Cancel.fragment_id", "unknown"),
                "MALFORMED_FRAGMENT",
                &wrong,
            )
            .near(&*name),
        );
    }
    let again = Stream::default()
        .fragment(rules, message(7).first(b"2"))
        .cancel(rules, 7)
        .fragment(rules, message(7).first(b"2"))
        .fragment(rules, message(7).later(1, b"\x00"));
    let expect = [again.plain(1), vec![again.whole(3, &message(7), b"2\x00")]].concat();
    cases.push(good(
        "frg-cancel-again",
        &["EIM-FRG-033", "EIM-FRG-004"],
        ("id", "again"),
        "an id is free after CANCEL",
        &again,
        expect,
    ));
    let open = Stream::default()
        .fragment(rules, message(7).first(b"2"))
        .cancel(rules, 7);
    let later = open.clone().fragment(rules, message(7).later(1, b"\x00"));
    let made = decode(
        Depth::Reassemble,
        later.parts(),
        rejected(later.plain(1), "MALFORMED_FRAGMENT", None),
    );
    cases.push(
        case(
            "frg-cancel-later".into(),
            &["EIM-FRG-010", "EIM-FRG-033"],
            ("id", "cancelled"),
            "a fragment after CANCEL".into(),
            made,
        )
        .kind(Kind::Order),
    );
    let twice = open.cancel(rules, 7);
    let made = decode(
        Depth::Reassemble,
        twice.parts(),
        rejected(twice.plain(1), "MALFORMED_FRAGMENT", None),
    );
    cases.push(
        case(
            "frg-cancel-twice".into(),
            &["EIM-FRG-035"],
            ("Cancel.fragment_id", "cancelled"),
            "CANCEL twice".into(),
            made,
        )
        .kind(Kind::Order),
    );
    let mut five = (0..4)
        .fold(Stream::default(), |stream, id| {
            stream.fragment(rules, message(id).first(b"2"))
        })
        .cancel(rules, 2);
    five = five
        .fragment(rules, message(9).first(b"2"))
        .fragment(rules, message(9).later(1, b"\x00"));
    let expect = [five.plain(4), vec![five.whole(6, &message(9), b"2\x00")]].concat();
    cases.push(good(
        "frg-cancel-makes-room",
        &["EIM-FRG-033", "EIM-FRG-025"],
        ("messages", "cancelled"),
        "CANCEL makes room for another message",
        &five,
        expect,
    ));
    cases
}
