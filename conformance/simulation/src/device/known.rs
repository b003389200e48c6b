//! What the people of a world have told each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eim_codec::id::{BlobId, CallId, ConversationId, DeviceId};

use crate::observation::Reply;
use crate::plan::{DeviceNumber, GroupNumber};

/// The groups of a world that exist, as far as those who created them know.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    ids: BTreeMap<GroupNumber, ConversationId>,
    /// Newest invitations.
    tokens: BTreeMap<GroupNumber, Bytes>,
    /// Files that were uploaded, in order.
    files: Vec<SharedFile>,
    /// Calls of which anybody has heard, in order.
    calls: Vec<CallId>,
}

/// A file that was uploaded: its blob, SHA-256 of its octets, and the conversation to which it goes.
pub(super) type SharedFile = (BlobId, [u8; 32], Option<ConversationId>);

impl Groups {
    /// The id of a group.
    #[must_use]
    pub fn get(&self, group: GroupNumber) -> Option<ConversationId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ids
            .get(&group)
            .copied()
    }

    /// The newest invitation to a group.
    #[must_use]
    pub fn token(&self, group: GroupNumber) -> Option<Bytes> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.tokens.get(&group).cloned()
    }

    /// The last file but `nth` that was uploaded.
    pub(super) fn file(&self, nth: u8) -> Option<SharedFile> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.files.iter().rev().nth(usize::from(nth)).copied()
    }

    /// A file was uploaded.
    pub(super) fn uploaded(&self, file: SharedFile) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.files.push(file);
    }

    /// The newest call but `nth`.
    pub(super) fn call(&self, nth: u8) -> Option<CallId> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.calls.iter().rev().nth(usize::from(nth)).copied()
    }

    /// Somebody has heard of a call.
    pub(super) fn called(&self, call: CallId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.calls.contains(&call) {
            known.calls.push(call);
        }
    }

    /// What an answer tells about a group.
    pub(super) fn learn(&self, group: GroupNumber, reply: &Reply) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reply {
            Reply::Created(id) => {
                // Invitations are to the group that had the number before.
                known.tokens.remove(&group);
                known.ids.insert(group, *id);
            }
            Reply::Invited(token) => {
                let to = token.get(..16).map(<[u8]>::to_vec);
                let id = known.ids.get(&group).map(|id| id.as_bytes().to_vec());
                if to == id {
                    known.tokens.insert(group, token.clone());
                }
            }
            _ => {}
        }
    }
}

/// The ids of the devices of a world, as far as they have chosen one.
#[derive(Clone, Debug, Default)]
pub struct DeviceIds(Arc<Mutex<BTreeMap<DeviceNumber, DeviceId>>>);

impl DeviceIds {
    pub(super) fn get(&self, device: DeviceNumber) -> Option<DeviceId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&device)
            .copied()
    }

    pub(super) fn set(&self, device: DeviceNumber, id: DeviceId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device, id);
    }
}
