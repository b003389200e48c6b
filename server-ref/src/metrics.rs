//! Metrics, named by the words of the protocol.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Names of all metrics.
pub mod names {
    /// Open connections, by transport.
    pub const CONNECTIONS: &str = "eim_connections";
    /// Connections accepted, by transport.
    pub const CONNECTIONS_ACCEPTED: &str = "eim_connections_accepted_total";
    /// Connections refused before the handshake, by reason.
    pub const CONNECTIONS_REFUSED: &str = "eim_connections_refused_total";
    /// Connections that ended, by error code.
    pub const CONNECTIONS_CLOSED: &str = "eim_connections_closed_total";
    /// Authentications, by outcome.
    pub const AUTHENTICATIONS: &str = "eim_authentications_total";
    /// Sessions opened, by outcome (fresh, resumed).
    pub const SESSIONS: &str = "eim_sessions_total";
    /// Detached sessions that can be resumed.
    pub const SESSIONS_DETACHED: &str = "eim_sessions_detached";
    /// Messages and changes committed.
    pub const MESSAGES_ACCEPTED: &str = "eim_messages_accepted_total";
    /// Messages refused, by error code.
    pub const MESSAGES_REFUSED: &str = "eim_messages_refused_total";
    /// Messages handed to the hub at once.
    pub const COMMIT_BATCH_SIZE: &str = "eim_commit_batch_size";
    /// Pushes queued for sessions.
    pub const PUSHES: &str = "eim_pushes_total";
    /// Times a session's queue was dropped.
    pub const LAGGED: &str = "eim_lagged_total";
    /// Requests answered, by operation.
    pub const REQUESTS: &str = "eim_requests_total";
    /// Octets waiting in session queues.
    pub const QUEUE_OCTETS: &str = "eim_queue_octets";
    /// Users with a session here.
    pub const USERS_ONLINE: &str = "eim_users_online";
    /// Octets free on the disk of the store.
    pub const STORE_FREE: &str = "eim_store_free_octets";
    /// Octets of it that are kept back.
    pub const STORE_RESERVE: &str = "eim_store_reserve_octets";
    /// 1 while messages are refused for want of room, 0 otherwise.
    pub const STORE_READ_ONLY: &str = "eim_store_read_only";
    /// Octets of blobs transferred, by direction.
    pub const BLOB_OCTETS: &str = "eim_blob_octets_total";
    /// Contents of blobs that were removed.
    pub const BLOBS_COLLECTED: &str = "eim_blobs_collected_total";
    /// Notifications that are owed, by service.
    pub const NOTIFICATIONS_OWED: &str = "eim_notifications_owed";
    /// Age of the notification that is due first, by service.
    pub const NOTIFICATIONS_OLDEST: &str = "eim_notifications_oldest_seconds";
    /// Notifications that services took, by service.
    pub const NOTIFICATIONS_SENT: &str = "eim_notifications_sent_total";
    /// Attempts that failed, by service and reason.
    pub const NOTIFICATIONS_FAILED: &str = "eim_notifications_failed_total";
    /// Notifications that were not needed any more, by reason.
    pub const NOTIFICATIONS_NEEDLESS: &str = "eim_notifications_needless_total";
    /// When what this server shows to a service expires, Unix seconds, by service.
    pub const CREDENTIAL_EXPIRES: &str = "eim_notifications_credential_expires_seconds";
    /// Acts that a limit held back, by limit and by whose it is.
    pub const LIMITED: &str = "eim_limited_total";
    /// Devices, users and addresses that limits remember.
    pub const LIMITS_REMEMBERED: &str = "eim_limits_remembered";
    /// Messages that wait for the store.
    pub const STORE_BACKLOG: &str = "eim_store_backlog_messages";
    /// How long the first of them has waited.
    pub const STORE_BACKLOG_AGE: &str = "eim_store_backlog_oldest_seconds";
    /// State of the circuit breaker, by service: 0 closed, 1 half open, 2 open.
    pub const BREAKER_STATE: &str = "eim_breaker_state";
    /// Times a circuit breaker opened, by service.
    pub const BREAKER_OPENED: &str = "eim_breaker_opened_total";
    /// Requests of bots by HTTP, by outcome.
    pub const BOT_REQUESTS: &str = "eim_bot_requests_total";
    /// Entries that webhooks of bots took.
    pub const BOT_TOLD: &str = "eim_bot_webhook_told_total";
    /// Attempts to tell webhooks of bots that failed, by reason.
    pub const BOT_FAILED: &str = "eim_bot_webhook_failed_total";
    /// Webhooks of bots that have not heard of all entries of their bots.
    pub const BOT_BEHIND: &str = "eim_bot_webhooks_behind";
    /// Records removed by sweeps, by kind.
    pub const SWEPT: &str = "eim_swept_total";
}

