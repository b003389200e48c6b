//! What the frames of the suite change in what it knows: ordinals, credit, HELLO.

use serde_json::Value;

use super::state::{State, Window};
use crate::wire::frame::{Frame, sequence};
use crate::wire::json::show;

/// Takes over what a frame of the suite changes: credit, ordinals, HELLO.
pub(super) fn note(state: &mut State, frame: &Frame) {
    state.note_handshake(frame);
    let name = state.protocol.frame_name(frame.kind);
    if state.protocol.sequenced(frame.kind) && frame.sequence == sequence(state.numbers.sent) {
        let (ordinal, octets) = (state.numbers.sent, frame.encode());
        let kept = &mut state.numbers.kept;
        if kept.back().is_none_or(|(last, _)| *last < ordinal) {
            kept.push_back((ordinal, octets));
            state.numbers.sent_octets += frame.octets();
        }
    }
    state.erred |= name == "ERROR";
    let noted = ["HELLO", "AUTH", "AUTH_OK", "CURSOR", "WINDOW", "WELCOME"];
    if !noted.contains(&name.as_str()) {
        return;
    }
    let Ok(view) = show(&state.protocol, frame.kind, state.side, &frame.payload) else {
        return;
    };
    match name.as_str() {
        "HELLO" | "WELCOME" => {
            let max = view.get("max_frame_octets").and_then(Value::as_u64);
            state.own_max = max.unwrap_or(0).clamp(16384, 1 << 20);
            if name == "WELCOME" {
                state.negotiate(&view);
            } else {
                state.hello = view;
            }
        }
        "CURSOR" => {
            let settled = view.get("settled_through").and_then(Value::as_u64);
            state.numbers.settled = state.numbers.settled.max(settled.unwrap_or(0));
        }
        "WINDOW" => raise(&mut state.numbers.granted, &Window::of(&view)),
        "AUTH" if state.authenticating => {}
        _ => {
            state.authenticating = true;
            if let Some(window) = view.get("window") {
                let window = Window::of(window);
                state.numbers.granted = window;
                state.numbers.first = window;
            }
            if name == "AUTH_OK" {
                state.open = true;
                state.auth_ok = view;
            }
        }
    }
    if state.numbers.first.frames == 0 {
        state.numbers.first = state.numbers.granted;
    }
}

fn raise(granted: &mut Window, window: &Window) {
    granted.frames = granted.frames.max(window.frames);
    granted.octets = granted.octets.max(window.octets);
    granted.received_through = granted.received_through.max(window.received_through);
}
