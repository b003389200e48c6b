//! Invitations to groups, and who waits to join by one.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, Role};
use eim_codec::registry::ErrorCode;
use sha2::{Digest, Sha256};

use super::cache::Conversation;
use super::committer::{Committer, Failure, refuse};
use super::govern::{ALL, RULERS};
use super::groups::Done;
use super::keys::{self, Key};
use super::record::state::{self, InvitationRow, WaitingRow};
use crate::store::{MarkNote, Marked, Origin, StoreError, TenantId};

/// What is kept of a secret.
fn hash(secret: &[u8; 16]) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.iter_mut()
        .zip(Sha256::digest(secret))
        .for_each(|(to, from)| *to = from);
    hash
}

impl Committer {
    /// Makes an invitation. It changes nothing in the log.
    // impl[EIM-GPO-021] impl[EIM-GPO-022]
    pub(super) fn invite(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        secret: &[u8; 16],
        lifetime_ms: u64,
        uses: u32,
    ) -> Done {
        let conversation = self.group_as(origin, id, &ALL)?;
        if !may_invite(conversation, origin.user) {
            return refuse(ErrorCode::FORBIDDEN, "the group lets others invite only");
        }
        if lifetime_ms == 0 || lifetime_ms > self.options.invitation_ms {
            return refuse(ErrorCode::INVALID_REQUEST, "no invitation lasts so long");
        }
        let (first, last) = keys::invitations(origin.tenant, id);
        let mut good = 0;
        for (key, record) in self.pending.states(&*self.engine, &first, &last)? {
            let row: InvitationRow = state::decode("invitation", &record)?;
            if row.expires_ms <= self.now_ms {
                self.pending.delete_state(&key);
            } else {
                good += 1;
            }
        }
        if good >= self.options.group_invitations {
            return refuse(ErrorCode::LIMIT_REACHED, "the group has many invitations");
        }
        let row = InvitationRow {
            user: origin.user.to_bytes(),
            expires_ms: self.now_ms.saturating_add(lifetime_ms),
            uses: (uses > 0).then_some(uses),
        };
        let key = keys::invitation(origin.tenant, id, &hash(secret));
        self.pending.put_state(&key, state::encode(&row));
        Ok((id, None))
    }

    // impl[EIM-GPO-023]
    pub(super) fn revoke(&mut self, origin: &Origin, id: ConversationId) -> Done {
        self.group_as(origin, id, &RULERS)?;
        self.forget_invitations(origin, id)?;
        Ok((id, None))
    }

    /// The caller joins by an invitation, or begins to wait.
    // impl[EIM-GPO-024] impl[EIM-GPO-026] impl[EIM-GPO-027]
    pub(super) fn join(&mut self, origin: &Origin, id: ConversationId, secret: &[u8; 16]) -> Done {
        let (tenant, user) = (origin.tenant, origin.user);
        let key = keys::invitation(tenant, id, &hash(secret));
        let Some(invitation) = self.good_invitation(tenant, id, &key)? else {
            return refuse(ErrorCode::NOT_FOUND, "no such invitation");
        };
        let now_ms = self.now_ms;
        let Some(conversation) = self.conversation(tenant, id)? else {
            return refuse(ErrorCode::NOT_FOUND, "no such invitation");
        };
        if conversation.member(user).is_some() {
            return Ok((id, None));
        }
        if !conversation.policy.approval {
            let done = self.add_one(origin, id, user)?;
            self.use_up(&key, invitation);
            return Ok(done);
        }
        let waiting = conversation.waiting;
        let place = keys::waiting(tenant, id, user);
        if self.pending.state(&*self.engine, &place)?.is_some() {
            return Ok((id, None));
        }
        if waiting >= self.options.group_waiting {
            return refuse(ErrorCode::LIMIT_REACHED, "too many wait to join");
        }
        let row = WaitingRow {
            invited_by: invitation.user.clone(),
            time_ms: now_ms,
        };
        self.pending.put_state(&place, state::encode(&row));
        if let Some(conversation) = self.conversation(tenant, id)? {
            conversation.waiting += 1;
        }
        self.put_conversation(origin, id)?;
        self.tell_waiting(tenant, id)?;
        self.use_up(&key, invitation);
        Ok((id, None))
    }

