//! What we may send ourselves, and WINDOW of the peer.

use super::draft::Wire;
use super::rules::Rules;
use super::stories::{PING, PLENTY, TEXT, Tale};
use crate::vectors::model::{Case, Kind};

/// What we may send ourselves.
pub(super) fn blocked(rules: &Rules) -> Vec<Case> {
    let tale = || Tale::new(rules);
    let req = ["EIM-WIN-001", "EIM-SEQ-001"];
    let mut cases = vec![
        tale().blocked(TEXT, &[1]).send(PING, &[8, 1], 0).case(
            "flw-send-none",
            &["EIM-WIN-001", "EIM-WIN-020"],
            ("credit", "missing"),
            "before any credit",
        ),
        tale()
            .credit(0, 2, PLENTY)
            .send(TEXT, &[1], 1)
            .send(TEXT, &[2], 2)
            .blocked(TEXT, &[3])
            .case(
                "flw-send-frames",
                &req,
                ("credit.frames", "limit"),
                "as many frames as there is credit for",
            ),
        tale()
            .credit(0, 1, PLENTY)
            .send(TEXT, &[1], 1)
            .blocked(TEXT, &[2])
            .credit(1, 2, PLENTY)
            .send(TEXT, &[3], 2)
            .case(
                "flw-send-renewed",
                &req,
                ("credit.frames", "renewed"),
                "a blocked frame leaves no gap",
            ),
        tale()
            .credit(0, 9, 24)
            .send(TEXT, &[1], 1)
            .blocked(TEXT, &[1, 2])
            .send(TEXT, &[3], 2)
            .blocked(TEXT, &[])
            .case(
                "flw-send-octets",
                &["EIM-WIN-001", "EIM-WIN-002"],
                ("credit.octets", "limit"),
                "a smaller frame still fits",
            ),
        tale()
            .credit(0, 9, 10)
            .blocked(TEXT, &[])
            .credit(0, 9, 11)
            .send(TEXT, &[], 1)
            .case(
                "flw-send-header",
                &["EIM-WIN-002", "EIM-WIN-001"],
                ("credit.octets", "header"),
                "a header alone costs eleven",
            ),
        tale()
            .credit(0, 0, 0)
            .blocked(TEXT, &[])
            .credit(0, 1, 0)
            .blocked(TEXT, &[])
            .credit(0, 1, 11)
            .send(TEXT, &[], 1)
            .case(
                "flw-send-both",
                &["EIM-WIN-001"],
                ("credit", "both"),
                "frames and octets are both needed",
            ),
        tale()
            .credit(0, 1, PLENTY)
            .send(0x27, &[1], 1)
            .blocked(0x28, &[1])
            .blocked(0x11, &[8, 1])
            .send(0x0a, &[8, 1], 0)
            .send(0xe5, &[], 0)
            .case(
                "flw-send-kinds",
                &["EIM-WIN-001", "EIM-WIN-020"],
                ("credit", "kinds"),
                "what is sequenced needs credit, what is not does not",
            )
            .kind(Kind::Valid),
        tale()
            .client()
            .credit(0, 1, PLENTY)
            .send(TEXT, &[1], 1)
            .blocked(TEXT, &[2])
            .case(
                "flw-send-client",
                &req,
                ("credit.frames", "limit"),
                "a client is bound in the same way",
            ),
    ];
    for (class, sent, octets) in [
        ("above-32-bits", 1 << 33, 1 << 34),
        ("above-53-bits", (1 << 53) + 1, (1 << 53) + 1),
        ("max-63-bits", (1 << 63) - 1, (1 << 63) - 12),
    ] {
        let base = tale().sent(sent, octets);
        let exact = base
            .clone()
            .credit(sent, sent + 1, octets + 11)
            .send(TEXT, &[], sent + 1)
            .blocked(TEXT, &[]);
        let id = format!("flw-send-exact-{class}");
        cases.push(exact.case(
            &id,
            &["EIM-WIN-001", "EIM-WIN-021"],
            ("credit.octets", class),
            "credit to the octet, in 64 bits",
        ));
        let less = base
            .credit(sent, sent + 1, octets + 10)
            .blocked(TEXT, &[])
            .credit(sent, sent + 1, octets + 11)
            .send(TEXT, &[], sent + 1);
        cases.push(less.case(
            &format!("{id}-less"),
            &["EIM-WIN-001", "EIM-WIN-021"],
            ("credit.octets", class),
            "one octet less is not enough",
        ));
    }
    cases
}

