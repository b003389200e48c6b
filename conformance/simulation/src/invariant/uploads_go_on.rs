//! An upload goes on where it was, and ends with all octets.

use std::collections::BTreeMap;

use eim_codec::id::{BlobId, UserId};
use eim_codec::registry::ErrorCode;

use super::{Found, Invariant};
use crate::model::files::BlobRow;
use crate::model::{Event, Model};
use crate::observation::{Observation, Process};

/// SHA-256 of the octets of a file.
type Hash = [u8; 32];

/// The server wants octets from what is durable on, and nothing again that was durable when it was
/// asked; who is told the end can rely on all of it; nobody is spared an upload because of octets
/// of others, unless that is how this world is.
#[derive(Debug, Default)]
pub struct UploadsGoOn {
    begun: BTreeMap<(Process, Hash), Begun>,
    /// Files that the server has forgotten.
    forgotten: u64,
}

/// How an upload was when it was begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    size: u64,
    /// Octets that were durable.
    kept: u64,
    forgotten: u64,
}

impl Invariant for UploadsGoOn {
    fn name(&self) -> &'static str {
        "uploads-go-on"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-BLB-004",
            "EIM-BLB-005",
            "EIM-BLB-006",
            "EIM-BLB-009",
            "EIM-BLB-032",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Server(change) => {
                for (blob, before, after) in &change.files {
                    self.forgotten += u64::from(after.is_none());
                    let at_once = before.is_none() && after.is_some_and(|row| row.complete);
                    found.add_if(at_once && !model.server.files.shared, || {
                        format!("{blob} was complete at once: {after:?}")
                    });
                }
            }
            Event::Seen(Observation::UploadBegun {
                process,
                sha256,
                size,
            }) => {
                let row = row_of(model, *process, *sha256);
                let begun = Begun {
                    size: *size,
                    kept: row.map_or(0, |(_, row)| model.server.files.kept(row.content)),
                    forgotten: self.forgotten,
                };
                self.begun.insert((*process, *sha256), begun);
            }
            Event::Seen(Observation::UploadFrom {
                process,
                sha256,
                offset,
            }) => self.from(model, (*process, *sha256), *offset, found),
            Event::Seen(Observation::Uploaded {
                process,
                blob,
                sha256,
            }) => {
                let row = row_of(model, *process, *sha256);
                let there = row.is_some_and(|(id, row)| id == *blob && row.complete);
                let certain = self.is_certain((*process, *sha256));
                found.add_if(certain && !there, || {
                    format!("{process:?} was told that {blob} is durable: {row:?}")
                });
            }
            Event::Seen(Observation::UploadFailed { process, code, .. }) => {
                // Others go on with it, too many at once, what was forgotten meanwhile, and a device
                // that may nothing any more.
                let excused = matches!(
                    *code,
                    ErrorCode::CONFLICT
                        | ErrorCode::LIMIT_REACHED
                        | ErrorCode::NOT_FOUND
                        | ErrorCode::LOGGED_OUT
                );
                found.add_if(!excused, || format!("an upload of {process:?}: {code}"));
            }
            _ => {}
        }
    }
}

fn row_of(model: &Model, process: Process, sha256: Hash) -> Option<(BlobId, BlobRow)> {
    let user: UserId = model.sight.user_of(process.device)?;
    let mut rows = model.server.files.blobs.iter();
    let found = rows.find(|(_, row)| row.owner == user && row.sha256 == sha256);
    found.map(|(blob, row)| (*blob, *row))
}

impl UploadsGoOn {
    /// Nothing was forgotten since the upload was begun.
    fn is_certain(&self, key: (Process, Hash)) -> bool {
        let begun = self.begun.get(&key);
        begun.is_some_and(|begun| begun.forgotten == self.forgotten)
    }

    fn from(&self, model: &Model, key: (Process, Hash), offset: u64, found: &mut Found) {
        let Some(begun) = self.begun.get(&key).filter(|_| self.is_certain(key)) else {
            return;
        };
        let Some((blob, row)) = row_of(model, key.0, key.1) else {
            found.add(format!("{:?} goes on with what is not there", key.0));
            return;
        };
        let kept = model.server.files.kept(row.content);
        found.add_if(offset > kept, || {
            format!("{blob} goes on from {offset} with {kept} durable octets")
        });
        found.add_if(offset < begun.kept.min(begun.size), || {
            format!("{blob} goes on from {offset} again: {begun:?}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    const BLOB: [u8; 16] = [70; 16];

    fn begun() -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.push(Feed::Server(vec![scene::blob(BLOB, 40, false, 0)]));
        feeds.push(scene::part(BLOB, 0, 20));
        feeds.push(Feed::Seen(Observation::UploadBegun {
            process: scene::process(0),
            sha256: scene::HASH,
            size: 40,
        }));
        feeds
    }

    fn from(offset: u64) -> Feed {
        Feed::Seen(Observation::UploadFrom {
            process: scene::process(0),
            sha256: scene::HASH,
            offset,
        })
    }

    fn uploaded() -> Feed {
        Feed::Seen(Observation::Uploaded {
            process: scene::process(0),
            blob: BLOB.into(),
            sha256: scene::HASH,
        })
    }

    #[test]
    fn what_goes_on_where_it_was_is_good() {
        let mut good = begun();
        good.push(from(20));
        good.push(scene::part(BLOB, 1, 20));
        good.push(Feed::Server(vec![scene::blob(BLOB, 40, true, 0)]));
        good.push(uploaded());
        let found = scene::judge(UploadsGoOn::default(), good);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_goes_on_elsewhere_is_found() {
        for (offset, why) in [(0, "again"), (40, "20 durable octets")] {
            let mut bad = begun();
            bad.push(from(offset));
            scene::assert_judges::<UploadsGoOn>(bad, why);
        }
    }

    #[test]
    fn an_end_before_the_end_is_found() {
        let mut bad = begun();
        bad.push(uploaded());
        scene::assert_judges::<UploadsGoOn>(bad, "is durable");
    }

    #[test]
    fn octets_of_others_are_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(vec![scene::blob(BLOB, 40, true, 0)]));
        scene::assert_judges::<UploadsGoOn>(bad, "at once");
    }
}
