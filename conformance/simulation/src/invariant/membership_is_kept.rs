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
    use eim_codec::payload::{MembershipBody, MembershipChange};
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
}
