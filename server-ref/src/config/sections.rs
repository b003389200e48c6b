//! The sections of the configuration. Meanings and defaults of the keys: `default.toml`.

use std::path::PathBuf;

use serde::Deserialize;

use super::{BotsSection, BreakerSection, CompressionSection, NotificationsSection, RatesSection};
use crate::blobs::S3Place;
use crate::calls::Rules;
use crate::service::blobs::BlobOptions;
use crate::service::directory::Visible;
use crate::service::presence::{PresencePolicy, SeenBy};
use crate::store::ClassLimits;

/// The whole configuration.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server itself.
    pub server: ServerSection,
    /// Listeners for clients.
    pub listen: ListenSection,
    /// Certificate.
    pub tls: TlsSection,
    /// WebSocket.
    pub websocket: WebSocketSection,
    /// Authentication.
    pub auth: AuthSection,
    /// Sessions.
    pub session: SessionSection,
    /// Devices.
    pub devices: DevicesSection,
    /// What is compressed.
    pub compression: CompressionSection,
    /// Limits on what peers do.
    pub limits: LimitsSection,
    /// How fast acts may come.
    pub rates: RatesSection,
    /// When parts that fail are left alone.
    pub breaker: BreakerSection,
    /// What contacts are for.
    pub contacts: ContactsSection,
    /// The directory.
    pub directory: DirectorySection,
    /// Presence and typing.
    pub presence: PresenceSection,
    /// Notifications for devices without a connection.
    pub notifications: NotificationsSection,
    /// Bots.
    pub bots: BotsSection,
    /// Bounds of queues.
    pub memory: MemorySection,
    /// The store.
    pub store: StoreSection,
    /// Files.
    pub blobs: BlobsSection,
    /// Administration.
    pub admin: AdminSection,
    /// Logs.
    pub log: LogSection,
    /// Stopping.
    pub shutdown: ShutdownSection,
}

/// `[server]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    /// Data folder.
    pub data_dir: PathBuf,
    /// Create demo accounts in an empty store.
    pub demo_accounts: bool,
}

/// `[listen]`: an empty string turns a listener off.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// TCP with TLS.
    pub tls: String,
    /// WebSocket with TLS.
    pub wss: String,
    /// TCP without TLS.
    pub tcp: String,
    /// WebSocket without TLS.
    pub ws: String,
    /// Plain listeners may leave loopback.
    pub allow_plain_remote: bool,
    /// Plain connections come through a proxy.
    pub behind_proxy: bool,
    /// Kernel queue.
    pub backlog: u32,
}

/// `[tls]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Names of a self-signed certificate.
    pub self_signed_names: Vec<String>,
}

/// `[websocket]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct WebSocketSection {
    /// Accepted origins.
    pub origins: Vec<String>,
}

/// `[auth]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct AuthSection {
    /// PBKDF2 iterations of new passwords.
    pub iterations: u32,
    /// SCRAM without channel binding is offered.
    pub allow_unbound: bool,
}

/// `[devices]`: how many may be logged in at once; 0 for any number.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DevicesSection {
    /// All together.
    pub total: u32,
    /// Desktops.
    pub desktop: u32,
    /// Phones.
    pub phone: u32,
    /// Tablets.
    pub tablet: u32,
    /// Browsers.
    pub web: u32,
    /// Bots.
    pub bot: u32,
    /// Terminals.
    pub terminal: u32,
    /// Of no class.
    pub other: u32,
}

impl DevicesSection {
    /// As the store wants them.
    // impl[EIM-DEV-014]
    #[must_use]
    pub const fn limits(&self) -> ClassLimits {
        ClassLimits {
            of_class: [
                self.other,
                self.desktop,
                self.phone,
                self.tablet,
                self.web,
                self.bot,
                self.terminal,
            ],
            total: self.total,
        }
    }
}

/// `[session]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SessionSection {
    /// Heartbeat interval.
    pub heartbeat_ms: u64,
    /// Longest background time.
    pub background_ms: u64,
    /// How long RESUMED is possible.
    pub resume_ms: u64,
    /// How long a token is valid.
    pub resume_token_ms: u64,
    /// Most detached sessions.
    pub detached_sessions: usize,
    /// Most octets of detached sessions.
    pub detached_octets: usize,
    /// Patience with an older connection of the same device.
    pub quiesce_ms: u64,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LimitsSection {
    /// Largest payload.
    pub frame_octets: u32,
    /// Handshake time.
    pub handshake_ms: u64,
    /// Half-open connections per address.
    pub half_open_per_address: u32,
    /// Connections altogether.
    pub connections: u32,
    /// First credit in frames.
    pub window_frames: u32,
    /// First credit in octets.
    pub window_octets: u32,
    /// Most credit in frames.
    pub window_frames_max: u32,
    /// Most credit in octets.
    pub window_octets_max: u32,
    /// Unsettled results.
    pub unsettled_results: u32,
    /// Unsequenced frames per second.
    pub control_frames_per_s: u32,
    /// Requests in flight.
    pub requests_in_flight: u32,
    /// Messages per second and device; 0 for no limit.
    pub messages_per_s: u32,
    /// Members of a group.
    pub group_members: u32,
    /// Members up to which every entry of a group enters every timeline.
    pub write_fanout_members: u32,
    /// Users who wait to join a group.
    pub group_waiting: u32,
    /// How long senders may edit; 0 for ever.
    pub edit_ms: u64,
    /// How long senders may recall; 0 for ever.
    pub recall_ms: u64,
    /// Pinned messages of a conversation.
    pub conversation_pins: u32,
    /// Users on a list of contacts.
    pub contacts: u32,
    /// Muted conversations of one user.
    pub notify_mutes: u32,
    /// Users whose presence one connection hears of.
    pub presence_subscriptions: u32,
    /// Requests about presence and typing per second and connection.
    pub presence_per_s: u32,
    /// How long changes of presence are gathered.
    pub presence_ms: u64,
    /// Members up to which typing is told.
    pub typing_members: u32,
    /// Members of a conversation in which calls are possible.
    pub call_members: u32,
    /// Calls of one user that are not over.
    pub calls_started: u32,
    /// Signals of one call that are kept.
    pub call_signals: u32,
    /// How long a call rings.
    pub call_ring_ms: u64,
    /// How long a device in a call may be without a connection.
    pub call_absent_ms: u64,
    /// How long signals of calls are kept.
    pub call_mailbox_ms: u64,
}

