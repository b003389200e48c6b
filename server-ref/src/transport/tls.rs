//! TLS 1.3 and nothing older.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use tokio::io;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Certificate;

/// ALPN of EIM over TCP.
pub const ALPN: &[u8] = b"eim/1";
/// ALPN of the WebSocket listener.
const ALPN_HTTP: &[u8] = b"http/1.1";

/// TLS for both kinds of listeners.
#[derive(Clone)]
pub struct TlsAcceptors {
    eim: TlsAcceptor,
    web: TlsAcceptor,
}

impl std::fmt::Debug for TlsAcceptors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsAcceptors").finish_non_exhaustive()
    }
}

impl TlsAcceptors {
    /// TLS with `certificate`.
    ///
    /// # Errors
    /// The key does not fit the certificate, or is of a kind that is not supported.
    pub fn new(certificate: &Certificate) -> Result<Self, rustls::Error> {
        Ok(Self {
            eim: acceptor(certificate, ALPN)?,
            web: acceptor(certificate, ALPN_HTTP)?,
        })
    }

    /// Accepts EIM over TLS; the client has to have named the protocol.
    ///
    /// # Errors
    /// The handshake failed or took longer than `limit`.
    // impl[EIM-TRN-007]
    pub async fn accept_eim(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let stream = within(limit, self.eim.accept(stream)).await?;
        if stream.get_ref().1.alpn_protocol() == Some(ALPN) {
            Ok(stream)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "client did not offer ALPN eim/1",
            ))
        }
    }

    /// Accepts HTTP over TLS, for WebSocket.
    ///
    /// # Errors
    /// The handshake failed or took longer than `limit`.
    pub async fn accept_web(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        within(limit, self.web.accept(stream)).await
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

// impl[EIM-TRN-005, EIM-TRN-008]
fn acceptor(certificate: &Certificate, alpn: &[u8]) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(certificate.chain.clone(), certificate.key.clone_key())?;
    config.alpn_protocols = vec![alpn.to_vec()];
    // EIM's own token saves the round trips of authentication; TLS tickets would only add a second,
    // weaker memory of the client, and early data could be replayed.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::transport::certificate;

    // test[EIM-TRN-008]
    #[test]
    fn nothing_is_accepted_before_the_handshake_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::from_toml("").unwrap();
        let certificate = certificate::load_or_create(&config.tls, folder.path()).unwrap();
        let acceptors = TlsAcceptors::new(&certificate).unwrap();
        for acceptor in [&acceptors.eim, &acceptors.web] {
            let config = acceptor.config();
            assert_eq!(
                (config.max_early_data_size, config.send_tls13_tickets),
                (0, 0)
            );
        }
    }
}
