//! What a client is told before it connects.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use eim_codec::payload::DeviceClass;

use crate::auth::SaltedPasswords;
use crate::environment::Environment;
use crate::link::Connector;
use crate::store::Store;

/// Where a server listens: `tcp://host:port`, `tls://host:port`, `ws://host:port/path` or
/// `wss://host:port/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// How octets travel.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path of a WebSocket endpoint, beginning with `/`; empty for streams.
    pub path: String,
}

/// How octets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TCP without encryption.
    Tcp,
    /// TCP with TLS 1.3.
    Tls,
    /// WebSocket without encryption.
    Ws,
    /// WebSocket over TLS 1.3.
    Wss,
}

impl Scheme {
    const ALL: [(&'static str, Self); 4] = [
        ("tcp", Self::Tcp),
        ("tls", Self::Tls),
        ("ws", Self::Ws),
        ("wss", Self::Wss),
    ];

    /// Whether TLS protects the transport.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether frames travel in WebSocket messages.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// Text that is not the URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// No or an unknown scheme.
    #[error("a server URL begins with tcp://, tls://, ws:// or wss://")]
    Scheme,
    /// No host.
    #[error("the server URL names no host")]
    Host,
    /// The port is missing or not a number from 1 to 65535.
    #[error("the server URL needs a port from 1 to 65535 after the host")]
    Port,
    /// A stream URL with a path.
    #[error("only ws:// and wss:// have a path")]
    Path,
    /// Credentials in the URL.
    #[error("credentials never belong into a URL")]
    Credentials,
}

impl FromStr for ServerUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let (_, scheme) = Scheme::ALL
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(scheme))
            .ok_or(InvalidUrl::Scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        // impl[EIM-TRN-027] Credentials never travel in a URL.
        if authority.contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        let (host, port) = authority.rsplit_once(':').ok_or(InvalidUrl::Port)?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err(InvalidUrl::Host);
        }
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(InvalidUrl::Port)?;
        let path = match (scheme.is_websocket(), path) {
            (true, "" | "/") => "/eim".to_owned(),
            (true, path) => path.to_owned(),
            (false, "" | "/") => String::new(),
            (false, _) => return Err(InvalidUrl::Path),
        };
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            path,
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = Scheme::ALL
            .into_iter()
            .find(|(_, scheme)| *scheme == self.scheme)
            .unwrap_or(Scheme::ALL[0]);
        if self.host.contains(':') {
            write!(f, "{name}://[{}]:{}{}", self.host, self.port, self.path)
        } else {
            write!(f, "{name}://{}:{}{}", self.host, self.port, self.path)
        }
    }
}

impl ServerUrl {
    /// Whether the host is this machine by its own loopback address or by the name `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is a SHA-256: 64 hexadecimal digits, colons allowed")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let mut nibbles = text
            .chars()
            .filter(|digit| *digit != ':')
            .map(|digit| digit.to_digit(16));
        let mut octets = [0_u8; 32];
        for octet in &mut octets {
            let (Some(Some(high)), Some(Some(low))) = (nibbles.next(), nibbles.next()) else {
                return Err(InvalidFingerprint);
            };
            *octet = u8::try_from(high * 16 + low).map_err(|_| InvalidFingerprint)?;
        }
        nibbles
            .next()
            .is_none()
            .then_some(Self(octets))
            .ok_or(InvalidFingerprint)
    }
}

/// What makes a TLS server trustworthy. There is no value that turns verification off.
// impl[EIM-TRN-010, EIM-TRN-015]
#[derive(Clone, Debug)]
pub enum Trust {
    /// Exactly the certificate with this fingerprint.
    Pinned(Fingerprint),
    /// Any certificate for the host name that an authority in this PEM file signed.
    Authorities(PathBuf),
}

/// How the user proves who they are.
#[derive(Clone)]
pub struct Credentials {
    /// Login name.
    pub user: String,
    /// Password; `None` when only the stored resume token may be used.
    pub password: Option<String>,
    /// Token of a bot, instead of a password.
    pub token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How the connection relates to a running one of the same device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// The only full connection of the device; an older one is replaced.
    #[default]
    Full,
    /// Sends and gets results, receives nothing, replaces nothing.
    SendOnly,
}

