//! A case as it is written: the keys of all operations side by side, checked when read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::model::{
    About, Case, Config, Decode, Depth, Derive, Derived, Encode, Encoded, FrameToSend, Kind, Level,
    Outcome, Part, Start, Step, Story, Test, Verdict,
};

/// The keys of a case, in the order in which they are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flat {
    id: String,
    req: Vec<String>,
    level: Level,
    since: String,
    op: Op,
    kind: Kind,
    desc: String,
    about: About,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    canonical: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requires: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    near: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Config>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Vec<Part>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame: Option<FrameToSend>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Start>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arguments: Option<Map<String, Value>>,
    expect: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Decode,
    Open,
    Message,
    Reassemble,
    Encode,
    Story,
    Derive,
}

/// Expectation of a story.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    steps: Vec<Outcome>,
}

impl Flat {
    /// Keys that are there but belong to another operation.
    fn foreign(&self) -> Vec<&'static str> {
        let decode = matches!(
            self.op,
            Op::Decode | Op::Open | Op::Message | Op::Reassemble
        );
        let story = self.op == Op::Story;
        let derive = self.op == Op::Derive;
        [
            ("canonical", self.canonical, decode),
            ("input", self.input.is_some(), decode),
            ("input_hex", self.input_hex.is_some(), decode),
            ("frame", self.frame.is_some(), self.op == Op::Encode),
            ("start", self.start.is_some(), story),
            ("steps", self.steps.is_some(), story),
            ("function", self.function.is_some(), derive),
            ("arguments", self.arguments.is_some(), derive),
            ("config", self.config.is_some(), !derive),
        ]
        .into_iter()
        .filter(|(_, there, belongs)| *there && !belongs)
        .map(|(key, ..)| key)
        .collect()
    }

    fn test(&mut self) -> Result<Test, String> {
        let expect = std::mem::take(&mut self.expect);
        let depth = match self.op {
            Op::Decode => Depth::Decode,
            Op::Open => Depth::Open,
            Op::Message => Depth::Message,
            Op::Reassemble => Depth::Reassemble,
            Op::Encode => {
                return Ok(Test::Encode(Encode {
                    frame: self.frame.take().ok_or("no frame")?,
                    expect: parse::<Encoded>(expect)?,
                }));
            }
            Op::Story => {
                return Ok(Test::Story(Story {
                    start: self.start.take().unwrap_or_default(),
                    steps: self.steps.take().ok_or("no steps")?,
                    expect: parse::<Steps>(expect)?.steps,
                }));
            }
            Op::Derive => {
                return Ok(Test::Derive(Derive {
                    function: self.function.take().ok_or("no function")?,
                    arguments: self.arguments.take().ok_or("no arguments")?,
                    expect: parse::<Derived>(expect)?,
                }));
            }
        };
        Ok(Test::Decode(Decode {
            depth,
            canonical: self.canonical,
            input: self.input.take().ok_or("no input")?,
            input_hex: self.input_hex.take(),
            expect: parse::<Verdict>(expect)?,
        }))
    }
}

fn parse<T: for<'de> Deserialize<'de>>(expect: Value) -> Result<T, String> {
    serde_json::from_value(expect).map_err(|error| format!("expect: {error}"))
}

impl TryFrom<Flat> for Case {
    type Error = String;

    fn try_from(mut flat: Flat) -> Result<Self, String> {
        let id = std::mem::take(&mut flat.id);
        if let Some(key) = flat.foreign().first() {
            return Err(format!("{id}: the operation has no {key}"));
        }
        let test = flat.test().map_err(|error| format!("{id}: {error}"))?;
        Ok(Self {
            id,
            req: flat.req,
            level: flat.level,
            since: flat.since,
            kind: flat.kind,
            desc: flat.desc,
            about: flat.about,
            requires: flat.requires,
            flags: flat.flags,
            near: flat.near,
            config: flat.config.unwrap_or_default(),
            test,
        })
    }
}

impl From<Case> for Flat {
    fn from(case: Case) -> Self {
        let mut flat = Self {
            id: case.id,
            req: case.req,
            level: case.level,
            since: case.since,
            op: Op::Derive,
            kind: case.kind,
            desc: case.desc,
            about: case.about,
            canonical: false,
            requires: case.requires,
            flags: case.flags,
            near: case.near,
            config: (case.config != Config::default()).then_some(case.config),
            input: None,
            input_hex: None,
            frame: None,
            start: None,
            steps: None,
            function: None,
            arguments: None,
            expect: Value::Null,
        };
        match case.test {
            Test::Decode(test) => {
                flat.op = match test.depth {
                    Depth::Decode => Op::Decode,
                    Depth::Open => Op::Open,
                    Depth::Message => Op::Message,
                    Depth::Reassemble => Op::Reassemble,
                };
                flat.canonical = test.canonical;
                flat.input = Some(test.input);
                flat.input_hex = test.input_hex;
                flat.expect = value(&test.expect);
            }
            Test::Encode(test) => {
                flat.op = Op::Encode;
                flat.frame = Some(test.frame);
                flat.expect = value(&test.expect);
            }
            Test::Story(test) => {
                flat.op = Op::Story;
                flat.start = (test.start != Start::default()).then_some(test.start);
                flat.steps = Some(test.steps);
                flat.expect = value(&Steps { steps: test.expect });
            }
            Test::Derive(test) => {
                flat.function = Some(test.function);
                flat.arguments = Some(test.arguments);
                flat.expect = value(&test.expect);
            }
        }
        flat
    }
}

/// These types hold nothing that JSON has not.
fn value(expect: &impl Serialize) -> Value {
    serde_json::to_value(expect).unwrap_or_default()
}
