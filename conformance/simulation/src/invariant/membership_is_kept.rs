//! Only those write who may, and groups change only as their rules allow.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// Each entry is one that its sender was permitted to write at that place of the log, and leaves
/// the group with exactly one owner.
#[derive(Debug, Default)]
pub struct MembershipIsKept;

impl Invariant for MembershipIsKept {
    fn name(&self) -> &'static str {
        "membership-is-kept"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-010",
            "EIM-MSG-012",
            "EIM-MSG-014",
            "EIM-GRP-004",
            "EIM-GRP-010",
            "EIM-GRP-011",
            "EIM-GRP-014",
            "EIM-GRP-020",
            "EIM-GRP-021",
            "EIM-GRP-022",
            "EIM-GRP-023",
            "EIM-GRP-025",
            "EIM-GRP-026",
            "EIM-GRP-027",
            "EIM-GRP-032",
            "EIM-GRP-033",
            "EIM-GRP-034",
            "EIM-GRP-038",
            "EIM-GPO-001",
            "EIM-GPO-002",
            "EIM-GPO-003",
            "EIM-GPO-005",
            "EIM-GPO-008",
            "EIM-GPO-009",
            "EIM-GPO-011",
            "EIM-GPO-016",
            "EIM-GPO-018",
            "EIM-GPO-026",
        ]
    }

    fn check(&mut self, _model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        for appended in &change.entries {
            for broken in &appended.effect.broken {
                let entry = &appended.entry;
                found.add(format!(
                    "{broken}: {}/{}",
                    entry.conversation, entry.conv_seq
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::payload::{
        ConversationKind, GroupPolicy, MembershipBody, MembershipChange, Role, SettingsBody,
        TextBody,
    };
    use eim_codec::registry::FrameType;
    use eim_server::store::kv::inspect::{Name, Record};
    use prost::Message as _;

    use super::*;
    use crate::model::scene::{self, Feed};

    fn then(change: impl Fn(&mut eim_server::store::Entry)) -> Vec<Feed> {
        let mut feeds = scene::good();
        let mut entry = scene::entry(3);
        entry.conversation = scene::GROUP.into();
        change(&mut entry);
        let name = Name::Entry(entry.conversation, 3);
        feeds.push(Feed::Server(vec![(
            name,
            Some(Record::Entry(Box::new(entry))),
        )]));
        feeds
    }

    #[test]
    fn a_message_of_somebody_else_is_found() {
        let bad = then(|entry| entry.sender = Some(scene::user(3)));
        scene::assert_judges::<MembershipIsKept>(bad, "is no member");
    }

    #[test]
    fn a_member_that_removes_the_owner_is_found() {
        let body = MembershipBody {
            change: MembershipChange::Removed as i32,
            users: vec![scene::user(1).to_bytes()],
            role: 0,
            ..MembershipBody::default()
        };
        let bad = then(|entry| {
            entry.frame_type = FrameType::MEMBERSHIP;
            entry.sender = Some(scene::user(2));
            entry.body = body.encode_to_vec().into();
        });
        scene::assert_judges::<MembershipIsKept>(bad.clone(), "must not remove");
        scene::assert_judges::<MembershipIsKept>(bad, "0 owners");
    }

    #[test]
    fn an_owner_that_leaves_the_others_behind_is_found() {
        let body = MembershipBody {
            change: MembershipChange::Left as i32,
            users: vec![scene::user(1).to_bytes()],
            role: 0,
            ..MembershipBody::default()
        };
        let bad = then(|entry| {
            entry.frame_type = FrameType::MEMBERSHIP;
            entry.body = body.encode_to_vec().into();
        });
        scene::assert_judges::<MembershipIsKept>(bad, "left the others behind");
    }

    #[test]
    fn what_is_left_of_a_message_that_was_taken_back_is_found() {
        let mut batch = scene::recall(3, 1);
        batch.remove(0);
        let mut bad = scene::good();
        bad.push(Feed::Server(batch));
        scene::assert_judges::<MembershipIsKept>(bad, "is left");
        let mut twice = scene::good();
        twice.push(Feed::Server(scene::recall(3, 1)));
        twice.push(Feed::Server(scene::recall(4, 1)));
        scene::assert_judges::<MembershipIsKept>(twice, "was recalled");
    }

    /// Entry `number` of the group by `sender`.
    fn next(number: u64, sender: u8, frame_type: FrameType, body: impl prost::Message) -> Feed {
        let entry = eim_server::store::Entry {
            conversation: scene::GROUP.into(),
            conv_seq: number,
            frame_type,
            sender: Some(scene::user(sender)),
            client_msg_id: None,
            body: body.encode_to_vec().into(),
            ..scene::entry(1)
        };
        let name = Name::Entry(entry.conversation, number);
        Feed::Server(vec![(name, Some(Record::Entry(Box::new(entry))))])
    }

    /// The settings of the group as it begins.
    fn settings() -> SettingsBody {
        SettingsBody {
            kind: ConversationKind::Group as i32,
            name: "g".to_owned(),
            ..SettingsBody::default()
        }
    }

    fn muted(until_ms: u64) -> MembershipBody {
        MembershipBody {
            change: MembershipChange::Muted as i32,
            users: vec![scene::user(2).to_bytes()],
            until_ms,
            ..MembershipBody::default()
        }
    }

    fn after(feeds: impl IntoIterator<Item = Feed>) -> Vec<Feed> {
        let mut all = scene::good();
        all.extend(feeds);
        all
    }

    fn says(number: u64, sender: u8) -> Feed {
        next(number, sender, FrameType::TEXT, TextBody::new("x"))
    }

    fn set(number: u64, sender: u8, body: SettingsBody) -> Feed {
        next(number, sender, FrameType::SETTINGS, body)
    }

    #[test]
    fn a_member_that_speaks_while_muted_is_found() {
        let mute = |until| next(3, 1, FrameType::MEMBERSHIP, muted(until));
        let good = after([mute(2000), says(4, 1)]);
        assert_eq!(scene::judge(MembershipIsKept, good), []);
        let bad = after([mute(2000), says(4, 2)]);
        scene::assert_judges::<MembershipIsKept>(bad, "while muted until 2000");
        let bad = after([mute(1000)]);
        scene::assert_judges::<MembershipIsKept>(bad, "muted at 1000 until 1000");
        let bad = after([next(3, 2, FrameType::MEMBERSHIP, muted(2000))]);
        scene::assert_judges::<MembershipIsKept>(bad, "must not mute");
        let all = SettingsBody {
            muted_until_ms: 2000,
            ..settings()
        };
        let good = after([set(3, 1, all.clone()), says(4, 1)]);
        assert_eq!(scene::judge(MembershipIsKept, good), []);
        let bad = after([set(3, 1, all), says(4, 2)]);
        scene::assert_judges::<MembershipIsKept>(bad, "while muted until 2000");
    }

    #[test]
    fn what_the_policy_forbids_is_found() {
        let policy = GroupPolicy {
            post: Role::Admin as i32,
            invite: Role::Admin as i32,
            approval: true,
        };
        let policy = SettingsBody {
            policy: Some(policy),
            ..settings()
        };
        let good = after([set(3, 1, policy.clone()), says(4, 1)]);
        assert_eq!(scene::judge(MembershipIsKept, good), []);
        let bad = after([set(3, 1, policy.clone()), says(4, 2)]);
        scene::assert_judges::<MembershipIsKept>(bad, "sent by Member");
        let joins = MembershipBody {
            change: MembershipChange::Added as i32,
            users: vec![scene::user(3).to_bytes()],
            role: Role::Member as i32,
            ..MembershipBody::default()
        };
        let joins = next(4, 3, FrameType::MEMBERSHIP, joins);
        let bad = after([set(3, 1, policy.clone()), joins]);
        scene::assert_judges::<MembershipIsKept>(bad, "without approval");
        let bad = after([set(3, 2, policy.clone())]);
        scene::assert_judges::<MembershipIsKept>(bad, "must not set the policy");
        let both = SettingsBody {
            name: "h".to_owned(),
            ..policy
        };
        scene::assert_judges::<MembershipIsKept>(after([set(3, 1, both)]), "SETTINGS from");
    }

    #[test]
    fn what_happens_to_a_dissolved_group_is_found() {
        let dissolved = SettingsBody {
            dissolved: true,
            ..settings()
        };
        let bad = after([set(3, 1, dissolved.clone()), says(4, 1)]);
        scene::assert_judges::<MembershipIsKept>(bad, "sent to a dissolved group");
        let mute = next(4, 1, FrameType::MEMBERSHIP, muted(2000));
        let bad = after([set(3, 1, dissolved.clone()), mute]);
        scene::assert_judges::<MembershipIsKept>(bad, "in a dissolved group");
        let bad = after([set(3, 1, dissolved), set(4, 1, settings())]);
        scene::assert_judges::<MembershipIsKept>(bad, "SETTINGS of a dissolved group");
    }
}
