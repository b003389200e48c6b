//! What a message refers to stays, and what nobody needs goes.

use std::collections::BTreeMap;

use eim_codec::id::BlobId;

use super::{Found, Invariant};
use crate::model::files::referred;
use crate::model::server::ServerChange;
use crate::model::{Event, Model};
use crate::observation::Observation;

/// A message refers only to files whose octets are all durable, which its sender may read; a file
/// stays with all its octets while a message refers to it, and they are those of the hash; in the
/// end nothing is left that nobody needs.
#[derive(Debug, Default)]
pub struct FilesAreKept;

impl Invariant for FilesAreKept {
    fn name(&self) -> &'static str {
        "files-are-kept"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-BLB-008",
            "EIM-BLB-010",
            "EIM-BLB-011",
            "EIM-BLB-012",
            "EIM-BLB-013",
            "EIM-BLB-014",
            "EIM-BLB-025",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Server(change) => {
                written(model, change, found);
                refers(model, change, found);
            }
            Event::Seen(Observation::PartsRemoved { content }) => {
                let mut rows = model.server.files.blobs.iter();
                let needed = rows.find(|(_, row)| row.complete && row.content == *content);
                if let Some((blob, row)) = needed {
                    found.add(format!("octets of {blob} were removed: {row:?}"));
                }
            }
            Event::Seen(Observation::Kept { contents }) => kept(model, contents, found),
            _ => {}
        }
    }
}

/// Files that a batch wrote.
fn written(model: &Model, change: &ServerChange, found: &mut Found) {
    let files = &model.server.files;
    for (blob, before, after) in &change.files {
        let uses = files.uses.get(blob).map_or(0, |uses| uses.len());
        let Some(row) = after else {
            found.add_if(uses > 0, || {
                format!("{blob} is gone, and {uses} messages refer to it: {before:?}")
            });
            continue;
        };
        let count = usize::try_from(row.references).unwrap_or(usize::MAX);
        found.add_if(count != uses, || {
            format!("{uses} messages refer to {blob}: {row:?}")
        });
        let kept = files.kept(row.content);
        found.add_if(row.complete && kept != row.size, || {
            format!("{blob} is complete with {kept} durable octets: {row:?}")
        });
        let taken_back = before.is_some_and(|before| before.complete && !row.complete);
        found.add_if(taken_back, || format!("{blob} was complete: {row:?}"));
    }
}

/// Messages that refer to files.
fn refers(model: &Model, change: &ServerChange, found: &mut Found) {
    for appended in &change.entries {
        let entry = &appended.entry;
        for blob in referred(entry) {
            let row = model.server.files.blobs.get(&blob);
            let complete = row.is_some_and(|row| row.complete);
            found.add_if(!complete, || {
                format!("{entry:?} refers to {blob}, which is {row:?}")
            });
            let place = (entry.conversation, entry.conv_seq);
            let may = entry.sender.is_some_and(|sender| {
                row.is_some_and(|row| row.owner == sender)
                    || model.server.shows(sender, blob, None, Some(place))
            });
            found.add_if(!may, || {
                format!("{:?} may not read {blob} and refers to it", entry.sender)
            });
        }
    }
}

