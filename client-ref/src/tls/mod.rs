//! TLS 1.3 towards a server whose certificate is pinned or signed by a chosen authority. There
//! is no switch that turns verification off.

mod pin;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

pub use self::pin::fingerprint;
use self::pin::{Observer, Pin};
use crate::options::{Fingerprint, Trust};

/// The protocol name of EIM over TLS.
const ALPN: &[u8] = b"eim/1";
/// The protocol name of HTTP, which carries the WebSocket handshake.
const ALPN_HTTP: &[u8] = b"http/1.1";

/// TLS could not be set up on this side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// The file of authorities cannot be read.
    #[error("cannot read authorities from {path}: {reason}")]
    Authorities {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The host is neither a DNS name nor an address.
    #[error("not a host name: {0}")]
    Name(#[from] InvalidDnsNameError),
    /// The library refused the configuration.
    #[error("TLS configuration: {0}")]
    Configuration(#[from] rustls::Error),
}

/// What of TLS a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Frames directly.
    Stream,
    /// WebSocket.
    WebSocket,
}

/// Configuration for a server that is trusted as told.
///
/// # Errors
/// [`TlsSetupError`] when the authorities cannot be read.
pub fn configuration(trust: &Trust, purpose: Purpose) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let provider = Arc::new(ring::default_provider());
    // impl[EIM-TRN-005] TLS 1.3 and nothing older.
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut configuration = match trust {
        // impl[EIM-TRN-012] A self-signed certificate is trusted by its fingerprint alone.
        Trust::Pinned(expected) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pin::new(*expected, &provider)))
            .with_no_client_auth(),
        Trust::Authorities(path) => builder
            .with_root_certificates(authorities(path)?)
            .with_no_client_auth(),
    };
    let name = match purpose {
        Purpose::Stream => ALPN,
        Purpose::WebSocket => ALPN_HTTP,
    };
    // impl[EIM-TRN-006]
    configuration.alpn_protocols = vec![name.to_vec()];
    Ok(Arc::new(configuration))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsSetupError> {
    let failed = |reason: String| TlsSetupError::Authorities {
        path: path.display().to_string(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// The name a certificate is checked against, and sent as server_name.
// impl[EIM-TRN-009]
///
/// # Errors
/// [`TlsSetupError::Name`] for anything that is neither a DNS name nor an address.
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsSetupError> {
    Ok(ServerName::try_from(host.to_owned())?)
}

/// Asks a server for its certificate and hangs up: for showing the fingerprint to a person who
/// connects for the first time. Nothing is sent or read beyond the handshake, which this side
/// always refuses.
///
/// # Errors
/// The reason why no certificate was seen.
pub async fn probe<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    purpose: Purpose,
) -> std::io::Result<Fingerprint> {
    let provider = Arc::new(ring::default_provider());
    let observer = Arc::new(Observer::new(&provider));
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(std::io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(observer.clone())
        .with_no_client_auth();
    let alpn = if purpose == Purpose::WebSocket {
        ALPN_HTTP
    } else {
        ALPN
    };
    configuration.alpn_protocols = vec![alpn.to_vec()];
    let name = server_name(host).map_err(std::io::Error::other)?;
    let refused = TlsConnector::from(Arc::new(configuration))
        .connect(name, stream)
        .await;
    match (observer.seen(), refused) {
        (Some(fingerprint), _) => Ok(fingerprint),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(std::io::Error::other("the server showed no certificate")),
    }
}
