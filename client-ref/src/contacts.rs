//! Contacts: asking, agreeing, blocking, and the list.

use std::collections::BTreeMap;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    ContactAnswerRequest, ContactBlockRequest, ContactBody, ContactChange, ContactRemoveRequest,
    ContactRequestRequest, ContactState, ContactsRequest, ContactsResponse, request, response,
};
use eim_codec::registry::{ErrorCode, FrameType, Operation};
use prost::Message as _;

use crate::client::Client;
use crate::error::RequestError;
use crate::store::Message;

/// A user on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The user.
    pub user: UserId,
    /// What the user is to this one.
    pub state: ContactState,
    /// This user has blocked the user.
    pub blocked: bool,
    /// What was said with a request that waits.
    pub message: String,
    /// Number of the entry of the personal log after which this is so.
    pub version: u64,
    /// Its time, Unix milliseconds.
    pub time_ms: u64,
}

/// What an entry of the personal log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactNews {
    /// What happened.
    pub change: ContactChange,
    /// Who did it.
    pub by: UserId,
    /// The other user after it.
    pub contact: Contact,
}

impl ContactNews {
    /// Reads an entry of the personal log; `None` for all others.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        if message.frame_type != FrameType::CONTACT || message.tombstone {
            return None;
        }
        let body = ContactBody::decode(message.body.clone()).ok()?;
        let mut contact = contact(body.contact.as_ref()?)?;
        (contact.version, contact.time_ms) = (message.conv_seq, message.time_ms);
        Some(Self {
            change: body.change(),
            by: UserId::from_slice(&body.by).ok()?,
            contact,
        })
    }
}

/// A change of the list as it became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactChanged {
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Number of the entry of the personal log; 0 when nothing had to change.
    pub conv_seq: u64,
    /// Server time of the commit, Unix milliseconds.
    pub time_ms: u64,
}

/// The list of contacts, as far as it was heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactList {
    log_epoch: u64,
    version: u64,
    users: BTreeMap<UserId, Contact>,
}

impl ContactList {
    /// Users who are something to this one, or blocked, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        let kept = |contact: &&Contact| contact.blocked || contact.state != ContactState::None;
        self.users.values().filter(kept)
    }

    /// What a user is to this one.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&Contact> {
        self.users.get(&user)
    }

    /// Takes over what is newer than what is known. Those who are nothing any more are kept as
    /// such, so that older news cannot bring them back.
    // impl[EIM-CTC-030]
    pub fn apply(&mut self, contact: Contact) {
        let known = self.users.get(&contact.user);
        if known.is_none_or(|known| known.version < contact.version) {
            self.users.insert(contact.user, contact);
        }
    }

    /// Takes over a page, which goes on where the one before ended.
    ///
    /// # Errors
    /// [`RequestError::Nonsense`] for contacts without a user or a version.
    fn take(&mut self, page: &ContactsResponse) -> Result<(), RequestError> {
        self.log_epoch = page.log_epoch;
        for listed in &page.contacts {
            let contact = contact(listed).ok_or(RequestError::Nonsense("a contact"))?;
            if contact.version <= self.version {
                return Err(RequestError::Nonsense("contacts out of order"));
            }
            self.version = contact.version;
            self.apply(contact);
        }
        Ok(())
    }
}

