//! A frame as lines: its octets, and what they are.

use std::fmt::Write;

use bytes::Buf;
use eim_codec::Frame;
use eim_codec::registry::{Compression, FrameType};

use super::schema::Schema;

/// Octets on a line.
const WIDTH: usize = 16;

/// One frame, annotated.
pub(crate) fn frame(schema: &Schema, frame: &Frame, from_client: bool) -> String {
    let mut out = String::new();
    let length = u32::try_from(frame.payload.len()).unwrap();
    line(&mut out, 0, &[frame.version], "version");
    line(
        &mut out,
        0,
        &[frame.frame_type.0],
        &format!("type {}", frame.frame_type),
    );
    let sequence = match frame.sequence {
        0 => "sequence 0: not sequenced".to_owned(),
        number => format!("sequence {number}"),
    };
    line(&mut out, 0, &frame.sequence.to_be_bytes(), &sequence);
    assert_eq!(
        frame.compression,
        Compression::NONE,
        "the tour is told in plain octets"
    );
    line(&mut out, 0, &[frame.compression.0], "compression none");
    line(
        &mut out,
        0,
        &length.to_be_bytes(),
        &format!("length {length}"),
    );
    let info = frame.frame_type.info().expect("the tour uses active types");
    let mut kinds = info.payload.split('|');
    let kind = if from_client {
        kinds.next()
    } else {
        kinds.next_back()
    };
    message(schema, kind.unwrap(), &frame.payload, 0, &mut out);
    out
}

/// The fields of a message.
fn message(schema: &Schema, name: &str, mut octets: &[u8], depth: usize, out: &mut String) {
    while octets.has_remaining() {
        let begin = octets;
        let key = varint(&mut octets);
        let field = schema.field(name, key >> 3);
        if key & 7 == 0 {
            let value = varint(&mut octets);
            let shown = match schema.value(&field.type_name, value) {
                Some(name) => format!("{}: {value} {name}", field.name),
                None => format!("{}: {value}", field.name),
            };
            line(out, depth, &begin[..begin.len() - octets.len()], &shown);
            continue;
        }
        assert_eq!(key & 7, 2, "{name} {}", field.name);
        let length = usize::try_from(varint(&mut octets)).unwrap();
        let head = &begin[..begin.len() - octets.len()];
        let (value, rest) = octets.split_at(length);
        octets = rest;
        let inner = inner_type(name, &field.name, &field.type_name);
        if schema.is_message(&inner) {
            let short = inner.trim_start_matches("eim.v1.");
            line(
                out,
                depth,
                head,
                &format!("{}: {short}, {length} octets", field.name),
            );
            message(schema, &inner, value, depth + 1, out);
        } else {
            let whole = &begin[..head.len() + length];
            line(out, depth, whole, &shown(&field.name, value));
        }
    }
}

/// What a field holds; bodies of the tour are those of TEXT.
fn inner_type(message: &str, field: &str, type_name: &str) -> String {
    match (message, field) {
        ("eim.v1.Send" | "eim.v1.Entry", "body") => "eim.v1.TextBody".into(),
        _ => type_name.into(),
    }
}

/// Octets, text or a packed list.
fn shown(name: &str, value: &[u8]) -> String {
    match name {
        "versions" | "compressions" | "capabilities" => {
            let mut rest = value;
            let mut list = String::new();
            while rest.has_remaining() {
                let separator = if list.is_empty() { "" } else { ", " };
                write!(list, "{separator}{}", varint(&mut rest)).unwrap();
            }
            format!("{name}: {list}")
        }
        "nonce" | "binding" | "resume_token" | "session_id" => {
            format!("{name}: {} octets", value.len())
        }
        _ => match std::str::from_utf8(value) {
            Ok(text) if text.chars().all(|letter| (' '..='~').contains(&letter)) => {
                format!("{name}: \"{text}\"")
            }
            _ => format!("{name}: {} octets", value.len()),
        },
    }
}

fn varint(octets: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let octet = octets.get_u8();
        value |= u64::from(octet & 0x7f) << shift;
        if octet < 0x80 {
            break;
        }
    }
    value
}

/// Octets on the left, meaning on the right; long ones go on below.
fn line(out: &mut String, depth: usize, octets: &[u8], meaning: &str) {
    for (place, row) in octets.chunks(WIDTH).enumerate() {
        let hex: Vec<String> = row.iter().map(|octet| format!("{octet:02x}")).collect();
        let indent = "  ".repeat(depth);
        let left = format!("{indent}{}", hex.join(" "));
        if place == 0 {
            writeln!(out, "{left:54} {indent}{meaning}").unwrap();
        } else {
            writeln!(out, "{left}").unwrap();
        }
    }
}

/// The name of the frame in headings.
pub(crate) fn name(frame_type: FrameType) -> &'static str {
    frame_type.name().expect("the tour uses active types")
}
