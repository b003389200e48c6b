//! The listeners of a case, one for each transport, on free ports of the loopback.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::client_hello;
use super::upgrade::upgrade;
use crate::live::outcome::Stop;
use crate::wire::link::{Reader, Writer, stream, websocket};
use crate::wire::net::{Net, Shared};

/// Something that dialled.
#[derive(Debug)]
struct Dialled {
    transport: String,
    tcp: TcpStream,
}

/// A certificate that the suite presents.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

impl Identity {
    /// A new self-signed certificate for the loopback.
    ///
    /// # Errors
    /// No key could be made.
    pub fn new() -> Result<Self, String> {
        let pair = KeyPair::generate().map_err(|error| error.to_string())?;
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = CertificateParams::new(names)
            .and_then(|params| params.self_signed(&pair))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            certificate: made.pem(),
            key: pair.serialize_pem(),
        })
    }
}

/// The listeners of a case.
#[derive(Debug)]
pub struct Listeners {
    addresses: BTreeMap<String, SocketAddr>,
    accepted: mpsc::UnboundedReceiver<Dialled>,
    hand: mpsc::UnboundedSender<Dialled>,
    tasks: Vec<JoinHandle<()>>,
    /// What has dialled and no step has accepted.
    waiting: VecDeque<Dialled>,
}

/// How the suite answers a transport that dials.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// Certificate and key.
    pub identity: Identity,
    /// Protocols offered in TLS: none, or those given.
    pub alpn: Option<Vec<String>>,
    /// The subprotocol of WebSocket is not selected.
    pub no_subprotocol: bool,
    /// TCP alone, whatever the transport.
    pub raw: bool,
    /// Name that the client has to send in TLS.
    pub server_name: Option<String>,
}

/// A transport that is up.
#[derive(Debug)]
pub struct Accepted {
    /// `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// Both sides.
    pub link: (Reader, Writer),
    /// The stream below.
    pub net: Shared,
}

