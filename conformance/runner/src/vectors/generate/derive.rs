//! Functions that yield octets: conversation ids, bindings, sequences, costs.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::draft::{Wire, case, derive};
use super::rules::Rules;
use super::stories::sequence;
use crate::vectors::model::Case;
use crate::vectors::octets::to_hex;

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = conversation_ids();
    cases.extend(bindings(rules));
    cases.extend(channel_bindings());
    cases.extend(sequences());
    cases.extend(costs());
    Ok(cases)
}

/// Direct conversations: the same for both users, and for one user alone.
fn conversation_ids() -> Vec<Case> {
    let user = |octet: u8| [octet; 16];
    let with = |place: usize, octet: u8| {
        let mut id = [0x55; 16];
        id[place] = octet;
        id
    };
    let digest = |seed: u8| {
        let hash: [u8; 32] = Sha256::digest([seed; 3]).into();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        id
    };
    let mut cases = Vec::new();
    for (class, a, b) in [
        ("smallest", user(0), with(15, 0)),
        ("zero-and-max", user(0), user(0xff)),
        ("sign-bit", user(0x7f), user(0x80)),
        ("first-octet", with(0, 1), with(0, 2)),
        ("first-octet-signed", with(0, 0x7f), with(0, 0x80)),
        ("last-octet", with(15, 0xfe), with(15, 0xff)),
        ("middle-octet", with(7, 0x10), with(8, 0x10)),
        ("endian-swapped", with(0, 0x54), with(15, 0x54)),
        ("random-1", digest(1), digest(2)),
        ("random-2", digest(3), digest(4)),
        ("random-3", digest(5), digest(6)),
        ("equal", digest(7), digest(7)),
        ("equal-zero", user(0), user(0)),
        ("equal-max", user(0xff), user(0xff)),
    ] {
        for (way, first, second) in [("", a, b), ("-swapped", b, a)] {
            if a == b && !way.is_empty() {
                continue;
            }
            let (low, high) = (first.min(second), first.max(second));
            let hash = Sha256::digest([b"eim/1 direct".as_slice(), &low, &high].concat());
            let value = json!(to_hex(hash.get(..16).unwrap_or_default()));
            let arguments = [("a", json!(to_hex(&first))), ("b", json!(to_hex(&second)))];
            let test = derive("conversation_id", &arguments, Ok(value));
            let class = format!("{class}{way}");
            let desc = format!("two users: {class}");
            cases.push(case(
                format!("drv-conversation-{class}"),
                &["EIM-MSG-010"],
                ("users", &class),
                desc,
                test,
            ));
        }
    }
    cases
}

/// SHA-256 over both frames of the handshake.
fn bindings(rules: &Rules) -> Vec<Case> {
    let nonce = |octet: u8, field: u8| [&[field << 3 | 2, 32][..], &[octet; 32]].concat();
    let hello = |extra: &[u8]| {
        let payload = [
            &[0x0a, 1, 1, 0x20, 0x80, 0x80, 4][..],
            extra,
            &nonce(0x6e, 6),
        ]
        .concat();
        Wire::of(rules, 0x01).with(&payload)
    };
    let welcome = |extra: &[u8]| {
        let payload = [&[8, 1, 0x20, 0x80, 0x80, 4][..], extra, &nonce(0x77, 8)].concat();
        Wire::of(rules, 0x02).with(&payload)
    };
    let (plain, answer) = (hello(&[]), welcome(&[]));
    let mechanisms = [
        &[0x2a, 18][..],
        b"SCRAM-SHA-256-PLUS",
        &[0x2a, 13],
        b"SCRAM-SHA-256",
    ]
    .concat();
    let scram = [&[0x2a, 13][..], b"SCRAM-SHA-256"].concat();
    let mut cases = Vec::new();
    for (class, first, second) in [
        ("typical", plain.clone(), answer.clone()),
        ("empty", Wire::of(rules, 0x01), Wire::of(rules, 0x02)),
        (
            "offer",
            hello(&[0x12, 3, 1, 2, 3, 0x1a, 4, 1, 2, 3, 4]),
            welcome(&[0x12, 1, 1, 0x1a, 2, 1, 2]),
        ),
        (
            "offer-removed",
            hello(&[0x12, 3, 1, 2, 3]),
            welcome(&[0x12, 1, 1, 0x1a, 2, 1, 2]),
        ),
        ("mechanisms", plain.clone(), welcome(&mechanisms)),
        ("mechanism-removed", plain, welcome(&scram)),
        ("grease", hello(&[0x12, 2, 0x5a, 0xa5, 1]), answer.clone()),
        (
            "unknown-fields",
            hello(&[0x78, 1]),
            welcome(&[0x7a, 2, 0xff, 0xfe]),
        ),
        ("unpacked", hello(&[0x10, 1, 0x10, 2]), answer.clone()),
        ("packed", hello(&[0x12, 2, 1, 2]), answer.clone()),
        ("overlong", hello(&[0x10, 0x81, 0]), answer.clone()),
        (
            "large",
            hello(&[&[0x2a, 0xb0, 0x6d][..], &[b'i'; 14_000]].concat()),
            answer,
        ),
    ] {
        let hash = Sha256::digest([first.octets(), second.octets()].concat());
        let arguments = [
            ("hello", json!(to_hex(&first.octets()))),
            ("welcome", json!(to_hex(&second.octets()))),
        ];
        let test = derive("binding", &arguments, Ok(json!(to_hex(&hash))));
        let desc = format!("binding of the frames as they were: {class}");
        let req = ["EIM-AUT-010", "EIM-AUT-011"];
        cases.push(case(
            format!("drv-binding-{class}"),
            &req,
            ("binding", class),
            desc,
            test,
        ));
    }
    cases
}

