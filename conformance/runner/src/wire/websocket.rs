//! WebSocket as chapter 79 asks for it: one subprotocol, binary messages, no extension.

use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::net::Shared;

/// The subprotocol.
pub const SUBPROTOCOL: &str = "eim.v1";

/// How the WebSocket handshake of a script differs from a correct one.
#[derive(Clone, Debug)]
pub struct Offer {
    /// `ws://host:port/path`, for the request line and the Host header.
    pub url: String,
    /// Offered subprotocols.
    pub protocols: Vec<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// Why there is no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server answered with an HTTP status other than 101.
    Status(u16),
    /// The handshake was not one.
    Broken(String),
}

fn config() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(64 << 20);
    config.max_frame_size = Some(64 << 20);
    config.write_buffer_size = 0;
    config
}

/// The client's handshake. The outcome is the stream and the subprotocol that the server selected.
///
/// # Errors
/// The server refused it, or answered with something else.
pub async fn connect(
    stream: Shared,
    offer: &Offer,
) -> Result<(WebSocketStream<Shared>, String), Refusal> {
    let broken = |error: &dyn std::fmt::Display| Refusal::Broken(error.to_string());
    let mut request = offer
        .url
        .as_str()
        .into_client_request()
        .map_err(|error| broken(&error))?;
    let mut add = |name: &str, value: &str| -> Result<(), Refusal> {
        let name = HeaderName::try_from(name).map_err(|error| broken(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| broken(&error))?;
        request.headers_mut().append(name, value);
        Ok(())
    };
    if !offer.protocols.is_empty() {
        add("Sec-WebSocket-Protocol", &offer.protocols.join(", "))?;
    }
    for (name, value) in &offer.headers {
        add(name, value)?;
    }
    let connected =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await;
    match connected {
        Ok((stream, response)) => {
            let header = |name: &str| {
                let value = response.headers().get(name);
                value
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            let extensions = header("Sec-WebSocket-Extensions");
            if extensions.is_empty() {
                Ok((stream, header("Sec-WebSocket-Protocol")))
            } else {
                Err(Refusal::Broken(format!(
                    "extension {extensions} (EIM-TRN-026)"
                )))
            }
        }
        Err(Error::Http(response)) => Err(Refusal::Status(response.status().as_u16())),
        Err(error) => Err(broken(&error)),
    }
}
