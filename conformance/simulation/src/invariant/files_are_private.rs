//! Who may read a file gets it, and nobody else learns that it is there.

use std::collections::BTreeMap;

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::registry::ErrorCode;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// A download succeeds only for somebody who could read the file at some time between question and
/// answer; it is not found only where somebody could not at some such time; and there is no other
/// refusal by which one could tell.
#[derive(Debug, Default)]
pub struct FilesArePrivate {
    fetching: BTreeMap<(Process, u32), Fetching>,
}

/// A download under way.
#[derive(Debug)]
struct Fetching {
    user: UserId,
    blob: BlobId,
    conversation: Option<ConversationId>,
    /// The user could read it all the time.
    always: bool,
    /// The user could read it at some time.
    ever: bool,
}

impl Fetching {
    fn look(&mut self, model: &Model) {
        let may = model
            .server
            .may_fetch(self.user, self.blob, self.conversation);
        self.always &= may;
        self.ever |= may;
    }
}

impl Invariant for FilesArePrivate {
    fn name(&self) -> &'static str {
        "files-are-private"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-BLB-023", "EIM-BLB-024", "EIM-BLB-033"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Asked {
                process,
                step,
                question:
                    Question::Fetch {
                        blob, conversation, ..
                    },
            }) => {
                let Some(user) = model.sight.user_of(process.device) else {
                    return;
                };
                let mut fetching = Fetching {
                    user,
                    blob: *blob,
                    conversation: *conversation,
                    always: true,
                    ever: false,
                };
                fetching.look(model);
                self.fetching.insert((*process, *step), fetching);
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                if let Some(fetching) = self.fetching.remove(&(*process, *step)) {
                    answered(model, &fetching, reply, found);
                }
            }
            Event::Server(change) if !(change.entries.is_empty() && change.files.is_empty()) => {
                for fetching in self.fetching.values_mut() {
                    fetching.look(model);
                }
            }
            _ => {}
        }
    }
}

fn answered(model: &Model, fetching: &Fetching, reply: &Reply, found: &mut Found) {
    let row = model.server.files.blobs.get(&fetching.blob);
    match reply {
        Reply::Fetched(size) => {
            found.add_if(!fetching.ever, || {
                format!("got what it may not read: {fetching:?}")
            });
            found.add_if(row.is_some_and(|row| row.size != *size), || {
                format!("got {size} octets of {row:?}")
            });
        }
        Reply::Refused(ErrorCode::NOT_FOUND) => found.add_if(fetching.always, || {
            format!("did not find what it may read: {fetching:?}")
        }),
        // Too many transfers at once, and a device that may nothing any more.
        Reply::Refused(ErrorCode::LIMIT_REACHED | ErrorCode::LOGGED_OUT) | Reply::None => {}
        other => found.add(format!("{other:?} to {fetching:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    const BLOB: [u8; 16] = [70; 16];

    fn fetch(device: u8, reply: Reply) -> [Feed; 2] {
        let (process, step) = (scene::process(device), 9);
        let question = Question::Fetch {
            blob: BLOB.into(),
            sha256: [0; 32],
            conversation: None,
        };
        [
            Feed::Seen(Observation::Asked {
                process,
                step,
                question,
            }),
            Feed::Seen(Observation::Answered {
                process,
                step,
                reply,
            }),
        ]
    }

    fn uploaded() -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.push(Feed::Server(vec![scene::blob(BLOB, 40, true, 0)]));
        feeds
    }

    #[test]
    fn what_one_sends_the_other_gets() {
        let mut good = uploaded();
        good.extend(fetch(1, Reply::Refused(ErrorCode::NOT_FOUND)));
        good.extend(fetch(0, Reply::Fetched(40)));
        good.push(Feed::Server(scene::commit_file(1, BLOB)));
        good.extend(fetch(1, Reply::Fetched(40)));
        let found = scene::judge(FilesArePrivate::default(), good);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_file_that_nobody_has_sent_is_private() {
        let mut bad = uploaded();
        bad.extend(fetch(1, Reply::Fetched(40)));
        scene::assert_judges::<FilesArePrivate>(bad, "may not read");
        let mut bad = uploaded();
        bad.extend(fetch(1, Reply::Refused(ErrorCode::BLOB_INCOMPLETE)));
        scene::assert_judges::<FilesArePrivate>(bad, "BLOB_INCOMPLETE");
    }

    #[test]
    fn a_file_that_is_not_found_by_a_member_is_found_here() {
        let mut bad = uploaded();
        bad.push(Feed::Server(scene::commit_file(1, BLOB)));
        bad.extend(fetch(1, Reply::Refused(ErrorCode::NOT_FOUND)));
        scene::assert_judges::<FilesArePrivate>(bad, "did not find");
    }
}
