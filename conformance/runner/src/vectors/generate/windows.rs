//! Credit: by frames and by octets, exactly and beyond; WINDOW; frames that need none.

use super::credit;
use super::draft::Wire;
use super::rules::Rules;
use super::stories::{PING, PLENTY, TEXT, Tale, text};
use crate::vectors::model::{Case, Kind};

/// All stories about credit.
pub(super) fn cases(rules: &Rules) -> Vec<Case> {
    let mut cases = granted(rules);
    cases.extend(octets(rules));
    cases.extend(unnumbered(rules));
    cases.extend(credit::blocked(rules));
    cases.extend(credit::reduced(rules));
    cases.extend(orders(rules));
    cases.extend(pieces(rules));
    cases
}

/// Credit in frames, exactly and one less.
fn granted(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, before, count) in [
        ("one", 0, 1),
        ("three", 0, 3),
        ("ten", 0, 10),
        ("later", 100, 4),
        ("wrap", (1 << 32) - 3, 4),
        ("above-53-bits", (1 << 53) - 2, 3),
    ] {
        let frames: Vec<_> = (1..=count).map(|n| text(rules, before + n, &[1])).collect();
        let id = format!("flw-frames-{class}");
        let base = |limit| Tale::new(rules).received(before, 0).grant(limit, PLENTY);
        let tale = base(before + count).take(&frames);
        let desc = format!("{count} frames, as many as were granted");
        let req = ["EIM-WIN-003", "EIM-WIN-001", "EIM-LIM-001"];
        let field = format!("frames.{class}");
        cases.push(tale.case(&id, &req, (&field, "limit"), &desc));
        if let Some(((last, _), taken)) = frames.split_last() {
            let tale = base(before + count - 1).refuse(taken, last, "CREDIT_EXCEEDED");
            let desc = format!("{count} frames, one more than were granted");
            cases.push(
                tale.case(
                    &format!("{id}-exceeded"),
                    &["EIM-WIN-003"],
                    (&field, "limit+1"),
                    &desc,
                )
                .near(id),
            );
        }
    }
    let tale = |granted: u64| {
        let tale = Tale::new(rules).grant(granted, PLENTY);
        tale.take(&[(Wire::of(rules, PING), 0)])
    };
    let first = text(rules, 1, &[1]);
    let desc = "credit for one frame, then none";
    cases.push(tale(1).take(std::slice::from_ref(&first)).case(
        "flw-first",
        &["EIM-WIN-003"],
        ("frames", "one"),
        desc,
    ));
    let none = tale(0).refuse(&[], &first.0, "CREDIT_EXCEEDED");
    cases.push(
        none.case("flw-first-none", &["EIM-WIN-003"], ("frames", "zero"), desc)
            .near("flw-first"),
    );
    let never = Tale::new(rules).refuse(&[], &first.0, "CREDIT_EXCEEDED");
    cases.push(
        never
            .case(
                "flw-first-never",
                &["EIM-WIN-003"],
                ("frames", "missing"),
                "before any credit was granted",
            )
            .kind(Kind::Order),
    );
    let more = Tale::new(rules)
        .grant(1, PLENTY)
        .take(std::slice::from_ref(&first))
        .grant(2, PLENTY)
        .take(&[text(rules, 2, &[1])])
        .grant(2, PLENTY)
        .refuse(&[], &text(rules, 3, &[1]).0, "CREDIT_EXCEEDED");
    cases.push(
        more.case(
            "flw-frames-renewed",
            &["EIM-WIN-003", "EIM-WIN-011"],
            ("frames", "renewed"),
            "credit is renewed, repeated, and used up",
        )
        .kind(Kind::Order),
    );
    cases
}

/// Credit in octets: eleven for each header.
fn octets(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, before, sizes) in [
        ("empty", 0, &[0_usize][..]),
        ("one", 0, &[1]),
        ("several", 0, &[0, 1, 10, 100]),
        ("large", 0, &[40_000, 40_960]),
        ("later", 5_000, &[7, 7]),
        ("above-32-bits", (1 << 32) - 20, &[0, 0, 9]),
        ("above-53-bits", (1 << 53) - 5, &[3, 4]),
    ] {
        let frames: Vec<_> = (1..)
            .zip(sizes)
            .map(|(n, size)| text(rules, n, &vec![0x20; *size]))
            .collect();
        let total: u64 = before + sizes.iter().map(|size| 11 + *size as u64).sum::<u64>();
        let id = format!("flw-octets-{class}");
        let base = |limit| Tale::new(rules).received(0, before).grant(1_000, limit);
        let field = format!("octets.{class}");
        let desc = format!("frames of {} octets, all that was granted", total - before);
        let req = ["EIM-WIN-002", "EIM-WIN-003", "EIM-LIM-001"];
        cases.push(
            base(total)
                .take(&frames)
                .case(&id, &req, (&field, "limit"), &desc),
        );
        for (fault, less) in [("limit+1", 1), ("header", 11)] {
            let Some(((last, _), taken)) = frames.split_last() else {
                continue;
            };
            let tale = base(total - less).refuse(taken, last, "CREDIT_EXCEEDED");
            let name = format!("{id}-less-{less}");
            let desc = format!("{less} octets less were granted");
            cases.push(
                tale.case(
                    &name,
                    &["EIM-WIN-003", "EIM-WIN-002"],
                    (&field, fault),
                    &desc,
                )
                .near(&*id),
            );
        }
    }
    let compressed = Wire::of(rules, TEXT)
        .compression(3)
        .with(&[0, 0, 0, 20, 0x14, 0, 0x61, 0x4a, 1, 0]);
    let tale = |limit| Tale::new(rules).grant(9, limit);
    let desc = "what counts is the payload on the wire: ten octets, not twenty";
    let good = tale(21).take(&[(compressed.clone(), 1)]);
    cases.push(good.case(
        "flw-octets-compressed",
        &["EIM-WIN-002"],
        ("octets.compressed", "limit"),
        desc,
    ));
    let bad = tale(20).refuse(&[], &compressed, "CREDIT_EXCEEDED");
    cases.push(
        bad.case(
            "flw-octets-compressed-less",
            &["EIM-WIN-002", "EIM-WIN-003"],
            ("octets.compressed", "limit+1"),
            desc,
        )
        .near("flw-octets-compressed"),
    );
    cases
}

