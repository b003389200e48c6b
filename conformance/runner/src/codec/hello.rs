//! What a testee says about itself.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::session::Reply;
use crate::results::Testee;

/// The first request, without braces and id.
pub(super) const REQUEST: &str = concat!(
    "\"op\":\"hello\",\"protocol\":1,\"suite\":\"",
    env!("CARGO_PKG_VERSION"),
    "\""
);

/// Operations that the suite knows.
const OPS: [&str; 7] = [
    "decode",
    "open",
    "message",
    "reassemble",
    "encode",
    "story",
    "derive",
];

/// Features that a testee may declare.
const FEATURES: [&str; 5] = [
    "compression.zstd",
    "compression.lz4",
    "compression.snappy",
    "compression.zstd-dict-1",
    "extensions",
];

/// What a testee has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) testee: Testee,
    ops: BTreeSet<String>,
    features: BTreeSet<String>,
    /// Codes of rejections are not compared, only stages.
    pub(super) stages_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(rename = "id")]
    _id: u64,
    protocol: u64,
    r#impl: Impl,
    roles: Vec<String>,
    spec: Vec<String>,
    ops: BTreeSet<String>,
    #[serde(default)]
    features: BTreeSet<String>,
    #[serde(default)]
    error_fidelity: Fidelity,
}

#[derive(Deserialize)]
struct Impl {
    name: String,
    version: String,
    #[serde(default)]
    language: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fidelity {
    #[default]
    Code,
    Stage,
}

impl Hello {
    pub(super) fn read(reply: &Reply) -> Result<Self, String> {
        let answer: Answer = serde_json::from_value(reply.value()?)
            .map_err(|error| format!("{error}: {}", reply.text()))?;
        if answer.protocol != 1 {
            return Err(format!("protocol {} instead of 1", answer.protocol));
        }
        if !answer.roles.iter().any(|role| role == "codec") {
            return Err("the testee is no codec: roles".into());
        }
        if !answer.spec.iter().any(|version| version == "1.0") {
            return Err("the testee does not follow version 1.0: spec".into());
        }
        known(&answer.ops, &OPS, "op")?;
        known(&answer.features, &FEATURES, "feature")?;
        Ok(Self {
            testee: Testee {
                name: answer.r#impl.name,
                version: answer.r#impl.version,
                language: answer.r#impl.language,
                features: answer.features.iter().cloned().collect(),
            },
            ops: answer.ops,
            features: answer.features,
            stages_only: matches!(answer.error_fidelity, Fidelity::Stage),
        })
    }

    pub(super) fn has_op(&self, op: &str) -> bool {
        self.ops.contains(op)
    }

    /// Why a case does not apply: the testee does not declare what it needs.
    pub(super) fn lacks(&self, op: &str, requires: &[String]) -> Option<String> {
        if !self.has_op(op) {
            return Some(format!("the testee does not declare op {op}"));
        }
        let missing = requires
            .iter()
            .find(|feature| !self.features.contains(*feature))?;
        Some(format!("the testee does not declare feature {missing}"))
    }
}

/// A declaration that the suite does not know would be believed without a test.
fn known(declared: &BTreeSet<String>, known: &[&str], what: &str) -> Result<(), String> {
    match declared.iter().find(|one| !known.contains(&one.as_str())) {
        Some(unknown) => Err(format!("the suite knows no {what} {unknown}")),
        None => Ok(()),
    }
}

/// Whether the answer to an invented request says that the testee lacks it.
pub(super) fn check_probe(reply: &Reply) -> Result<(), String> {
    if is_unsupported(&reply.value()?) {
        return Ok(());
    }
    Err(format!("not answered with unsupported: {}", reply.text()))
}

/// What a testee says that could not make sense of a request.
pub(super) fn error_of(value: &serde_json::Value) -> Option<&str> {
    let alone = value.as_object().is_some_and(|object| object.len() == 2);
    value.get("error").filter(|_| alone)?.as_str()
}

/// Whether a reply is `unsupported` and nothing else.
pub(super) fn is_unsupported(value: &serde_json::Value) -> bool {
    value.get("unsupported") == Some(&serde_json::Value::Bool(true))
        && value.as_object().is_some_and(|object| object.len() == 2)
}
