//! `connect` and `hello`: the transport, and the first frames.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::live::clock;
use crate::live::connection::{Connection, Parts};
use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::state::{Auto, State};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::expect;
use crate::live::steps::send::{FrameSpec, build};
use crate::wire::net::{Net, Shared};
use crate::wire::websocket::{self, Offer, Refusal};
use crate::wire::{Side, link, tls};

/// The steps of this family.
pub const VERBS: &[Verb] = &[("connect", plain::<Connect>), ("hello", plain::<Hello>)];

/// Time for a transport to come about.
const DIALLING: Duration = Duration::from_secs(60);

/// What a connection does by itself, as scripts write it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoSpec {
    /// Answers PING; default true.
    pub pong: Option<bool>,
    /// Grants credit; default true.
    pub window: Option<bool>,
}

impl From<AutoSpec> for Auto {
    fn from(spec: AutoSpec) -> Self {
        Self {
            pong: spec.pong.unwrap_or(true),
            window: spec.window.unwrap_or(true),
        }
    }
}

/// How the TLS handshake differs from a correct one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// ALPN protocols.
    pub alpn: Option<Vec<String>>,
    /// `server_name`; an address sends none.
    pub name: Option<String>,
}

/// How the WebSocket handshake differs from a correct one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocketSpec {
    /// Subprotocols.
    pub protocols: Option<Vec<String>>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// `connect`: the transport, and nothing sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Name of the connection.
    pub connect: String,
    /// Transport; default that of the run.
    pub transport: Option<String>,
    /// What it does by itself.
    #[serde(default)]
    pub auto: AutoSpec,
    /// TCP alone to the port of the transport, and no frames.
    #[serde(default)]
    pub raw: bool,
    /// The server has to refuse the handshake of TLS or WebSocket.
    #[serde(default)]
    pub refused: bool,
    /// TLS handshake.
    #[serde(default)]
    pub tls: TlsSpec,
    /// WebSocket handshake.
    #[serde(default)]
    pub websocket: WebSocketSpec,
}

#[async_trait]
impl Step for Connect {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let transport = self
            .transport
            .clone()
            .unwrap_or_else(|| cx.transport.clone());
        let dialled = tokio::time::timeout(DIALLING, self.dial(cx, &transport)).await;
        let dialled = dialled.unwrap_or_else(|_| Err(Refused::Other("no answer".into())));
        let (net, link) = match (dialled, self.refused) {
            (Ok(parts), _) => parts,
            (Err(Refused::Handshake(why)), true) => {
                cx.log.note(&self.connect, format!("refused: {why}"));
                return Ok(());
            }
            (Err(Refused::Handshake(why) | Refused::Other(why)), _) => {
                let expected = format!("a connection by {transport}");
                return Err(Stop::failed(expected, why));
            }
            (Err(Refused::Script(why)), _) => return Err(Stop::Script(why)),
            (Err(Refused::Missing(why)), _) => return Err(Stop::NotApplicable(why)),
        };
        cx.log
            .note(&self.connect, format!("connected by {transport}"));
        let protocol = Arc::clone(&cx.environment.protocol);
        let mut state = State::new(Side::Client, protocol, self.auto.into());
        state.unsettled = cx.limits.get("unsettled_results").copied();
        let mut connection = Connection::start(Parts {
            name: self.connect.clone(),
            link,
            net,
            state,
            log: cx.log.clone(),
            fault: cx.fault.clone(),
            raw: self.raw,
        });
        connection.facts.transport = transport;
        cx.connections.insert(self.connect.clone(), connection);
        if self.refused {
            self.ended(cx).await
        } else {
            Ok(())
        }
    }
}

/// Why there is no transport.
enum Refused {
    /// The server refused the handshake of TLS or WebSocket.
    Handshake(String),
    /// It cannot be reached.
    Other(String),
    /// The script is wrong.
    Script(String),
    /// The server does not have this transport.
    Missing(String),
}

impl Connect {
    /// A server may also refuse by an end before any frame.
    async fn ended(&self, cx: &mut Context) -> Result<(), Stop> {
        let expected = "the handshake of the transport to be refused";
        let limits = cx.limits(&self.connect, None, None)?;
        let ended = cx
            .wait_for(&self.connect, limits.deadline, |state| {
                state.last_arrival.map(|_| state.end.clone())
            })
            .await?;
        let alone = cx.connection(&self.connect)?.state().arrived == 1;
        match ended {
            Some(Some((end, _))) if alone => {
                cx.log.note(&self.connect, format!("refused: {end}"));
                cx.connection_mut(&self.connect)?.close().await;
                Ok(())
            }
            _ => Err(Stop::failed(expected, "it was accepted")),
        }
    }

