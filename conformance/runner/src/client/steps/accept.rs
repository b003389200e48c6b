//! `accept` and `no_accept`: what dials the suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::client::answers::{Answers, responder};
use crate::client::listen::{Accepted, Greeting, Identity, Unfit};
use crate::client::stage::stage;
use crate::live::clock;
use crate::live::connection::{Connection, Parts};
use crate::live::context::Context;
use crate::live::look::Overtime;
use crate::live::outcome::Stop;
use crate::live::state::State;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::connect::AutoSpec;
use crate::wire::Side;
use crate::wire::link::{Chunk, End};

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("accept", plain::<Accept>),
    ("listen", plain::<Listen>),
    ("no_accept", plain::<NoAccept>),
];

/// Time for the handshake of TLS and WebSocket.
const SHAKING: Duration = Duration::from_secs(60);
/// How long a testee may wait before it dials again by itself: a random time below a second.
const BACKOFF: Duration = Duration::from_millis(1500);

/// `accept`: the next connection of the testee.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Name of the connection.
    pub accept: String,
    /// Latest, from the step before.
    pub within_ms: Option<u64>,
    /// Earliest.
    pub not_before_ms: Option<u64>,
    /// What it does by itself.
    #[serde(default)]
    pub auto: AutoSpec,
    /// Which requests it answers by itself.
    #[serde(default)]
    pub answers: Answers,
    /// The testee has to give up during the handshake of TLS or WebSocket.
    #[serde(default)]
    pub refused: bool,
    /// ALPN protocols that the suite accepts; none selects none.
    pub alpn: Option<Vec<String>>,
    /// `other`: a certificate that the testee does not trust.
    pub certificate: Option<String>,
    /// WebSocket without a subprotocol.
    #[serde(default)]
    pub no_subprotocol: bool,
    /// TCP alone, and no frames.
    #[serde(default)]
    pub raw: bool,
    /// `server_name` that the testee has to send in TLS.
    pub server_name: Option<String>,
}

#[async_trait]
impl Step for Accept {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let limit = self.within_ms.map_or_else(
            || cx.environment.patience.limit(Duration::ZERO) + BACKOFF,
            Duration::from_millis,
        );
        let (began, log) = (cx.step_began, cx.log.clone());
        let greeting = self.greeting(cx)?;
        loop {
            dialled(cx, limit).await?;
            let listeners = &mut stage(cx)?.listeners;
            if !listeners.is_trap() {
                break;
            }
            // An alternate that somebody else runs.
            let identity = Identity::new().map_err(Stop::Testee)?;
            let trap = Greeting {
                identity,
                ..greeting.clone()
            };
            if let Ok(accepted) = listeners.accept(&trap).await? {
                refused_after(cx, accepted).await.map_err(|why| {
                    let expected = "an alternate with another certificate refused (EIM-CON-048)";
                    Stop::failed(expected, why)
                })?;
            }
        }
        let after = clock::ms(clock::now().saturating_duration_since(began)) + 20;
        if let Some(earliest) = self.not_before_ms.filter(|earliest| after < *earliest) {
            let expected = format!("a connection after {earliest} ms");
            return Err(Stop::failed(expected, format!("it came after {after} ms")));
        }
        let listeners = &mut stage(cx)?.listeners;
        let shaken = tokio::time::timeout(SHAKING, listeners.accept(&greeting)).await;
        let silent = || Unfit::Wrong("silence".into());
        let shaken = shaken.unwrap_or_else(|_| Ok(Err(silent())))?;
        let accepted = match (shaken, self.refused) {
            (Ok(accepted), false) => accepted,
            (Ok(accepted), true) => return self.given_up(cx, accepted).await,
            (Err(Unfit::Given(why)), true) => {
                log.note(&self.accept, format!("given up by the testee: {why}"));
                return Ok(());
            }
            (Err(Unfit::Given(why) | Unfit::Wrong(why)), _) => {
                return Err(Stop::failed("the handshake of the transport", why));
            }
        };
        self.connected(cx, accepted)
    }
}

