//! Mutants: faults between the testee and the suite, for one run of a case.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::matcher;
use super::script::Mutant;
use super::value::{Scope, evaluate, object, replace, unsigned};
use crate::wire::frame::Frame;
use crate::wire::json::{BODY_OCTETS, encode, show};
use crate::wire::link::End;
use crate::wire::protocol::Protocol;
use crate::wire::{Side, compress};

/// What the suite sees instead of a frame.
#[derive(Clone, Debug)]
pub enum Emit {
    /// A frame.
    Frame(Frame),
    /// The end of the transport.
    End(End),
    /// What follows comes later.
    Hold(Duration),
}

/// The fault of one run.
#[derive(Debug)]
pub struct Fault {
    mutant: Mutant,
    ready: Option<Ready>,
    matched: u64,
    /// Whether it has happened at all: a fault that never happens proves nothing.
    pub fired: bool,
    swapped: BTreeMap<String, Frame>,
    /// Difference between the sequences seen and those of the testee on each connection, so that
    /// a fault changes what it means to change and nothing else.
    shift: BTreeMap<String, i64>,
}

/// The values of a mutant, once its variables have some.
#[derive(Clone, Debug)]
struct Ready {
    matching: Map<String, Value>,
    set: Map<String, Value>,
    header: Map<String, Value>,
    before: Option<Value>,
    after: Option<Value>,
    insert: Option<Value>,
}

impl Fault {
    /// A fault that has not happened yet.
    #[must_use]
    pub fn new(mutant: Mutant) -> Self {
        Self {
            mutant,
            ready: None,
            matched: 0,
            fired: false,
            swapped: BTreeMap::new(),
            shift: BTreeMap::new(),
        }
    }

    /// The mutant.
    #[must_use]
    pub const fn mutant(&self) -> &Mutant {
        &self.mutant
    }

    /// Evaluates the variables of the mutant, as far as they have values.
    pub fn prepare(&mut self, scope: &mut dyn Scope) {
        let mutant = &self.mutant;
        let mut one = |value: &Option<Value>| -> Result<Option<Value>, String> {
            value
                .as_ref()
                .map(|value| evaluate(value, scope))
                .transpose()
        };
        let frames = (one(&mutant.before), one(&mutant.after), one(&mutant.insert));
        let (Ok(before), Ok(after), Ok(insert)) = frames else {
            return;
        };
        let maps = (
            object(&mutant.matching, scope),
            object(&mutant.set, scope),
            object(&mutant.header, scope),
        );
        let (Ok(matching), Ok(set), Ok(header)) = maps else {
            return;
        };
        self.ready = Some(Ready {
            matching,
            set,
            header,
            before,
            after,
            insert,
        });
    }

    /// The frame to put in when a step begins, if there is one.
    ///
    /// # Errors
    /// The mutant is no frame.
    pub fn insertion(&mut self, context: &Wire<'_>) -> Result<Option<Frame>, String> {
        let insert = self.ready.as_ref().and_then(|ready| ready.insert.clone());
        insert
            .map(|insert| self.extra(&insert, context))
            .transpose()
    }

    /// Lets a frame of the testee through, or does the fault.
    ///
    /// # Errors
    /// The mutant does not fit the frame.
    pub fn filter(&mut self, frame: Frame, wire: &Wire<'_>) -> Result<Vec<Emit>, String> {
        if self.mutant.frame == Some("RESULT".into()) {
            return self.results(frame, wire);
        }
        let frames = self.mutant.at_step.is_none() && self.mutant.event.is_none();
        if frames && self.hit(&frame, wire)? {
            self.fired = true;
            return self.apply(frame, wire);
        }
        let mut out = vec![Emit::Frame(self.shifted(frame, wire))];
        out.extend(self.release(wire));
        Ok(out)
    }