    async fn dial(
        &self,
        cx: &Context,
        transport: &str,
    ) -> Result<(Shared, (link::Reader, link::Writer)), Refused> {
        if !matches!(transport, "tcp" | "tls" | "ws" | "wss") {
            return Err(Refused::Script(format!("no transport {transport}")));
        }
        let address = cx.endpoints.addresses.get(transport);
        let address =
            address.ok_or_else(|| Refused::Missing(format!("no transport {transport}")))?;
        let (host, path) = address.split_once('/').unwrap_or((address, "eim"));
        let tcp = TcpStream::connect(host)
            .await
            .map_err(|error| Refused::Other(format!("{host}: {error}")))?;
        let _ = tcp.set_nodelay(true);
        let secure = matches!(transport, "tls" | "wss") && !self.raw;
        let net = if secure {
            Shared::new(Net::Tls(Box::new(self.secure(cx, transport, tcp).await?)))
        } else {
            Shared::new(Net::Plain(tcp))
        };
        if self.raw || matches!(transport, "tcp" | "tls") {
            let link = link::stream(&net);
            return Ok((net, link));
        }
        let scheme = if secure { "wss" } else { "ws" };
        let protocols = self.websocket.protocols.clone();
        let offer = Offer {
            url: format!("{scheme}://{host}/{path}"),
            protocols: protocols.unwrap_or_else(|| vec![websocket::SUBPROTOCOL.into()]),
            headers: self.websocket.headers.clone().into_iter().collect(),
        };
        let connected = websocket::connect(net.clone(), &offer).await;
        let (socket, selected) = connected.map_err(|refusal| match refusal {
            Refusal::Status(status) => Refused::Handshake(format!("HTTP status {status}")),
            Refusal::Broken(why) => Refused::Other(why),
        })?;
        if selected != websocket::SUBPROTOCOL && !self.refused {
            let text = format!("the server selected the subprotocol `{selected}` (EIM-TRN-021)");
            return Err(Refused::Other(text));
        }
        Ok((net, link::websocket(socket)))
    }

    async fn secure(
        &self,
        cx: &Context,
        transport: &str,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Refused> {
        let certificate = cx.endpoints.certificate.as_deref();
        let certificate =
            certificate.ok_or_else(|| Refused::Missing("no certificate known".into()))?;
        let own = self.tls.alpn.as_ref().map(|names| {
            let octets = names.iter().map(|name| name.clone().into_bytes());
            octets.collect::<Vec<_>>()
        });
        let alpn = own.unwrap_or_else(|| match transport {
            "tls" => vec![tls::ALPN.to_vec()],
            _ => vec![b"http/1.1".to_vec()],
        });
        let config = tls::client(certificate, &alpn).map_err(Refused::Script)?;
        let name = self.tls.name.clone().unwrap_or_else(|| "localhost".into());
        let name = ServerName::try_from(name).map_err(|e| Refused::Script(e.to_string()))?;
        let stream = TlsConnector::from(config)
            .connect(name, tcp)
            .await
            .map_err(|error| Refused::Handshake(format!("TLS: {error}")))?;
        let selected = stream.get_ref().1.alpn_protocol();
        if transport == "tls" && selected != Some(tls::ALPN) && !self.refused {
            return Err(Refused::Other(
                "the server did not select eim/1 (EIM-TRN-007)".into(),
            ));
        }
        Ok(stream.into())
    }
}

/// The fields of HELLO, unless a script says otherwise.
#[must_use]
pub fn fields(nonce: &Value) -> Value {
    json!({"versions": [1], "compressions": [1, 2, 3], "capabilities": [1, 2, 3, 4, 5, 23, 72, 80, 88, 112, 120],
        "max_frame_octets": 65536, "implementation": "eim-conformance", "nonce": nonce})
}

/// `hello`: HELLO, and WELCOME read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Connection.
    pub hello: String,
    /// Fields that replace the defaults.
    #[serde(default)]
    pub message: Map<String, Value>,
    /// Matchers of WELCOME.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
    /// Captures from WELCOME.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

#[async_trait]
impl Step for Hello {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let given = cx.object(&self.message)?;
        let nonce = cx.evaluate(&json!("$random32"))?;
        let mut message = fields(&nonce);
        if let Some(fields) = message.as_object_mut() {
            fields.extend(given);
        }
        let spec = FrameSpec::of("HELLO", message);
        let frame = build(cx, &self.hello, &spec)?;
        let connection = cx.connection_mut(&self.hello)?;
        let began = clock::now();
        connection.facts.hello = Value::Object(self.message.clone());
        connection.send(&frame, None);
        let welcome = expect::next(cx, &self.hello, "WELCOME").await?;
        let connection = cx.connection_mut(&self.hello)?;
        connection.facts.round_trip = welcome.at.saturating_duration_since(began);
        expect::compare(cx, "WELCOME", &self.matching, &welcome.view)?;
        cx.capture(&self.capture, &welcome.view)
    }
}
