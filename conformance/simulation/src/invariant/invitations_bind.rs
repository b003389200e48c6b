//! Nobody comes without an invitation, and none is good after it was taken back.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::ConversationId;
use eim_codec::payload::{MembershipBody, MembershipChange};
use eim_codec::registry::FrameType;
use eim_server::store::Entry;
use prost::Message as _;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// Ids of invitations.
type Invitations = BTreeSet<[u8; 16]>;

/// Whoever joins, or begins to wait, uses an invitation that was there before the batch, or that
/// somebody asks for at this time; no more users come than invitations allow; and whoever is told
/// that all were taken back can rely on it.
#[derive(Debug, Default)]
pub struct InvitationsBind {
    /// Invitations before the batch, by group: how many may use all of them; `None` for any number.
    before: BTreeMap<ConversationId, Option<u64>>,
    waiting: BTreeSet<(ConversationId, eim_codec::id::UserId)>,
    /// Who asks for invitations and was not answered: they may come at any time.
    asking: BTreeMap<(Process, u32), ConversationId>,
    /// Questions to take all back, with the invitations that are still there since.
    revoking: BTreeMap<(Process, u32), (ConversationId, Invitations)>,
}

impl Invariant for InvitationsBind {
    fn name(&self) -> &'static str {
        "invitations-bind"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-GPO-023", "EIM-GPO-025", "EIM-GPO-026", "EIM-GPO-030"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Asked {
                process,
                step,
                question,
            }) => match question {
                Question::Invite { group, .. } => {
                    self.asking.insert((*process, *step), *group);
                }
                Question::Revoke { group } => {
                    let there = hashes(model, *group).collect();
                    self.revoking.insert((*process, *step), (*group, there));
                }
                _ => {}
            },
            Event::Seen(Observation::Answered {
                process,
                step,
                reply,
            }) => {
                // What was not answered for good may still happen.
                if *reply != Reply::None {
                    self.asking.remove(&(*process, *step));
                }
                let revoked = self.revoking.remove(&(*process, *step));
                if let (Some((group, left)), Reply::Done) = (revoked, reply) {
                    found.add_if(!left.is_empty(), || {
                        format!(
                            "invitations to {group} were taken back, and are there: {left:02x?}"
                        )
                    });
                }
            }
            Event::Server(change) => {
                self.come(model, change.entries.iter().map(|it| &*it.entry), found);
                self.after(model);
            }
            _ => {}
        }
    }
}

fn hashes(model: &Model, group: ConversationId) -> impl Iterator<Item = [u8; 16]> {
    let all = model.server.rows.invitations.keys();
    all.filter(move |(at, _)| *at == group)
        .map(|(_, hash)| *hash)
}

/// Whoever is added by itself has joined.
fn joined(entry: &Entry) -> bool {
    let body = MembershipBody::decode(&entry.body[..]).unwrap_or_default();
    let own = entry.sender.map(|sender| vec![sender.to_bytes()]);
    entry.frame_type == FrameType::MEMBERSHIP
        && body.change() == MembershipChange::Added
        && own == Some(body.users)
}

impl InvitationsBind {
    fn come<'a>(&self, model: &Model, entries: impl Iterator<Item = &'a Entry>, found: &mut Found) {
        let mut came = BTreeMap::<ConversationId, u64>::new();
        for entry in entries.filter(|entry| joined(entry)) {
            *came.entry(entry.conversation).or_default() += 1;
        }
        for (group, user) in model.server.rows.waiting.keys() {
            if !self.waiting.contains(&(*group, *user)) {
                *came.entry(*group).or_default() += 1;
            }
        }
        for (group, came) in came {
            let asks = self.asking.values().any(|at| *at == group);
            let most = self.before.get(&group).copied().unwrap_or(Some(0));
            found.add_if(!asks && most.is_some_and(|most| came > most), || {
                format!("{came} came to {group} where {most:?} were invited")
            });
        }
    }

    fn after(&mut self, model: &Model) {
        let rows = &model.server.rows;
        self.before.clear();
        for ((group, _), (_, uses)) in &rows.invitations {
            let most = self.before.entry(*group).or_insert(Some(0));
            *most = most.zip(*uses).map(|(most, uses)| most + u64::from(uses));
        }
        self.waiting.clear();
        self.waiting.extend(rows.waiting.keys());
        for (group, left) in self.revoking.values_mut() {
            let there: BTreeSet<_> = hashes(model, *group).collect();
            left.retain(|hash| there.contains(hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::payload::Role;
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    fn invitation(uses: Option<u32>) -> Feed {
        let name = Name::Invitation(scene::GROUP.into(), [1; 16]);
        let record = Record::Invitation {
            user: scene::user(1),
            expires_ms: 5000,
            uses,
        };
        Feed::Server(vec![(name, Some(record))])
    }

    fn join(number: u64) -> Feed {
        let body = MembershipBody {
            change: MembershipChange::Added as i32,
            users: vec![scene::user(3).to_bytes()],
            role: Role::Member as i32,
            ..MembershipBody::default()
        };
        let entry = Entry {
            conversation: scene::GROUP.into(),
            conv_seq: number,
            frame_type: FrameType::MEMBERSHIP,
            sender: Some(scene::user(3)),
            client_msg_id: None,
            body: body.encode_to_vec().into(),
            ..scene::entry(1)
        };
        let name = Name::Entry(entry.conversation, number);
        Feed::Server(vec![(name, Some(Record::Entry(Box::new(entry))))])
    }

    #[test]
    fn whoever_comes_was_invited() {
        for uses in [None, Some(1)] {
            let mut good = scene::good();
            good.extend([invitation(uses), join(3)]);
            assert_eq!(scene::judge(InvitationsBind::default(), good), []);
        }
        let mut bad = scene::good();
        bad.push(join(3));
        scene::assert_judges::<InvitationsBind>(bad, "1 came");
    }

    #[test]
    fn what_was_taken_back_is_gone() {
        let asked = |gone: bool| {
            let (process, step, group) = (scene::process(0), 9, scene::GROUP.into());
            let mut feeds = scene::good();
            feeds.push(invitation(None));
            feeds.push(Feed::Seen(Observation::Asked {
                process,
                step,
                question: Question::Revoke { group },
            }));
            if gone {
                let name = Name::Invitation(group, [1; 16]);
                feeds.push(Feed::Server(vec![(name, None)]));
            }
            feeds.push(Feed::Seen(Observation::Answered {
                process,
                step,
                reply: Reply::Done,
            }));
            feeds
        };
        assert_eq!(scene::judge(InvitationsBind::default(), asked(true)), []);
        scene::assert_judges::<InvitationsBind>(asked(false), "taken back");
    }
}
