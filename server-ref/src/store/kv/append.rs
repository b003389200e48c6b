//! Messages: once each, to whom they may go, in the order they were sent.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, Role};
use eim_codec::registry::ErrorCode;

use super::cache::{Conversation, Member};
use super::command::Prepared;
use super::committer::{Committer, Failure, refuse};
use super::deliver::Draft;
use super::keys::{self, Act, ActKey};
use super::record::act::Outcome;
use super::record::state::{self, ConversationRow, MemberRow, MembershipRow, UserRow};
use crate::service::millis;
use crate::store::{Append, Appended, Origin, Refused, SenderOrder, StoreError, Target, TenantId};

impl Committer {
    /// Appends the messages of one session in order; each outcome stands for itself, but for what
    /// follows a failure.
    pub(super) fn append(
        &mut self,
        origin: Origin,
        order: &SenderOrder,
        batch: Vec<Prepared>,
    ) -> Vec<Result<Appended, Refused>> {
        let newest = self.check_origin(&origin);
        let mut outcomes = Vec::with_capacity(batch.len());
        if let Err(failure) = newest {
            let refused = as_refused(failure);
            outcomes.resize(batch.len(), Err(refused));
            return outcomes;
        }
        for prepared in batch {
            outcomes.push(self.append_in_order(&origin, order, prepared));
        }
        outcomes
    }

    // impl[EIM-MSG-051, EIM-MSG-052]
    fn append_in_order(
        &mut self,
        origin: &Origin,
        order: &SenderOrder,
        prepared: Prepared,
    ) -> Result<Appended, Refused> {
        let conversation = prepared.conversation;
        let passes = order.passes(conversation, prepared.append.after_failed);
        let outcome = self
            .append_one(origin, prepared, passes)
            .map_err(as_refused);
        match outcome {
            outcome if passes => {
                order.carried_out(conversation, &outcome);
                outcome
            }
            // What may pass by itself says nothing: it is to be sent again in any case.
            Err(refused) if refused.code.retryable() => Err(Refused::predecessor_failed()),
            outcome => outcome,
        }
    }

    /// What does not `pass` has the outcome of its own if it has one without being committed: a
    /// queue that was refused as a whole is told so at once, not one message each round trip.
    fn append_one(
        &mut self,
        origin: &Origin,
        prepared: Prepared,
        passes: bool,
    ) -> Result<Appended, Failure> {
        let Prepared {
            append,
            conversation: id,
            hash,
            seal,
            modifier,
            mentions,
        } = prepared;
        let key = ActKey {
            tenant: origin.tenant,
            user: origin.user,
            act: Act::Message,
            id: append.client_msg_id.into(),
        };
        // impl[EIM-MSG-038] impl[EIM-MSG-039] impl[EIM-MSG-041] impl[EIM-MSG-043]
        if let Some(first) = self.pending.act(&*self.engine, &key)? {
            if first.hash != hash {
                return refuse(ErrorCode::CONFLICT, "this client_msg_id has other content");
            }
            return Ok(appended(&first, true));
        }
        self.check_room()?;
        self.check_age(append.first_sent_at_ms)?;
        let opens = self.check_target(origin, id, append.target)?;
        self.check_may_send(origin, id, append.frame_type)?;
        // impl[EIM-OPS-007]
        let effect = match modifier {
            Ok(None) => None,
            Ok(Some(modifier)) => Some(self.check_modifier(origin, id, modifier)?),
            Err(error) => return refuse(error.code(), error.to_string()),
        };
        let blobs = self.check_blobs(origin, &append.blobs)?;
        if !passes {
            return Err(Failure::Refused(Refused::predecessor_failed()));
        }
        // Last, so that what is refused opens nothing.
        if let Some(peer) = opens {
            self.open_direct(origin, id, peer)?;
        }
        let Append {
            frame_type,
            client_msg_id,
            body,
            fallback_text,
            ..
        } = append;
        let draft = Draft {
            frame_type,
            actor: origin.user,
            sender: Some((origin.user, origin.device)),
            client_msg_id: Some(client_msg_id),
            body,
            fallback_text,
            seal,
            mentions,
        };
        let numbered = self.deliver(origin.tenant, id, draft, &[])?;
        if let Some(effect) = effect {
            self.modify(origin, id, effect, numbered);
        }
        self.refer_to(origin, id, blobs, numbered);
        let outcome = Outcome {
            conversation: id,
            conv_seq: numbered.conv_seq,
            time_ms: numbered.time_ms,
            user_seq: numbered.user_seq,
            hash,
        };
        // impl[EIM-MSG-037] impl[EIM-MSG-042] impl[EIM-TML-008]
        self.pending.put_act(key, outcome);
        Ok(appended(&outcome, false))
    }

