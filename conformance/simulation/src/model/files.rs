//! Files: what the server has said of them, what its disk keeps, and what messages refer to.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::payload::Content;
use eim_codec::registry::FrameType;
use eim_server::store::Entry;
use eim_server::store::kv::inspect::Record;

use super::server::{Place, Server, ServerChange};
use crate::observation::Observation;

/// A file as the server keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// Who uploads it, or has.
    pub owner: UserId,
    /// SHA-256 of its octets.
    pub sha256: [u8; 32],
    /// Octets.
    pub size: u64,
    /// All octets are there.
    pub complete: bool,
    /// Messages that refer to it.
    pub references: u32,
    /// Under which its octets are kept.
    pub content: BlobId,
}

/// Files.
#[derive(Debug, Default)]
pub struct Files {
    /// As the server keeps them.
    pub blobs: BTreeMap<BlobId, BlobRow>,
    /// Octets of the parts that the disk keeps.
    pub parts: BTreeMap<BlobId, BTreeMap<u32, u64>>,
    /// Messages that refer to each, by the logs.
    pub uses: BTreeMap<BlobId, BTreeSet<Place>>,
    /// Who knows hash and size of octets counts as having them.
    pub shared: bool,
}

/// The blobs that a message refers to.
#[must_use]
pub fn referred(entry: &Entry) -> Vec<BlobId> {
    if entry.tombstone || entry.frame_type != FrameType::FILE {
        return Vec::new();
    }
    let content = Content::of(entry.frame_type, &entry.body).ok().flatten();
    content.map_or_else(Vec::new, |content| content.stored_blobs())
}

impl Files {
    /// Takes over a blob; gives back how it was before, and is.
    pub(super) fn write(
        &mut self,
        blob: BlobId,
        record: Option<Record>,
    ) -> (Option<BlobRow>, Option<BlobRow>) {
        let after = match record {
            Some(Record::Blob {
                owner,
                sha256,
                size,
                complete,
                references,
                content,
            }) => Some(BlobRow {
                owner,
                sha256,
                size,
                complete,
                references,
                content,
            }),
            _ => None,
        };
        let before = match after {
            Some(row) => self.blobs.insert(blob, row),
            None => self.blobs.remove(&blob),
        };
        (before, after)
    }

    /// Takes over what a batch did to the logs.
    pub(super) fn log(&mut self, change: &ServerChange) {
        for appended in &change.entries {
            let entry = &appended.entry;
            for blob in referred(entry) {
                let place = (entry.conversation, entry.conv_seq);
                self.uses.entry(blob).or_default().insert(place);
            }
        }
        for (before, after) in &change.rewritten {
            let left = referred(after);
            for blob in referred(before) {
                if !left.contains(&blob)
                    && let Some(uses) = self.uses.get_mut(&blob)
                {
                    uses.remove(&(before.conversation, before.conv_seq));
                }
            }
        }
    }

    pub(super) fn see(&mut self, observation: &Observation) {
        match observation {
            Observation::PartKept {
                content,
                part,
                octets,
            } => {
                let parts = self.parts.entry(*content).or_default();
                parts.insert(*part, *octets);
            }
            Observation::PartsRemoved { content } => {
                self.parts.remove(content);
            }
            Observation::FilesShared => self.shared = true,
            _ => {}
        }
    }

    /// Octets from the beginning that the disk keeps of a content.
    #[must_use]
    pub fn kept(&self, content: BlobId) -> u64 {
        let parts = self.parts.get(&content).into_iter().flatten();
        let due = parts.zip(0_u32..).take_while(|((at, _), due)| **at == *due);
        due.map(|((_, octets), _)| octets).sum()
    }
}

impl Server {
    /// Whether `user` may read a file: its own, or one that a message shows, of `conversation` if
    /// that is given.
    #[must_use]
    pub fn may_fetch(
        &self,
        user: UserId,
        blob: BlobId,
        conversation: Option<ConversationId>,
    ) -> bool {
        let Some(row) = self.files.blobs.get(&blob) else {
            return false;
        };
        row.owner == user || self.shows(user, blob, conversation, None)
    }

    /// Whether a message, another than `except`, shows a file to a user.
    #[must_use]
    pub fn shows(
        &self,
        user: UserId,
        blob: BlobId,
        conversation: Option<ConversationId>,
        except: Option<Place>,
    ) -> bool {
        let uses = self.files.uses.get(&blob).into_iter().flatten();
        let mut uses = uses.filter(|place| Some(**place) != except);
        uses.any(|(id, seq)| {
            let visible = self.conversations.get(id);
            let visible = visible.and_then(|it| it.visible(user));
            conversation.is_none_or(|wanted| wanted == *id)
                && visible.is_some_and(|(from, through)| (from..=through).contains(seq))
        })
    }
}
