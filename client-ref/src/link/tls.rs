//! TLS over TCP.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{LinkError, Transport};
use crate::tls::server_name;

/// Shakes hands; a direct link must have agreed on the protocol `eim/1`.
pub(super) async fn connect(
    stream: TcpStream,
    configuration: &Arc<ClientConfig>,
    host: &str,
    direct: bool,
) -> Result<Transport, LinkError> {
    let name = server_name(host)?;
    let stream = TlsConnector::from(configuration.clone())
        .connect(name, stream)
        .await?;
    // impl[EIM-TRN-006]
    if direct && stream.get_ref().1.alpn_protocol() != Some(b"eim/1") {
        return Err(LinkError::WrongProtocol("eim/1"));
    }
    Ok(Transport::Tls(Box::new(stream)))
}