    // impl[EIM-MSG-044]
    fn check_age(&self, first_sent_at_ms: u64) -> Result<(), Failure> {
        let age = self.now_ms.saturating_sub(first_sent_at_ms);
        if first_sent_at_ms == 0 || age <= self.options.idempotency_ms {
            return Ok(());
        }
        refuse(
            ErrorCode::RETRY_EXPIRED,
            "the first attempt is too long ago to tell repeats apart",
        )
    }

    /// The sender is a member, or may open the direct conversation with the user given back.
    // impl[EIM-MSG-011] impl[EIM-MSG-012] impl[EIM-MSG-013] impl[EIM-MSG-014]
    fn check_target(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        target: Target,
    ) -> Result<Option<UserId>, Failure> {
        match (self.conversation(origin.tenant, id)?, target) {
            (Some(conversation), _) if conversation.member(origin.user).is_some() => {
                let (kind, relation) = (conversation.kind, conversation.relation);
                match (kind, conversation.members.len()) {
                    // impl[EIM-CTC-003]
                    (ConversationKind::Personal, _) => {
                        refuse(ErrorCode::FORBIDDEN, "the server alone writes this log")
                    }
                    (ConversationKind::Direct, 2) => self.check_relation(relation).map(|()| None),
                    _ => Ok(None),
                }
            }
            (None, Target::Direct(peer)) => self.check_peer(origin, peer).map(|()| Some(peer)),
            _ => refuse(ErrorCode::NOT_FOUND, "no such conversation"),
        }
    }

    fn check_peer(&self, origin: &Origin, peer: UserId) -> Result<(), Failure> {
        match self.user_row(origin.tenant, peer)? {
            Some(UserRow {
                disabled: false, ..
            }) => {}
            _ => return refuse(ErrorCode::NOT_FOUND, "no such user"),
        }
        if peer == origin.user {
            return Ok(());
        }
        let relation = self.relation(origin.tenant, origin.user, peer)?;
        self.check_relation(relation)
    }

    fn open_direct(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        peer: UserId,
    ) -> Result<(), Failure> {
        let tenant = origin.tenant;
        let mut conversation = Conversation::new(ConversationKind::Direct, String::new());
        if peer != origin.user {
            conversation.relation = self.relation(tenant, origin.user, peer)?;
        }
        for user in [origin.user, peer] {
            // Read now, so that nothing can fail between opening and the first message.
            self.timeline(tenant, user)?;
            conversation.put(Member::joined(user, Role::Member, 1));
        }
        let row = ConversationRow {
            kind: ConversationKind::Direct as i32,
            members: conversation.members.len() as u32,
            ..ConversationRow::default()
        };
        self.pending
            .put_state(&keys::conversation(tenant, id), state::encode(&row));
        for member in &conversation.members {
            let other = if member.user == peer {
                origin.user
            } else {
                peer
            };
            let role = Role::Member as i32;
            let row = MemberRow {
                role,
                joined_at: 1,
                ..MemberRow::default()
            };
            self.pending
                .put_state(&keys::member(tenant, id, member.user), state::encode(&row));
            let row = MembershipRow {
                role,
                visible_from: 1,
                peer: other.to_bytes(),
                ..MembershipRow::default()
            };
            self.pending.put_state(
                &keys::membership(tenant, member.user, id),
                state::encode(&row),
            );
        }
        self.caches.count_members(conversation.members.len());
        self.caches.conversations.insert((tenant, id), conversation);
        Ok(())
    }

    /// A user as this batch leaves it.
    pub(super) fn user_row(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<UserRow>, StoreError> {
        self.pending
            .state(&*self.engine, &keys::user(tenant, user))?
            .map(|record| state::decode("user", &record))
            .transpose()
    }
}

/// Conversation of a target as `sender` sees it.
pub(super) fn conversation_of(sender: UserId, target: Target) -> ConversationId {
    match target {
        Target::Conversation(id) => id,
        // impl[EIM-MSG-010] impl[EIM-MSG-040]
        Target::Direct(peer) => ConversationId::direct(sender, peer),
    }
}

const fn appended(outcome: &Outcome, duplicate: bool) -> Appended {
    Appended {
        conversation: outcome.conversation,
        conv_seq: outcome.conv_seq,
        time_ms: outcome.time_ms,
        user_seq: outcome.user_seq,
        duplicate,
    }
}

/// One message that could not be judged does not fail the others of its batch.
fn as_refused(failure: Failure) -> Refused {
    match failure {
        Failure::Refused(refused) => refused,
        // impl[EIM-LIM-021]
        Failure::Store(StoreError::LeftAlone(wait)) => {
            let mut refused = Refused::new(ErrorCode::UNAVAILABLE, "the store does not work now");
            refused.retry_after_ms = millis(wait);
            refused
        }
        Failure::Store(error) => {
            tracing::error!(%error, "a message was not appended");
            Refused::new(ErrorCode::INTERNAL, "the store could not be read")
        }
    }
}
