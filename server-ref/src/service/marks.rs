//! Marks: reading, being read, and what is unread.

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::payload::{
    self, Mark, MarkRequest, MarkResponse, MarksRequest, MarksResponse, Reader, ReadersRequest,
    ReadersResponse, UnreadCount, UnreadFlag, UnreadRequest, UnreadResponse, response,
};
use eim_codec::registry::limits;

use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::store::{FlagChange, MarkChange, MarkView};

impl Requests {
    // impl[EIM-MRK-001, EIM-MRK-004]
    pub(super) async fn mark(&self, caller: Caller, ask: &MarkRequest) -> Result<Body, Refusal> {
        check_count(ask.marks.len())?;
        let changes = ask.marks.iter().map(change).collect::<Result<_, _>>()?;
        let marks = self
            .store
            .mark(caller.origin, ask.log_epoch, changes)
            .await??;
        let answer = MarkResponse {
            log_epoch: self.store.log_epoch(),
            marks: marks.iter().map(to_mark).collect(),
        };
        Ok(response::Body::Mark(answer).into())
    }

    pub(super) async fn marks(
        &self,
        caller: Caller,
        ask: &MarksRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        check_count(ask.conversations.len())?;
        let ids = ask.conversations.iter().map(|id| conversation_id(id));
        let ids: Vec<ConversationId> = ids.collect::<Result<_, _>>()?;
        let origin = caller.origin;
        let views = self.store.marks(origin.tenant, origin.user, ids).await?;
        let marks: Vec<Mark> = views.iter().map(to_mark).collect();
        if !marks.iter().all(|mark| page.take(mark)) {
            return Err(Refusal::invalid(
                "the answer does not fit into one RESPONSE",
            ));
        }
        let log_epoch = self.store.log_epoch();
        Ok(response::Body::Marks(MarksResponse { log_epoch, marks }).into())
    }

    // impl[EIM-MRK-018]
    pub(super) async fn readers(
        &self,
        caller: Caller,
        ask: &ReadersRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        let after = match &ask.after[..] {
            [] => None,
            id => Some(user_id(id)?),
        };
        let view = self.view(caller, conversation).await?;
        if view.visible_through > 0 {
            return Err(Refusal::not_found());
        }
        let found = self
            .store
            .readers(
                caller.origin.tenant,
                conversation,
                ask.conv_seq,
                ask.missing,
                after,
                page.items(),
            )
            .await?;
        let mut answer = ReadersResponse {
            log_epoch: self.store.log_epoch(),
            more: found.more,
            through: found.through.map_or_else(Bytes::new, |id| id.to_bytes()),
            ..ReadersResponse::default()
        };
        for (user, read) in found.readers {
            let user = user.to_bytes();
            let reader = Reader { user, read };
            if !page.take(&reader) {
                answer.more = true;
                answer.through = answer
                    .readers
                    .last()
                    .map_or_else(Bytes::new, |last| last.user.clone());
                break;
            }
            answer.readers.push(reader);
        }
        Ok(response::Body::Readers(answer).into())
    }

    // impl[EIM-MRK-010, EIM-MRK-011]
    pub(super) async fn unread(
        &self,
        caller: Caller,
        ask: &UnreadRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let after = match &ask.after[..] {
            [] => None,
            id => Some(conversation_id(id)?),
        };
        let found = self
            .store
            .unread(origin.tenant, origin.user, after, page.items())
            .await?;
        let mut answer = UnreadResponse {
            log_epoch: self.store.log_epoch(),
            more: found.more,
            through: found.through.map_or_else(Bytes::new, |id| id.to_bytes()),
            ..UnreadResponse::default()
        };
        for view in found.conversations {
            let count = UnreadCount {
                conversation: view.conversation.to_bytes(),
                unread: view.unread,
                mentions: view.mentions,
                read: view.read,
                marked_unread: view.marked_unread,
            };
            if !page.take(&count) {
                answer.more = true;
                answer.through = answer
                    .conversations
                    .last()
                    .map_or_else(Bytes::new, |last| last.conversation.clone());
                break;
            }
            answer.conversations.push(count);
        }
        Ok(response::Body::Unread(answer).into())
    }
}

// impl[EIM-MRK-006]
fn check_count(conversations: usize) -> Result<(), Refusal> {
    let most = usize::try_from(limits::MARK_CHANGES.default).unwrap_or(usize::MAX);
    if conversations > most {
        return Err(Refusal::invalid(format!("more than {most} conversations")));
    }
    Ok(())
}

fn change(change: &payload::MarkChange) -> Result<MarkChange, Refusal> {
    Ok(MarkChange {
        conversation: conversation_id(&change.conversation)?,
        read: change.read,
        flag: match change.flag() {
            UnreadFlag::Unspecified => FlagChange::Leave,
            UnreadFlag::Set => FlagChange::Set,
            UnreadFlag::Clear => FlagChange::Clear,
        },
    })
}

/// The wire form of marks.
pub(crate) fn to_mark(view: &MarkView) -> Mark {
    Mark {
        conversation: view.conversation.to_bytes(),
        user: view.user.to_bytes(),
        read: view.read,
        delivered: view.delivered,
        marked_unread: view.marked_unread,
        unread: view.unread,
        mentions: view.mentions,
    }
}
