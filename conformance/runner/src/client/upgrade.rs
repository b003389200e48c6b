//! The server's side of the WebSocket handshake, and what it finds wrong with the client's.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};

use crate::wire::net::Shared;
use crate::wire::websocket::SUBPROTOCOL;

/// Upgrades a stream; without `select` no subprotocol is chosen.
///
/// # Errors
/// What the client did wrong, or that it did not go on.
#[expect(
    clippy::result_large_err,
    reason = "the callback's type is that of the library"
)]
pub async fn upgrade(stream: Shared, select: bool) -> Result<WebSocketStream<Shared>, String> {
    let fault = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&fault);
    let check = move |request: &Request, mut response: Response| {
        if let Err(why) = judge(request) {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
            let mut refusal = ErrorResponse::new(Some(why));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            return Err(refusal);
        }
        if select {
            let value = HeaderValue::from_static(SUBPROTOCOL);
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", value);
        }
        Ok(response)
    };
    let accepted = tokio_tungstenite::accept_hdr_async(stream, check).await;
    accepted.map_err(|error| {
        let fault = fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        fault.unwrap_or_else(|| format!("WebSocket: {error}"))
    })
}

fn judge(request: &Request) -> Result<(), String> {
    let all = |name: &str| -> Vec<String> {
        let values = request.headers().get_all(name).into_iter();
        let values = values.filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .map(|v| v.trim().to_owned())
            .collect()
    };
    if !all("Sec-WebSocket-Protocol")
        .iter()
        .any(|name| name == SUBPROTOCOL)
    {
        return Err(format!("EIM-TRN-020: {SUBPROTOCOL} is not offered"));
    }
    if request.uri().query().is_some() {
        return Err(format!(
            "EIM-TRN-027: a query in the URL: {}",
            request.uri()
        ));
    }
    for name in ["Authorization", "Cookie", "Proxy-Authorization"] {
        if !all(name).is_empty() {
            return Err(format!("EIM-TRN-027: a header {name}"));
        }
    }
    Ok(())
}
