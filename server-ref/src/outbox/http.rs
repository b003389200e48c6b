//! HTTP over the network.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect;

use super::gateway::{Http, HttpError, Post, Reply};

/// Octets of an answer that are read; services say in a few words what is wrong.
const ANSWER: usize = 16 << 10;
/// Connections to one host that are kept.
const IDLE: usize = 16;

/// HTTP over TCP and TLS, with the authorities of the operating system.
#[derive(Debug)]
pub struct Network(reqwest::Client);

impl Network {
    /// A client whose requests take at most `timeout`.
    ///
    /// # Errors
    /// The authorities of the operating system cannot be read.
    pub fn new(timeout: Duration) -> Result<Self, HttpError> {
        // Whoever installed one before wins; there is only this one in the program.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("eim-server/", env!("CARGO_PKG_VERSION")))
            // What is signed for one address goes to no other.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .pool_max_idle_per_host(IDLE)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Http for Network {
    async fn post(&self, post: Post) -> Result<Reply, HttpError> {
        let mut request = self.0.post(post.url).body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        while body.len() < ANSWER {
            let chunk: Option<Bytes> = response.chunk().await.map_err(|error| failed(&error))?;
            let Some(chunk) = chunk else { break };
            let room = ANSWER.saturating_sub(body.len()).min(chunk.len());
            body.extend_from_slice(&chunk.slice(..room));
        }
        Ok(Reply {
            status,
            retry_after,
            body: body.freeze(),
        })
    }
}

/// The error with its causes, but without the address, which may be a secret.
fn failed(error: &reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the exchange failed"
    };
    let mut text = kind.to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    HttpError(text)
}
