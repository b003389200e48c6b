//! The HTTP side of WebSocket: path, subprotocol, origin.

use std::time::Duration;

use eim_codec::tokio::websocket_config;
use tokio::io::{self, AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};

/// Path of the WebSocket.
pub const PATH: &str = "/eim";
/// Subprotocol of the WebSocket.
pub const SUBPROTOCOL: &str = "eim.v1";

/// Performs the HTTP handshake.
///
/// # Errors
/// The client sent something else, was refused, or took longer than `limit`.
// impl[EIM-TRN-026, EIM-TRN-028]: no extension is ever accepted, cookies are never looked at.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    origins: &[String],
    limit: Duration,
) -> io::Result<WebSocketStream<S>> {
    // The type is the library's.
    #[expect(
        clippy::result_large_err,
        reason = "the signature of the library's callback"
    )]
    let check = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        admit(request.uri().path(), request.headers(), origins)
            .map_err(|(status, text)| refusal(status, text))?;
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        Ok(response)
    };
    let config = Some(websocket_config());
    let handshake = tokio_tungstenite::accept_hdr_async_with_config(stream, check, config);
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn admit(
    path: &str,
    headers: &HeaderMap,
    origins: &[String],
) -> Result<(), (StatusCode, &'static str)> {
    if path != PATH {
        return Err((StatusCode::NOT_FOUND, "the WebSocket of EIM is at /eim\n"));
    }
    // impl[EIM-TRN-021]
    let offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == SUBPROTOCOL);
    if !offered {
        return Err((StatusCode::BAD_REQUEST, "subprotocol eim.v1 is required\n"));
    }
    // impl[EIM-TRN-029]: only browsers send Origin; for them a page of another site must not get in.
    match headers.get(ORIGIN) {
        Some(origin) if !allowed(origin, origins) => {
            Err((StatusCode::FORBIDDEN, "this origin is not allowed\n"))
        }
        _ => Ok(()),
    }
}

fn allowed(origin: &HeaderValue, origins: &[String]) -> bool {
    origins
        .iter()
        .any(|allowed| allowed == "*" || origin.as_bytes() == allowed.as_bytes())
}

fn refusal(status: StatusCode, text: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(text.to_owned()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn path_subprotocol_and_origin_are_checked() {
        let origins = ["https://im.example.org".to_owned()];
        let check = |path: &str, pairs: &[(&'static str, &'static str)]| {
            admit(path, &headers(pairs), &origins).map_err(|(status, _)| status.as_u16())
        };
        let protocol = ("sec-websocket-protocol", "chat, eim.v1");
        assert_eq!(check("/eim", &[protocol]), Ok(()));
        assert_eq!(check("/", &[protocol]), Err(404));
        assert_eq!(check("/eim", &[]), Err(400));
        assert_eq!(
            check("/eim", &[("sec-websocket-protocol", "eim.v11")]),
            Err(400)
        );
        assert_eq!(
            check("/eim", &[protocol, ("origin", "https://im.example.org")]),
            Ok(())
        );
        assert_eq!(
            check("/eim", &[protocol, ("origin", "https://evil.example")]),
            Err(403)
        );
        assert_eq!(check("/eim", &[protocol, ("origin", "null")]), Err(403));
    }
}
