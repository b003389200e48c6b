//! `eim call`: rings, answers and hangs up; the media are somebody else's.

use std::borrow::Cow;

use bytes::Bytes;
use clap::{Args, Subcommand};
use eim_client::options::Attach;
use eim_client::{CallInfo, CallSignal, Client, ConnectionState, Event, Events};
use eim_codec::id::CallId;
use eim_codec::payload::{CallEnd, CallSignalKind as Kind, CallState};
use serde::Serialize;

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::{Output, printable, time_of_day};
use crate::profile::Globals;

/// Arguments of `eim call`.
#[derive(Args, Debug)]
pub(crate) struct Call {
    #[command(subcommand)]
    verb: Verb,
    /// JSON lines instead of text.
    #[arg(long, global = true)]
    json: bool,
}

/// What to do with a call.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Calls the other members of a conversation and follows the call until it is over.
    Start {
        #[command(flatten)]
        place: Where,
        /// What the other clients need to begin, usually a session description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        offer: String,
    },
    /// Shows calls of this user as they ring and go on, until interrupted; takes the place of a
    /// running client of this profile.
    Watch,
    /// Takes a call on this device and follows it until it is over.
    Answer {
        /// The call, as `eim call list` shows it.
        call: CallId,
        /// What the other clients need, usually a session description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        body: String,
    },
    /// Does not take a call, on no device.
    Decline {
        /// The call.
        call: CallId,
    },
    /// Ends a call for the device that takes part: the one of this profile.
    Hangup {
        /// The call.
        call: CallId,
    },
    /// Adds a candidate or an update to a call in which this device takes part.
    Signal {
        /// The call.
        call: CallId,
        /// What the other clients are to know.
        body: String,
        /// A change of what was offered, instead of a candidate.
        #[arg(long)]
        update: bool,
    },
    /// The calls of this user that are not over.
    List,
    /// The signals of a call that are still known.
    Show {
        /// The call.
        call: CallId,
    },
}

#[derive(Serialize)]
struct CallLine<'a> {
    call: String,
    conversation: String,
    state: &'static str,
    caller: &'a str,
    call_seq: u64,
    started_ms: u64,
    devices: usize,
}

#[derive(Serialize)]
struct SignalLine<'a> {
    call: String,
    call_seq: u64,
    kind: &'static str,
    from: Option<&'a str>,
    device: Option<String>,
    time_ms: u64,
    reason: Option<&'static str>,
    body: Cow<'a, str>,
}

impl Call {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let follows = matches!(
            self.verb,
            Verb::Start { .. } | Verb::Watch | Verb::Answer { .. }
        );
        let mut options = globals.options(if follows {
            Attach::Full
        } else {
            Attach::SendOnly
        })?;
        options.adopt_outbox = false;
        options.events = follows;
        options.calls = true;
        let client = globals.connect(options).await?;
        let mut shown = Shown {
            json: self.json,
            output: Output::new(),
            names: Names::default(),
        };
        let done = act(self.verb, &client, &mut shown).await;
        shown.output.flush()?;
        client.close().await;
        done
    }
}

async fn act(verb: Verb, client: &Client, shown: &mut Shown) -> Result<(), Failure> {
    match verb {
        Verb::Start { place, offer } => {
            let target = place.target(client).await?;
            let conversation = conversation_id(client, target).await?;
            let events = events(client)?;
            let call = client.start_call(conversation, offer.into()).await?;
            shown.started(call)?;
            follow(client, events, Some(call), shown).await
        }
        Verb::Watch => follow(client, events(client)?, None, shown).await,
        Verb::Answer { call, body } => {
            let events = events(client)?;
            client.signal_call(call, Kind::Answer, body.into()).await?;
            follow(client, events, Some(call), shown).await
        }
        Verb::Decline { call } => signal(client, call, Kind::Decline, Bytes::new()).await,
        Verb::Hangup { call } => signal(client, call, Kind::Hangup, Bytes::new()).await,
        Verb::Signal { call, body, update } => {
            let kind = if update {
                Kind::Update
            } else {
                Kind::Candidate
            };
            signal(client, call, kind, body.into()).await
        }
        Verb::List => {
            for call in client.calls().await? {
                shown.call(client, &call).await?;
            }
            Ok(())
        }
        Verb::Show { call } => {
            let known = client.calls().await?;
            let floor = known.iter().find(|info| info.call == call);
            let (info, signals) = client
                .call(call, floor.map_or(0, |info| info.floor))
                .await?;
            shown.call(client, &info).await?;
            for signal in &signals {
                shown.signal(client, signal).await?;
            }
            Ok(())
        }
    }
}