/// Unknown types use credit, frames without a number do not.
fn unnumbered(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for value in [0x2a, 0x3f, 0x40, 0x42, 0x4f] {
        let unknown = Wire::of(rules, value).with(&[9, 9]).sequence(1);
        let tale = |frames| {
            Tale::new(rules)
                .grant(frames, PLENTY)
                .take(&[(unknown.clone(), 1)])
        };
        let id = format!("flw-unknown-{value:02x}");
        let desc = format!("unknown type 0x{value:02x} uses a number and credit");
        let req = ["EIM-SEQ-006", "EIM-WIN-003"];
        let field = format!("0x{value:02x}.credit");
        let second = text(rules, 2, &[]);
        cases.push(tale(2).take(std::slice::from_ref(&second)).case(
            &id,
            &req,
            (&field, "limit"),
            &desc,
        ));
        let bad = tale(1).refuse(&[], &second.0, "CREDIT_EXCEEDED");
        cases.push(
            bad.case(&format!("{id}-exceeded"), &req, (&field, "limit+1"), &desc)
                .near(id),
        );
    }
    for value in [0x06, PING, 0x09, 0x0a, 0x0c, 0x60, 0xe5] {
        let free = Wire::of(rules, value).with(&[8, 1]);
        let tale = Tale::new(rules).grant(1, 12).take(&[
            (free.clone(), 0),
            (free.clone(), 0),
            text(rules, 1, &[1]),
            (free, 0),
        ]);
        let desc = format!("type 0x{value:02x} costs nothing");
        let field = format!("0x{value:02x}.credit");
        cases.push(tale.case(
            &format!("flw-free-{value:02x}"),
            &["EIM-SEQ-005", "EIM-WIN-002"],
            (&field, "free"),
            &desc,
        ));
    }
    cases
}

/// Sequence before credit, and the first fault of a stream.
fn orders(rules: &Rules) -> Vec<Case> {
    let base = || {
        Tale::new(rules)
            .grant(1, PLENTY)
            .take(&[text(rules, 1, &[1])])
    };
    let mut cases = Vec::new();
    let wrong = Wire::of(rules, TEXT).sequence(3);
    let order = base().refuse(&[], &wrong, "BAD_SEQUENCE");
    cases.push(
        order
            .case(
                "flw-order-sequence-credit",
                &["EIM-FRM-026", "EIM-SEQ-004"],
                ("sequence", "before-credit"),
                "wrong number, beyond the credit",
            )
            .kind(Kind::Order),
    );
    let direction = Wire::of(rules, 0x29).sequence(3);
    let order = base().refuse(&[], &direction, "UNEXPECTED_FRAME");
    cases.push(
        order
            .case(
                "flw-order-direction-sequence-credit",
                &["EIM-FRM-026", "EIM-FRM-027"],
                ("direction", "before-sequence-credit"),
                "wrong direction, wrong number, beyond the credit",
            )
            .kind(Kind::Order),
    );
    let long = Wire::of(rules, TEXT).sequence(3).length(u32::MAX);
    let order = base().refuse(&[], &long, "PAYLOAD_TOO_LARGE");
    cases.push(
        order
            .case(
                "flw-order-length-sequence",
                &["EIM-FRM-026", "EIM-FRM-013"],
                ("length", "before-sequence-credit"),
                "too long, wrong number, beyond the credit",
            )
            .kind(Kind::Order),
    );
    let last = Tale::new(rules)
        .grant(2, PLENTY)
        .refuse(
            &[text(rules, 1, &[1]), text(rules, 2, &[2])],
            &text(rules, 3, &[3]).0,
            "CREDIT_EXCEEDED",
        )
        .over();
    cases.push(
        last.case(
            "flw-order-stream",
            &["EIM-WIN-003", "EIM-FRM-030"],
            ("frames", "later"),
            "three frames in one read, the third is beyond the credit",
        )
        .kind(Kind::Order),
    );
    cases
}

/// Frames that arrive in pieces keep their number and their credit.
fn pieces(rules: &Rules) -> Vec<Case> {
    let first = text(rules, 1, &[1, 2, 3]);
    let octets = first.0.octets();
    let mut cases = Vec::new();
    for cut in [1, 6, 10, 11, 12] {
        let (left, right) = octets.split_at(cut);
        let missing = if cut < 11 {
            11 - cut
        } else {
            octets.len() - cut
        };
        let tale = Tale::new(rules)
            .grant(2, 25)
            .partial(left, u32::try_from(missing).unwrap_or(0))
            .send(PING, &[], 0)
            .rest(right, &first)
            .take(&[text(rules, 2, &[])]);
        let class = if cut < 11 { "in-header" } else { "in-payload" };
        let name = format!("flw-pieces-{cut:02}");
        cases.push(tale.case(
            &name,
            &["EIM-FRM-004", "EIM-SEQ-004"],
            ("frames", class),
            "a frame in two reads",
        ));
    }
    cases
}