    /// Does the fault to single results, however the testee has put them into ACK.
    fn results(&mut self, frame: Frame, wire: &Wire<'_>) -> Result<Vec<Emit>, String> {
        let (Some(ready), "ACK", true) = (
            self.ready.clone(),
            &*wire.protocol.frame_name(frame.kind),
            self.concerns(wire),
        ) else {
            return Ok(vec![Emit::Frame(frame)]);
        };
        let mut view = wire.view(&frame)?;
        let mut kept = Vec::new();
        let results = view.get_mut("results").and_then(Value::as_array_mut);
        for mut result in results.map(std::mem::take).unwrap_or_default() {
            let matches = matcher::check_all(wire.protocol, &ready.matching, &result).is_ok();
            self.matched += u64::from(matches);
            if !matches || self.mutant.nth.is_some_and(|nth| nth != self.matched) {
                kept.push(result);
                continue;
            }
            self.fired = true;
            for (path, value) in &ready.set {
                replace(&mut result, path, value.clone())?;
            }
            let times = if self.mutant.drop {
                0
            } else {
                1 + usize::from(self.mutant.duplicate)
            };
            kept.extend(std::iter::repeat_n(result, times));
        }
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let mut fields = Map::new();
        // Scripts see the epoch of the ACK in each of its results.
        for result in &mut kept {
            let epoch = result
                .as_object_mut()
                .and_then(|result| result.remove("log_epoch"));
            fields.extend(epoch.map(|epoch| ("log_epoch".to_owned(), epoch)));
        }
        fields.insert("results".into(), kept.into());
        Ok(vec![Emit::Frame(wire.set(frame, &fields)?)])
    }

    /// Whether the mutant means the connection.
    fn concerns(&self, wire: &Wire<'_>) -> bool {
        let named = self.mutant.conn.as_ref();
        named.is_none_or(|name| name == wire.conn)
    }

    fn release(&mut self, wire: &Wire<'_>) -> Option<Emit> {
        let held = self.swapped.remove(wire.conn)?;
        Some(Emit::Frame(self.shifted(held, wire)))
    }

    fn shift(&mut self, wire: &Wire<'_>, by: i64) {
        *self.shift.entry(wire.conn.to_owned()).or_insert(0) += by;
    }

    fn shifted(&self, mut frame: Frame, wire: &Wire<'_>) -> Frame {
        let shift = self.shift.get(wire.conn).copied().unwrap_or(0);
        if shift != 0 && wire.protocol.sequenced(frame.kind) {
            let sequence = i64::from(frame.sequence) + shift;
            frame.sequence = u32::try_from(sequence).unwrap_or(0);
        }
        frame
    }

    fn hit(&mut self, frame: &Frame, wire: &Wire<'_>) -> Result<bool, String> {
        let mutant = &self.mutant;
        let Some(kind) = &mutant.frame else {
            return Ok(false);
        };
        let Some(ready) = &self.ready else {
            return Ok(false);
        };
        if wire.protocol.frame_number(kind)? != frame.kind || !self.concerns(wire) {
            return Ok(false);
        }
        if !ready.matching.is_empty() {
            let view = wire.view(frame)?;
            if matcher::check_all(wire.protocol, &ready.matching, &view).is_err() {
                return Ok(false);
            }
        }
        self.matched += 1;
        Ok(mutant.nth.is_none_or(|nth| nth == self.matched))
    }

