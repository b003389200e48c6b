//! Seeds for `payload_semantic` out of the functions of vectors: messages whose values matter, not their encoding.

use eim_conformance::data::Data;
use eim_conformance::vectors::load::{cases, load};
use eim_conformance::vectors::model::{Derive, Test};
use eim_fuzz_oracles::messages;
use serde_json::Value;

use crate::Input;

const TEXT: u8 = 0x20;
const CARD: u8 = 0x26;

/// Bodies, and the messages and entries around them.
///
/// # Errors
/// A file of vectors that cannot be read.
pub(crate) fn seeds(data: &Data) -> Result<Vec<Input>, String> {
    let files = load(data)?;
    let mut seeds = Vec::new();
    for (_, case) in cases(&files) {
        if let Test::Derive(derive) = &case.test {
            for (place, octets) in of_function(derive).into_iter().enumerate() {
                seeds.push(Input {
                    name: format!("{}-{place}", case.id),
                    octets,
                });
            }
        }
    }
    for (place, octets) in spoilt().into_iter().enumerate() {
        seeds.push(Input {
            name: format!("send-{place}"),
            octets,
        });
    }
    Ok(seeds)
}

fn of_function(derive: &Derive) -> Vec<Vec<u8>> {
    let text = |name: &str| derive.arguments.get(name).and_then(Value::as_str);
    let number = |name: &str| derive.arguments.get(name).and_then(Value::as_f64);
    match derive.function.as_str() {
        "location" => {
            let coordinates = number("latitude").zip(number("longitude"));
            let fields = coordinates.map(|(a, b)| [double(1, a), double(2, b)].concat());
            fields
                .map(|body| input("LocationBody", TEXT, &body))
                .into_iter()
                .collect()
        }
        "custom_namespace" => text("namespace")
            .map(|name| input("CustomBody", TEXT, &octets(1, name.as_bytes())))
            .into_iter()
            .collect(),
        "message_limit" => text("text").map_or_else(Vec::new, |text| {
            let body = octets(1, text.as_bytes());
            vec![
                input("TextBody", TEXT, &body),
                input("Send", TEXT, &send(&[7; 16], &[9; 16], &body)),
            ]
        }),
        "conversation_id" => {
            // Users, and whatever else is an id, as long as the case has them.
            let ids: Vec<&str> = [text("a"), text("b")].into_iter().flatten().collect();
            ids.iter().map(|id| entry(id.as_bytes())).collect()
        }
        _ => Vec::new(),
    }
}

/// A good `Send`, one with each fault, and entries with ids of other lengths.
fn spoilt() -> Vec<Vec<u8>> {
    let body = octets(1, b"hello");
    let good = send(&[7; 16], &[9; 16], &body);
    let to_conversation = [octets(1, &[5; 16]), octets(3, &[9; 16]), octets(6, &body)].concat();
    let large = octets(1, "a".repeat(32_769).as_bytes());
    let mut seeds = vec![
        input("Send", TEXT, &good),
        input("Send", TEXT, &to_conversation),
        input("Send", CARD, &send(&[7; 16], &[9; 16], &[0xFF; 40])),
        input("Send", 0x3E, &good),
        input("Send", TEXT, &send(&[7; 15], &[9; 16], &body)),
        input("Send", TEXT, &send(&[7; 16], &[9; 17], &body)),
        input(
            "Send",
            TEXT,
            &[octets(3, &[9; 16]), octets(6, &body)].concat(),
        ),
        input("Send", TEXT, &[good.as_slice(), &[0x40, 4]].concat()),
        input("Send", TEXT, &send(&[7; 16], &[9; 16], &[0x0A, 9, 1])),
        input("Send", TEXT, &send(&[7; 16], &[9; 16], &large)),
        input("Send", CARD, &send(&[7; 16], &[9; 16], &[0; 65_281])),
        input("Auth", 0x03, &[0x28, 1]),
        input("Auth", 0x03, &[0x28, 2]),
        input("Error", 0x06, &[0x10, 1]),
        input("Error", 0x06, &[0x10, 2]),
        input("Error", 0x06, &[0x10, 3]),
    ];
    seeds.extend([0, 15, 16, 17].map(|length| entry(&vec![3; length])));
    seeds.push(input("Entry", TEXT, &[0x20, 0x80, 2]));
    seeds
}

fn send(target: &[u8], key: &[u8], body: &[u8]) -> Vec<u8> {
    [octets(2, target), octets(3, key), octets(6, body)].concat()
}

/// An entry all of whose ids are `id`.
fn entry(id: &[u8]) -> Vec<u8> {
    let ids = [1, 5, 6, 7].map(|field| octets(field, id)).concat();
    input("Entry", TEXT, &[ids.as_slice(), &[0x20, TEXT]].concat())
}

/// What `payload_semantic` reads.
fn input(message: &str, frame_type: u8, octets: &[u8]) -> Vec<u8> {
    let name = format!("eim.v1.{message}");
    let which = messages().iter().position(|known| **known == name);
    let which = which.and_then(|place| u8::try_from(place).ok());
    // A message that the target does not choose from is none that it reads.
    which.map_or_else(Vec::new, |which| [&[which, frame_type], octets].concat())
}

fn octets(field: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = value.len();
    while length > 0x7F {
        out.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(value);
    out
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [[field << 3 | 1].as_slice(), &value.to_le_bytes()].concat()
}
