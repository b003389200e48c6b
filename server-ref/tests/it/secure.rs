//! TLS and WebSocket, from the client's side.

use std::sync::Arc;

use eim_codec::connection::ClientConfig;
use eim_codec::connection::ClientEvent;
use eim_codec::connection::client::{AuthStart, ClientConnection, Resume};
use eim_codec::payload::{self, AttachMode};
use eim_codec::time::Timestamp;
use eim_codec::tokio::{Driver, WebSocketLink, websocket_config};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::kit::Login;
use crate::scram::Scram;

/// Accepts the certificate with this fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let hex: String = Sha256::digest(end_entity)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(hex, self.fingerprint);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        panic!("TLS 1.2")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Connects with TLS 1.3 and the pinned certificate.
pub(crate) async fn connect(
    stream: TcpStream,
    fingerprint: &str,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Pinned {
        fingerprint: fingerprint.to_owned(),
        provider: Arc::clone(&provider),
    };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// The exporter's octets for this transcript.
pub(crate) fn export(stream: &TlsStream<TcpStream>, transcript: [u8; 32]) -> [u8; 32] {
    let connection = stream.get_ref().1;
    connection
        .export_keying_material([0; 32], b"EXPORTER-EIM-v1", Some(&transcript))
        .unwrap()
}

/// Opens a WebSocket and logs in, as a browser does: without channel binding.
pub(crate) async fn websocket<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    scheme: &str,
    login: &Login,
    origin: Option<&'static str>,
) -> Result<(), String> {
    let mut request = format!("{scheme}://localhost/eim")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static("eim.v1"));
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_static(origin));
    }
    let (socket, response) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(websocket_config()))
            .await
            .map_err(|error| error.to_string())?;
    assert_eq!(response.headers()["sec-websocket-protocol"], "eim.v1");
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
    let connection = ClientConnection::new(ClientConfig::default(), [1; 32], Timestamp::ZERO);
    let mut driver = Driver::new(connection, WebSocketLink::new(socket));
    let mut scram = None;
    loop {
        match driver.next().await.unwrap() {
            ClientEvent::Welcome(_) => {
                let (started, data) = Scram::start(login.user, login.password, None);
                driver.endpoint_mut().authenticate(AuthStart {
                    mechanism: started.mechanism().to_owned(),
                    data,
                    device: payload::Device {
                        device_id: login.device.to_bytes(),
                        ..payload::Device::default()
                    },
                    mode: AttachMode::Full,
                    log_epoch: 0,
                    user_seq: 0,
                    resume: Resume::No,
                });
                scram = Some(started);
            }
            ClientEvent::Challenge(data) => {
                let proof = scram.as_mut().unwrap().challenge(&data);
                driver.endpoint_mut().respond(proof);
            }
            ClientEvent::Open(ok) => {
                assert_eq!(ok.user_name, login.user);
                return Ok(());
            }
            other => return Err(format!("{other:?}")),
        }
    }
}
