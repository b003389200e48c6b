//! Trust in a server's certificate, against real TLS.

use std::io;
use std::sync::Arc;

use eim_client::link::{Connector, LinkError, Network};
use eim_client::options::{Fingerprint, ServerUrl, Trust};
use eim_client::tls::fingerprint;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A TLS server that accepts handshakes and says nothing.
struct Server {
    url: ServerUrl,
    fingerprint: Fingerprint,
    pem: String,
}

impl Server {
    async fn start(alpn: &[u8]) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = certified.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
            certified.signing_key.serialize_der(),
        ));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Refused by the client in some tests, which is what they are about.
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        let mut sink = tokio::io::sink();
                        let _ = tokio::io::copy(&mut stream, &mut sink).await;
                    }
                });
            }
        });
        Self {
            url: format!("tls://localhost:{port}").parse().unwrap(),
            fingerprint: fingerprint(&certificate),
            pem: certified.cert.pem(),
        }
    }

    async fn connect(&self, trust: Trust) -> Result<(), LinkError> {
        Network::new(&self.url, Some(&trust), false)?
            .connect()
            .await
            .map(drop)
    }
}

#[tokio::test]
async fn the_pinned_certificate_is_accepted_and_no_other() {
    let server = Server::start(b"eim/1").await;
    server
        .connect(Trust::Pinned(server.fingerprint))
        .await
        .unwrap();
    let mut other = server.fingerprint;
    other.0[31] ^= 1;
    let refused = server.connect(Trust::Pinned(other)).await;
    assert!(
        matches!(refused, Err(LinkError::Io(error)) if error.kind() == io::ErrorKind::InvalidData)
    );
}

#[tokio::test]
async fn an_authority_is_accepted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (server, stranger) = (Server::start(b"eim/1").await, Server::start(b"eim/1").await);
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, &server.pem).unwrap();
    server
        .connect(Trust::Authorities(file.clone()))
        .await
        .unwrap();
    assert!(stranger.connect(Trust::Authorities(file)).await.is_err());
}

#[tokio::test]
async fn a_look_at_the_certificate_finds_its_fingerprint() {
    let server = Server::start(b"eim/1").await;
    assert_eq!(
        Network::fingerprint(&server.url).await.unwrap(),
        server.fingerprint
    );
}

#[tokio::test]
async fn a_server_of_another_protocol_is_refused() {
    let server = Server::start(b"h2").await;
    assert!(
        server
            .connect(Trust::Pinned(server.fingerprint))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn nothing_is_trusted_without_being_told() {
    let url: ServerUrl = "tls://localhost:1".parse().unwrap();
    assert!(matches!(
        Network::new(&url, None, true),
        Err(LinkError::NoTrust(_))
    ));
    let plain: ServerUrl = "tcp://10.0.0.1:1".parse().unwrap();
    assert!(matches!(
        Network::new(&plain, None, false),
        Err(LinkError::PlainNotAllowed(_))
    ));
    assert!(
        Network::new(&plain, None, true).is_ok(),
        "when a person allows it"
    );
}
