//! What all sessions of a server share.

use std::sync::Arc;
use std::time::Duration;

use eim_codec::connection::{Queue, ServerConfig, WindowSize};
use eim_codec::registry::Capability;
use tokio_util::sync::CancellationToken;

use super::detached::Registry;
use super::slots::Slots;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::config::{Config, Keep};
use crate::hub::{Budget, Hub};
use crate::limits::{Limits, Rate};
use crate::random::Random;
use crate::service::Requests;
use crate::service::auth::{AuthService, RESUME, TOKEN, scram};
use crate::service::blobs::Blobs;
use crate::store::{ClassLimits, Store, TenantId};
use crate::transport::Peer;

/// Pushes handed to a connection before the rest waits in the mailbox.
pub(super) const QUEUED_FRAMES: usize = 64;
/// Octets handed to a connection before the rest waits in the mailbox.
pub(super) const QUEUED_OCTETS: usize = 64 * 1024;

/// What a session needs to know about the configuration.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    /// How long RESUMED is possible.
    pub resume: Duration,
    /// Patience with an older connection of the same device.
    pub quiesce: Duration,
    /// From accepting a connection to AUTH_OK.
    pub handshake: Duration,
    /// First credit.
    pub window: WindowSize,
    /// Most credit.
    pub window_max: WindowSize,
    /// Largest payload of a frame.
    pub frame_octets: u32,
    /// Patience with clients when stopping.
    pub drain: Duration,
    /// Jitter announced to clients when stopping.
    pub jitter: Duration,
    /// Requests about presence of one connection.
    pub presence: Option<Rate>,
    /// How many devices of a user may be logged in at once.
    pub devices: ClassLimits,
}

/// What all sessions of a server share.
pub struct Shared {
    /// How much others may have.
    pub limits: Arc<Limits>,
    /// Everything that survives.
    pub store: Arc<dyn Store>,
    /// Who is online.
    pub hub: Arc<Hub>,
    /// Calls that are set up or go on.
    pub calls: Arc<Calls>,
    /// Authentication.
    pub auth: AuthService,
    /// Requests.
    pub requests: Requests,
    /// Blobs, if they are kept.
    pub blobs: Option<Arc<Blobs>>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// One full connection a device.
    pub slots: Arc<Slots>,
    /// Sessions without a connection.
    pub detached: Registry,
    /// Credit beyond the first.
    pub windows: Budget,
    /// Set when the server stops.
    pub stopping: CancellationToken,
    /// Options.
    pub options: SessionOptions,
    /// Tenant of this server.
    pub tenant: TenantId,
    /// Connections over which secrets may cross, and others.
    pub connection: ConnectionConfigs,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The connection's configuration, by what the transport is worth.
#[derive(Clone, Debug)]
pub struct ConnectionConfigs {
    /// TLS, or plain on this machine.
    confidential: Arc<ServerConfig>,
    /// Plain, from elsewhere.
    plain: Arc<ServerConfig>,
    /// Plain, through a proxy that may terminate TLS.
    proxied: Arc<ServerConfig>,
    behind_proxy: bool,
}

impl ConnectionConfigs {
    /// From the configuration.
    // impl[EIM-AUT-012, EIM-AUT-013, EIM-AUT-014, EIM-AUT-031, EIM-TRN-033, EIM-BOT-003]
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let make = |confidential: bool, bound: bool| {
            let mut made = ServerConfig::default();
            if bound {
                made.mechanisms.push(scram::PLUS.to_owned());
            }
            if config.auth.allow_unbound || !bound {
                made.mechanisms.push(scram::PLAIN.to_owned());
            }
            if confidential {
                made.mechanisms.push(RESUME.to_owned());
                made.mechanisms.push(TOKEN.to_owned());
            }
            made.implementation = concat!("eim-server/", env!("CARGO_PKG_VERSION")).to_owned();
            made.confidential = confidential;
            made.compressions = config.compression.algorithms();
            made.compression = config.compression.policy();
            made.max_frame_octets = config.limits.frame_octets;
            made.heartbeat = Duration::from_millis(config.session.heartbeat_ms);
            made.background = Duration::from_millis(config.session.background_ms);
            made.window = first_window(config);
            made.queue = Queue {
                messages: 1024,
                octets: 4 << 20,
                retained_octets: 128 << 10,
            };
            made.unsettled_results = config.limits.unsettled_results;
            made.requests_in_flight = config.limits.requests_in_flight;
            made.control_frames_per_s = config.limits.control_frames_per_s;
            made.handshake = Duration::from_millis(config.limits.handshake_ms);
            // impl[EIM-BLB-001]
            if config.blobs.keep == Keep::Nothing {
                made.capabilities.retain(|one| *one != Capability::BLOBS);
            }
            Arc::new(made)
        };
        Self {
            confidential: make(true, true),
            plain: make(false, true),
            proxied: make(false, false),
            behind_proxy: config.listen.behind_proxy,
        }
    }