/// What is left at the end.
fn kept(model: &Model, contents: &BTreeMap<BlobId, [u8; 32]>, found: &mut Found) {
    let files = &model.server.files;
    for (blob, row) in &files.blobs {
        let used = files.uses.get(blob).is_some_and(|uses| !uses.is_empty());
        found.add_if(!used, || {
            format!("nobody needs {blob}, and it is there: {row:?}")
        });
        let kept = contents.get(&row.content);
        found.add_if(row.complete && kept != Some(&row.sha256), || {
            format!("octets of {blob} have the hash {kept:02x?}: {row:?}")
        });
    }
    for content in contents.keys() {
        let wanted = files.blobs.values().any(|row| row.content == *content);
        found.add_if(!wanted, || {
            format!("octets are there that nobody needs: {content}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    const BLOB: [u8; 16] = [70; 16];

    fn with(batch: Vec<scene::Row>) -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.push(scene::part(BLOB, 0, 40));
        feeds.push(Feed::Server(vec![scene::blob(BLOB, 40, true, 0)]));
        feeds.extend(scene::begin(1));
        feeds.push(Feed::Server(batch));
        feeds
    }

    #[test]
    fn a_file_that_is_uploaded_sent_recalled_and_collected_is_good() {
        let mut batch = scene::commit_file(1, BLOB);
        batch.push(scene::blob(BLOB, 40, true, 1));
        let mut good = with(batch);
        let mut recalled = scene::erasure(1);
        recalled.push(scene::blob(BLOB, 40, true, 0));
        good.push(Feed::Server(recalled));
        good.push(Feed::Server(vec![scene::no_blob(BLOB)]));
        good.push(Feed::Seen(Observation::PartsRemoved {
            content: BLOB.into(),
        }));
        let contents = BTreeMap::new();
        good.push(Feed::Seen(Observation::Kept { contents }));
        let found = scene::judge(FilesAreKept, good);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_message_that_refers_to_half_a_file_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(vec![scene::blob(BLOB, 40, false, 0)]));
        bad.extend(scene::begin(1));
        let mut batch = scene::commit_file(1, BLOB);
        batch.push(scene::blob(BLOB, 40, false, 1));
        bad.push(Feed::Server(batch));
        scene::assert_judges::<FilesAreKept>(bad, "refers to");
    }

    #[test]
    fn a_file_of_somebody_else_that_is_passed_on_is_found() {
        let mut bad = scene::opening();
        let (name, _) = scene::blob(BLOB, 40, true, 0);
        let row = scene::blob_of(2, BLOB, 40, true, 1);
        bad.push(scene::part(BLOB, 0, 40));
        let mut batch = scene::commit_file(1, BLOB);
        batch.push((name, Some(row)));
        bad.push(Feed::Server(batch));
        scene::assert_judges::<FilesAreKept>(bad, "may not read");
    }

    #[test]
    fn a_file_that_goes_while_a_message_refers_to_it_is_found() {
        let mut batch = scene::commit_file(1, BLOB);
        batch.push(scene::blob(BLOB, 40, true, 1));
        let mut bad = with(batch);
        let mut worse = bad.clone();
        bad.push(Feed::Server(vec![scene::no_blob(BLOB)]));
        scene::assert_judges::<FilesAreKept>(bad, "messages refer to it");
        worse.push(Feed::Seen(Observation::PartsRemoved {
            content: BLOB.into(),
        }));
        scene::assert_judges::<FilesAreKept>(worse, "were removed");
    }

    #[test]
    fn a_file_that_is_complete_without_its_octets_is_found() {
        let mut bad = scene::opening();
        bad.push(scene::part(BLOB, 0, 20));
        bad.push(Feed::Server(vec![scene::blob(BLOB, 40, true, 0)]));
        scene::assert_judges::<FilesAreKept>(bad, "complete with 20");
    }

    #[test]
    fn what_nobody_needs_and_other_octets_are_found_at_the_end() {
        let contents = BTreeMap::from([([1; 16].into(), [0; 32])]);
        let mut bad = scene::opening();
        bad.push(Feed::Seen(Observation::Kept { contents }));
        scene::assert_judges::<FilesAreKept>(bad, "that nobody needs");
        let mut batch = scene::commit_file(1, BLOB);
        batch.push(scene::blob(BLOB, 40, true, 1));
        let mut bad = with(batch);
        let contents = BTreeMap::from([(BLOB.into(), [4; 32])]);
        bad.push(Feed::Seen(Observation::Kept { contents }));
        scene::assert_judges::<FilesAreKept>(bad, "have the hash");
    }
}
