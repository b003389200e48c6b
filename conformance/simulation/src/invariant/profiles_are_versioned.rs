//! Profiles have one sequence of versions, and who asks for what changed misses nothing.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::UserId;

use super::{Found, Invariant};
use crate::model::{Event, Model, ServerChange};
use crate::observation::{Observation, Process, Question, Reply};

/// Each change of a profile has a version above all others, and says what its user asked for; a
/// device that has read the profiles knows each at least as it was when it asked.
#[derive(Debug, Default)]
pub struct ProfilesAreVersioned {
    head: u64,
    asked: BTreeSet<(UserId, String)>,
    /// Versions at the time of a question.
    open: BTreeMap<(Process, u32), BTreeMap<UserId, u64>>,
}

impl Invariant for ProfilesAreVersioned {
    fn name(&self) -> &'static str {
        "profiles-are-versioned"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-DIR-001", "EIM-DIR-002", "EIM-DIR-006", "EIM-DIR-007"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Server(change) if !change.profiles.is_empty() => {
                self.changed(model, change, found);
            }
            Event::Seen(Observation::Asked {
                process,
                step,
                question,
            }) => {
                let user = model.sight.program(*process).map(|program| program.user);
                match (question, user) {
                    (Question::SetProfile { phone }, Some(user)) => {
                        self.asked.insert((user, phone.clone()));
                    }
                    (Question::Profiles, _) => {
                        let rows = model.server.rows.profiles.iter();
                        let now = rows.map(|(user, (.., version))| (*user, *version));
                        self.open.insert((*process, *step), now.collect());
                    }
                    _ => {}
                }
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                let user = model.sight.program(*process).map(|program| program.user);
                let durable = |user| {
                    let row = model.server.rows.profiles.get(&user);
                    row.map_or(0, |(.., version)| *version)
                };
                let open = self.open.remove(&(*process, *step));
                match (reply, user) {
                    (Reply::ProfileSet(version), Some(user)) => {
                        found.add_if(durable(user) < *version, || {
                            format!("{process:?} was told {version} of its profile")
                        });
                    }
                    (Reply::Profiles(told), _) => {
                        known(model, &open.unwrap_or_default(), told, found);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn known(
    model: &Model,
    due: &BTreeMap<UserId, u64>,
    told: &[(UserId, String, u64)],
    found: &mut Found,
) {
    for (user, phone, version) in told {
        let row = model.server.rows.profiles.get(user);
        let is =
            row.is_some_and(|(now, _, head)| version < head || version == head && phone == now);
        // A profile that never changed has no record.
        found.add_if(!is && *version > 0, || {
            format!("{user} was told as {phone:?}, {version}; it is {row:?}")
        });
    }
    for (user, version) in due {
        let mut told = told.iter();
        let known = told.any(|(known, _, at)| known == user && at >= version);
        found.add_if(!known, || {
            format!("{user} has {version}, which is not known")
        });
    }
}

impl ProfilesAreVersioned {
    fn changed(&mut self, model: &Model, change: &ServerChange, found: &mut Found) {
        let rows = &model.server.rows;
        let before = self.head;
        for (user, was, version) in &change.profiles {
            found.add_if(*version <= before, || {
                format!("{user} has {was}, then {version}; the head was {before}")
            });
            self.head = self.head.max(*version);
            let phone = rows.profiles.get(user).map(|(phone, ..)| phone.clone());
            let phone = phone.unwrap_or_default();
            let asked = phone.is_empty() || self.asked.contains(&(*user, phone.clone()));
            found.add_if(!asked, || format!("{user} never had the number {phone:?}"));
        }
        let due = rows.profiles.iter();
        let due = due.map(|(user, (.., version))| (*version, *user));
        let due: BTreeMap<u64, UserId> = due.collect();
        found.add_if(rows.versions != due, || {
            format!("versions are {:?}, profiles have {due:?}", rows.versions)
        });
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    fn set(user: u8, phone: &str, version: u64, indexed: bool) -> Feed {
        let row = Record::Profile {
            phone: phone.to_owned(),
            mail: String::new(),
            version,
        };
        let mut batch = vec![(Name::Profile(scene::user(user)), Some(row))];
        if indexed {
            let row = Record::ProfileVersion(scene::user(user));
            batch.push((Name::ProfileVersion(version), Some(row)));
        }
        Feed::Server(batch)
    }

    fn asks(question: Question) -> Feed {
        Feed::Seen(Observation::Asked {
            process: scene::process(0),
            step: 9,
            question,
        })
    }

    fn changed(number: &str, version: u64, indexed: bool) -> Vec<Feed> {
        let phone = "1".to_owned();
        let mut feeds = scene::good();
        feeds.push(asks(Question::SetProfile { phone }));
        feeds.push(set(2, "", 1, true));
        feeds.push(set(1, number, version, indexed));
        feeds
    }

    #[test]
    fn versions_rise() {
        let good = changed("1", 2, true);
        assert_eq!(scene::judge(ProfilesAreVersioned::default(), good), []);
        for (bad, why) in [
            (changed("1", 1, true), "the head was 1"),
            (changed("2", 2, true), "never had the number"),
            (changed("1", 2, false), "versions are"),
        ] {
            scene::assert_judges::<ProfilesAreVersioned>(bad, why);
        }
    }

    #[test]
    fn what_changed_is_told() {
        let told = |told: &[(u8, &str, u64)]| {
            let told = told.iter();
            let told = told
                .map(|(user, phone, version)| (scene::user(*user), (*phone).to_owned(), *version));
            let reply = Reply::Profiles(told.collect());
            let mut feeds = changed("1", 2, true);
            feeds.push(asks(Question::Profiles));
            feeds.push(Feed::Seen(Observation::Answered {
                process: scene::process(0),
                step: 9,
                reply,
            }));
            feeds
        };
        let good = told(&[(1, "1", 2), (2, "", 1)]);
        assert_eq!(scene::judge(ProfilesAreVersioned::default(), good), []);
        for (bad, why) in [
            (told(&[(1, "1", 2)]), "is not known"),
            (told(&[(1, "3", 2), (2, "", 1)]), "was told as"),
        ] {
            scene::assert_judges::<ProfilesAreVersioned>(bad, why);
        }
    }
}
