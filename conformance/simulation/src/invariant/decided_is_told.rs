//! What is decided about groups is told as it is, and who waits, and who came and went.

use std::collections::{BTreeMap, BTreeSet};

use eim_client::group_policy::{GroupInfo, MemberChanges};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::Role;

use super::{Found, Invariant};
use crate::model::conversation::{Conversation, Member};
use crate::model::governed::Governed;
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// Each part of an answer about a group is one of those that were true between question and answer;
/// who waited all the time is named, and who changed before the question is too.
#[derive(Debug, Default)]
pub struct DecidedIsTold {
    open: BTreeMap<(Process, u32), Open>,
}

/// Until when a member may not send, itself and all plain members, and how many wait, as the member
/// is told.
type Own = (u64, u64, u32);

#[derive(Debug)]
struct Open {
    group: ConversationId,
    user: UserId,
    /// After this entry, of a question about members.
    since: u64,
    head: u64,
    governed: Vec<Governed>,
    own: BTreeSet<Own>,
    waits_once: BTreeSet<(UserId, UserId)>,
    waits_always: BTreeSet<UserId>,
    members: BTreeSet<(UserId, Role, u64)>,
    no_members: BTreeSet<UserId>,
    /// Who had changed since, when it was asked.
    changed: BTreeSet<UserId>,
}

impl Invariant for DecidedIsTold {
    fn name(&self) -> &'static str {
        "decided-is-told"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-GPO-012",
            "EIM-GPO-019",
            "EIM-GPO-028",
            "EIM-GPO-032",
            "EIM-GPO-033",
            "EIM-GPO-034",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Asked {
                process,
                step,
                question,
            }) => {
                let user = model.sight.program(*process).map(|program| program.user);
                let (group, since) = match question {
                    Question::Info { group } | Question::Waiting { group } => (*group, 0),
                    Question::MembersSince { group, since } => (*group, *since),
                    _ => return,
                };
                if let Some(user) = user {
                    let open = Open::new(model, group, user, since);
                    self.open.insert((*process, *step), open);
                }
            }
            Event::Server(change) => {
                let open = self.open.values_mut();
                open.filter(|open| change.touched.contains(&open.group))
                    .for_each(|open| open.note(model));
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                if let Some(open) = self.open.remove(&(*process, *step)) {
                    open.answered(model, reply, found);
                }
            }
            _ => {}
        }
    }
}

fn waiting(model: &Model, group: ConversationId) -> impl Iterator<Item = (UserId, UserId)> {
    let rows = model.server.rows.waiting.iter();
    rows.filter(move |((at, _), _)| *at == group)
        .map(|((_, user), by)| (*user, *by))
}

impl Open {
    fn new(model: &Model, group: ConversationId, user: UserId, since: u64) -> Self {
        let conversation = model.server.conversations.get(&group);
        let changes = conversation.map(|it| it.changes.iter());
        let changed = changes.into_iter().flatten();
        let changed = changed.filter(|(_, number)| **number > since);
        let mut open = Self {
            group,
            user,
            since,
            head: conversation.map_or(0, Conversation::head),
            governed: Vec::new(),
            own: BTreeSet::new(),
            waits_once: BTreeSet::new(),
            waits_always: waiting(model, group).map(|(user, _)| user).collect(),
            members: BTreeSet::new(),
            no_members: BTreeSet::new(),
            changed: changed.map(|(user, _)| *user).collect(),
        };
        open.note(model);
        open
    }

    fn note(&mut self, model: &Model) {
        let now: BTreeSet<_> = waiting(model, self.group).collect();
        let still = |user: &UserId| now.iter().any(|(waits, _)| waits == user);
        self.waits_always.retain(still);
        let count = now.len();
        self.waits_once.extend(now);
        let Some(conversation) = model.server.conversations.get(&self.group) else {
            return;
        };
        if self.governed.last() != Some(&conversation.governed) {
            self.governed.push(conversation.governed.clone());
        }
        if let Some(member) = conversation.members.get(&self.user) {
            let leads = member.role >= Role::Admin;
            self.own.insert((
                member.muted_until_ms,
                conversation.governed.muted_until_ms,
                if leads { count as u32 } else { 0 },
            ));
        }
        for user in conversation.changes.keys() {
            match conversation.members.get(user) {
                Some(Member {
                    role, joined_at, ..
                }) => {
                    self.members.insert((*user, *role, *joined_at));
                }
                None => {
                    self.no_members.insert(*user);
                }
            }
        }
    }

    fn answered(&self, model: &Model, reply: &Reply, found: &mut Found) {
        match reply {
            Reply::Info(info) => self.info(info, found),
            Reply::Waiting(told) => {
                let sorted = told.is_sorted_by(|(one, _), (next, _)| one < next);
                let once = told.iter().all(|one| self.waits_once.contains(one));
                let named: BTreeSet<UserId> = told.iter().map(|(user, _)| *user).collect();
                let all = self.waits_always.is_subset(&named);
                found.add_if(!sorted || !once || !all, || {
                    let group = self.group;
                    format!("{told:?} are said to wait for {group}: {self:?}")
                });
            }
            Reply::MembersSince(told) => self.members(model, told, found),
            _ => {}
        }
    }

