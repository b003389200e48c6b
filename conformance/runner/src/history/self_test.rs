//! The checker tested: good histories pass, and each fault put into one is found under its name, with
//! a witness that is as short as it can be.

use super::check::{check_by, shows};
use super::corrupt::{ALL, Corruption};
use super::event::Event;
use super::generate::{Dice, good};
use super::verdict::{Rules, Verdict};
use super::{check, event};

/// What became of one fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The fault.
    pub name: &'static str,
    /// Histories it was put into.
    pub times: u64,
    /// What was wrong, with the seed.
    pub problems: Vec<String>,
}

/// What became of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Good histories judged.
    pub good: u64,
    /// Events in them.
    pub events: u64,
    /// Good histories in which something was found, with the seed.
    pub false_alarms: Vec<String>,
    /// Faults.
    pub tried: Vec<Tried>,
}

impl Outcome {
    /// Whether everything was as it should be, and every fault was tried.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let sound = |tried: &Tried| tried.times > 0 && tried.problems.is_empty();
        self.false_alarms.is_empty() && self.tried.iter().all(sound)
    }
}

/// Judges `runs` good histories from a seed on, of about `steps` steps, whole and with each fault.
#[must_use]
pub fn run(seed: u64, runs: u64, steps: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let tried = |corruption: &Corruption| Tried {
        name: corruption.name,
        ..Tried::default()
    };
    outcome.tried = ALL.iter().map(tried).collect();
    for seed in seed..seed.saturating_add(runs) {
        let mut dice = Dice::new(!seed);
        let size = 10 + dice.below(steps);
        let events = good(seed, size);
        outcome.good += 1;
        outcome.events += events.len() as u64;
        if let Some(problem) = false_alarm(&events) {
            outcome.false_alarms.push(format!("seed {seed}: {problem}"));
        }
        let restore = |event: &Event| matches!(&event.op, event::Op::Fault(_));
        if events.iter().any(restore) {
            continue;
        }
        for (corruption, tried) in ALL.iter().zip(&mut outcome.tried) {
            let mut dice = Dice::new(seed ^ 0x00C0_FFEE);
            if let Some(corrupt) = corruption.apply(&events, &mut dice) {
                tried.times += 1;
                if let Err(problem) = found(corruption, &corrupt) {
                    tried.problems.push(format!("seed {seed}: {problem}"));
                }
            }
        }
    }
    outcome
}

fn false_alarm(events: &[Event]) -> Option<String> {
    match check(events) {
        Ok(verdict) if verdict.is_clean() => None,
        Ok(verdict) => Some(named(&verdict)),
        Err(malformed) => Some(malformed.to_string()),
    }
}

/// Whether exactly the fault is found, and its witness is minimal.
fn found(corruption: &Corruption, events: &[Event]) -> Result<(), String> {
    let rules = Rules::default();
    let verdict = check_by(events, rules).map_err(|malformed| malformed.to_string())?;
    let [finding] = verdict.findings.as_slice() else {
        return Err(named(&verdict));
    };
    if finding.rule != corruption.rule {
        return Err(named(&verdict));
    }
    if !shows(&finding.witness, rules, finding) {
        return Err(format!("the witness does not show it: {}", finding.text));
    }
    for at in 0..finding.witness.len() {
        let mut without = finding.witness.clone();
        without.remove(at);
        if shows(&without, rules, finding) {
            return Err(format!(
                "the witness is longer than it must be: {}",
                finding.text
            ));
        }
    }
    Ok(())
}

fn named(verdict: &Verdict) -> String {
    let all = verdict.findings.iter();
    let all = all.map(|finding| format!("{}: {}", finding.rule.name(), finding.text));
    let all: Vec<String> = all.take(5).collect();
    format!("found {} ({})", verdict.findings.len(), all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a test run; the command line takes any.
    const SEED: u64 = 1;

    #[test]
    fn good_histories_pass_and_every_fault_is_found() {
        let outcome = run(SEED, 300, 150);
        for tried in &outcome.tried {
            assert!(
                tried.problems.is_empty(),
                "{}: {:#?}",
                tried.name,
                tried.problems
            );
            assert!(
                tried.times > 20,
                "{} was tried {} times",
                tried.name,
                tried.times
            );
        }
        assert!(
            outcome.false_alarms.is_empty(),
            "{:#?}",
            outcome.false_alarms
        );
    }
}
