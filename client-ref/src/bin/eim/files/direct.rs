//! Fetching from addresses that the server gives, by HTTP.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::blobs::Fetcher;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

/// How long a connection may take to open.
const OPENED: Duration = Duration::from_secs(15);
/// How long it may bring nothing.
const SILENT: Duration = Duration::from_secs(30);

/// Fetches by HTTP.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    /// Plain addresses of other machines are allowed.
    plain: bool,
    response: Option<Response>,
}

impl Http {
    pub(super) fn new(plain: bool) -> io::Result<Self> {
        // Whoever installed one before wins; there is only this one in the program.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("eim/", env!("CARGO_PKG_VERSION")))
            // The server has told this address, and no other.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(OPENED)
            .read_timeout(SILENT)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            client,
            plain,
            response: None,
        })
    }
}

// impl[EIM-BLB-037]
fn permitted(url: &str, plain: bool) -> io::Result<Url> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let url = Url::parse(url).map_err(|_| refused("it is none"))?;
    let here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_matches(['[', ']']);
            host.parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        None => return Err(refused("it names no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here || plain => Ok(url),
        _ => Err(refused("it is not confidential")),
    }
}

#[async_trait]
impl Fetcher for Http {
    async fn begin(&mut self, url: &str) -> io::Result<()> {
        self.response = None;
        let url = permitted(url, self.plain)?;
        let response = self.client.get(url).send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(io::Error::other(format!("answer {}", response.status())));
        }
        self.response = Some(response);
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.response {
            Some(response) => response.chunk().await.map_err(failed),
            None => Ok(None),
        }
    }
}

/// Without the address: it is a secret.
fn failed(error: reqwest::Error) -> io::Error {
    io::Error::other(error.without_url())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::header::LOCATION;
    use axum::routing::get;

    use super::*;

    // test[EIM-BLB-037]
    #[test]
    fn plain_addresses_lead_to_this_machine_or_are_allowed() {
        let ok = |url: &str, plain: bool| permitted(url, plain).is_ok();
        assert!(ok("https://s3.example/a?b", false));
        assert!(ok("http://127.0.0.1:9000/a", false));
        assert!(ok("http://[::1]:9000/a", false));
        assert!(ok("http://localhost:9000/a", false));
        assert!(!ok("http://s3.example/a", false));
        assert!(!ok("http://localhost.example/a", false));
        assert!(ok("http://s3.example/a", true));
        for never in [
            "ftp://s3.example/a",
            "file:///etc/passwd",
            "data:,a",
            "a",
            "",
        ] {
            assert!(!ok(never, true), "{never}");
        }
    }

    /// A server with a file, one that leads elsewhere, and one that says no.
    async fn server() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let elsewhere = (StatusCode::FOUND, [(LOCATION, "/file")], "");
        let router = Router::new()
            .route("/file", get(async || "octets"))
            .route("/elsewhere", get(async move || elsewhere))
            .route("/no", get(async || (StatusCode::FORBIDDEN, "<Error/>")));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    // test[EIM-BLB-037]
    #[tokio::test]
    async fn an_address_is_fetched_from_and_leads_nowhere_else() {
        let server = server().await;
        let mut http = Http::new(false).unwrap();
        http.begin(&format!("{server}/file")).await.unwrap();
        let mut got = Vec::new();
        while let Some(octets) = http.next().await.unwrap() {
            got.extend_from_slice(&octets);
        }
        assert_eq!(got, b"octets");
        for path in ["elsewhere", "no", "nothing"] {
            let url = format!("{server}/{path}?secret");
            let failed = http.begin(&url).await.unwrap_err().to_string();
            assert!(!failed.contains("secret"), "{failed}");
            assert!(http.next().await.unwrap().is_none());
        }
        // Nobody listens.
        let failed = http.begin("http://127.0.0.1:9/a?secret").await.unwrap_err();
        assert!(!failed.to_string().contains("secret"), "{failed}");
    }
}