impl Accept {
    fn greeting(&self, cx: &mut Context) -> Result<Greeting, Stop> {
        let own = stage(cx)?.identity.clone();
        let identity = match self.certificate.as_deref() {
            None => own,
            Some("other") => Identity::new().map_err(Stop::Testee)?,
            // The certificate that the testee trusts, and a key that does not belong to it.
            Some("key") => Identity {
                certificate: own.certificate,
                key: Identity::new().map_err(Stop::Testee)?.key,
            },
            Some(other) => return Err(Stop::script(format!("no certificate {other}"))),
        };
        Ok(Greeting {
            identity,
            alpn: self.alpn.clone(),
            no_subprotocol: self.no_subprotocol,
            raw: self.raw,
            server_name: self.server_name.clone(),
        })
    }

    async fn given_up(&self, cx: &mut Context, accepted: Accepted) -> Result<(), Stop> {
        let end = refused_after(cx, accepted)
            .await
            .map_err(|why| Stop::failed("the testee to give up before any octet of EIM", why))?;
        cx.log
            .note(&self.accept, format!("given up by the testee: {end}"));
        Ok(())
    }

    fn connected(&self, cx: &mut Context, accepted: Accepted) -> Result<(), Stop> {
        let Accepted {
            transport,
            link,
            net,
        } = accepted;
        let world = Arc::clone(&stage(cx)?.world);
        cx.log
            .note(&self.accept, format!("accepted by {transport}"));
        let protocol = Arc::clone(&cx.environment.protocol);
        let mut state = State::new(Side::Server, Arc::clone(&protocol), self.auto.into());
        state.responder = Some(responder(protocol, world, self.answers));
        let mut connection = Connection::start(Parts {
            name: self.accept.clone(),
            link,
            net,
            state,
            log: cx.log.clone(),
            fault: cx.fault.clone(),
            raw: self.raw,
        });
        connection.facts.transport = transport;
        cx.connections.insert(self.accept.clone(), connection);
        Ok(())
    }
}

/// TLS 1.3 lets the client refuse after the server is through: then nothing may come but the end.
async fn refused_after(cx: &mut Context, accepted: Accepted) -> Result<End, String> {
    let (mut reader, _) = accepted.link;
    let next = reader.next();
    tokio::pin!(next);
    let patience = cx.environment.patience.limit(Duration::ZERO);
    let mut over = Overtime::default();
    let mut until = Some(clock::now() + patience);
    while let Some(deadline) = until {
        match tokio::time::timeout_at(deadline.into(), &mut next).await {
            Ok(Chunk::End(end)) => return Ok(end),
            Ok(other) => return Err(format!("{other:?}")),
            Err(_) => until = cx.overtime(&mut over).await,
        }
    }
    Err("it waits".into())
}

/// Waits until something has dialled.
async fn dialled(cx: &mut Context, limit: Duration) -> Result<(), Stop> {
    let mut over = Overtime::default();
    let mut left = limit;
    while !stage(cx)?.listeners.dialled(left).await {
        let Some(until) = cx.overtime(&mut over).await else {
            let expected = "a connection of the testee";
            return Err(Stop::timed_out(expected, format!("none within {limit:?}")));
        };
        left = until.saturating_duration_since(clock::now());
    }
    Ok(())
}

/// `listen`: one more listener, with a certificate that the testee does not trust.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    listen: String,
    #[serde(rename = "as")]
    name: String,
}

#[async_trait]
impl Step for Listen {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let transport = format!("{}/trap", self.listen);
        let address = stage(cx)?.listeners.address(&transport).await?;
        cx.variables
            .insert(self.name.clone(), address.to_string().into());
        Ok(())
    }
}

/// `no_accept`: none comes for a time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoAccept {
    #[serde(rename = "no_accept")]
    _name: String,
    ms: u64,
}

#[async_trait]
impl Step for NoAccept {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        if !cx.timing {
            return Err(Stop::script("`no_accept` needs a case of kind timing"));
        }
        let limit = Duration::from_millis(self.ms);
        if stage(cx)?.listeners.dialled(limit).await {
            let expected = format!("no connection for {} ms", self.ms);
            return Err(Stop::failed(expected, "the testee dialled"));
        }
        Ok(())
    }
}
