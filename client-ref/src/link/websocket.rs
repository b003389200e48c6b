//! WebSocket over TCP or TLS.

use eim_codec::tokio::{WebSocketLink, websocket_config};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

use super::{ClientLink, LinkError, Transport};
use crate::options::ServerUrl;

/// The subprotocol of EIM.
const SUBPROTOCOL: &str = "eim.v1";

/// Upgrades a stream to a WebSocket.
pub(super) async fn connect(
    transport: Transport,
    server: &ServerUrl,
) -> Result<ClientLink, LinkError> {
    let failed =
        |error: tokio_tungstenite::tungstenite::Error| LinkError::WebSocket(error.to_string());
    let mut request = server.to_string().into_client_request().map_err(failed)?;
    request.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let (socket, response) = client_async_with_config(request, transport, Some(websocket_config()))
        .await
        .map_err(failed)?;
    // impl[EIM-TRN-020] Without the subprotocol the other side does not speak EIM.
    let selected = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
    if selected.is_none_or(|name| name != SUBPROTOCOL) {
        return Err(LinkError::WrongProtocol(SUBPROTOCOL));
    }
    Ok(ClientLink::WebSocket(Box::new(WebSocketLink::new(socket))))
}
