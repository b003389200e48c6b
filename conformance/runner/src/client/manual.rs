//! Cases that a person plays: those that need nothing but connecting, sending, leaving and looking.

use std::time::Duration;

use serde_json::Value;

use super::person::Person;
use super::suite::{Planned, Suite, SuiteError};
use super::testee::Launch;
use crate::data::Data;
use crate::live::clock::{self, Patience};
use crate::live::script::Kind;
use crate::results::{Role, Run};

/// People take their time.
const PATIENCE: Patience = Patience {
    floor: Duration::from_secs(90),
    factor: 1,
};

/// Steps about the testee that a person can carry out, and the options they may have.
const PLAYABLE: [(&str, &[&str]); 5] = [
    ("start", &["user"]),
    ("dial", &["transport"]),
    ("command", &["op", "ref", "to_user", "conversation", "text"]),
    ("event", &["name", "where"]),
    ("no_event", &["name"]),
];

/// Steps that need a program.
const NOT_PLAYABLE: [&str; 2] = ["kill", "answer"];

/// Whether a person can play a case.
#[must_use]
pub fn is_playable(planned: &Planned) -> bool {
    planned.case.kind != Kind::Timing && planned.case.steps.iter().all(is_playable_step)
}

fn is_playable_step(step: &Value) -> bool {
    let Some(fields) = step.as_object() else {
        return false;
    };
    if NOT_PLAYABLE.iter().any(|key| fields.contains_key(*key)) {
        return false;
    }
    if let Some(steps) = fields.get("steps").and_then(Value::as_array) {
        return steps.iter().all(is_playable_step);
    }
    let Some((verb, options)) = PLAYABLE.iter().find(|(verb, _)| fields.contains_key(*verb)) else {
        return true;
    };
    let known = fields
        .keys()
        .all(|key| key == verb || options.contains(&key.as_str()));
    let op = fields.get("op").and_then(Value::as_str).unwrap_or("send");
    known && matches!(op, "send" | "close")
}

/// Plays the cases one after the other.
///
/// # Errors
/// See [`SuiteError`].
pub async fn test(data: &Data, planned: Vec<Planned>, seed: u64) -> Result<Run, SuiteError> {
    let person = Person::new();
    let planned: Vec<Planned> = planned.into_iter().filter(is_playable).collect();
    if planned.is_empty() {
        let why = "none of these cases can be played by a person";
        return Err(SuiteError::Scripts(why.into()));
    }
    let suite = Suite::with(data, Launch::Person(person), PATIENCE, seed).await?;
    let began = clock::now();
    let mut cases = Vec::new();
    let total = planned.len();
    for (place, planned) in planned.iter().enumerate() {
        println!("\n{} of {total}: {}", place + 1, planned.id);
        println!("  {}", planned.case.desc);
        println!("  (the app begins each case as if it were newly installed)");
        let result = suite.run(planned, None).await.result(planned);
        println!(
            "  {:?} {} {}",
            result.status, result.expected, result.actual
        );
        cases.push(result);
    }
    Ok(Run {
        role: Role::Client,
        name: suite.testee.name.clone(),
        testee: suite.testee,
        command: "--manual".into(),
        cases,
        ms: clock::ms(began.elapsed()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_connect_send_and_look() {
        for step in [
            json!({"start": "c", "user": "alice"}),
            json!({"dial": "c"}),
            json!({"serve": "s", "auto": {"window": false}}),
            json!({"command": "c", "op": "send", "ref": "m1", "to_user": "$bob", "text": "hi"}),
            json!({"command": "c", "op": "close"}),
            json!({"event": "c", "name": "message", "where": {"text": "hi"}}),
            json!({"repeat": 2, "steps": [{"event": "c", "name": "result"}]}),
        ] {
            assert!(is_playable_step(&step), "{step}");
        }
    }

    #[test]
    fn people_are_not_killed() {
        for step in [
            json!({"kill": "c"}),
            json!({"command": "c", "op": "state"}),
            json!({"command": "c", "op": "send", "ref": "m1", "text": "hi", "error": true}),
            json!({"dial": "c", "certificate": "other"}),
            json!({"event": "c", "name": "message", "capture": {"x": "conv_seq"}}),
            json!({"repeat": 2, "steps": [{"kill": "c"}]}),
        ] {
            assert!(!is_playable_step(&step), "{step}");
        }
    }
}
