//! The timeline, and the conversations a user is in.

use bytes::Bytes;
use eim_codec::id::{ConversationId, RequestId};
use eim_codec::payload::{
    Conversation, ConversationRequest, ConversationResponse, DetachedEntry, HeadsRequest,
    HeadsResponse, SyncRequest, SyncResponse, TimelineEntry, conversation_request, response,
};
use eim_codec::registry::ErrorCode;

use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::session::push::to_payload;
use crate::store::{ConversationView, Policy, TimelinePage};

impl Requests {
    // impl[EIM-SYN-020, EIM-SYN-021, EIM-SYN-022, EIM-SYN-023]
    pub(super) async fn sync(
        &self,
        caller: Caller,
        request: RequestId,
        ask: SyncRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let found = self
            .store
            .timeline(
                origin.tenant,
                origin.user,
                ask.log_epoch,
                ask.user_seq,
                page.items(),
                page.octets(),
            )
            .await?;
        let (items, head) = match found {
            TimelinePage::Entries { items, head, .. } => (items, head),
            TimelinePage::TooOld { floor, head } => {
                // impl[EIM-SYN-019]
                if ask.log_epoch == self.store.log_epoch() && ask.user_seq > head {
                    let (user, device, beyond) = (origin.user, origin.device, ask.user_seq);
                    tracing::error!(%user, %device, beyond, head, "a cursor is beyond the timeline: \
                        durable data is gone");
                }
                let detail = format!("the timeline reaches from {floor} to {head}");
                return Err(Refusal::new(ErrorCode::TOO_OLD, detail));
            }
        };
        let (mut entries, mut detached) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            let whole = TimelineEntry {
                user_seq: item.user_seq,
                entry: Some(to_payload(&item.entry, true)),
                detached: false,
                echo: false,
            };
            if page.take(&whole) {
                entries.push(whole);
                continue;
            }
            // impl[EIM-SYN-027]
            if entries.is_empty() {
                detached.push(DetachedEntry {
                    request_id: request.to_bytes(),
                    entry: whole.entry,
                    user_seq: item.user_seq,
                    state: None,
                });
                let entry = Some(to_payload(&item.entry, false));
                entries.push(TimelineEntry {
                    entry,
                    detached: true,
                    ..whole
                });
            }
            break;
        }
        let last = entries.last().map_or(ask.user_seq, |entry| entry.user_seq);
        let sync = SyncResponse {
            log_epoch: self.store.log_epoch(),
            entries,
            user_seq: head.max(last),
            more: last < head,
        };
        Ok(Body {
            body: response::Body::Sync(sync),
            detached,
            transfer: None,
        })
    }

    // impl[EIM-SYN-032, EIM-SYN-033, EIM-SYN-034]
    pub(super) async fn heads(
        &self,
        caller: Caller,
        ask: &HeadsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let after = if ask.after.is_empty() {
            None
        } else {
            Some(conversation_id(&ask.after)?)
        };
        // The head first: what it counts is in the conversations read after it.
        let (user_seq, floor) = self.head(caller).await?;
        let (views, mut more) = self
            .store
            .conversations(origin.tenant, origin.user, after, page.items())
            .await?;
        let mut conversations = Vec::with_capacity(views.len());
        for view in &views {
            let conversation = to_conversation(view);
            if !page.take(&conversation) {
                more = true;
                break;
            }
            conversations.push(conversation);
        }
        let log_epoch = self.store.log_epoch();
        let heads = HeadsResponse {
            log_epoch,
            user_seq,
            floor,
            conversations,
            more,
        };
        Ok(response::Body::Heads(heads).into())
    }

    // impl[EIM-SYN-045, EIM-SYN-054]
    pub(super) async fn conversation(
        &self,
        caller: Caller,
        ask: &ConversationRequest,
    ) -> Result<Body, Refusal> {
        let conversation = match &ask.target {
            Some(conversation_request::Target::Conversation(id)) => conversation_id(id)?,
            Some(conversation_request::Target::DirectTo(peer)) => {
                ConversationId::direct(caller.origin.user, user_id(peer)?)
            }
            None => return Err(Refusal::invalid("no target")),
        };
        let view = self.view(caller, conversation).await?;
        let conversation = Some(to_conversation(&view));
        let announcement = self.announcement(caller, &view).await?;
        Ok(response::Body::Conversation(ConversationResponse {
            conversation,
            announcement,
        })
        .into())
    }

    /// The conversation as the caller sees it.
    pub(super) async fn view(
        &self,
        caller: Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, Refusal> {
        self.store
            .conversation(caller.origin.tenant, caller.origin.user, conversation)
            .await?
            .ok_or_else(Refusal::not_found)
    }
}

// impl[EIM-SYN-035, EIM-LGR-013] impl[EIM-GPO-019, EIM-GPO-020, EIM-GPO-032] impl[EIM-DIR-024]
pub(super) fn to_conversation(view: &ConversationView) -> Conversation {
    let group = &view.group;
    Conversation {
        conversation: view.conversation.to_bytes(),
        kind: view.kind.into(),
        name: view.name.clone(),
        conv_seq: view.conv_seq,
        visible_from: view.visible_from,
        visible_through: view.visible_through,
        role: view.role.into(),
        peer: view.peer.map_or_else(Bytes::new, |peer| peer.to_bytes()),
        countable: view.countable,
        time_ms: view.time_ms,
        members: view.members,
        unread: view.marks.unread,
        mentions: view.marks.mentions,
        read: view.marks.read,
        marked_unread: view.marks.marked_unread,
        fan_out: view.fan_out.into(),
        dissolved: group.dissolved,
        policy: (group.policy != Policy::default()).then(|| group.policy.into()),
        muted_until_ms: group.muted_until_ms,
        all_muted_until_ms: group.all_muted_until_ms,
        announced: group.announced,
        waiting: group.waiting,
        follows_department: group.follows_department,
    }
}
