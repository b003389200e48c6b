//! What a commit tells the rest of the server.

use std::sync::Arc;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::FrameType;

use super::{LoggedOut, Marked, TenantId};

/// One committed log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Conversation of the entry.
    pub conversation: ConversationId,
    /// Store-wide epoch of all logs and timelines.
    pub log_epoch: u64,
    /// Gapless number in the conversation, from 1.
    pub conv_seq: u64,
    /// Frame type it is pushed in.
    pub frame_type: FrameType,
    /// Sender; `None` for the server itself.
    pub sender: Option<UserId>,
    /// Sending device; `None` for the server itself.
    pub sender_device: Option<DeviceId>,
    /// Idempotency key; `None` for entries of the server.
    pub client_msg_id: Option<ClientMsgId>,
    /// Commit time in Unix milliseconds; monotonic in the conversation.
    pub time_ms: u64,
    /// Number of countable entries through this one.
    pub countable: u64,
    /// Body as sent; empty when erased.
    pub body: Bytes,
    /// Fallback text as sent.
    pub fallback_text: String,
    /// Body and salt were erased.
    pub tombstone: bool,
}

/// What a commit tells the hub, after it is durable and in commit order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Tenant of the entry.
    pub tenant: TenantId,
    /// The entry.
    pub entry: Arc<Entry>,
    /// Whose timelines it entered, with its number there.
    pub recipients: Arc<[(UserId, u64)]>,
    /// With read fan-out: all members at that entry, in order of their ids. Those who are no
    /// recipients read it from the log.
    pub audience: Option<Arc<[UserId]>>,
}

/// Receives commits. Called by the store after the sync, in commit order, never concurrently;
/// it must not block.
pub trait CommitSink: Send + Sync + 'static {
    /// These commits are durable.
    fn committed(&self, commits: &[Committed]);

    /// These changes of marks are durable. Who misses one learns the last value otherwise.
    fn marked(&self, marked: &[Marked]);

    /// These devices are logged out, durably. Called before those who asked for it are answered.
    fn logged_out(&self, devices: &[LoggedOut]);

    /// Asked by the commit loop: whether the device has a full connection in the foreground, by
    /// which it hears of an entry, so that no notification is owed to it.
    fn attends(&self, tenant: TenantId, user: UserId, device: DeviceId) -> bool {
        _ = (tenant, user, device);
        false
    }

    /// Notifications are owed, durably, that were not before.
    fn owed(&self) {}
}
