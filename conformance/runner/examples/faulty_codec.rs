//! A codec testee that knows headers only, with a fault: `faulty_codec FAULT [CASE]`. The fault shows in
//! the case that is named. The tests of the runner use it.

use std::io::{BufRead, Write};
use std::process::exit;

use serde_json::{Value, json};

/// Largest payload, and octets of a header.
const MOST: usize = 65_536;
const HEADER: usize = 11;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize| arguments.get(place).map_or("", String::as_str);
    let (fault, case) = (argument(0), argument(1));
    let mut out = std::io::stdout().lock();
    if fault == "silent" {
        eprintln!("no mood to start");
        exit(9);
    }
    let mut before = false;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let id = request["id"].clone();
        let mut reply = answer(&request, fault);
        let here = request["case"] == case && !case.is_empty();
        if here {
            if let Some(marker) = arguments.get(2) {
                once(fault, marker);
            }
            misbehave(fault, before, &request, &mut reply, &mut out);
        }
        before |= !request["case"].is_null() && !here;
        reply["id"] = if here && fault == "wrong-id" {
            json!(1_000_000)
        } else {
            id
        };
        writeln!(out, "{reply}").expect("the suite reads");
        out.flush().expect("the suite reads");
        if request["op"] == "bye" {
            exit(i32::from(fault == "bad-bye"));
        }
    }
}

/// Hangs unless `marker` is there, and puts it there.
fn once(fault: &str, marker: &str) {
    if fault == "hang-once" && !std::path::Path::new(marker).exists() {
        std::fs::write(marker, "").expect("a file");
        hang();
    }
}

/// Until standard input ends, which is when the suite has had enough.
fn hang() {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    exit(0);
}

fn misbehave(fault: &str, before: bool, request: &Value, reply: &mut Value, out: &mut impl Write) {
    let chunks = request["chunks"].as_array().map_or(0, Vec::len);
    match fault {
        "crash" => {
            eprintln!(
                "{}thread main panicked: index out of range",
                "x".repeat(9000)
            );
            exit(7);
        }
        "abort" => std::process::abort(),
        "half-line" => {
            write!(out, "{{\"id\":3,\"fra").expect("the suite reads");
            out.flush().expect("the suite reads");
            exit(7);
        }
        "crash-after-others" if before => exit(8),
        "hang" => hang(),
        "noise" => writeln!(out, "DEBUG decoding").expect("the suite reads"),
        "oversize" => {
            let line = "x".repeat(64 * 1024 * 1024 + 2);
            let _ = writeln!(out, "{line}");
        }
        "both" => {
            reply["incomplete"] = json!({"need_at_least": 1});
            reply["reject"] = json!({"stage": "header", "code": "INVALID_TYPE"});
        }
        "unknown-key" => reply["rejct"] = json!({"stage": "header"}),
        "no-frames" => *reply = json!({}),
        "error" => *reply = json!({"error": "what?"}),
        "unsupported" => *reply = json!({"unsupported": true}),
        "split" if chunks == 2 && reply.get("reject").is_none() => {
            reply["incomplete"] = json!({"need_at_least": 1});
        }
        "stage" => reply["reject"] = json!({"stage": "payload", "code": "INVALID_TYPE"}),
        _ => {}
    }
}

fn answer(request: &Value, fault: &str) -> Value {
    match request["op"].as_str() {
        Some("hello") => {
            let ops = match fault {
                "few-ops" => json!(["open"]),
                _ => json!(["decode"]),
            };
            let fidelity = if fault == "stage" { "stage" } else { "code" };
            json!({
                "protocol": if fault == "other-protocol" { 2 } else { 1 },
                "impl": {"name": "faulty", "version": "1", "language": "Rust"},
                "roles": ["codec"], "spec": ["1.0"], "ops": ops, "features": [],
                "error_fidelity": fidelity,
            })
        }
        Some("decode") => decode(request, fault),
        Some("bye") => json!({}),
        _ if fault == "yes-man" => json!({"frames": []}),
        _ => json!({"unsupported": true}),
    }
}

fn decode(request: &Value, fault: &str) -> Value {
    let octets = octets(request);
    let mut rest = octets.as_slice();
    let mut frames = Vec::new();
    if rest.is_empty() {
        return json!({"frames": [], "incomplete": {"need_at_least": HEADER}});
    }
    while !rest.is_empty() {
        if fault == "eager" && rest.len() >= 10 && rest[0] != 1 {
            return reject(&frames, "header", "UNSUPPORTED_VERSION");
        }
        if rest.len() < HEADER {
            let needed = HEADER - rest.len();
            return json!({"frames": frames, "incomplete": {"need_at_least": needed}});
        }
        let length = rest[7..11]
            .iter()
            .fold(0, |sum, it| sum << 8 | usize::from(*it));
        if rest[0] != 1 {
            return reject(&frames, "header", "UNSUPPORTED_VERSION");
        }
        if length > MOST {
            return reject(&frames, "length", "PAYLOAD_TOO_LARGE");
        }
        let Some(behind) = rest.get(HEADER + length..) else {
            let needed = HEADER + length - rest.len();
            return json!({"frames": frames, "incomplete": {"need_at_least": needed}});
        };
        let payload: String = rest[HEADER..HEADER + length]
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let sequence = rest[2..6]
            .iter()
            .fold(0_u32, |sum, it| sum << 8 | u32::from(*it));
        frames.push(json!({
            "version": rest[0], "type": rest[1], "sequence": sequence, "compression": rest[6],
            "payload_hex": payload,
        }));
        rest = behind;
    }
    json!({"frames": frames})
}

fn reject(frames: &[Value], stage: &str, code: &str) -> Value {
    json!({"frames": frames, "reject": {"stage": stage, "code": code}})
}

fn octets(request: &Value) -> Vec<u8> {
    let chunks = request["chunks"].as_array().into_iter().flatten();
    chunks
        .flat_map(|chunk| {
            let (hex, count) = match chunk {
                Value::String(hex) => (hex.as_str(), 1),
                other => (
                    other["repeat"].as_str().unwrap_or_default(),
                    other["count"].as_u64().unwrap_or_default(),
                ),
            };
            let (pairs, _) = hex.as_bytes().as_chunks::<2>();
            let octets: Vec<u8> = pairs
                .iter()
                .map(|pair| {
                    let text = std::str::from_utf8(pair).expect("ASCII");
                    u8::from_str_radix(text, 16).expect("hexadecimal")
                })
                .collect();
            octets.repeat(usize::try_from(count).expect("memory"))
        })
        .collect()
}