impl Client {
    /// Asks a user to become a contact, or agrees with one who has asked.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn contact_request(
        &self,
        user: UserId,
        message: &str,
    ) -> Result<ContactChanged, RequestError> {
        let body = request::Body::ContactRequest(ContactRequestRequest {
            user: user.to_bytes(),
            message: message.to_owned(),
        });
        self.change_contact(Operation::CONTACT_REQUEST, body).await
    }

    /// Accepts or refuses a request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn contact_answer(
        &self,
        user: UserId,
        accept: bool,
    ) -> Result<ContactChanged, RequestError> {
        let user = user.to_bytes();
        let body = request::Body::ContactAnswer(ContactAnswerRequest { user, accept });
        self.change_contact(Operation::CONTACT_ANSWER, body).await
    }

    /// Ends a contact, takes a request back, or refuses one.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn contact_remove(&self, user: UserId) -> Result<ContactChanged, RequestError> {
        let user = user.to_bytes();
        let body = request::Body::ContactRemove(ContactRemoveRequest { user });
        self.change_contact(Operation::CONTACT_REMOVE, body).await
    }

    /// Blocks a user, or ends that.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn contact_block(
        &self,
        user: UserId,
        blocked: bool,
    ) -> Result<ContactChanged, RequestError> {
        let user = user.to_bytes();
        let body = request::Body::ContactBlock(ContactBlockRequest { user, blocked });
        self.change_contact(Operation::CONTACT_BLOCK, body).await
    }

    /// Brings a list up to date: asks for what has changed since.
    ///
    /// # Errors
    /// [`RequestError`]; what was read before stays on the list.
    // impl[EIM-CTC-029]
    pub async fn contacts(&self, list: &mut ContactList) -> Result<(), RequestError> {
        loop {
            let body = request::Body::Contacts(ContactsRequest {
                log_epoch: list.log_epoch,
                version: list.version,
            });
            match self.ask(Operation::CONTACTS, body).await {
                Ok(response::Body::Contacts(page)) => {
                    list.take(&page)?;
                    if !page.more || page.contacts.is_empty() {
                        return Ok(());
                    }
                }
                Ok(_) => return Err(RequestError::Nonsense("not contacts")),
                Err(RequestError::Refused { code, .. })
                    if code == ErrorCode::TOO_OLD && list.version > 0 =>
                {
                    *list = ContactList::default();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The personal log of this user; `None` before the first login.
    ///
    /// # Errors
    /// [`RequestError::Store`].
    pub async fn personal_log(&self) -> Result<Option<ConversationId>, RequestError> {
        let identity = self.store().load(false).await?.identity;
        let user = identity.and_then(|identity| identity.user);
        Ok(user.map(ConversationId::personal))
    }

    // impl[EIM-CTC-011]: `ask` makes a new request_id.
    async fn change_contact(
        &self,
        operation: Operation,
        body: request::Body,
    ) -> Result<ContactChanged, RequestError> {
        match self.ask(operation, body).await? {
            response::Body::ContactChange(change) => Ok(ContactChanged {
                log_epoch: change.log_epoch,
                conv_seq: change.conv_seq,
                time_ms: change.time_ms,
            }),
            _ => Err(RequestError::Nonsense("not a change of contacts")),
        }
    }
}

fn contact(contact: &eim_codec::payload::Contact) -> Option<Contact> {
    Some(Contact {
        user: UserId::from_slice(&contact.user).ok()?,
        state: contact.state(),
        blocked: contact.blocked,
        message: contact.message.clone(),
        version: contact.version,
        time_ms: contact.time_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(user: u8, state: ContactState, version: u64) -> eim_codec::payload::Contact {
        eim_codec::payload::Contact {
            user: vec![user; 16].into(),
            state: state.into(),
            version,
            ..eim_codec::payload::Contact::default()
        }
    }

    // test[EIM-CTC-030]
    #[test]
    fn older_news_does_not_undo_newer() {
        let mut list = ContactList::default();
        let asked = contact(&listed(1, ContactState::Asked, 3)).unwrap();
        let none = contact(&listed(1, ContactState::None, 7)).unwrap();
        let other = contact(&listed(2, ContactState::Contact, 5)).unwrap();
        for news in [&none, &asked, &other, &none] {
            list.apply(news.clone());
        }
        assert_eq!(list.iter().collect::<Vec<_>>(), [&other]);
        assert_eq!(list.get(none.user), Some(&none));
        let again = contact(&listed(1, ContactState::Asked, 8)).unwrap();
        list.apply(again.clone());
        assert_eq!(list.iter().collect::<Vec<_>>(), [&again, &other]);
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let mut list = ContactList::default();
        let mut page = ContactsResponse {
            log_epoch: 4,
            contacts: vec![
                listed(1, ContactState::Asked, 3),
                listed(2, ContactState::Contact, 5),
            ],
            more: true,
        };
        list.take(&page).unwrap();
        assert_eq!((list.log_epoch, list.version), (4, 5));
        assert_eq!(
            list.take(&page),
            Err(RequestError::Nonsense("contacts out of order"))
        );
        page.contacts = vec![listed(1, ContactState::Contact, 6)];
        list.take(&page).unwrap();
        assert_eq!((list.version, list.iter().count()), (6, 2));
        page.contacts = vec![eim_codec::payload::Contact::default()];
        assert!(list.take(&page).is_err());
    }
}
