//! `set`, `check`, `repeat`, `mark`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::live::case::run_steps;
use crate::live::clock;
use crate::live::context::Context;
use crate::live::matcher;
use crate::live::outcome::Stop;
use crate::live::step::{Parsed, Step, Verb, Verbs, plain};

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("set", plain::<Set>),
    ("check", plain::<Check>),
    ("repeat", repeat),
    ("mark", plain::<Mark>),
];

/// `set`: variables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    set: Map<String, Value>,
}

#[async_trait]
impl Step for Set {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        for (name, value) in &self.set {
            let value = cx.evaluate(value)?;
            cx.variables.insert(name.clone(), value);
        }
        Ok(())
    }
}

/// `mark`: the next `not_before_ms` counts from here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    #[serde(rename = "mark")]
    _mark: bool,
}

#[async_trait]
impl Step for Mark {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.mark = Some(clock::now());
        Ok(())
    }
}

/// `check`: a value has to match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    check: Value,
    is: Value,
}

#[async_trait]
impl Step for Check {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let value = cx.evaluate(&self.check)?;
        let wanted = cx.evaluate(&self.is)?;
        matcher::check(cx.protocol(), &wanted, Some(&value))
            .map_err(|why| Stop::failed(format!("{} to be {wanted}", self.check), why))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepeatSpec {
    repeat: Value,
    steps: Vec<Value>,
}

/// `repeat`: steps, again and again.
#[derive(Debug)]
struct Repeat {
    times: Value,
    steps: Vec<Parsed>,
}

fn repeat(raw: &Value, verbs: &Verbs) -> Result<Box<dyn Step>, String> {
    let spec: RepeatSpec = serde_json::from_value(raw.clone()).map_err(|e| e.to_string())?;
    Ok(Box::new(Repeat {
        times: spec.repeat,
        steps: verbs.parse(&spec.steps)?,
    }))
}

#[async_trait]
impl Step for Repeat {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let times = cx.number(&self.times)?;
        for count in 1..=times {
            cx.loops.push(count);
            let outcome = run_steps(cx, &self.steps, false).await;
            cx.loops.pop();
            outcome.map_err(|at| at.within(count))?;
        }
        Ok(())
    }
}