    /// The configuration for a connection from `peer`.
    #[must_use]
    pub fn for_peer(&self, peer: &Peer) -> &Arc<ServerConfig> {
        if peer.transport.is_tls() {
            &self.confidential
        } else if self.behind_proxy {
            &self.proxied
        } else if peer.is_confidential() {
            &self.confidential
        } else {
            &self.plain
        }
    }
}

fn first_window(config: &Config) -> WindowSize {
    WindowSize {
        frames: config.limits.window_frames,
        octets: config.limits.window_octets,
    }
}

impl SessionOptions {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let ms = Duration::from_millis;
        Self {
            resume: ms(config.session.resume_ms),
            quiesce: ms(config.session.quiesce_ms),
            handshake: ms(config.limits.handshake_ms),
            window: first_window(config),
            window_max: WindowSize {
                frames: config.limits.window_frames_max,
                octets: config.limits.window_octets_max,
            },
            frame_octets: config.limits.frame_octets,
            drain: ms(config.shutdown.drain_ms),
            jitter: ms(config.shutdown.reconnect_jitter_ms),
            presence: Rate::new(config.limits.presence_per_s.into(), Duration::from_secs(1)),
            devices: config.devices.limits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport;

    fn offers(configs: &ConnectionConfigs, address: &str, transport: Transport) -> Vec<String> {
        let address = address.parse().unwrap();
        let peer = Peer { address, transport };
        configs.for_peer(&peer).mechanisms.clone()
    }

    // test[EIM-BLB-001]
    #[test]
    fn a_server_without_blobs_does_not_offer_them() {
        for (text, offered) in [("", true), ("[blobs]\nkeep = \"nothing\"", false)] {
            let configs = ConnectionConfigs::new(&Config::from_toml(text).unwrap());
            let peer = Peer {
                address: "127.0.0.1:1".parse().unwrap(),
                transport: Transport::Tls,
            };
            let capabilities = &configs.for_peer(&peer).capabilities;
            assert_eq!(capabilities.contains(&Capability::BLOBS), offered);
        }
    }

    // test[EIM-BOT-003]
    #[test]
    fn tokens_of_bots_are_offered_where_they_may_cross() {
        let configs = ConnectionConfigs::new(&Config::from_toml("").unwrap());
        let token = TOKEN.to_owned();
        assert!(offers(&configs, "127.0.0.1:1", Transport::Tcp).contains(&token));
        assert!(offers(&configs, "192.0.2.1:1", Transport::Tls).contains(&token));
        assert!(!offers(&configs, "192.0.2.1:1", Transport::Tcp).contains(&token));
    }

    // test[EIM-TRN-033]
    #[test]
    fn a_proxy_on_loopback_does_not_make_its_clients_local() {
        let local = "127.0.0.1:40000";
        let direct = ConnectionConfigs::new(&Config::from_toml("").unwrap());
        let resume = RESUME.to_owned();
        assert!(offers(&direct, local, Transport::Tcp).contains(&resume));
        let text = "[listen]\nbehind_proxy = true";
        let proxied = ConnectionConfigs::new(&Config::from_toml(text).unwrap());
        for transport in [Transport::Tcp, Transport::Ws] {
            let offered = offers(&proxied, local, transport);
            assert!(!offered.contains(&resume), "{offered:?}");
            assert!(!offered.contains(&scram::PLUS.to_owned()), "{offered:?}");
        }
        assert!(offers(&proxied, local, Transport::Tls).contains(&resume));
    }
}