    fn apply(&mut self, frame: Frame, wire: &Wire<'_>) -> Result<Vec<Emit>, String> {
        let mutant = self.mutant.clone();
        let Some(ready) = self.ready.clone() else {
            return Ok(vec![Emit::Frame(frame)]);
        };
        let sequenced = wire.protocol.sequenced(frame.kind);
        if mutant.close {
            return Ok(vec![Emit::End(End::Orderly)]);
        }
        if mutant.reset {
            return Ok(vec![Emit::End(End::Reset)]);
        }
        if mutant.drop {
            self.shift(wire, -i64::from(sequenced));
            return Ok(Vec::new());
        }
        if mutant.swap {
            self.swapped.insert(wire.conn.to_owned(), frame);
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        if let Some(before) = &ready.before {
            let mut extra = self.extra(before, wire)?;
            if wire.protocol.sequenced(extra.kind) {
                extra.sequence = frame.sequence;
            }
            out.push(Emit::Frame(self.shifted(extra, wire)));
            let sequenced = wire.protocol.sequenced(self.kind(before, wire)?);
            self.shift(wire, i64::from(sequenced));
        }
        if let Some(hold) = mutant.hold_ms {
            out.push(Emit::Hold(Duration::from_millis(hold)));
        }
        let mut changed = self.shifted(frame, wire);
        if !ready.set.is_empty() {
            changed = wire.set(changed, &ready.set)?;
        }
        header(&mut changed, &ready.header)?;
        out.push(Emit::Frame(changed.clone()));
        if mutant.duplicate {
            self.shift(wire, i64::from(sequenced));
            if sequenced {
                changed.sequence += 1;
            }
            out.push(Emit::Frame(changed.clone()));
        }
        if let Some(after) = &ready.after {
            let mut extra = self.extra(after, wire)?;
            if wire.protocol.sequenced(extra.kind) {
                self.shift(wire, 1);
                extra.sequence = wire.next + u32::from(sequenced);
            }
            out.push(Emit::Frame(extra));
        }
        Ok(out)
    }

    fn kind(&self, frame: &Value, wire: &Wire<'_>) -> Result<u8, String> {
        wire.protocol
            .frame_number(frame.get("type").unwrap_or(&Value::Null))
    }

    /// A frame that the testee has not sent.
    fn extra(&mut self, spec: &Value, wire: &Wire<'_>) -> Result<Frame, String> {
        let kind = self.kind(spec, wire)?;
        let payload = match (spec.get("message"), spec.get("payload")) {
            (Some(message), _) => encode(wire.protocol, kind, wire.sender, message)?,
            (None, Some(payload)) => crate::wire::json::octets(payload)?,
            (None, None) => bytes::Bytes::new(),
        };
        let mut frame = Frame::new(kind, payload);
        if !matches!(
            wire.protocol.frame_name(kind).as_str(),
            "HELLO" | "WELCOME" | "ERROR"
        ) {
            frame.version = wire.version;
        }
        if wire.protocol.sequenced(kind) {
            frame.sequence = wire.next;
        }
        if let Some(fields) = spec.as_object() {
            let mut fields = fields.clone();
            fields.retain(|key, _| !matches!(key.as_str(), "type" | "message" | "payload"));
            header(&mut frame, &fields)?;
        }
        if self.mutant.at_step.is_some() && wire.protocol.sequenced(kind) {
            self.shift(wire, 1);
        }
        Ok(frame)
    }
}

fn header(frame: &mut Frame, fields: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in fields {
        let number = unsigned(value)?;
        let octet = u8::try_from(number);
        let long = u32::try_from(number);
        let wrong = |_| format!("{name} {number} does not fit");
        match name.as_str() {
            "version" => frame.version = octet.map_err(wrong)?,
            "type" => frame.kind = octet.map_err(wrong)?,
            "compression" => frame.compression = octet.map_err(wrong)?,
            "sequence" => frame.sequence = long.map_err(wrong)?,
            "length" => frame.length = long.map_err(wrong)?,
            other => return Err(format!("a header has no {other}")),
        }
    }
    Ok(())
}

/// What a fault has to know about the connection it is on.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    /// Name of the connection.
    pub conn: &'a str,
    /// The protocol.
    pub protocol: &'a Protocol,
    /// The side of the testee.
    pub sender: Side,
    /// Version of its frames.
    pub version: u8,
    /// Sequence that its next sequenced frame has.
    pub next: u32,
}

impl Wire<'_> {
    fn plain(&self, frame: &Frame) -> Result<bytes::Bytes, String> {
        if frame.compression == 0 {
            return Ok(frame.payload.clone());
        }
        compress::decompress(frame.compression, &frame.payload, 1 << 24)
    }

    fn view(&self, frame: &Frame) -> Result<Value, String> {
        show(self.protocol, frame.kind, self.sender, &self.plain(frame)?)
    }

    fn set(&self, mut frame: Frame, fields: &Map<String, Value>) -> Result<Frame, String> {
        let mut view = self.view(&frame)?;
        if !fields.keys().any(|path| path.contains("body.")) {
            octets_for_bodies(&mut view);
        }
        for (path, value) in fields {
            replace(&mut view, path, value.clone())?;
        }
        let payload = encode(self.protocol, frame.kind, self.sender, &view)?;
        frame.compression = 0;
        frame.set_payload(payload);
        Ok(frame)
    }
}

/// Lets bodies be octets, so that they stay what they are whatever becomes of the type.
fn octets_for_bodies(view: &mut Value) {
    match view {
        Value::Array(elements) => elements.iter_mut().for_each(octets_for_bodies),
        Value::Object(fields) => {
            if let Some(octets) = fields.get(BODY_OCTETS).cloned() {
                fields.insert("body".into(), octets);
            }
            fields.values_mut().for_each(octets_for_bodies);
        }
        _ => {}
    }
}
