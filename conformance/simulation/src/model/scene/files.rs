//! Files in hand-made runs.

use eim_codec::payload::{BlobRef, Content, MediaBody};
use eim_codec::registry::FrameType;
use eim_server::store::Entry;
use eim_server::store::kv::inspect::{Name, Record};

use super::{Feed, commit, entry, user};
use crate::observation::Observation;

/// What a batch writes.
pub(crate) type Row = (Name, Option<Record>);

/// SHA-256 of the octets of all files, it is said.
pub(crate) const HASH: [u8; 32] = [3; 32];

/// A file of a user.
pub(crate) fn blob_of(
    owner: u8,
    blob: [u8; 16],
    size: u64,
    complete: bool,
    references: u32,
) -> Record {
    Record::Blob {
        owner: user(owner),
        sha256: HASH,
        size,
        complete,
        references,
        content: blob.into(),
    }
}

/// A file of user 1.
pub(crate) fn blob(blob: [u8; 16], size: u64, complete: bool, references: u32) -> Row {
    let record = blob_of(1, blob, size, complete, references);
    (Name::Blob(blob.into()), Some(record))
}

/// The server has forgotten a file.
pub(crate) fn no_blob(blob: [u8; 16]) -> Row {
    (Name::Blob(blob.into()), None)
}

/// The disk keeps a part of a file.
pub(crate) fn part(content: [u8; 16], part: u32, octets: u64) -> Feed {
    Feed::Seen(Observation::PartKept {
        content: content.into(),
        part,
        octets,
    })
}

/// The commit of message `number`, which refers to a file.
pub(crate) fn commit_file(number: u8, blob: [u8; 16]) -> Vec<Row> {
    let body = MediaBody {
        blob: Some(BlobRef {
            blob: blob.to_vec().into(),
            sha256: HASH.to_vec().into(),
            size: 40,
            media_type: "text/plain".to_owned(),
            name: "a file".to_owned(),
            stored: true,
        }),
        ..MediaBody::default()
    };
    let file = Entry {
        frame_type: FrameType::FILE,
        body: Content::Media(body).encode(),
        ..entry(number)
    };
    let mut batch = commit(number);
    for (name, record) in &mut batch {
        if matches!(name, Name::Entry(..)) {
            *record = Some(Record::Entry(Box::new(file.clone())));
        }
    }
    batch
}
