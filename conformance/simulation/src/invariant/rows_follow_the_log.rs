//! What the server keeps beside its logs says the same as they.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::ConversationId;
use eim_codec::payload::{ConversationKind, FanOut, Role};
use eim_server::store::GroupState;

use super::{Found, Invariant};
use crate::model::conversation::Member;
use crate::model::rows::{ConversationRow, MemberRow};
use crate::model::{Conversation, Event, Model};

/// After each batch, kind, name, members, roles, visible ranges, reactions, pins, and the EDITs and
/// RECALLs of messages of its conversations are what their logs say.
#[derive(Debug, Default)]
pub struct RowsFollowTheLog;

impl Invariant for RowsFollowTheLog {
    fn name(&self) -> &'static str {
        "rows-follow-the-log"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-CTC-001",
            "EIM-LGR-003",
            "EIM-LGR-013",
            "EIM-GRP-005",
            "EIM-GRP-013",
            "EIM-GRP-028",
            "EIM-GRP-029",
            "EIM-GRP-030",
            "EIM-GRP-039",
            "EIM-GPO-017",
            "EIM-GPO-018",
            "EIM-GPO-023",
            "EIM-GPO-030",
            "EIM-OPS-019",
            "EIM-OPS-023",
            "EIM-SYN-035",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        for id in &change.touched {
            match model.server.conversations.get(id) {
                Some(conversation) => {
                    compare(model, *id, conversation, found);
                    operated(model, *id, conversation, found);
                    decided(model, *id, conversation, found);
                }
                None => found.add(format!("{id} has rows and no log")),
            }
        }
    }
}

fn compare(model: &Model, id: ConversationId, conversation: &Conversation, found: &mut Found) {
    let rows = &model.server.rows;
    let kind = if conversation.direct {
        ConversationKind::Direct
    } else if conversation.personal {
        ConversationKind::Personal
    } else {
        ConversationKind::Group
    };
    let count = conversation.members.len() as u32;
    let fan_out = if conversation.mode.is_some() {
        FanOut::Read
    } else {
        FanOut::Write
    };
    let governed = &conversation.governed;
    let waiting = rows.waiting.keys().filter(|(at, _)| *at == id).count();
    let due = ConversationRow {
        kind,
        name: conversation.name.clone(),
        members: count,
        fan_out,
        group: GroupState {
            dissolved: governed.dissolved,
            policy: governed.policy(),
            muted_until_ms: 0,
            all_muted_until_ms: governed.muted_until_ms,
            announced: governed.announced.as_ref().map_or(0, |(number, _)| *number),
            waiting: waiting as u32,
            follows_department: governed.department,
        },
    };
    let row = rows.conversations.get(&id);
    found.add_if(row != Some(&due), || {
        format!("{id} is {row:?}, its log says {due:?}")
    });
    let members = rows.members.keys().filter(|(at, _)| *at == id).count();
    found.add_if(members != conversation.members.len(), || {
        format!("{id} has {members} members, its log says {count}")
    });
    for (user, spans) in &conversation.spans {
        let member = conversation.members.get(user);
        let due = member.map(|member| MemberRow {
            role: member.role,
            joined_at: member.joined_at,
            // Direct conversations have no changes of members.
            changed_at: row_changed(conversation, member),
            muted_until_ms: member.muted_until_ms,
        });
        let row = rows.members.get(&(id, *user)).copied();
        found.add_if(row != due, || {
            format!("{user} in {id} is {row:?}, the log says {due:?}")
        });
        let Some((from, through)) = spans.last() else {
            continue;
        };
        let role = member.map_or(Role::Unspecified, |member| member.role);
        let due = (role, *from, through.unwrap_or(0));
        let row = rows.memberships.get(&(id, *user));
        found.add_if(row != Some(&due), || {
            format!("{user} sees {id} as {row:?}, the log says {due:?}")
        });
    }
}

/// Members of a direct conversation or of a personal log never change.
fn row_changed(conversation: &Conversation, member: &Member) -> u64 {
    if conversation.direct || conversation.personal {
        0
    } else {
        member.changed_at
    }
}

/// Announcement, members by their last change, and who waits.
fn decided(model: &Model, id: ConversationId, conversation: &Conversation, found: &mut Found) {
    let rows = &model.server.rows;
    let row = rows.announcements.get(&id);
    let due = conversation.governed.announced.as_ref();
    found.add_if(row != due, || {
        format!("{id} announces {row:?}, its log says {due:?}")
    });
    if !conversation.direct && !conversation.personal {
        let none = [0; 16].into();
        let all = (id, 0, none)..=(id, u64::MAX, [u8::MAX; 16].into());
        let rows = rows.changes.range(all);
        let rows: BTreeSet<_> = rows.map(|(_, number, user)| (*number, *user)).collect();
        let due = conversation.changes.iter();
        let due: BTreeSet<_> = due.map(|(user, number)| (*number, *user)).collect();
        found.add_if(rows != due, || {
            format!("{id} has changed members {rows:?}, its log says {due:?}")
        });
    }
    let mut waiting = rows.waiting.keys().filter(|(at, _)| *at == id);
    let dissolved = conversation.governed.dissolved;
    let wrong = waiting.find(|(_, user)| dissolved || conversation.members.contains_key(user));
    found.add_if(wrong.is_some(), || {
        format!("{wrong:?} still waits; dissolved {dissolved}")
    });
    let mut invitations = rows.invitations.keys().filter(|(at, _)| *at == id);
    found.add_if(dissolved && invitations.next().is_some(), || {
        format!("{id} is dissolved and has invitations")
    });
}