/// WINDOW of the peer: nothing may fall, nothing may be about frames that were never sent.
pub(super) fn reduced(rules: &Rules) -> Vec<Case> {
    let base = || {
        Tale::new(rules)
            .credit(0, 10, 1_000)
            .send(TEXT, &[1], 1)
            .send(TEXT, &[2], 2)
            .send(TEXT, &[3], 3)
            .credit(2, 20, 2_000)
    };
    let mut cases = Vec::new();
    for (class, through, frames, octets) in [
        ("equal", 2, 20, 2_000),
        ("through-raised", 3, 20, 2_000),
        ("frames-raised", 2, 21, 2_000),
        ("octets-raised", 2, 20, 2_001),
        ("all-raised", 3, 99, 9_999),
        ("max", 3, u64::MAX, u64::MAX),
    ] {
        let tale = base().credit(through, frames, octets).send(TEXT, &[4], 4);
        let id = format!("flw-window-{class}");
        cases.push(tale.case(
            &id,
            &["EIM-WIN-011", "EIM-WIN-009"],
            ("window", class),
            "a later WINDOW",
        ));
    }
    for (field, class, through, frames, octets, id) in [
        ("received_through", "limit-1", 1, 20, 2_000, "EIM-WIN-009"),
        ("received_through", "zero", 0, 20, 2_000, "EIM-WIN-009"),
        ("received_through", "limit+1", 4, 20, 2_000, "EIM-WIN-010"),
        (
            "received_through",
            "max",
            u64::MAX,
            20,
            2_000,
            "EIM-WIN-010",
        ),
        (
            "received_through",
            "above-32-bits",
            (1 << 32) + 2,
            20,
            2_000,
            "EIM-WIN-010",
        ),
        ("frames", "limit-1", 2, 19, 2_000, "EIM-WIN-009"),
        ("frames", "first", 2, 10, 2_000, "EIM-WIN-009"),
        ("frames", "zero", 2, 0, 2_000, "EIM-WIN-009"),
        ("octets", "limit-1", 2, 20, 1_999, "EIM-WIN-009"),
        ("octets", "first", 2, 20, 1_000, "EIM-WIN-009"),
        ("octets", "zero", 2, 20, 0, "EIM-WIN-009"),
    ] {
        let tale = base()
            .credit_refused(through, frames, octets)
            .ended(&Wire::of(rules, PING));
        let near = base()
            .credit(2, 20, 2_000)
            .take(&[(Wire::of(rules, PING), 0)]);
        let name = format!(
            "flw-window-{}-{}",
            field.replace('_', "-"),
            class.replace('+', "-plus-")
        );
        if cases
            .iter()
            .all(|case: &Case| case.id != "flw-window-then-ping")
        {
            cases.push(near.case(
                "flw-window-then-ping",
                &["EIM-WIN-011"],
                ("window", "equal"),
                "the same WINDOW again, then a frame",
            ));
        }
        let about = format!("window.{field}");
        cases.push(
            tale.case(
                &name,
                &[id],
                (&about, class),
                "a WINDOW that takes back, or speaks of frames never sent",
            )
            .near("flw-window-then-ping"),
        );
    }
    let first = Tale::new(rules).sent(3, 36).credit_refused(4, 10, 1_000);
    let near = Tale::new(rules).sent(3, 36).credit(3, 10, 1_000);
    cases.push(near.case(
        "flw-window-first",
        &["EIM-WIN-010"],
        ("window.received_through", "limit"),
        "all that was sent was received",
    ));
    cases.push(
        first
            .case(
                "flw-window-first-beyond",
                &["EIM-WIN-010"],
                ("window.received_through", "limit+1"),
                "one more than was sent",
            )
            .near("flw-window-first"),
    );
    let low = Tale::new(rules)
        .credit(0, 10, 1_000)
        .send(TEXT, &[1], 1)
        .credit_refused(1, 9, 1_001);
    cases.push(
        low.case(
            "flw-window-mixed",
            &["EIM-WIN-009"],
            ("window", "mixed"),
            "two fields rise, one falls",
        )
        .kind(Kind::Order),
    );
    cases
}
