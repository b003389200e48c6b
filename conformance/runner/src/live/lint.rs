//! What scripts have to keep, beyond their form: a case that breaks one of these rules would test
//! less than it says, or could not be traced.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::script::{Case, Kind, Level, Mutant, Source, load};
use super::step::Verbs;
use crate::data::Data;
use crate::results::Role;
use crate::server::setups::{self, Setups};
use crate::wire::protocol::Protocol;

/// What a testee may lack.
const FEATURES: &[&str] = &[
    "compression.zstd",
    "compression.lz4",
    "compression.snappy",
    "compression.zstd-dict-1",
    "fragments",
    "resume",
    "groups",
    "group-policy",
    "contacts",
    "directory",
    "marks",
    "presence",
    "calls",
    "blobs",
    "notifications",
    "bots",
    "send-only",
    "tls",
    "websocket",
    "control",
];

/// Transports.
const TRANSPORTS: [&str; 4] = ["tcp", "tls", "ws", "wss"];

/// Steps that let time pass.
const TIME: [&str; 2] = ["pass_ms", "quiet"];

#[derive(Deserialize)]
struct Requirement {
    id: String,
    level: String,
}

/// What the rules compare with.
#[derive(Debug)]
pub struct Rules {
    protocol: Protocol,
    /// Requirements, with whether they are absolute.
    requirements: BTreeMap<String, bool>,
    setups: Setups,
    verbs: Verbs,
    prefix: &'static str,
}

impl Rules {
    /// The rules for scripts of a role.
    ///
    /// # Errors
    /// Files of the specification that cannot be read.
    pub fn new(data: &Data, role: Role) -> Result<Self, String> {
        let path = "spec/registry/requirements.json";
        let requirements: Vec<Requirement> =
            serde_json::from_str(&data.read(path)?).map_err(|e| format!("{path}: {e}"))?;
        let absolute = |level: &str| matches!(level, "must" | "must-not");
        let requirements = requirements.into_iter();
        let requirements = requirements.map(|r| (r.id, absolute(&r.level))).collect();
        let (verbs, prefix) = match role {
            Role::Client => (crate::client::suite::verbs(), "cli-"),
            _ => (crate::server::verbs(), "srv-"),
        };
        Ok(Self {
            protocol: Protocol::load(data)?,
            requirements,
            setups: setups::load(data)?,
            verbs,
            prefix,
        })
    }

    /// All rules on all scripts of a role. Each finding begins with the file and the case.
    ///
    /// # Errors
    /// Scripts that cannot be read at all.
    pub fn check(data: &Data, role: Role) -> Result<Vec<String>, String> {
        let rules = Self::new(data, role)?;
        Ok(rules.findings(&load(data, role)?))
    }

    /// The findings in these scripts.
    #[must_use]
    pub fn findings(&self, sources: &[Source]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut ids = BTreeSet::new();
        for source in sources {
            let mut names = BTreeSet::new();
            for case in &source.suite.cases {
                let mut found = self.case(case);
                if !ids.insert(case.id.clone()) {
                    found.push("the id is used twice".into());
                }
                names.insert(case.id.split('-').nth(1).unwrap_or_default().to_owned());
                let place = format!("{}: {}", source.path, case.id);
                findings.extend(found.into_iter().map(|text| format!("{place}: {text}")));
            }
            if source.suite.area.is_empty() || names.len() > 1 {
                findings.push(format!("{}: one area a file, in all ids", source.path));
            }
        }
        findings
    }

    fn case(&self, case: &Case) -> Vec<String> {
        let mut found = Vec::new();
        if !case.id.starts_with(self.prefix) || !plain(&case.id) {
            found.push(format!(
                "an id begins with {} and has lower-case words",
                self.prefix
            ));
        }
        if case.req.is_empty() {
            found.push("it tests no requirement".into());
        }
        for id in &case.req {
            if !self.requirements.contains_key(id) {
                found.push(format!("{id} is no requirement"));
            }
        }
        let absolute = |id: &String| self.requirements.get(id).copied().unwrap_or(true);
        if case.level == Level::Must && !case.req.iter().any(absolute) {
            found.push("the level is must, but no requirement of it is".into());
        }
        for name in &case.requires {
            if !FEATURES.contains(&name.as_str()) {
                found.push(format!("no feature {name}"));
            }
        }
        for name in &case.transports {
            if !TRANSPORTS.contains(&name.as_str()) {
                found.push(format!("no transport {name}"));
            }
        }
        if !self.setups.contains_key(&case.setup) {
            found.push(format!("no setup {}", case.setup));
        }
        if let Err(why) = self.verbs.parse(&case.steps) {
            found.push(why);
        }
        if case.kind != Kind::Timing && has_step(&case.steps, &TIME) {
            found.push("time passes, but its kind is not timing".into());
        }
        self.mutants(case, &mut found);
        found
    }