    /// Each part by itself: the answer is put together from several looks.
    fn info(&self, info: &GroupInfo, found: &mut Found) {
        let policy = (info.policy.post, info.policy.invite, info.policy.approval);
        let announced = info.announcement.as_ref();
        let announced = announced.map(|made| (made.conv_seq, made.text.clone()));
        let mut parts = vec![
            (
                "dissolved",
                self.governed
                    .iter()
                    .any(|it| it.dissolved == info.dissolved),
            ),
            (
                "policy",
                self.governed
                    .iter()
                    .any(|it| (it.post, it.invite, it.approval) == policy),
            ),
        ];
        // A former member is told none of it.
        if info.record.role == Role::Unspecified {
            parts.clear();
        } else {
            let told = |it: &Governed| it.announced == announced;
            parts.push(("announcement", self.governed.iter().any(told)));
            let follows = |it: &Governed| it.department == info.follows_department;
            parts.push(("department", self.governed.iter().any(follows)));
            let own = |it: &Own| it.0 == info.muted_until_ms || it.1 == info.muted_until_ms;
            parts.push(("muted", self.own.iter().any(own)));
            let all = |it: &Own| it.1 == info.all_muted_until_ms;
            parts.push(("all muted", self.own.iter().any(all)));
            let waiting = |it: &Own| it.2 == info.waiting;
            parts.push(("waiting", self.own.iter().any(waiting)));
        }
        for (part, was) in parts {
            found.add_if(!was, || {
                format!("{} was told {info:?}; {part}: {self:?}", self.user)
            });
        }
    }

    fn members(&self, model: &Model, told: &MemberChanges, found: &mut Found) {
        let conversation = model.server.conversations.get(&self.group);
        let head = conversation.map_or(0, Conversation::head);
        found.add_if(told.as_of < self.head || told.as_of > head, || {
            format!("as of {}, between {} and {head}", told.as_of, self.head)
        });
        for member in &told.changed {
            let is = (member.user, member.role, member.joined_at);
            found.add_if(!self.members.contains(&is), || {
                format!("{is:?} is told of {}: {self:?}", self.group)
            });
        }
        let no_member = |user: &&UserId| !self.no_members.contains(user);
        let wrong = told.gone.iter().find(no_member);
        found.add_if(wrong.is_some(), || {
            format!("{wrong:?} is not gone: {self:?}")
        });
        let named: BTreeSet<UserId> = told.changed.iter().map(|member| member.user).collect();
        let named: BTreeSet<UserId> = named.into_iter().chain(told.gone.clone()).collect();
        found.add_if(!self.changed.is_subset(&named), || {
            format!("told {named:?} since {}; {self:?}", self.since)
        });
        let later = |user: &&UserId| {
            let changed = conversation.and_then(|it| it.changes.get(user));
            changed.is_none_or(|number| *number <= self.since)
        };
        let early = named.iter().find(later);
        found.add_if(early.is_some(), || {
            format!("{early:?} has not changed since {}", self.since)
        });
    }
}

#[cfg(test)]
mod tests {
    use eim_client::Member as Told;
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    fn asked(question: Question, reply: Reply) -> Vec<Feed> {
        let (process, step) = (scene::process(0), 9);
        let mut feeds = scene::good();
        let row = Record::Waiting {
            invited_by: scene::user(1),
        };
        let name = Name::Waiting(scene::GROUP.into(), scene::user(3));
        feeds.push(Feed::Server(vec![(name, Some(row))]));
        feeds.push(Feed::Seen(Observation::Asked {
            process,
            step,
            question,
        }));
        feeds.push(Feed::Seen(Observation::Answered {
            process,
            step,
            reply,
        }));
        feeds
    }

    #[test]
    fn who_waits_is_told() {
        let group = scene::GROUP.into();
        let waits = |users: &[u8]| {
            let users = users.iter().map(|it| (scene::user(*it), scene::user(1)));
            asked(Question::Waiting { group }, Reply::Waiting(users.collect()))
        };
        assert_eq!(scene::judge(DecidedIsTold::default(), waits(&[3])), []);
        scene::assert_judges::<DecidedIsTold>(waits(&[]), "are said to wait");
        scene::assert_judges::<DecidedIsTold>(waits(&[2, 3]), "are said to wait");
    }

    #[test]
    fn who_has_changed_is_told() {
        let group = scene::GROUP.into();
        let since = |since, users: &[(u8, Role, u64)], as_of| {
            let changed = users.iter().map(|(user, role, joined_at)| Told {
                user: scene::user(*user),
                role: *role,
                joined_at: *joined_at,
            });
            let told = MemberChanges {
                changed: changed.collect(),
                gone: Vec::new(),
                as_of,
            };
            let question = Question::MembersSince { group, since };
            asked(question, Reply::MembersSince(told))
        };
        let (owner, member) = ((1, Role::Owner, 1), (2, Role::Member, 2));
        for good in [since(0, &[owner, member], 2), since(1, &[member], 2)] {
            assert_eq!(scene::judge(DecidedIsTold::default(), good), []);
        }
        for (bad, why) in [
            (since(0, &[owner], 2), "told"),
            (since(1, &[owner, member], 2), "has not changed"),
            (since(1, &[member], 3), "as of 3"),
            (since(1, &[(2, Role::Admin, 2)], 2), "is told of"),
        ] {
            scene::assert_judges::<DecidedIsTold>(bad, why);
        }
    }
}