/// What operations have made of messages.
fn operated(model: &Model, id: ConversationId, conversation: &Conversation, found: &mut Found) {
    let rows = &model.server.rows;
    let mut reactions = BTreeMap::<_, BTreeSet<String>>::new();
    let mut pins = Vec::new();
    let mut modified = BTreeMap::new();
    for (target, operated) in &conversation.operated {
        let counted = operated.reactions.iter();
        let counted = counted.map(|(reaction, users)| (reaction.clone(), users.len() as u32));
        let row = (
            operated.edits.clone(),
            operated.recall,
            counted.collect(),
            operated.pin,
        );
        modified.insert((id, *target), row);
        for (reaction, users) in &operated.reactions {
            for user in users {
                let key = ((id, *target), *user);
                reactions.entry(key).or_default().insert(reaction.clone());
            }
        }
        if operated.pin != 0 {
            pins.push((*target, operated.pin));
        }
    }
    let all = (id, 0)..=(id, u64::MAX);
    let found_rows: BTreeMap<_, _> = rows.modified.range(all).map(copied).collect();
    found.add_if(found_rows != modified, || {
        format!("{id} has {found_rows:?}, its operations make {modified:?}")
    });
    let given = rows.reactions.iter().filter(|(((at, _), _), _)| *at == id);
    let given: BTreeMap<_, _> = given.map(copied).collect();
    found.add_if(given != reactions, || {
        format!("{id} has reactions {given:?}, its log says {reactions:?}")
    });
    let held = rows.pins.get(&id).cloned().unwrap_or_default();
    found.add_if(held != pins, || {
        format!("{id} has pins {held:?}, its log says {pins:?}")
    });
}

fn copied<K: Copy, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (*key, value.clone())
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn rows_that_say_something_else_are_found() {
        let group = ConversationId::from(scene::GROUP);
        for (name, record, why) in [
            (Name::Member(group, scene::user(2)), None, "has 1 members"),
            (
                Name::Membership(scene::user(2), group),
                Some(Record::Membership {
                    role: Role::Member,
                    visible_from: 1,
                    visible_through: 0,
                }),
                "sees",
            ),
            (
                Name::Member(group, scene::user(2)),
                Some(Record::Member {
                    role: Role::Admin,
                    joined_at: 2,
                    changed_at: 2,
                    muted_until_ms: 0,
                }),
                "Admin",
            ),
            (
                Name::Conversation(group),
                Some(Record::Conversation {
                    kind: ConversationKind::Group,
                    name: "other".to_owned(),
                    members: 2,
                    fan_out: FanOut::Write,
                    group: GroupState::default(),
                }),
                "its log says",
            ),
            (
                Name::Announcement(group),
                Some(Record::Announcement {
                    text: "hear".to_owned(),
                    conv_seq: 2,
                }),
                "announces",
            ),
            (
                Name::MemberChange(group, 2, scene::user(2)),
                None,
                "has changed members",
            ),
            (
                Name::Waiting(group, scene::user(2)),
                Some(Record::Waiting {
                    invited_by: scene::user(1),
                }),
                "still waits",
            ),
        ] {
            let mut bad = scene::good();
            bad.push(Feed::Server(vec![(name, record)]));
            scene::assert_judges::<RowsFollowTheLog>(bad, why);
        }
    }

    #[test]
    fn what_operations_leave_is_in_the_rows() {
        let recalled = Record::Modified {
            edits: Vec::new(),
            recall_seq: 3,
            reactions: Vec::new(),
            pin_seq: 0,
        };
        let row = (Name::Modified(scene::direct(), 1), Some(recalled));
        let mut good = scene::good();
        let mut batch = scene::recall(3, 1);
        batch.push(row);
        good.push(Feed::Server(batch));
        assert_eq!(scene::judge(RowsFollowTheLog, good), []);
        let mut bad = scene::good();
        bad.push(Feed::Server(scene::recall(3, 1)));
        scene::assert_judges::<RowsFollowTheLog>(bad, "its operations make");
        let pins = (
            Name::Pins(scene::direct()),
            Some(Record::Pins(vec![(1, 3)])),
        );
        let mut bad = scene::good();
        bad.push(Feed::Server(vec![pins]));
        scene::assert_judges::<RowsFollowTheLog>(bad, "has pins");
    }
}
