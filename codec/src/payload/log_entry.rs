//! The ids of a log entry.

use super::Entry;
use crate::id::{ClientMsgId, ConversationId, DeviceId, InvalidId, UserId};
use crate::registry::FrameType;

impl Entry {
    /// The conversation.
    ///
    /// # Errors
    /// [`InvalidId`]; the peer sent a malformed entry.
    pub fn conversation_id(&self) -> Result<ConversationId, InvalidId> {
        ConversationId::from_slice(&self.conversation)
    }

    /// The sender; `None` for the server itself.
    ///
    /// # Errors
    /// [`InvalidId`]; the peer sent a malformed entry.
    pub fn sender_id(&self) -> Result<Option<UserId>, InvalidId> {
        optional(&self.sender, UserId::from_slice)
    }

    /// The device that sent it; `None` for the server itself.
    ///
    /// # Errors
    /// [`InvalidId`]; the peer sent a malformed entry.
    pub fn sender_device_id(&self) -> Result<Option<DeviceId>, InvalidId> {
        optional(&self.sender_device, DeviceId::from_slice)
    }

    /// The idempotency key; `None` for entries written by the server.
    ///
    /// # Errors
    /// [`InvalidId`]; the peer sent a malformed entry.
    pub fn client_msg_id(&self) -> Result<Option<ClientMsgId>, InvalidId> {
        optional(&self.client_msg_id, ClientMsgId::from_slice)
    }

    /// The frame type the entry arrived in or is pushed in; `None` when it is not an octet.
    #[must_use]
    pub fn frame_type(&self) -> Option<FrameType> {
        u8::try_from(self.r#type).ok().map(FrameType)
    }
}

fn optional<T>(
    octets: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
) -> Result<Option<T>, InvalidId> {
    if octets.is_empty() {
        Ok(None)
    } else {
        read(octets).map(Some)
    }
}