    /// An invitation that can be used now.
    // impl[EIM-GPO-025]
    fn good_invitation(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        key: &Key,
    ) -> Result<Option<InvitationRow>, StoreError> {
        let Some(record) = self.pending.state(&*self.engine, key)? else {
            return Ok(None);
        };
        let row: InvitationRow = state::decode("invitation", &record)?;
        let maker: UserId = state::id("invitation", &row.user)?;
        let now_ms = self.now_ms;
        let good = self.conversation(tenant, id)?.is_some_and(|conversation| {
            conversation.kind == ConversationKind::Group && may_invite(conversation, maker)
        });
        Ok((good && row.expires_ms > now_ms).then_some(row))
    }

    fn use_up(&mut self, key: &Key, mut row: InvitationRow) {
        match row.uses {
            None => return,
            Some(0 | 1) => return self.pending.delete_state(key),
            Some(uses) => row.uses = Some(uses - 1),
        }
        self.pending.put_state(key, state::encode(&row));
    }

    /// Admits or refuses a user who waits.
    // impl[EIM-GPO-029]
    pub(super) fn answer_waiting(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        user: UserId,
        accept: bool,
    ) -> Done {
        self.group_as(origin, id, &RULERS)?;
        let place = keys::waiting(origin.tenant, id, user);
        if self.pending.state(&*self.engine, &place)?.is_none() {
            return refuse(ErrorCode::NOT_FOUND, "this user does not wait");
        }
        if accept {
            return self.add_one(origin, id, user);
        }
        self.waits_no_more(origin, id, user)?;
        self.put_conversation(origin, id)?;
        Ok((id, None))
    }

    /// Whoever is a member, or refused, does not wait. The caller records the conversation.
    // impl[EIM-GPO-030]
    pub(super) fn waits_no_more(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        user: UserId,
    ) -> Result<(), Failure> {
        let conversation = self.conversation(origin.tenant, id)?;
        if conversation.is_none_or(|conversation| conversation.waiting == 0) {
            return Ok(());
        }
        let place = keys::waiting(origin.tenant, id, user);
        if self.pending.state(&*self.engine, &place)?.is_some() {
            self.pending.delete_state(&place);
            if let Some(conversation) = self.conversation(origin.tenant, id)? {
                conversation.waiting = conversation.waiting.saturating_sub(1);
            }
            self.tell_waiting(origin.tenant, id)?;
        }
        Ok(())
    }

    pub(super) fn forget_invitations(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<(), Failure> {
        let (first, last) = keys::invitations(origin.tenant, id);
        self.forget_range(&first, &last)
    }

    /// Nobody waits any more. The caller records the conversation.
    pub(super) fn forget_waiting(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<(), Failure> {
        let [first, last] = [[0; 16], [u8::MAX; 16]]
            .map(|user| keys::waiting(origin.tenant, id, UserId::from(user)));
        self.forget_range(&first, &last)?;
        let conversation = self.conversation(origin.tenant, id)?;
        let waited = conversation.map_or(0, |it| std::mem::take(&mut it.waiting));
        if waited > 0 {
            self.tell_waiting(origin.tenant, id)?;
        }
        Ok(())
    }

    /// Those who decide are to hear how many wait now.
    // impl[EIM-GPO-038] impl[EIM-GPO-039]
    fn tell_waiting(&mut self, tenant: TenantId, id: ConversationId) -> Result<(), Failure> {
        let Some(conversation) = self.conversation(tenant, id)? else {
            return Ok(());
        };
        let waiting = conversation.waiting;
        let members = conversation.members.iter();
        let rulers = members.filter(|member| RULERS.contains(&member.role));
        let told: Vec<UserId> = rulers.map(|member| member.user).collect();
        let log_epoch = self.meta.log_epoch;
        for to in told {
            self.pending.marks.notes.push(Marked {
                tenant,
                to,
                except: None,
                log_epoch,
                note: MarkNote::Waiting {
                    conversation: id,
                    waiting,
                },
            });
        }
        Ok(())
    }

    fn forget_range(&mut self, first: &Key, last: &Key) -> Result<(), Failure> {
        for key in self.pending.states(&*self.engine, first, last)?.keys() {
            self.pending.delete_state(key);
        }
        Ok(())
    }
}

fn may_invite(conversation: &Conversation, user: UserId) -> bool {
    let role = conversation.member(user).map(|member| member.role);
    role.is_some_and(|role| role != Role::Unspecified && role >= conversation.policy.invite)
}