/// Everything a client is told before it connects.
#[derive(Clone)]
pub struct Options {
    /// Where the server listens.
    pub server: ServerUrl,
    /// Who logs in.
    pub credentials: Credentials,
    /// What makes the server's certificate trustworthy; needed for `tls://` and `wss://`.
    pub trust: Option<Trust>,
    /// Allows `tcp://` and `ws://` to other machines.
    pub allow_plain: bool,
    /// Where messages, cursor, outbox and device identity live.
    pub store: Arc<dyn Store>,
    /// How the connection relates to others of the device.
    pub attach: Attach,
    /// What kind of device this is.
    pub device_class: DeviceClass,
    /// Name of the device in the user's device list.
    pub device_name: String,
    /// Takes over what a dead process of this device left in the outbox.
    pub adopt_outbox: bool,
    /// A device without entries reads its timeline from the beginning if that has at most this many
    /// entries; else it takes a snapshot, and reads the rest newest first.
    pub first_sync: u64,
    /// Most messages in the outbox before [`crate::Client::send`] waits.
    pub outbox_limit: usize,
    /// Whether to connect again after a loss.
    pub reconnect: bool,
    /// Whether the application reads [`crate::Client::events`]. A full client whose application
    /// says so but does not read leaves its messages waiting at the server.
    pub events: bool,
    /// Whether the application takes part in calls: it hears of them as [`crate::Event::Call`].
    pub calls: bool,
    /// How long [`crate::Client::connect`] goes on trying.
    pub patience: Duration,
    /// Makes the transports; `None` for the network, as `server` says.
    pub connector: Option<Arc<dyn Connector>>,
    /// Longest time from dialling to AUTH_OK of one attempt.
    pub connect_timeout: Duration,
    /// Salted passwords that were derived before; clients that share them derive each once.
    pub salted: SaltedPasswords,
    /// Clock and randomness.
    pub environment: Environment,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.server)
            .field("credentials", &self.credentials)
            .field("attach", &self.attach)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Options with defaults: full connection, automatic reconnect, everything in `store`.
    #[must_use]
    pub fn new(
        server: ServerUrl,
        user: &str,
        password: Option<&str>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self {
            server,
            credentials: Credentials {
                user: user.to_owned(),
                password: password.map(str::to_owned),
                token: None,
            },
            trust: None,
            allow_plain: false,
            store,
            attach: Attach::Full,
            device_class: DeviceClass::Terminal,
            device_name: "eim".to_owned(),
            adopt_outbox: true,
            first_sync: 256,
            outbox_limit: 1024,
            reconnect: true,
            events: true,
            calls: false,
            patience: Duration::from_secs(30),
            connector: None,
            connect_timeout: Duration::from_secs(15),
            salted: SaltedPasswords::default(),
            environment: Environment::default(),
        }
    }

    /// Logs in as a bot, by its token.
    #[must_use]
    pub fn bot(mut self, token: &str) -> Self {
        self.credentials.token = Some(token.to_owned());
        self.device_class = DeviceClass::Bot;
        self
    }

    /// Trusts exactly one certificate.
    #[must_use]
    pub fn pinned(mut self, fingerprint: Fingerprint) -> Self {
        self.trust = Some(Trust::Pinned(fingerprint));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_and_write() {
        for (text, written) in [
            ("tcp://127.0.0.1:7470", "tcp://127.0.0.1:7470"),
            ("TLS://chat.example:443/", "tls://chat.example:443"),
            ("ws://[::1]:80", "ws://[::1]:80/eim"),
            ("wss://chat.example:443/x", "wss://chat.example:443/x"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn wrong_urls_say_what_is_wrong() {
        for (text, error) in [
            ("chat.example:1", InvalidUrl::Scheme),
            ("http://chat.example:1", InvalidUrl::Scheme),
            ("tls://:1", InvalidUrl::Host),
            ("tls://host", InvalidUrl::Port),
            ("tls://host:0", InvalidUrl::Port),
            ("tls://host:1/path", InvalidUrl::Path),
            ("wss://me:secret@host:1", InvalidUrl::Credentials),
        ] {
            assert_eq!(text.parse::<ServerUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn loopback_is_recognised_by_address_and_name() {
        for (text, loopback) in [
            ("tcp://127.9.0.1:1", true),
            ("tcp://[::1]:1", true),
            ("tcp://localhost:1", true),
            ("tcp://10.0.0.1:1", false),
            ("tcp://localhost.example:1", false),
        ] {
            assert_eq!(
                text.parse::<ServerUrl>().unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }

    #[test]
    fn fingerprints_read_with_and_without_colons() {
        let plain = "0f".repeat(32);
        let colons = ["0F"; 32].join(":");
        assert_eq!(plain.parse::<Fingerprint>(), colons.parse());
        assert_eq!(plain.parse::<Fingerprint>().unwrap().to_string(), plain);
        for wrong in ["", "0f", &"0f".repeat(33), &"0g".repeat(32)] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(InvalidFingerprint));
        }
    }
}
