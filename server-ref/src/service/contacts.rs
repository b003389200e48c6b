//! Contacts. What two users are to each other is checked by the store, inside the commit.

use eim_codec::id::{RequestId, UserId};
use eim_codec::payload::{
    Contact, ContactAnswerRequest, ContactBlockRequest, ContactChangeResponse,
    ContactRemoveRequest, ContactRequestRequest, ContactsRequest, ContactsResponse, request,
    response,
};
use eim_codec::registry::ErrorCode;

use super::dispatch::not_of_operation;
use super::page::Page;
use super::requests::{Body, Requests, user_id};
use super::{Caller, Refusal};
use crate::store::{Change, ContactAct, ContactView};

/// What a request wants of which user.
// impl[EIM-CTC-012]
pub(super) fn asked(ask: request::Body) -> Option<(bytes::Bytes, ContactAct)> {
    Some(match ask {
        request::Body::ContactRequest(ContactRequestRequest { user, message }) => {
            (user, ContactAct::Request { message })
        }
        request::Body::ContactAnswer(ContactAnswerRequest { user, accept }) => {
            (user, ContactAct::Answer { accept })
        }
        request::Body::ContactRemove(ContactRemoveRequest { user }) => (user, ContactAct::Remove),
        request::Body::ContactBlock(ContactBlockRequest { user, blocked }) => {
            (user, ContactAct::Block { blocked })
        }
        _ => return None,
    })
}

impl Requests {
    // impl[EIM-CTC-005, EIM-CTC-009]
    pub(super) async fn contact_change(
        &self,
        caller: Caller,
        request: RequestId,
        ask: request::Body,
    ) -> Result<Body, Refusal> {
        let Some((user, act)) = asked(ask) else {
            return Err(not_of_operation());
        };
        let user: UserId = user_id(&user)?;
        let origin = caller.origin;
        let change = Change::Contact {
            origin,
            request,
            user,
            act,
        };
        let changed = self.store.change(change).await??;
        self.contacts_changed(origin.tenant, origin.user, user)
            .await;
        let changed = ContactChangeResponse {
            log_epoch: self.store.log_epoch(),
            conv_seq: changed.conv_seq,
            time_ms: changed.time_ms,
        };
        Ok(response::Body::ContactChange(changed).into())
    }

    // impl[EIM-CTC-026, EIM-CTC-027, EIM-CTC-028]
    pub(super) async fn contacts(
        &self,
        caller: Caller,
        ask: ContactsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let log_epoch = self.store.log_epoch();
        let found = self
            .store
            .contacts(origin.tenant, origin.user, ask.version, page.items())
            .await?;
        if ask.version > 0 && (ask.log_epoch != log_epoch || ask.version > found.head) {
            let detail = format!("the list is at version {}", found.head);
            return Err(Refusal::new(ErrorCode::TOO_OLD, detail));
        }
        let mut more = found.more;
        let mut contacts = Vec::with_capacity(found.contacts.len());
        for contact in found.contacts {
            let contact = to_contact(contact);
            if !page.take(&contact) {
                more = true;
                break;
            }
            contacts.push(contact);
        }
        let contacts = ContactsResponse {
            log_epoch,
            contacts,
            more,
        };
        Ok(response::Body::Contacts(contacts).into())
    }
}

fn to_contact(view: ContactView) -> Contact {
    Contact {
        user: view.user.to_bytes(),
        state: view.state.into(),
        blocked: view.blocked,
        message: view.message,
        version: view.version,
        time_ms: view.time_ms,
    }
}
