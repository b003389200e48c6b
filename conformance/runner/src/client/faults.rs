//! Faults on events of a client testee.

use serde_json::{Map, Value};

use crate::live::script::Mutant;
use crate::live::value::replace;

/// What happens to events, and to answers of one command, before the suite sees them.
#[derive(Clone, Debug)]
pub struct EventFault {
    event: Option<String>,
    /// The command whose answers are changed.
    pub answer: Option<String>,
    matching: Map<String, Value>,
    nth: Option<u64>,
    seen: u64,
    drop: bool,
    duplicate: bool,
    set: Map<String, Value>,
}

impl EventFault {
    /// The fault of a mutant, if it is about events.
    #[must_use]
    pub fn of(mutant: &Mutant) -> Option<Self> {
        if mutant.event.is_none() && mutant.answer.is_none() {
            return None;
        }
        Some(Self {
            event: mutant.event.clone(),
            answer: mutant.answer.clone(),
            matching: mutant.matching.clone(),
            nth: mutant.nth,
            seen: 0,
            drop: mutant.drop,
            duplicate: mutant.duplicate,
            set: mutant.set.clone(),
        })
    }

    /// The events that the suite sees instead of this one.
    pub fn apply(fault: &mut Option<Self>, event: Value) -> Vec<Value> {
        let Some(fault) = fault else {
            return vec![event];
        };
        if !fault.concerns(&event) {
            return vec![event];
        }
        fault.seen += 1;
        if fault.nth.is_some_and(|nth| nth != fault.seen) {
            return vec![event];
        }
        if fault.drop {
            return Vec::new();
        }
        if fault.duplicate {
            return vec![event.clone(), event];
        }
        let mut changed = event;
        if let Some(fields) = changed.as_object_mut() {
            for (name, value) in &fault.set {
                if value.is_null() {
                    fields.remove(name);
                } else {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
        vec![changed]
    }

    /// Changes an answer, if it is the one that is meant.
    ///
    /// # Errors
    /// The answer has no such place.
    pub fn answered(&mut self, answer: &mut Value) -> Result<(), String> {
        self.seen += 1;
        if self.nth.is_some_and(|nth| nth != self.seen) {
            return Ok(());
        }
        let mut set = self.set.iter();
        set.try_for_each(|(path, value)| replace(answer, path, value.clone()))
    }

    fn concerns(&self, event: &Value) -> bool {
        self.event
            .as_ref()
            .is_some_and(|name| event["event"] == **name)
            && self
                .matching
                .iter()
                .all(|(name, value)| event[name] == *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(mutant: Value) -> Option<EventFault> {
        EventFault::of(&serde_json::from_value(mutant).unwrap())
    }

    #[test]
    fn only_the_nth_event_that_matches_is_changed() {
        let mut fault = fault(json!({
            "name": "x", "breaks": [], "event": "message", "where": {"text": "hi"}, "nth": 2,
            "set": {"text": "ho", "sender": null}
        }));
        let event = json!({"event": "message", "text": "hi", "sender": "00"});
        let other = json!({"event": "message", "text": "no"});
        assert_eq!(
            EventFault::apply(&mut fault, event.clone()),
            std::slice::from_ref(&event)
        );
        assert_eq!(EventFault::apply(&mut fault, other.clone()), [other]);
        assert_eq!(
            EventFault::apply(&mut fault, event.clone()),
            [json!({"event": "message", "text": "ho"})]
        );
        assert_eq!(EventFault::apply(&mut fault, event.clone()), [event]);
    }

    #[test]
    fn events_are_lost_and_doubled() {
        let event = json!({"event": "open", "outcome": "FRESH"});
        let mut lost = fault(json!({"name": "x", "breaks": [], "event": "open", "drop": true}));
        assert!(EventFault::apply(&mut lost, event.clone()).is_empty());
        let mut twice =
            fault(json!({"name": "x", "breaks": [], "event": "open", "duplicate": true}));
        assert_eq!(
            EventFault::apply(&mut twice, event.clone()),
            [event.clone(), event]
        );
    }
}