async fn signal(client: &Client, call: CallId, kind: Kind, body: Bytes) -> Result<(), Failure> {
    client.signal_call(call, kind, body).await?;
    Ok(())
}

fn events(client: &Client) -> Result<Events, Failure> {
    client.events().ok_or_else(|| Failure::usage("no events"))
}

/// Shows signals until the one call is over, or until interrupted; says that this device rings.
/// Interrupted in a call, it hangs up.
async fn follow(
    client: &Client,
    mut events: Events,
    only: Option<CallId>,
    shown: &mut Shown,
) -> Result<(), Failure> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        shown.output.flush()?;
        let event = tokio::select! {
            biased;
            _ = &mut interrupted => break,
            event = events.next() => event,
        };
        match event {
            Some(Event::Call { signal, rings }) if only.is_none_or(|call| call == signal.call) => {
                shown.signal(client, &signal).await?;
                if rings && signal.kind == Kind::Offer {
                    // Too late is no failure: it rang, and that is over.
                    let said = client.signal_call(signal.call, Kind::Ringing, Bytes::new());
                    let _too_late = said.await;
                }
                if only.is_some() && signal.kind == Kind::End {
                    return Ok(());
                }
            }
            Some(Event::CallGone(call)) if only == Some(call) => {
                return Err(Failure::usage("the server does not know the call any more"));
            }
            Some(Event::State(ConnectionState::Closed(end))) => return Err(end.into()),
            Some(_) => {}
            None => return Ok(()),
        }
    }
    if let Some(call) = only {
        signal(client, call, Kind::Hangup, Bytes::new()).await?;
    }
    Ok(())
}

struct Shown {
    json: bool,
    output: Output,
    names: Names,
}

impl Shown {
    fn started(&mut self, call: CallId) -> Result<(), Failure> {
        if !self.json {
            self.output.line(&format!("call {call}"))?;
        }
        Ok(())
    }

    async fn call(&mut self, client: &Client, call: &CallInfo) -> Result<(), Failure> {
        let caller = self.names.user(client, call.caller).await;
        let state = state_name(call.state);
        if self.json {
            let line = CallLine {
                call: call.call.to_string(),
                conversation: call.conversation.to_string(),
                state,
                caller: &caller,
                call_seq: call.call_seq,
                started_ms: call.started_ms,
                devices: call.devices.len(),
            };
            return Ok(self.output.serialize(&line)?);
        }
        let at = time_of_day(call.started_ms);
        let line = format!("{}\t{state}\t{caller}\t{at}", call.call);
        Ok(self.output.line(&printable(&line))?)
    }

    async fn signal(&mut self, client: &Client, signal: &CallSignal) -> Result<(), Failure> {
        let name = match signal.from {
            Some((user, _)) => Some(self.names.user(client, user).await),
            None => None,
        };
        let kind = kind_name(signal.kind);
        let reason = (signal.kind == Kind::End).then(|| reason_name(signal.reason));
        if self.json {
            let line = SignalLine {
                call: signal.call.to_string(),
                call_seq: signal.call_seq,
                kind,
                from: name.as_deref(),
                device: signal.from.map(|(_, device)| device.to_string()),
                time_ms: signal.time_ms,
                reason,
                body: String::from_utf8_lossy(&signal.body),
            };
            return Ok(self.output.serialize(&line)?);
        }
        let who = name.as_deref().unwrap_or("-");
        let said = reason.map_or_else(
            || String::from_utf8_lossy(&signal.body).into_owned(),
            str::to_owned,
        );
        let at = time_of_day(signal.time_ms);
        let line = format!("{} {at} {who} {kind} {said}", signal.call);
        Ok(self.output.line(&printable(line.trim_end()))?)
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "unknown",
        Kind::Offer => "calls",
        Kind::Ringing => "rings",
        Kind::Answer => "answers",
        Kind::Candidate => "candidate",
        Kind::Update => "update",
        Kind::Decline => "declines",
        Kind::Hangup => "hangs-up",
        Kind::End => "over",
    }
}

const fn reason_name(reason: CallEnd) -> &'static str {
    match reason {
        CallEnd::Unspecified => "unknown",
        CallEnd::Hangup => "hangup",
        CallEnd::Cancelled => "cancelled",
        CallEnd::Declined => "declined",
        CallEnd::NoAnswer => "no-answer",
    }
}

const fn state_name(state: CallState) -> &'static str {
    match state {
        CallState::Unspecified => "unknown",
        CallState::Ringing => "ringing",
        CallState::Active => "active",
        CallState::Ended => "ended",
    }
}
