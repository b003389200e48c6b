//! What owner and admins decide about groups, as chapter 61 tells it.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Announcement, ConversationKind, MembershipBody, MembershipChange, Role, SettingsBody,
};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Changed, GroupAct, GroupState, Origin, Policy};
use prost::Message;

use super::model::{Conversation, Model};

/// What is decided about a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Governed {
    dissolved: bool,
    policy: Policy,
    /// Until when plain members may not send.
    all_muted_until_ms: u64,
    /// Until when members may not send.
    pub(super) muted: BTreeMap<UserId, u64>,
    /// The announcement, and the entry that made it.
    announced: Option<(u64, String)>,
}

impl Governed {
    fn muted_until_ms(&self, user: UserId) -> u64 {
        self.muted.get(&user).copied().unwrap_or(0)
    }
}

impl Conversation {
    /// What a member sees of it; others see nothing.
    pub(super) fn group_state(&self, user: UserId) -> GroupState {
        if self.kind != ConversationKind::Group || !self.members.contains_key(&user) {
            return GroupState::default();
        }
        let governed = &self.governed;
        GroupState {
            dissolved: governed.dissolved,
            policy: governed.policy,
            muted_until_ms: governed.muted_until_ms(user),
            all_muted_until_ms: governed.all_muted_until_ms,
            announced: governed.announced.as_ref().map_or(0, |(number, _)| *number),
            waiting: 0,
            follows_department: false,
        }
    }

    /// Whether a member may send now.
    pub(super) fn may_send(
        &self,
        user: UserId,
        frame_type: FrameType,
        now_ms: u64,
    ) -> Result<(), ErrorCode> {
        let (role, _) = self.members[&user];
        let governed = &self.governed;
        if governed.dissolved {
            return Err(ErrorCode::DISSOLVED);
        }
        if self.kind != ConversationKind::Group || frame_type == FrameType::RECALL {
            return Ok(());
        }
        let muted = now_ms < governed.muted_until_ms(user);
        if muted || role == Role::Member && now_ms < governed.all_muted_until_ms {
            return Err(ErrorCode::MUTED);
        }
        if (role as i32) < governed.policy.post as i32 {
            return Err(ErrorCode::FORBIDDEN);
        }
        Ok(())
    }
}

impl Model {
    /// The group, for a member with at least this role, if it is not dissolved.
    pub(super) fn group_as(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        least: Role,
    ) -> Result<&mut Conversation, ErrorCode> {
        let group = self.group(origin, id, least)?;
        if group.governed.dissolved {
            return Err(ErrorCode::DISSOLVED);
        }
        Ok(group)
    }

    pub(super) fn govern(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        act: &GroupAct,
    ) -> Result<Changed, ErrorCode> {
        match act {
            GroupAct::Dissolve => {
                let group = self.group(origin, id, Role::Owner)?;
                if std::mem::replace(&mut group.governed.dissolved, true) {
                    return Ok(self.nothing(id));
                }
                Ok(self.settings(origin, id, false, None))
            }
            GroupAct::Mute {
                user: Some(user),
                for_ms,
            } => self.mute(origin, id, *user, *for_ms),
            GroupAct::Mute { user: None, for_ms } => {
                let now_ms = self.now_ms;
                let before = self
                    .group_as(origin, id, Role::Admin)?
                    .governed
                    .all_muted_until_ms;
                let until_ms = self.until(origin, id, *for_ms)?;
                if until_ms == 0 && before <= now_ms {
                    return Ok(self.nothing(id));
                }
                let group = self.conversation(origin, id);
                group.governed.all_muted_until_ms = until_ms;
                Ok(self.settings(origin, id, false, None))
            }
            GroupAct::Announce { text } => {
                let most = self.options.announcement_octets;
                let group = self.group_as(origin, id, Role::Admin)?;
                if text.len() > most {
                    return Err(ErrorCode::INVALID_REQUEST);
                }
                let known = group.governed.announced.as_ref();
                if known.map_or("", |(_, known)| known) == text {
                    return Ok(self.nothing(id));
                }
                let number = group.log.len() as u64 + 1;
                group.governed.announced = (!text.is_empty()).then(|| (number, text.clone()));
                Ok(self.settings(origin, id, false, Some(text.clone())))
            }
            GroupAct::SetPolicy { policy } => {
                let group = self.group_as(origin, id, Role::Owner)?;
                if std::mem::replace(&mut group.governed.policy, *policy) == *policy {
                    return Ok(self.nothing(id));
                }
                Ok(self.settings(origin, id, false, None))
            }
            // No input draws one: the simulation judges who comes.
            GroupAct::Invite { .. }
            | GroupAct::Revoke
            | GroupAct::Join { .. }
            | GroupAct::Answer { .. } => Err(ErrorCode::UNSUPPORTED),
        }
    }

    fn until(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        for_ms: u64,
    ) -> Result<u64, ErrorCode> {
        if for_ms > self.options.mute_ms {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let now_ms = self.now_ms;
        let last = self.conversation(origin, id).log.last();
        let at_ms = last.map_or(now_ms, |last| last.time_ms.max(now_ms));
        Ok(if for_ms == 0 { 0 } else { at_ms + for_ms })
    }

    fn mute(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        user: UserId,
        for_ms: u64,
    ) -> Result<Changed, ErrorCode> {
        let group = self.group_as(origin, id, Role::Admin)?;
        let own = group.members[&origin.user].0;
        if user == origin.user {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let until_ms = self.until(origin, id, for_ms)?;
        let now_ms = self.now_ms;
        let group = self.conversation(origin, id);
        let Some((role, _)) = group.members.get(&user) else {
            return Err(ErrorCode::NOT_FOUND);
        };
        if own != Role::Owner && *role != Role::Member {
            return Err(ErrorCode::FORBIDDEN);
        }
        if until_ms == 0 && group.governed.muted_until_ms(user) <= now_ms {
            return Ok(self.nothing(id));
        }
        group.governed.muted.insert(user, until_ms);
        let body = MembershipBody {
            change: MembershipChange::Muted.into(),
            users: vec![user.to_bytes()],
            until_ms,
            ..MembershipBody::default()
        };
        let body = body.encode_to_vec();
        let concerned = BTreeSet::from([user]);
        Ok(self.log_change(origin, id, FrameType::MEMBERSHIP, body, &concerned))
    }

    pub(super) fn settings(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        created: bool,
        announcement: Option<String>,
    ) -> Changed {
        let group = self.conversation(origin, id);
        let policy = group.governed.policy;
        let announcement = announcement.map(|text| Announcement {
            text,
            ..Announcement::default()
        });
        let body = SettingsBody {
            kind: ConversationKind::Group.into(),
            name: group.name.clone(),
            created,
            dissolved: group.governed.dissolved,
            policy: (policy != Policy::default()).then(|| policy.into()),
            muted_until_ms: group.governed.all_muted_until_ms,
            announcement,
        };
        let body = body.encode_to_vec();
        self.log_change(origin, id, FrameType::SETTINGS, body, &BTreeSet::new())
    }
}