    fn mutants(&self, case: &Case, found: &mut Vec<String>) {
        let mut names = BTreeSet::new();
        for mutant in &case.mutants {
            let name = &mutant.name;
            if !names.insert(name) || !plain(name) {
                found.push(format!(
                    "mutant {name}: its name is used twice or not plain"
                ));
            }
            for id in &mutant.breaks {
                if !case.req.contains(id) {
                    found.push(format!(
                        "mutant {name} breaks {id}, which the case does not test"
                    ));
                }
            }
            if let Err(why) = self.mutant(mutant, case.steps.len()) {
                found.push(format!("mutant {name}: {why}"));
            }
        }
        let broken: BTreeSet<&String> = case.mutants.iter().flat_map(|m| &m.breaks).collect();
        for id in case.req.iter().filter(|id| !broken.contains(id)) {
            found.push(format!("no mutant breaks {id}"));
        }
    }

    /// A mutant says when, and does one thing.
    fn mutant(&self, mutant: &Mutant, steps: usize) -> Result<(), String> {
        if mutant.breaks.is_empty() {
            return Err("it breaks nothing".into());
        }
        if let Some(kind) = mutant.frame.as_ref().filter(|kind| **kind != "RESULT") {
            self.protocol.frame_number(kind)?;
        }
        for frame in [&mutant.before, &mutant.after, &mutant.insert]
            .into_iter()
            .flatten()
        {
            self.protocol
                .frame_number(frame.get("type").unwrap_or(&Value::Null))?;
        }
        if mutant.at_step.is_some_and(|step| step >= steps) {
            return Err("there is no such step".into());
        }
        let times = usize::from(mutant.frame.is_some())
            + usize::from(mutant.at_step.is_some())
            + usize::from(mutant.event.is_some())
            + usize::from(mutant.answer.is_some());
        if times != 1 {
            return Err("one of `type`, `at_step`, `event` and `answer`".into());
        }
        if actions(mutant) == 0 {
            return Err("it does nothing".into());
        }
        Ok(())
    }
}

/// How many things a mutant does.
fn actions(mutant: &Mutant) -> usize {
    let flags = [
        mutant.drop,
        !mutant.set.is_empty(),
        !mutant.header.is_empty(),
        mutant.duplicate,
        mutant.close,
        mutant.reset,
        mutant.swap,
        mutant.before.is_some(),
        mutant.after.is_some(),
        mutant.hold_ms.is_some(),
        mutant.insert.is_some(),
        mutant.deaf,
        mutant.insert_event.is_some(),
        mutant.dial,
    ];
    flags.into_iter().filter(|flag| *flag).count()
}

/// Lower-case words with hyphens between.
fn plain(id: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    id.split('-').all(word)
}

/// Whether a step of these kinds stands anywhere.
fn has_step(steps: &[Value], verbs: &[&str]) -> bool {
    steps.iter().any(|step| {
        let inner = step.get("steps").and_then(Value::as_array);
        verbs.iter().any(|verb| step.get(*verb).is_some())
            || inner.is_some_and(|steps| has_step(steps, verbs))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::script::Suite;
    use serde_json::json;

    fn findings(change: &[(&str, Value)]) -> Vec<String> {
        let mut case = json!({
            "id": "srv-seq-gap", "req": ["EIM-SEQ-004"], "level": "must", "since": "1.0",
            "kind": "negative", "desc": "a gap",
            "steps": [{"open": "a", "user": "alice"}, {"barrier": "a"}],
            "mutants": [{"name": "drop", "breaks": ["EIM-SEQ-004"], "type": "PONG", "drop": true}]
        });
        for (path, value) in change {
            crate::live::value::replace(&mut case, path, value.clone()).unwrap();
        }
        let suite = json!({"format": 1, "role": "server", "area": "sequence", "cases": [case]});
        let suite: Suite = serde_json::from_value(suite).unwrap();
        let source = Source {
            path: "x.json".into(),
            suite,
        };
        Rules::new(&Data::Embedded, Role::Server)
            .unwrap()
            .findings(&[source])
    }

    #[test]
    fn a_good_case_has_no_findings() {
        assert_eq!(findings(&[]), Vec::<String>::new());
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for (path, value, expected) in [
            ("id", json!("seq-gap"), "an id begins with srv-"),
            ("id", json!("srv-Seq"), "an id begins with srv-"),
            ("req", json!([]), "it tests no requirement"),
            (
                "req[0]",
                json!("EIM-SEQ-999"),
                "EIM-SEQ-999 is no requirement",
            ),
            ("requires", json!(["magic"]), "no feature magic"),
            ("transports", json!(["pigeon"]), "no transport pigeon"),
            ("setup", json!("none"), "no setup none"),
            ("steps[0]", json!({"opne": "a"}), "no such step"),
            (
                "steps[0]",
                json!({"open": "a", "user": "alice", "x": 1}),
                "unknown field `x`",
            ),
            ("steps[0]", json!({"pass_ms": 5}), "its kind is not timing"),
            ("mutants", json!([]), "no mutant breaks EIM-SEQ-004"),
            (
                "mutants[0].breaks[0]",
                json!("EIM-SEQ-001"),
                "which the case does not test",
            ),
            ("mutants[0].type", json!("PUNG"), "no frame type"),
            ("mutants[0].at_step", json!(1), "one of `type`"),
            ("mutants[0].drop", json!(false), "it does nothing"),
        ] {
            let found = findings(&[(path, value)]);
            assert!(
                found.iter().any(|text| text.contains(expected)),
                "{path}: {found:?}"
            );
        }
    }
}
