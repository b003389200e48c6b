//! Steps over one side of an open connection: numbers, credit, and checks of the peer.

use bytes::Bytes;
use eim_codec::connection::flow::{Incoming, Outgoing, sequence_of};
use eim_codec::connection::gate::Admitted;
use eim_codec::payload::Window;
use eim_codec::registry::FrameType;
use eim_codec::{Decoded, Decoder, Frame, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Config;
use super::decode::{End, Reject, shown};
use super::encode::{ToSend, encoded};
use super::hex::{self, Chunk, digits};
use super::request::{Members, decimal, take, take_or_default};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Start {
    sent: Option<String>,
    received: Option<String>,
    sent_octets: Option<String>,
    received_octets: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Grant(Grant),
    Credit(Credit),
    Receive(Vec<Chunk>),
    Send(ToSend),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    frames: String,
    octets: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    received_through: String,
    frames: String,
    octets: String,
}

/// Answers a request.
pub(super) fn answer(mut request: Members) -> Result<Value, String> {
    let config: Config = take_or_default(&mut request, "config")?;
    let start: Start = take_or_default(&mut request, "start")?;
    let steps: Vec<Step> = take(&mut request, "steps")?;
    let number = |text: &Option<String>| text.as_deref().map_or(Ok(0), decimal);
    let mut side = Side {
        decoder: Decoder::new(config.limits()),
        config,
        ours: Outgoing::after(number(&start.sent)?, number(&start.sent_octets)?),
        theirs: Incoming::after(number(&start.received)?, number(&start.received_octets)?),
        closed: false,
    };
    let outcomes: Result<Vec<Value>, String> = steps.iter().map(|step| side.step(step)).collect();
    Ok(json!({"steps": outcomes?}))
}

struct Side {
    config: Config,
    decoder: Decoder,
    ours: Outgoing,
    theirs: Incoming,
    closed: bool,
}

impl Side {
    fn step(&mut self, step: &Step) -> Result<Value, String> {
        if self.closed {
            return Ok(json!({"closed": true}));
        }
        match step {
            Step::Grant(grant) => {
                self.theirs
                    .grant(decimal(&grant.frames)?, decimal(&grant.octets)?);
                Ok(json!({}))
            }
            Step::Credit(credit) => {
                let window = Window {
                    received_through: decimal(&credit.received_through)?,
                    frames: decimal(&credit.frames)?,
                    octets: decimal(&credit.octets)?,
                };
                let raised = self.ours.window(&window);
                Ok(match raised {
                    Ok(()) => json!({}),
                    Err(error) => self.reject(Reject::new(Stage::Semantic, error.code())),
                })
            }
            Step::Receive(chunks) => self.receive(chunks),
            Step::Send(frame) => self.send(frame),
        }
    }

    fn reject(&mut self, reject: Reject) -> Value {
        self.closed = true;
        json!({"reject": reject.to_json()})
    }

    fn receive(&mut self, chunks: &[Chunk]) -> Result<Value, String> {
        let mut frames = Vec::new();
        let mut end = End::Border;
        for chunk in chunks {
            self.decoder.feed(Bytes::from(chunk.octets()?));
            end = self.drain(&mut frames);
            if matches!(end, End::Rejected(_)) {
                self.closed = true;
                break;
            }
        }
        if self.decoder.is_at_boundary() && matches!(end, End::Incomplete(_)) {
            end = End::Border;
        }
        let mut outcome = json!({"frames": frames});
        end.put(&mut outcome);
        Ok(outcome)
    }

    fn drain(&mut self, frames: &mut Vec<Value>) -> End {
        loop {
            match self.decoder.next() {
                Ok(Decoded::Incomplete { needed }) => return self.waiting(needed),
                Ok(Decoded::Frame(frame)) => match self.accept(&frame) {
                    Ok(shown) => frames.push(shown),
                    Err(reject) => return End::Rejected(reject),
                },
                Err(rejected) => return End::Rejected(rejected.into()),
            }
        }
    }

    /// Octets are missing; what is wrong with the header beyond its fields is said now.
    fn waiting(&self, needed: usize) -> End {
        let Some(header) = self.decoder.pending() else {
            return End::Incomplete(needed);
        };
        // Nothing has come yet: the copy is thrown away.
        let mut theirs = self.theirs;
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        match numbered(
            &self.config,
            &mut theirs,
            (header.frame_type, header.sequence),
            length,
        ) {
            Ok(_) => End::Incomplete(needed),
            Err(reject) => End::Rejected(reject),
        }
    }

    fn accept(&mut self, frame: &Frame) -> Result<Value, Reject> {
        let header = (frame.frame_type, frame.sequence);
        let ordinal = numbered(&self.config, &mut self.theirs, header, frame.payload.len())?;
        let mut reply = shown(frame, "payload_hex", hex::shown(&frame.payload));
        if let Some(ordinal) = ordinal {
            reply["ordinal"] = ordinal.to_string().into();
        }
        Ok(reply)
    }

    fn send(&mut self, to_send: &ToSend) -> Result<Value, String> {
        let mut frame = to_send.frame(&self.config)?;
        if FrameType::is_sequenced(frame.frame_type) == Some(true) {
            let Some(ordinal) = self.ours.number(frame.payload.len()) else {
                return Ok(json!({"blocked": true}));
            };
            frame.sequence = sequence_of(ordinal);
        }
        let octets = encoded(&frame, &self.config.peer());
        let octets = octets.map_err(|code| format!("a story sends a frame refused with {code}"))?;
        Ok(json!({"octets": digits(&octets)}))
    }
}

/// Type and sequence of a frame with so many octets of payload: its ordinal, if it has one.
fn numbered(
    config: &Config,
    theirs: &mut Incoming,
    (frame_type, sequence): (FrameType, u32),
    length: usize,
) -> Result<Option<u64>, Reject> {
    if config.admit(frame_type, sequence)? != Admitted::Sequenced {
        return Ok(None);
    }
    let ordinal = theirs.accept(sequence, length);
    ordinal
        .map(Some)
        .map_err(|error| Reject::new(Stage::Header, error.code()))
}
