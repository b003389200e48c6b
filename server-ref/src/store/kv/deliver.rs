//! One log entry: numbered, recorded, and referred to from every timeline it belongs to.

use std::sync::Arc;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::payload::FanOut;
use eim_codec::registry::FrameType;

use super::committer::Committer;
use super::keys;
use super::mentions::Mentions;
use super::owed::{Notifying, Told};
use super::record::entry::{self, Seal};
use super::record::timeline::Reference;
use crate::store::engine::Space;
use crate::store::{Committed, Entry, StoreError, TenantId};

/// An entry before it is numbered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) frame_type: FrameType,
    /// Whose place in the timeline is wanted.
    pub(super) actor: UserId,
    /// `None` for the server itself.
    pub(super) sender: Option<(UserId, DeviceId)>,
    pub(super) client_msg_id: Option<ClientMsgId>,
    pub(super) body: Bytes,
    pub(super) fallback_text: String,
    pub(super) seal: Seal,
    /// Whom it calls.
    pub(super) mentions: Mentions,
}

/// An entry after it was numbered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    pub(super) conv_seq: u64,
    pub(super) time_ms: u64,
    /// Place in the actor's timeline; 0 when it is not in it.
    pub(super) user_seq: u64,
}

impl Committer {
    /// Appends `draft` to the log of a conversation and to the timelines of those it belongs to:
    /// all members and the `concerned`, whom the entry names, admits or removes; with read fan-out
    /// the `concerned` alone. Fails before anything is changed.
    // impl[EIM-MSG-015] impl[EIM-MSG-018] impl[EIM-MSG-019] impl[EIM-TML-001] impl[EIM-TML-002]
    // impl[EIM-MSG-016] impl[EIM-TML-004] impl[EIM-TML-005] impl[EIM-TML-006] impl[EIM-TML-007]
    pub(super) fn deliver(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        draft: Draft,
        concerned: &[UserId],
    ) -> Result<Numbered, StoreError> {
        let recipients = self.recipients(tenant, id, concerned)?;
        let mark = (tenant, draft.actor, id);
        self.register(mark)?;
        let mentioned = self.mentioned(tenant, id, draft.actor, &draft.mentions)?;
        let notifying = self.notifying(tenant, id, &draft, &recipients, &mentioned)?;
        let now_ms = self.now_ms;
        let conversation = self.conversation(tenant, id)?.ok_or(StoreError::Closed)?;
        conversation.conv_seq += 1;
        conversation.time_ms = conversation.time_ms.max(now_ms);
        conversation.countable += u64::from(is_countable(draft.frame_type));
        conversation.calls += u64::from(draft.mentions.all);
        let calls = conversation.calls;
        let audience = conversation.audience();
        let entry = Entry {
            conversation: id,
            log_epoch: 0,
            conv_seq: conversation.conv_seq,
            frame_type: draft.frame_type,
            sender: draft.sender.map(|(user, _)| user),
            sender_device: draft.sender.map(|(_, device)| device),
            client_msg_id: draft.client_msg_id,
            time_ms: conversation.time_ms,
            countable: conversation.countable,
            body: draft.body,
            fallback_text: draft.fallback_text,
            tombstone: false,
        };
        let entry = Entry {
            log_epoch: self.meta.log_epoch,
            ..entry
        };
        // What the server writes, nobody has read.
        if is_countable(entry.frame_type) && entry.sender.is_some() {
            self.sent(mark, entry.conv_seq, (entry.countable, calls));
        }
        for user in mentioned {
            self.mention((tenant, user, id), entry.conv_seq);
        }
        let key = keys::log(tenant, id, entry.conv_seq);
        self.pending.batch.put_with(Space::Log, &key, |out| {
            entry::encode(out, &entry, calls, &draft.seal);
        });
        let mut numbered = Numbered {
            conv_seq: entry.conv_seq,
            time_ms: entry.time_ms,
            user_seq: 0,
        };
        let reference = Reference {
            conversation: id,
            conv_seq: entry.conv_seq,
            time_ms: entry.time_ms,
        };
        let recipients: Arc<[_]> = recipients
            .iter()
            .map(|user| {
                let user_seq = self.refer(tenant, *user, reference);
                if *user == draft.actor {
                    numbered.user_seq = user_seq;
                }
                (*user, user_seq)
            })
            .collect();
        self.publish(tenant, entry, recipients, audience, notifying);
        Ok(numbered)
    }

    /// The entry has its number and its places: who is told of it.
    fn publish(
        &mut self,
        tenant: TenantId,
        entry: Entry,
        recipients: Arc<[(UserId, u64)]>,
        audience: Option<Arc<[UserId]>>,
        notifying: Notifying,
    ) {
        let told = Told {
            tenant,
            log_epoch: entry.log_epoch,
            conv_seq: entry.conv_seq,
            time_ms: entry.time_ms,
            recipients: &recipients,
        };
        self.owe(&told, notifying);
        self.pending.commits.push(Committed {
            tenant,
            entry: Arc::new(entry),
            recipients,
            audience,
        });
    }

    /// Users into whose timelines an entry goes, each once and in order, with their timelines at
    /// hand.
    // impl[EIM-LGR-004, EIM-LGR-005]
    fn recipients(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        concerned: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        let conversation = self.conversation(tenant, id)?.ok_or(StoreError::Closed)?;
        let mut recipients = concerned.to_vec();
        if conversation.fan_out != FanOut::Read {
            recipients.extend(conversation.members.iter().map(|member| member.user));
        }
        recipients.sort_unstable();
        recipients.dedup();
        for user in &recipients {
            self.timeline(tenant, *user)?;
        }
        Ok(recipients)
    }

    fn refer(&mut self, tenant: TenantId, user: UserId, reference: Reference) -> u64 {
        match self.caches.timelines.get_mut(&(tenant, user)) {
            Some(timeline) => self.pending.refer(tenant, user, timeline, reference),
            None => 0,
        }
    }
}

/// Whether an entry counts as unread: messages do, operations do not.
const fn is_countable(frame_type: FrameType) -> bool {
    matches!(frame_type.0, 0x20..=0x3F)
}
