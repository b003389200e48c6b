//! Steps: each is recognised by one key, and parsed by the family it belongs to.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::Context;
use super::outcome::Stop;

/// Something a case does.
#[async_trait]
pub trait Step: fmt::Debug + Send + Sync {
    /// Does it.
    ///
    /// # Errors
    /// Why the case stops here.
    async fn run(&self, cx: &mut Context) -> Result<(), Stop>;
}

/// A step with the text it was made from.
#[derive(Debug)]
pub struct Parsed {
    /// As written.
    pub raw: Value,
    /// Ready to run.
    pub step: Box<dyn Step>,
}

/// Names of steps that other steps use for options.
const OPTIONS: [&str; 6] = ["auto", "hello", "octets", "repeat", "set", "text"];

/// Makes a step from its text.
pub type Parse = fn(&Value, &Verbs) -> Result<Box<dyn Step>, String>;

/// One kind of step: the key that names it, and how it is parsed.
pub type Verb = (&'static str, Parse);

/// The kinds of steps that a role has.
#[derive(Clone, Debug, Default)]
pub struct Verbs(BTreeMap<&'static str, Parse>);

impl Verbs {
    /// All of these families.
    #[must_use]
    pub fn of(families: &[&[Verb]]) -> Self {
        Self(
            families
                .iter()
                .flat_map(|family| family.iter().copied())
                .collect(),
        )
    }

    /// The keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Parses steps.
    ///
    /// # Errors
    /// Which step, and why.
    pub fn parse(&self, steps: &[Value]) -> Result<Vec<Parsed>, String> {
        let parse = |(index, raw): (usize, &Value)| {
            self.one(raw)
                .map(|step| Parsed {
                    raw: raw.clone(),
                    step,
                })
                .map_err(|why| format!("step {index} {raw}: {why}"))
        };
        steps.iter().enumerate().map(parse).collect()
    }

    fn one(&self, raw: &Value) -> Result<Box<dyn Step>, String> {
        let fields = raw.as_object().ok_or("a step is an object")?;
        // `websocket` is a step where it names a connection, and an option of `connect` elsewhere.
        let option = |key: &str| key == "websocket" && !raw[key].is_string();
        let known = |key: &&str| self.0.contains_key(*key) && !option(key);
        let keys: Vec<&str> = fields.keys().map(String::as_str).filter(known).collect();
        let strong: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| !OPTIONS.contains(key))
            .collect();
        let key = match (keys.as_slice(), strong.as_slice()) {
            ([key], _) | (_, [key]) => key,
            ([], _) => return Err("no such step".into()),
            _ => return Err(format!("several steps in one: {}", keys.join(", "))),
        };
        let parse = self.0.get(key).ok_or("no such step")?;
        parse(raw, self)
    }
}

/// A parser for steps whose fields serde knows.
///
/// # Errors
/// Fields that are missing, unknown or of the wrong form.
pub fn plain<T: Step + DeserializeOwned + 'static>(
    raw: &Value,
    _: &Verbs,
) -> Result<Box<dyn Step>, String> {
    let step: T = serde_json::from_value(raw.clone()).map_err(|error| error.to_string())?;
    Ok(Box::new(step))
}
