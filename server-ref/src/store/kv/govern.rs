//! What owner and admins decide about a group: its end, who may send, the announcement, and what
//! members may do.

use std::collections::BTreeSet;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, MembershipBody, MembershipChange, Role};
use eim_codec::registry::{ErrorCode, FrameType};

use super::cache::Member;
use super::committer::{Committer, Failure, refuse};
use super::groups::Done;
use super::keys;
use super::record::state::{self, AnnouncementRow};
use crate::store::{GroupAct, Origin, Policy, Refused};

/// Those who rule a group.
pub(super) const RULERS: [Role; 2] = [Role::Owner, Role::Admin];
/// Everybody.
pub(super) const ALL: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];

impl Committer {
    pub(super) fn govern(&mut self, origin: &Origin, id: ConversationId, act: &GroupAct) -> Done {
        match act {
            GroupAct::Dissolve => self.dissolve(origin, id),
            GroupAct::Mute {
                user: Some(user),
                for_ms,
            } => self.mute(origin, id, *user, *for_ms),
            GroupAct::Mute { user: None, for_ms } => self.mute_all(origin, id, *for_ms),
            GroupAct::Announce { text } => self.announce(origin, id, text),
            GroupAct::SetPolicy { policy } => self.set_policy(origin, id, *policy),
            GroupAct::Invite {
                secret,
                lifetime_ms,
                uses,
            } => self.invite(origin, id, secret, *lifetime_ms, *uses),
            GroupAct::Revoke => self.revoke(origin, id),
            GroupAct::Join { secret } => self.join(origin, id, secret),
            GroupAct::Answer { user, accept } => self.answer_waiting(origin, id, *user, *accept),
        }
    }

    /// Whether the caller, who is a member, may send now.
    // impl[EIM-GPO-002] impl[EIM-GPO-008] impl[EIM-GPO-009] impl[EIM-GPO-016]
    pub(super) fn check_may_send(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        frame_type: FrameType,
    ) -> Result<(), Failure> {
        let now_ms = self.now_ms;
        let Some(conversation) = self.conversation(origin.tenant, id)? else {
            return Ok(());
        };
        let (ConversationKind::Group, Some(member)) =
            (conversation.kind, conversation.member(origin.user))
        else {
            return Ok(());
        };
        if conversation.dissolved {
            return refuse(ErrorCode::DISSOLVED, "the group was dissolved");
        }
        if frame_type == FrameType::RECALL {
            return Ok(());
        }
        let mut until_ms = member.muted_until_ms;
        if member.role == Role::Member {
            until_ms = until_ms.max(conversation.muted_until_ms);
        }
        if now_ms < until_ms {
            let mut refused = Refused::new(ErrorCode::MUTED, "muted for now");
            refused.retry_after_ms = until_ms - now_ms;
            return Err(Failure::Refused(refused));
        }
        if member.role < conversation.policy.post {
            return refuse(ErrorCode::FORBIDDEN, "the group lets others send only");
        }
        Ok(())
    }

    // impl[EIM-GPO-001]
    fn dissolve(&mut self, origin: &Origin, id: ConversationId) -> Done {
        if self.group_of(origin, id, &[Role::Owner])?.dissolved {
            return Ok((id, None));
        }
        self.forget_invitations(origin, id)?;
        self.forget_waiting(origin, id)?;
        self.group(origin, id)?.dissolved = true;
        self.put_conversation(origin, id)?;
        Ok((id, Some(self.settings(origin, id, false, None)?)))
    }

    /// Until when somebody is muted who is muted now; 0 when muting ends.
    fn until(&mut self, origin: &Origin, id: ConversationId, for_ms: u64) -> Result<u64, Failure> {
        if for_ms > self.options.mute_ms {
            return refuse(ErrorCode::INVALID_REQUEST, "nobody is muted for so long");
        }
        let now_ms = self.now_ms;
        let at_ms = self.group(origin, id)?.time_ms.max(now_ms);
        Ok(match for_ms {
            0 => 0,
            _ => at_ms.saturating_add(for_ms),
        })
    }