fn channel_bindings() -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, octet) in [("zero", 0), ("typical", 0xab), ("max", 0xff)] {
        let binding = json!(to_hex(&[octet; 32]));
        let exporter = json!(to_hex(&[octet ^ 0x3c; 32]));
        let desc = "without TLS the binding itself".to_owned();
        let plain = derive(
            "channel_binding",
            &[("binding", binding.clone())],
            Ok(binding.clone()),
        );
        cases.push(case(
            format!("drv-channel-plain-{class}"),
            &["EIM-AUT-016"],
            ("channel_binding", class),
            desc,
            plain,
        ));
        let arguments = [("binding", binding.clone()), ("exporter", exporter.clone())];
        let tls = derive("channel_binding", &arguments, Ok(exporter));
        let desc = "with TLS what it exported".to_owned();
        cases.push(case(
            format!("drv-channel-tls-{class}"),
            &["EIM-AUT-015"],
            ("channel_binding.tls", class),
            desc,
            tls,
        ));
        let value = json!({"label": "EXPORTER-EIM-v1", "context": binding});
        let context = derive("exporter_context", &[("binding", binding)], Ok(value));
        let desc = "what the exporter of TLS is asked for".to_owned();
        cases.push(case(
            format!("drv-channel-context-{class}"),
            &["EIM-AUT-015"],
            ("exporter.context", class),
            desc,
            context,
        ));
    }
    cases
}

/// Ordinals and their 32-bit form.
fn sequences() -> Vec<Case> {
    let wrap = (1_u64 << 32) - 1;
    let mut cases = Vec::new();
    for (class, ordinal) in [
        ("one", 1),
        ("two", 2),
        ("byte", 256),
        ("largest-signed", (1 << 31) - 1),
        ("sign-bit", 1 << 31),
        ("wrap-2", wrap - 2),
        ("wrap-1", wrap - 1),
        ("wrap", wrap),
        ("wrap-plus-1", wrap + 1),
        ("wrap-plus-2", wrap + 2),
        ("twice-1", 2 * wrap - 1),
        ("twice", 2 * wrap),
        ("twice-plus-1", 2 * wrap + 1),
        ("thousand-times", 1_000 * wrap),
        ("above-40-bits", 1 << 40),
        ("max-53-bits", (1 << 53) - 1),
        ("above-53-bits", (1 << 53) + 1),
        ("sign-bit-64", 1 << 63),
        ("max-1", u64::MAX - 1),
        ("max", u64::MAX),
    ] {
        let argument = [("ordinal", json!(ordinal.to_string()))];
        let test = derive("sequence", &argument, Ok(json!(sequence(ordinal))));
        let desc = format!("the sequence of ordinal {ordinal}");
        cases.push(case(
            format!("drv-sequence-{class}"),
            &["EIM-SEQ-002"],
            ("ordinal", class),
            desc,
            test,
        ));
    }
    cases
}

/// What a frame costs.
fn costs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, length) in [
        ("zero", 0_u64),
        ("one", 1),
        ("typical", 200),
        ("byte", 256),
        ("min-limit", 16_384),
        ("default", 65_536),
        ("max-limit", 1_048_576),
        ("largest-signed", 0x7fff_ffff),
        ("sign-bit", 0x8000_0000),
        ("overflow", 0xffff_fff5),
        ("max", 0xffff_ffff),
    ] {
        let value: Value = json!(11 + length);
        let test = derive("frame_octets", &[("length", json!(length))], Ok(value));
        let desc = format!("the cost of a frame of length {length}");
        cases.push(case(
            format!("drv-cost-{class}"),
            &["EIM-WIN-002"],
            ("length", class),
            desc,
            test,
        ));
    }
    cases
}