/// Describes all metrics to the installed recorder.
pub fn describe() {
    describe_gauge!(names::CONNECTIONS, "Open connections");
    describe_counter!(names::CONNECTIONS_ACCEPTED, "Connections accepted");
    describe_counter!(
        names::CONNECTIONS_REFUSED,
        "Connections refused before the handshake"
    );
    describe_counter!(names::CONNECTIONS_CLOSED, "Connections that ended");
    describe_counter!(names::AUTHENTICATIONS, "Authentications");
    describe_counter!(names::SESSIONS, "Sessions opened");
    describe_gauge!(
        names::SESSIONS_DETACHED,
        "Detached sessions that can be resumed"
    );
    describe_counter!(names::MESSAGES_ACCEPTED, "Messages and changes committed");
    describe_counter!(names::MESSAGES_REFUSED, "Messages refused");
    describe_histogram!(names::COMMIT_BATCH_SIZE, "Entries committed together");
    describe_counter!(names::PUSHES, "Pushes queued for sessions");
    describe_counter!(names::LAGGED, "Times the queue of a session was dropped");
    describe_counter!(names::REQUESTS, "Requests answered");
    describe_gauge!(names::QUEUE_OCTETS, "Octets waiting in session queues");
    describe_gauge!(names::USERS_ONLINE, "Users with a session here");
    describe_gauge!(names::STORE_FREE, "Octets free on the disk of the store");
    describe_gauge!(
        names::STORE_RESERVE,
        "Octets of the disk that are kept back"
    );
    describe_gauge!(
        names::STORE_READ_ONLY,
        "1 while messages are refused because the disk is nearly full"
    );
    describe_counter!(names::BLOB_OCTETS, "Octets of blobs transferred");
    describe_counter!(
        names::BLOBS_COLLECTED,
        "Contents of blobs that were removed because nothing refers to them"
    );
    describe_notifications();
    describe_limits();
    describe_counter!(names::BOT_REQUESTS, "Requests of bots by HTTP");
    describe_counter!(names::BOT_TOLD, "Entries that webhooks of bots took");
    describe_counter!(
        names::BOT_FAILED,
        "Attempts to tell webhooks of bots that failed"
    );
    describe_gauge!(
        names::BOT_BEHIND,
        "Webhooks of bots that have not heard of everything"
    );
    describe_counter!(names::SWEPT, "Records removed by sweeps");
}

fn describe_limits() {
    describe_counter!(names::LIMITED, "Acts that a limit held back");
    describe_gauge!(
        names::LIMITS_REMEMBERED,
        "Devices, users and addresses that limits remember"
    );
    describe_gauge!(names::STORE_BACKLOG, "Messages that wait for the store");
    describe_gauge!(
        names::STORE_BACKLOG_AGE,
        "How long the first message that waits for the store has waited"
    );
}

fn describe_notifications() {
    describe_gauge!(names::NOTIFICATIONS_OWED, "Notifications that are owed");
    describe_gauge!(
        names::NOTIFICATIONS_OLDEST,
        "Age of the notification that is due first"
    );
    describe_counter!(
        names::NOTIFICATIONS_SENT,
        "Notifications that services took"
    );
    describe_counter!(
        names::NOTIFICATIONS_FAILED,
        "Attempts to pass notifications on that failed"
    );
    describe_counter!(
        names::NOTIFICATIONS_NEEDLESS,
        "Notifications that were not needed any more"
    );
    describe_gauge!(
        names::BREAKER_STATE,
        "State of a circuit breaker: 0 closed, 1 half open, 2 open"
    );
    describe_gauge!(
        names::CREDENTIAL_EXPIRES,
        "When the token that a service takes from this server expires, Unix time"
    );
    describe_counter!(names::BREAKER_OPENED, "Times a circuit breaker opened");
}