    // impl[EIM-GPO-005] impl[EIM-GPO-006] impl[EIM-GPO-010]
    fn mute(&mut self, origin: &Origin, id: ConversationId, user: UserId, for_ms: u64) -> Done {
        let conversation = self.group_as(origin, id, &RULERS)?;
        let caller = conversation.member(origin.user).map(|member| member.role);
        let member = conversation.member(user).copied();
        if user == origin.user {
            return refuse(ErrorCode::INVALID_REQUEST, "nobody mutes themselves");
        }
        let until_ms = self.until(origin, id, for_ms)?;
        let Some(member) = member else {
            return refuse(ErrorCode::NOT_FOUND, "no such member");
        };
        if caller != Some(Role::Owner) && member.role != Role::Member {
            return refuse(ErrorCode::FORBIDDEN, "an admin mutes plain members only");
        }
        if until_ms == 0 && member.muted_until_ms <= self.now_ms {
            return Ok((id, None));
        }
        self.timeline(origin.tenant, user)?;
        let muted = Member {
            muted_until_ms: until_ms,
            ..member
        };
        self.put_member(origin, id, muted)?;
        let body = MembershipBody {
            change: MembershipChange::Muted.into(),
            users: vec![user.to_bytes()],
            until_ms,
            ..MembershipBody::default()
        };
        let numbered = self.log_change(origin, id, FrameType::MEMBERSHIP, &body, &[user])?;
        Ok((id, Some(numbered)))
    }

    // impl[EIM-GPO-005] impl[EIM-GPO-007]
    fn mute_all(&mut self, origin: &Origin, id: ConversationId, for_ms: u64) -> Done {
        let now_ms = self.now_ms;
        let muted_until_ms = self.group_as(origin, id, &RULERS)?.muted_until_ms;
        let until_ms = self.until(origin, id, for_ms)?;
        if until_ms == 0 && muted_until_ms <= now_ms {
            return Ok((id, None));
        }
        self.group(origin, id)?.muted_until_ms = until_ms;
        self.put_conversation(origin, id)?;
        Ok((id, Some(self.settings(origin, id, false, None)?)))
    }

    // impl[EIM-GPO-011] impl[EIM-GPO-013]
    fn announce(&mut self, origin: &Origin, id: ConversationId, text: &str) -> Done {
        self.group_as(origin, id, &RULERS)?;
        if text.len() > self.options.announcement_octets {
            return refuse(ErrorCode::INVALID_REQUEST, "the announcement is too long");
        }
        let key = keys::announcement(origin.tenant, id);
        let known = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode::<AnnouncementRow>("announcement", &record)?.text,
            None => String::new(),
        };
        if known == text {
            return Ok((id, None));
        }
        let conv_seq = self.next(origin, id)?;
        self.group(origin, id)?.announced = if text.is_empty() { 0 } else { conv_seq };
        self.put_conversation(origin, id)?;
        let numbered = self.settings(origin, id, false, Some(text.to_owned()))?;
        if text.is_empty() {
            self.pending.delete_state(&key);
        } else {
            let row = AnnouncementRow {
                text: text.to_owned(),
                conv_seq,
                user: origin.user.to_bytes(),
                time_ms: numbered.time_ms,
            };
            self.pending.put_state(&key, state::encode(&row));
        }
        Ok((id, Some(numbered)))
    }

    // impl[EIM-GPO-014]
    fn set_policy(&mut self, origin: &Origin, id: ConversationId, policy: Policy) -> Done {
        let conversation = self.group_as(origin, id, &[Role::Owner])?;
        if conversation.policy == policy {
            return Ok((id, None));
        }
        conversation.policy = policy;
        self.put_conversation(origin, id)?;
        Ok((id, Some(self.settings(origin, id, false, None)?)))
    }

    /// Adds one user who exists and is no member.
    pub(super) fn add_one(&mut self, origin: &Origin, id: ConversationId, user: UserId) -> Done {
        let conversation = self.conversation(origin.tenant, id)?;
        let size = conversation.map_or(0, |conversation| conversation.members.len());
        self.check_size(size + 1)?;
        self.timelines_of_members(origin, id)?;
        self.add(origin, id, &BTreeSet::from([user]))
    }
}