/// `[contacts]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ContactsSection {
    /// Only contacts may write to each other directly.
    pub only_contacts_may_write: bool,
}

/// `[directory]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DirectorySection {
    /// Who reads what.
    pub visible: Visible,
}

/// `[presence]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PresenceSection {
    /// Who sees others.
    pub visible: SeenBy,
    /// Whether it is told when somebody was here last.
    pub last_seen: bool,
}

impl Config {
    /// Who sees what of presence.
    #[must_use]
    pub fn presence_policy(&self) -> PresencePolicy {
        let typing_members = self.limits.typing_members;
        PresencePolicy {
            seen_by: self.presence.visible,
            last_seen: self.presence.last_seen,
            typing_members: usize::try_from(typing_members).unwrap_or(usize::MAX),
        }
    }

    /// Bounds and times of calls.
    #[must_use]
    pub fn call_rules(&self) -> Rules {
        let limits = &self.limits;
        let usize_of = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Rules {
            members: usize_of(limits.call_members),
            started: usize_of(limits.calls_started),
            signals: usize_of(limits.call_signals),
            ring_ms: limits.call_ring_ms,
            absent_ms: limits.call_absent_ms,
            mailbox_ms: limits.call_mailbox_ms,
            contacts_only: self.contacts.only_contacts_may_write,
        }
    }
}

/// `[memory]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct MemorySection {
    /// Queued pushes per session.
    pub queue_frames: usize,
    /// Queued octets per session.
    pub queue_octets: usize,
    /// Queued octets altogether.
    pub queues_octets: usize,
    /// Credit beyond the first, altogether.
    pub windows_octets: usize,
}

/// Which store engine runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// On disk, in the data folder.
    Embedded,
    /// In memory, for tests.
    Memory,
}

/// `[store]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Engine.
    pub engine: Engine,
    /// Life of timeline references.
    pub timeline_ms: u64,
    /// Life of idempotency keys.
    pub idempotency_ms: u64,
    /// Octets of the disk that stay free.
    pub reserve_octets: u64,
    /// About how many messages may wait for it; 0 for any number.
    pub backlog_messages: usize,
    /// How long the first of them may have waited; 0 for any time.
    pub backlog_ms: u64,
    /// Pause between sweeps.
    pub sweep_interval_ms: u64,
    /// Records per step.
    pub sweep_limit: usize,
}

/// What keeps the octets of blobs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Nothing: there are no blobs.
    Nothing,
    /// A folder.
    Folder,
    /// Memory, for tests.
    Memory,
    /// S3, or whatever speaks like it.
    S3,
}

/// `[blobs]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct BlobsSection {
    /// What keeps their octets.
    pub keep: Keep,
    /// The folder; empty for one in the data folder.
    pub folder: PathBuf,
    /// Address of S3; empty for the one of the region.
    pub s3_endpoint: String,
    /// Region.
    pub s3_region: String,
    /// Bucket.
    pub s3_bucket: String,
    /// Folder in the bucket.
    pub s3_prefix: String,
    /// Largest blob.
    pub max_octets: u64,
    /// Octets that the blobs of one user may have together.
    pub quota_octets: u64,
    /// Octets that are written at once.
    pub part_octets: u32,
    /// Octets of a transfer that may be under way.
    pub window_octets: u32,
    /// Transfers of one connection.
    pub transfers: u32,
    /// How long a blob is kept without a reference.
    pub orphan_ms: u64,
    /// Hash and size are enough to have octets that the tenant has.
    pub shared: bool,
    /// Media types that may be uploaded.
    pub media_types: Vec<String>,
    /// Octets that all transfers may hold together.
    pub memory_octets: usize,
    /// How long an address of S3 lives that is given to clients; 0: none are.
    pub presigned_ms: u64,
}

impl BlobsSection {
    /// Where S3 is.
    #[must_use]
    pub fn s3(&self) -> S3Place {
        S3Place {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            bucket: self.s3_bucket.clone(),
            prefix: self.s3_prefix.clone(),
        }
    }

    /// What the service needs.
    #[must_use]
    pub fn options(&self) -> BlobOptions {
        BlobOptions {
            octets: self.max_octets,
            quota_octets: self.quota_octets,
            part_octets: self.part_octets,
            window_octets: self.window_octets,
            transfers: usize::try_from(self.transfers).unwrap_or(usize::MAX),
            orphan_ms: self.orphan_ms,
            shared: self.shared,
            media_types: self.media_types.clone(),
            memory_octets: self.memory_octets,
            presigned_ms: self.presigned_ms,
        }
    }
}

/// `[admin]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct AdminSection {
    /// HTTP address; empty for none.
    pub listen: String,
}

/// Form of the logs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// Form.
    pub format: LogFormat,
    /// Filter of `tracing`.
    pub filter: String,
}

/// `[shutdown]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSection {
    /// Patience with clients.
    pub drain_ms: u64,
    /// Jitter announced to clients.
    pub reconnect_jitter_ms: u64,
}
