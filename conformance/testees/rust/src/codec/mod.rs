//! The codec testee: octets in, verdicts out, by `conformance/testees/codec.md`.

mod config;
mod decode;
mod derive;
mod encode;
mod hex;
mod message;
mod request;
mod story;
mod websocket;

use std::io::{BufRead, Write};

use serde_json::{Map, Value, json};

/// Octets of replies that are gathered while more requests are there.
const GATHERED: usize = 64 * 1024;

/// Answers requests until standard input ends or says `bye`.
///
/// # Errors
/// A request without id, or pipes that break.
pub(crate) fn run() -> Result<(), String> {
    let broken = |error: std::io::Error| error.to_string();
    let mut input = std::io::BufReader::with_capacity(1 << 18, std::io::stdin().lock());
    let mut out = std::io::stdout().lock();
    let mut replies = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(broken)? == 0 {
            return Ok(());
        }
        let (reply, last) = answer(&line)?;
        serde_json::to_writer(&mut replies, &reply).map_err(|error| error.to_string())?;
        replies.push(b'\n');
        // Nothing is kept back while nothing more is there to be answered.
        if last || replies.len() > GATHERED || !input.buffer().contains(&b'\n') {
            out.write_all(&replies).map_err(broken)?;
            out.flush().map_err(broken)?;
            replies.clear();
        }
        if last {
            return Ok(());
        }
    }
}

/// The reply to a request, and whether it is the last one.
fn answer(line: &[u8]) -> Result<(Value, bool), String> {
    let request: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("request: {error}"))?;
    let id = request.get("id").cloned().ok_or("a request without id")?;
    let op = request.get("op").and_then(Value::as_str).unwrap_or("");
    let body = match op {
        "bye" => return Ok((json!({"id": id}), true)),
        "hello" => Ok(hello()),
        "decode" | "open" | "message" | "reassemble" => decode::answer(request),
        "encode" => encode::answer(request),
        "story" => story::answer(request),
        "derive" => derive::answer(request),
        _ => Ok(unsupported()),
    };
    // The suite's fault, not that of its octets.
    let body = body.unwrap_or_else(|error| json!({"error": error}));
    let mut reply = Map::from_iter([("id".to_owned(), id)]);
    if let Value::Object(body) = body {
        reply.extend(body);
    }
    Ok((Value::Object(reply), false))
}

/// The answer to what this testee lacks.
fn unsupported() -> Value {
    json!({"unsupported": true})
}

fn hello() -> Value {
    let compressions = eim_codec::compression::SUPPORTED;
    let names = compressions.iter().filter_map(|algorithm| algorithm.name());
    let features: Vec<String> = names
        .map(|name| format!("compression.{name}"))
        .chain(["extensions".to_owned()])
        .collect();
    json!({
        "protocol": 1,
        "impl": {"name": "eim-codec", "version": env!("CARGO_PKG_VERSION"), "language": "Rust"},
        "roles": ["codec"],
        "spec": ["1.0"],
        "ops": ["decode", "open", "message", "reassemble", "encode", "story", "derive"],
        "features": features,
        "error_fidelity": "code",
    })
}
