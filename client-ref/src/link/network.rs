//! Transports over the network, as a server URL says.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use rustls::ClientConfig;

use super::{ClientLink, Connector, LinkError, Transport, tcp, tls, websocket};
use crate::options::{Fingerprint, ServerUrl, Trust};
use crate::tls::{Purpose, configuration, probe, server_name};

/// Connects to one server over the network.
#[derive(Clone, Debug)]
pub struct Network {
    server: ServerUrl,
    tls: Option<Arc<ClientConfig>>,
    source: Option<IpAddr>,
}

impl Network {
    /// Checks that the server may be connected to as told.
    ///
    /// # Errors
    /// [`LinkError::PlainNotAllowed`], [`LinkError::NoTrust`] or [`LinkError::Tls`].
    pub fn new(
        server: &ServerUrl,
        trust: Option<&Trust>,
        allow_plain: bool,
    ) -> Result<Self, LinkError> {
        let scheme = server.scheme;
        let purpose = if scheme.is_websocket() {
            Purpose::WebSocket
        } else {
            Purpose::Stream
        };
        let tls = if scheme.is_encrypted() {
            let trust = trust.ok_or_else(|| LinkError::NoTrust(server.to_string()))?;
            server_name(&server.host)?;
            Some(configuration(trust, purpose)?)
        } else {
            // impl[EIM-TRN-018] Plain transports stay on this machine unless allowed.
            if !allow_plain && !server.is_loopback() {
                return Err(LinkError::PlainNotAllowed(server.to_string()));
            }
            None
        };
        Ok(Self {
            server: server.clone(),
            tls,
            source: None,
        })
    }

    /// The fingerprint of the certificate that a server shows, to be compared by a person before
    /// it is pinned. Nothing of EIM is spoken.
    ///
    /// # Errors
    /// [`LinkError::Io`] when no certificate was seen.
    pub async fn fingerprint(server: &ServerUrl) -> Result<Fingerprint, LinkError> {
        let purpose = if server.scheme.is_websocket() {
            Purpose::WebSocket
        } else {
            Purpose::Stream
        };
        let stream = tcp::connect(server, None).await?;
        Ok(probe(stream, &server.host, purpose).await?)
    }

    /// Connects from this address: for tools that open more connections than one address has
    /// ports.
    #[must_use]
    pub const fn from_address(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }
}

#[async_trait]
impl Connector for Network {
    async fn connect(&self) -> Result<ClientLink, LinkError> {
        let stream = tcp::connect(&self.server, self.source).await?;
        let websocket = self.server.scheme.is_websocket();
        let transport = match &self.tls {
            Some(configuration) => {
                tls::connect(stream, configuration, &self.server.host, !websocket).await?
            }
            None => Transport::Tcp(stream),
        };
        if websocket {
            websocket::connect(transport, &self.server).await
        } else {
            Ok(ClientLink::Stream(eim_codec::tokio::StreamLink::new(
                transport,
            )))
        }
    }

    fn server(&self) -> String {
        self.server.to_string()
    }
}
