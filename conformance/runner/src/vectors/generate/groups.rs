//! Groups: never used, always skipped, matched, and not too deep.

use super::draft::{Wire, case, decode, rejected};
use super::payloads::{PING, UNKNOWN, bad, every_wire_type, good};
use super::protobuf::{END, GROUP, LEN, long_varint, number, octets, tag};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Role};

/// Groups: never used, always skipped, and matched.
pub(super) fn groups(rules: &Rules) -> Vec<Case> {
    let (open, end) = (|field| tag(field, GROUP), |field| tag(field, END));
    let token = number(1, 5);
    let mut cases = Vec::new();
    for (class, group) in [
        ("empty", [open(9), end(9)].concat()),
        (
            "with-known-number",
            [open(9), number(1, 77), end(9)].concat(),
        ),
        ("with-all", [open(9), every_wire_type(), end(9)].concat()),
        ("nested", [open(9), open(10), end(10), end(9)].concat()),
        ("nested-same", [open(9), open(9), end(9), end(9)].concat()),
        ("twice", [open(9), end(9), open(9), end(9)].concat()),
        ("max", [open(536_870_911), end(536_870_911)].concat()),
        (
            "overlong-end",
            [open(9), long_varint(9 << 3 | 4, 4)].concat(),
        ),
    ] {
        let payload = [group, token.clone()].concat();
        let name = format!("pay-group-{class}");
        cases.push(good(
            rules,
            &name,
            &["EIM-EXT-001", "EIM-CNV-005"],
            ("group", class),
            (PING, &payload, &token),
        ));
    }
    for (class, payload) in [
        ("open", open(9)),
        ("open-behind-field", [token.clone(), open(9)].concat()),
        ("open-inside", [open(9), open(10), end(10)].concat()),
        ("crossed", [open(9), open(10), end(9), end(10)].concat()),
        ("other-end", [open(9), end(10)].concat()),
        ("end-alone", end(9)),
        ("end-twice", [open(9), end(9), end(9)].concat()),
        ("end-known", end(1)),
        ("end-behind-field", [token, end(9)].concat()),
        ("end-in-octets", [open(9), octets(10, &end(9))].concat()),
        (
            "fault-inside",
            [open(9), tag(0, 0), vec![0], end(9)].concat(),
        ),
        ("wire-type-inside", [open(9), tag(3, 7), end(9)].concat()),
        (
            "truncated-inside",
            [open(9), tag(3, LEN), vec![200], end(9)].concat(),
        ),
    ] {
        cases.push(bad(
            rules,
            &format!("pay-group-bad-{class}"),
            "EIM-CNV-005",
            ("group", class),
            &payload,
        ));
    }
    cases
}

/// Groups and messages a hundred deep, and one more.
pub(super) fn depths(rules: &Rules) -> Vec<Case> {
    let nested = |depth: usize| {
        [
            tag(UNKNOWN, GROUP).repeat(depth),
            tag(UNKNOWN, END).repeat(depth),
        ]
        .concat()
    };
    let server = Config::default();
    let client = Config {
        role: Role::Client,
        ..Config::default()
    };
    let mut cases = Vec::new();
    // (label, type, receiver, numbers of the messages around)
    for (label, value, config, around) in [
        ("ping", PING, &server, &[][..]),
        ("error-info", 0x06, &server, &[1][..]),
        ("ack-result-error", 0x0b, &client, &[2, 5][..]),
        ("response-sync-entry", 0x61, &client, &[17, 2, 2][..]),
    ] {
        let wrap = |inside: Vec<u8>| {
            around
                .iter()
                .rev()
                .fold(inside, |inner, number| octets(*number, &inner))
        };
        let left = 100 - around.len();
        for (class, depth) in [
            ("limit-1", left - 1),
            ("limit", left),
            ("limit+1", left + 1),
            ("above", left + 50),
            ("bomb", 250),
        ] {
            let payload = wrap(nested(depth));
            let name = format!("pay-depth-{label}-{}", class.replace('+', "-plus-"));
            let field = format!("depth.{label}");
            if depth <= left {
                let canonical = wrap(Vec::new());
                let req = if class == "limit" {
                    ["EIM-CNV-008", "EIM-LIM-001"]
                } else {
                    ["EIM-CNV-008", "EIM-EXT-001"]
                };
                cases.push(
                    good(
                        rules,
                        &name,
                        &req,
                        (&field, class),
                        (value, &payload, &canonical),
                    )
                    .config(config),
                );
                continue;
            }
            let frame = Wire::of(rules, value).with(&payload);
            let expect = rejected(Vec::new(), "MALFORMED_PAYLOAD", None);
            let test = decode(Depth::Message, frame.parts(), expect);
            let req = ["EIM-CNV-008", "EIM-FRM-029", "EIM-SEC-002"];
            let desc = format!("{label}: {} levels", depth + around.len());
            let made = case(name, &req, (&field, class), desc, test).config(config);
            cases.push(made.near(format!("pay-depth-{label}-limit")));
        }
    }
    cases
}
