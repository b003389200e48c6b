//! One run of one case.

use std::sync::PoisonError;

use serde_json::Value;

use super::clock;
use super::context::Context;
use super::outcome::{Failure, Stop};
use super::step::Parsed;
use super::steps::transport::judge;
use crate::results::Direction;
use crate::results::Status;

/// Why a case stopped, and at which step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The reason.
    pub why: Stop,
    /// The step from 0, with the counts of loops: `3`, `3 (2nd time).1`; `end` behind the last.
    pub step: String,
    /// The step as written.
    pub raw: Value,
}

impl Stopped {
    /// The reason inside a loop, for the step that is the loop.
    #[must_use]
    pub fn within(self, count: u64) -> Stop {
        let place = format!("in round {count}, step {} {}", self.step, self.raw);
        match self.why {
            Stop::Failed(failure) => Stop::Failed(Box::new(Failure {
                expected: format!("{place}: {}", failure.expected),
                ..*failure
            })),
            Stop::Script(text) => Stop::Script(format!("{place}: {text}")),
            other => other,
        }
    }

    /// Where it stopped, for people.
    #[must_use]
    pub fn place(&self) -> String {
        if self.step == "end" {
            "at the end".into()
        } else {
            format!("step {} {}", self.step, self.raw)
        }
    }
}

/// Runs steps one after the other. `faults` lets the fault of the run happen at steps.
///
/// # Errors
/// The first step that stops.
pub async fn run_steps(cx: &mut Context, steps: &[Parsed], faults: bool) -> Result<(), Stopped> {
    for (index, parsed) in steps.iter().enumerate() {
        cx.prepare_fault();
        let stopped = |why| Stopped {
            why,
            step: index.to_string(),
            raw: parsed.raw.clone(),
        };
        if faults {
            cx.log.push(
                "suite",
                Direction::Note,
                format!(
                    "step {index} {}",
                    super::log::shorten(&parsed.raw.to_string())
                ),
                Vec::new(),
            );
            at_step(cx, index).map_err(stopped)?;
        }
        let began = clock::now();
        cx.least_before = cx.least.take();
        parsed.step.run(cx).await.map_err(stopped)?;
        fault_errors(cx).map_err(stopped)?;
        cx.step_began = began;
        cx.before = clock::now();
    }
    Ok(())
}

/// Runs all steps, and looks at the end for what nobody expected.
///
/// # Errors
/// The first step that stops.
pub async fn run(cx: &mut Context, steps: &[Parsed]) -> Result<(), Stopped> {
    run_steps(cx, steps, true).await?;
    let open: Vec<String> = cx
        .connections
        .values()
        .filter(|connection| !connection.finished)
        .map(|connection| connection.name().to_owned())
        .collect();
    for name in open {
        judge(cx, &name).map_err(|why| Stopped {
            why,
            step: "end".into(),
            raw: Value::Null,
        })?;
    }
    Ok(())
}

/// Ends all connections.
pub async fn leave(cx: &mut Context) {
    for connection in cx.connections.values_mut() {
        if !connection.finished {
            connection.close().await;
        }
    }
}

/// An error of the mutant is one of the script.
fn fault_errors(cx: &Context) -> Result<(), Stop> {
    let error = cx
        .connections
        .values()
        .find_map(super::connection::Connection::fault_error);
    error.map_or(Ok(()), |error| {
        Err(Stop::Script(format!("mutant: {error}")))
    })
}

/// Lets a fault happen that belongs to the beginning of a step.
fn at_step(cx: &Context, index: usize) -> Result<(), Stop> {
    let Some(fault) = cx.fault.clone() else {
        return Ok(());
    };
    let mut fault = fault.lock().unwrap_or_else(PoisonError::into_inner);
    // Events and connections out of nowhere are put in by the client suite.
    let elsewhere = fault.mutant().insert_event.is_some() || fault.mutant().dial;
    if fault.mutant().at_step != Some(index) || elsewhere {
        return Ok(());
    }
    let mutant = fault.mutant().clone();
    let name = match &mutant.conn {
        Some(name) => name.clone(),
        None => cx
            .connections
            .values()
            .find(|connection| !connection.finished)
            .map(|connection| connection.name().to_owned())
            .ok_or_else(|| Stop::script("a mutant at a step without a connection"))?,
    };
    fault.fired = true;
    let connection = cx.connection(&name)?;
    if mutant.deaf {
        connection.state().deafen();
    } else if mutant.close || mutant.reset {
        let end = if mutant.close {
            crate::wire::link::End::Orderly
        } else {
            crate::wire::link::End::Reset
        };
        connection.inject(super::faults::Emit::End(end));
    } else {
        let frame = connection.with_wire(|wire| fault.insertion(wire));
        let frame = frame.map_err(Stop::Script)?;
        let frame = frame.ok_or_else(|| Stop::script("a mutant at a step that does nothing"))?;
        drop(fault);
        connection.inject(super::faults::Emit::Frame(frame));
    }
    Ok(())
}

/// The status that a stop means for a case.
#[must_use]
pub fn status(why: &Stop) -> Status {
    match why {
        Stop::Failed(failure) => failure.status,
        Stop::NotApplicable(_) => Status::NotApplicable,
        Stop::Testee(_) => Status::Crashed,
        Stop::Script(_) => Status::Garbage,
    }
}
