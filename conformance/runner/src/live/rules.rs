//! What every frame of a testee has to keep, whatever the script is about.

use serde_json::Value;

use super::state::{Due, State, Violation};
use crate::wire::Side;
use crate::wire::frame::{Frame, sequence};
use crate::wire::json::{number, prune};

/// Checks header, direction, sequence, credit and sizes.
///
/// # Errors
/// The first rule broken.
pub fn check(state: &State, frame: &Frame) -> Result<(), Violation> {
    let name = state.protocol.frame_name(frame.kind);
    let broken = |requirement, text: String| {
        let text = format!("{name}: {text}");
        Err(Violation { requirement, text })
    };
    if state.error.is_some() {
        return broken("EIM-ERR-004", "a frame behind ERROR".into());
    }
    let fixed = matches!(name.as_str(), "HELLO" | "WELCOME" | "ERROR");
    if fixed && frame.version != 1 {
        return broken("EIM-VER-001", format!("version octet {}", frame.version));
    }
    if !fixed && frame.version != state.version {
        return broken("EIM-VER-002", format!("version octet {}", frame.version));
    }
    phase(state, frame, &name)?;
    if let Some(row) = state.protocol.frame(frame.kind) {
        let sender = state.side.other().name();
        if row.direction != "both" && row.direction != sender {
            return broken("EIM-FRM-025", format!("sent by the {sender}"));
        }
        if u64::from(frame.length) > row.max_octets {
            let text = format!("{} octets, {} at most", frame.length, row.max_octets);
            return broken("EIM-FRM-020", text);
        }
        if frame.compression != 0 && !row.compression {
            return broken("EIM-CMP-007", "compressed".into());
        }
    } else if state.protocol.range(frame.kind) == "ignorable" {
        if frame.length > 64 {
            return broken("EIM-FRM-015", format!("{} octets", frame.length));
        }
    } else {
        return broken("EIM-FRM-025", "no active type".into());
    }
    if u64::from(frame.length) > state.own_max {
        let text = format!("{} octets, {} announced", frame.length, state.own_max);
        return broken("EIM-FRM-019", text);
    }
    let algorithm = u64::from(frame.compression);
    if algorithm != 0 && !state.compressions.contains(&algorithm) {
        return broken("EIM-CMP-005", format!("compression {algorithm}"));
    }
    due(state, frame, &name)?;
    numbered(state, frame, &name)
}

/// What a client has to say first on a connection that answers EIM-RESUME.
fn due(state: &State, frame: &Frame, name: &str) -> Result<(), Violation> {
    let requirement = match state.due {
        Some(Due::Window) if !matches!(name, "WINDOW" | "ERROR") => "EIM-RSM-024",
        Some(Due::Cursor) if state.protocol.sequenced(frame.kind) => "EIM-RSM-017",
        _ => return Ok(()),
    };
    let text = format!("{name}: before what is due first");
    Err(Violation { requirement, text })
}

/// Which phase the testee's direction is in, and whether the frame may come in it.
fn phase(state: &State, frame: &Frame, name: &str) -> Result<(), Violation> {
    let server = state.side.other() == Side::Server;
    let (phase, requirement) = match (state.leaving, state.open, state.welcome.is_null()) {
        (Some(_), ..) => ("draining", "EIM-CON-043"),
        (None, true, _) => ("open", "EIM-FRM-025"),
        (None, false, false) if server => ("auth", "EIM-CON-003"),
        (None, false, false) => ("auth", "EIM-CON-010"),
        (None, false, true) if server => ("hello", "EIM-CON-004"),
        (None, false, true) => ("hello", "EIM-CON-002"),
    };
    let allowed = match state.protocol.frame(frame.kind) {
        Some(row) => row.phases.iter().any(|allowed| allowed == phase),
        None => matches!(phase, "open" | "draining"),
    };
    if allowed {
        return Ok(());
    }
    let text = format!("{name}: in the phase {phase}");
    Err(Violation { requirement, text })
}

fn numbered(state: &State, frame: &Frame, name: &str) -> Result<(), Violation> {
    let broken = |requirement, text: String| {
        let text = format!("{name}: {text}");
        Err(Violation { requirement, text })
    };
    if !state.protocol.sequenced(frame.kind) {
        if frame.sequence != 0 {
            return broken("EIM-SEQ-003", format!("sequence {}", frame.sequence));
        }
        return Ok(());
    }
    let numbers = &state.numbers;
    let next = numbers.received + 1;
    if frame.sequence != sequence(next) {
        let text = format!("sequence {} instead of {}", frame.sequence, sequence(next));
        return broken("EIM-SEQ-001", text);
    }
    let octets = numbers.received_octets + frame.octets();
    if next > numbers.granted.frames || octets > numbers.granted.octets {
        let granted = numbers.granted;
        let text = format!("ordinal {next}, {octets} octets in all, with {granted:?}");
        return broken("EIM-WIN-001", text);
    }
    if let Err((requirement, text)) = numbers.past.check(next, frame) {
        return broken(requirement, text);
    }
    if matches!(name, "FRAGMENT" | "CANCEL") && !state.capabilities.contains(&2) {
        return broken("EIM-FRG-005", "without the capability fragments".into());
    }
    Ok(())
}

/// WELCOME selects from what HELLO offered.
///
/// # Errors
/// What was not offered.
pub fn welcome(hello: &Value, welcome: &Value) -> Result<(), Violation> {
    let broken = |requirement, text| Err(Violation { requirement, text });
    let list = |from: &Value, name: &str| -> Vec<u64> {
        let elements = from.get(name).and_then(Value::as_array);
        elements.into_iter().flatten().filter_map(number).collect()
    };
    if hello.is_null() {
        return Ok(());
    }
    let version = welcome.get("version").and_then(number).unwrap_or(0);
    if !list(hello, "versions").contains(&version) {
        return broken("EIM-VER-008", format!("WELCOME selects version {version}"));
    }
    for name in ["compressions", "capabilities"] {
        let offered = list(hello, name);
        if let Some(extra) = list(welcome, name).iter().find(|n| !offered.contains(n)) {
            let text = format!("WELCOME lists {extra} in {name}, HELLO does not");
            return broken("EIM-VER-014", text);
        }
    }
    Ok(())
}

/// A result is of a frame that was sent, and either a success or a failure.
///
/// # Errors
/// It is not.
pub fn result(result: &Value, sent: u64) -> Result<(), Violation> {
    let field = |path: &str| result.pointer(path).and_then(number).unwrap_or(0);
    let text = || format!("a result {}", prune(result));
    let ordinal = field("/ordinal");
    if ordinal == 0 || ordinal > sent {
        let requirement = "EIM-RES-002";
        let text = format!("{} after {sent} frames", text());
        return Err(Violation { requirement, text });
    }
    let failed = result.get("error").is_some();
    if failed == (field("/conv_seq") > 0) {
        let requirement = "EIM-RES-003";
        return Err(Violation {
            requirement,
            text: text(),
        });
    }
    Ok(())
}

/// A RESPONSE has an error or a body.
///
/// # Errors
/// It has both, or neither.
pub fn response(response: &Value) -> Result<(), Violation> {
    let fields = response.as_object();
    let known = ["request_id", "operation", "error"];
    let body = fields.is_some_and(|fields| fields.keys().any(|key| !known.contains(&&**key)));
    if body != response.get("error").is_some() {
        return Ok(());
    }
    let requirement = "EIM-SYN-006";
    let text = format!("RESPONSE {}", prune(response));
    Err(Violation { requirement, text })
}
