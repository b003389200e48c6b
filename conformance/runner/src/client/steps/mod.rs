//! The steps that only scripts for clients have.

pub mod accept;
pub mod authenticate;
pub mod counted;
pub mod handshake;
pub mod process;
pub mod push;
pub mod results;

use serde_json::{Map, Value};

use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::Verb;
use crate::live::steps::send::{FrameSpec, build};
use crate::live::value::replace;

/// All of them.
pub const FAMILIES: [&[Verb]; 7] = [
    process::VERBS,
    accept::VERBS,
    handshake::VERBS,
    authenticate::VERBS,
    push::VERBS,
    results::VERBS,
    counted::VERBS,
];

/// Sends a frame with these fields.
///
/// # Errors
/// Fields that the type does not have.
fn send(cx: &mut Context, conn: &str, kind: &str, fields: Value) -> Result<(), Stop> {
    let frame = build(cx, conn, &FrameSpec::of(kind, fields))?;
    cx.connection(conn)?.send(&frame, None);
    Ok(())
}

/// Replaces fields by those that the script gives; `null` leaves a field out.
///
/// # Errors
/// A field that cannot be set, or a variable without a value.
fn overlay(cx: &mut Context, mut view: Value, fields: &Map<String, Value>) -> Result<Value, Stop> {
    for (path, value) in cx.object(fields)? {
        replace(&mut view, &path, value).map_err(Stop::Script)?;
    }
    Ok(view)
}