impl Listeners {
    /// No listener yet.
    #[must_use]
    pub fn new() -> Self {
        let (hand, accepted) = mpsc::unbounded_channel();
        Self {
            addresses: BTreeMap::new(),
            accepted,
            hand,
            tasks: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The address of a transport; it listens from the first call on.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn address(&mut self, transport: &str) -> Result<SocketAddr, Stop> {
        if let Some(address) = self.addresses.get(transport) {
            return Ok(*address);
        }
        let failed = |error: std::io::Error| Stop::Testee(format!("listener: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.addresses.insert(transport.to_owned(), address);
        let (hand, transport) = (self.hand.clone(), transport.to_owned());
        self.tasks.push(tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let transport = transport.clone();
                // Delayed segments would be measured as delays of the testee.
                let _ = tcp.set_nodelay(true);
                if hand.send(Dialled { transport, tcp }).is_err() {
                    return;
                }
            }
        }));
        Ok(address)
    }

    /// Dials one of the listeners, as a testee that breaks a rule would.
    ///
    /// # Errors
    /// There is no listener.
    pub async fn dial(&self) -> Result<(), Stop> {
        let address = self.addresses.values().next();
        let address = address.ok_or_else(|| Stop::script("no listener to dial"))?;
        let tcp = TcpStream::connect(address).await;
        let tcp = tcp.map_err(|error| Stop::Testee(format!("listener: {error}")))?;
        // It stays up until the case ends.
        tokio::spawn(async move {
            let mut octet = [0];
            let _ = tcp.readable().await;
            let _ = tcp.try_read(&mut octet);
        });
        Ok(())
    }

    /// Waits for something that dials; `None` when nothing does.
    pub async fn dialled(&mut self, limit: Duration) -> bool {
        if self.waiting.is_empty()
            && let Ok(Some(dialled)) = tokio::time::timeout(limit, self.accepted.recv()).await
        {
            self.waiting.push_back(dialled);
        }
        !self.waiting.is_empty()
    }

    /// Whether the first that has dialled came to a listener of `listen`.
    #[must_use]
    pub fn is_trap(&self) -> bool {
        let first = self.waiting.front();
        first.is_some_and(|dialled| dialled.transport.contains('/'))
    }

    /// Forgets what has dialled and was not accepted.
    pub fn forget(&mut self) {
        self.waiting.clear();
        while self.accepted.try_recv().is_ok() {}
    }

    /// Takes the first that has dialled, and shakes hands as its transport wants it.
    ///
    /// # Errors
    /// What went wrong in the handshake; the outer one when nothing has dialled.
    pub async fn accept(&mut self, greeting: &Greeting) -> Result<Result<Accepted, Unfit>, Stop> {
        let Some(Dialled { transport, tcp }) = self.waiting.pop_front() else {
            return Err(Stop::script("nothing has dialled"));
        };
        Ok(shake(transport, tcp, greeting).await)
    }
}

impl Default for Listeners {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Why there is no transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The testee gave up.
    Given(String),
    /// The testee did something wrong.
    Wrong(String),
}

/// The first octets have to be a ClientHello for TLS 1.3, without early data.
async fn begins_tls(tcp: &TcpStream) -> Result<(), Unfit> {
    let mut octets = [0; 4096];
    let read = tcp.peek(&mut octets).await;
    let read = read.map_err(|error| Unfit::Given(error.to_string()))?;
    let octets = octets.get(..read).unwrap_or_default();
    if read > 0 && octets.first() != Some(&0x16) {
        return Err(Unfit::Wrong("something else than TLS (EIM-TRN-019)".into()));
    }
    let offered = client_hello::extensions(octets).unwrap_or_default();
    if offered.contains(&client_hello::EARLY_DATA) {
        return Err(Unfit::Wrong("early data is offered (EIM-TRN-008)".into()));
    }
    Ok(())
}

/// A server that presents a certificate, whether or not it has the key.
fn tls_server(certificate: &str, key: &str, alpn: &[Vec<u8>]) -> Result<Arc<ServerConfig>, String> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
        .map_err(|error| format!("certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| format!("key: {e}"))?;
    let provider = Arc::new(ring::default_provider());
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|e| e.to_string())?;
    let presented = Presented(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(presented));
    config.alpn_protocols = alpn.to_vec();
    Ok(Arc::new(config))
}

/// Always the same certificate; key and certificate need not belong together.
#[derive(Debug)]
struct Presented(Arc<CertifiedKey>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

async fn shake(transport: String, tcp: TcpStream, greeting: &Greeting) -> Result<Accepted, Unfit> {
    let websockets = transport.starts_with("ws") && !greeting.raw;
    let secure = transport.starts_with("tls") || transport.starts_with("wss");
    let net = if secure && !greeting.raw {
        let usual = if websockets { "http/1.1" } else { "eim/1" };
        let usual = || vec![usual.to_owned()];
        let alpn = greeting.alpn.clone().unwrap_or_else(usual);
        let alpn: Vec<Vec<u8>> = alpn.into_iter().map(String::into_bytes).collect();
        let Identity { certificate, key } = &greeting.identity;
        let config = tls_server(certificate, key, &alpn).map_err(Unfit::Wrong)?;
        begins_tls(&tcp).await?;
        let accepted = TlsAcceptor::from(config).accept(tcp).await;
        let accepted = accepted.map_err(|error| Unfit::Given(format!("TLS: {error}")))?;
        let named = accepted.get_ref().1.server_name();
        let wanted = greeting.server_name.as_deref();
        if wanted.is_some_and(|wanted| named != Some(wanted)) {
            return Err(Unfit::Wrong(format!("server_name {named:?} (EIM-TRN-009)")));
        }
        Net::Tls(Box::new(TlsStream::Server(accepted)))
    } else {
        Net::Plain(tcp)
    };
    let net = Shared::new(net);
    let link = if websockets {
        let select = !greeting.no_subprotocol;
        websocket(upgrade(net.clone(), select).await.map_err(Unfit::Wrong)?)
    } else {
        stream(&net)
    };
    Ok(Accepted {
        transport,
        link,
        net,
    })
}
