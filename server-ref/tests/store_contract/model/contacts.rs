//! Contacts in the model.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Contact, ContactBody, ContactChange, ContactState, ConversationKind, Role,
};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Changed, ContactAct, ContactView};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};

use super::reference::{Conversation, Listed, Model};

impl Model {
    pub(super) fn contact(
        &mut self,
        from: UserId,
        to: UserId,
        act: &ContactAct,
    ) -> Result<Changed, ErrorCode> {
        use ContactState::{Asked, Contact, None as Nothing, Requested};

        if from == to {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let state = self.listed(from, to).state;
        let agree = (ContactChange::Accepted, (Contact, Contact));
        let blocked = self.check_block(from, to);
        let (change, states) = match (act, state) {
            (ContactAct::Block { .. }, _) => return self.block(from, to, act),
            (ContactAct::Request { .. }, _) if self.disabled.get(&to) != Some(&false) => {
                return Err(ErrorCode::NOT_FOUND);
            }
            (ContactAct::Request { .. }, _) if blocked.is_err() => {
                return Err(ErrorCode::FORBIDDEN);
            }
            (ContactAct::Answer { accept: true }, Asked) if blocked.is_err() => {
                return Err(ErrorCode::FORBIDDEN);
            }
            (ContactAct::Request { .. }, Nothing) => (ContactChange::Requested, (Requested, Asked)),
            (ContactAct::Request { .. }, Asked) => agree,
            (ContactAct::Answer { accept: true }, Asked) => agree,
            (ContactAct::Answer { accept: true }, Contact)
            | (ContactAct::Request { .. }, Requested | Contact)
            | (ContactAct::Remove, Nothing) => return Ok(self.same(from)),
            (ContactAct::Answer { accept: false } | ContactAct::Remove, Asked) => {
                (ContactChange::Refused, (Nothing, Nothing))
            }
            (ContactAct::Answer { .. }, _) => return Err(ErrorCode::NOT_FOUND),
            (ContactAct::Remove, Requested) => (ContactChange::Withdrawn, (Nothing, Nothing)),
            (ContactAct::Remove, Contact) => (ContactChange::Removed, (Nothing, Nothing)),
        };
        let message = match act {
            ContactAct::Request { message } if change == ContactChange::Requested => message,
            _ => "",
        };
        let changed = self.enlist(from, from, to, states.0, None, message, change);
        self.enlist(from, to, from, states.1, None, message, change);
        Ok(changed)
    }

    fn block(&mut self, from: UserId, to: UserId, act: &ContactAct) -> Result<Changed, ErrorCode> {
        let ContactAct::Block { blocked } = act else {
            unreachable!("asked for a block")
        };
        if !self.disabled.contains_key(&to) {
            return Err(ErrorCode::NOT_FOUND);
        }
        let listed = self.listed(from, to);
        if listed.blocked == *blocked {
            return Ok(self.same(from));
        }
        let change = if *blocked {
            ContactChange::Blocked
        } else {
            ContactChange::Unblocked
        };
        let (state, message) = (listed.state, listed.message);
        Ok(self.enlist(from, from, to, state, Some(*blocked), &message, change))
    }

    pub(super) fn check_block(&self, one: UserId, other: UserId) -> Result<(), ErrorCode> {
        if self.listed(one, other).blocked || self.listed(other, one).blocked {
            return Err(ErrorCode::FORBIDDEN);
        }
        Ok(())
    }

    fn listed(&self, owner: UserId, user: UserId) -> Listed {
        self.contacts
            .get(&(owner, user))
            .cloned()
            .unwrap_or_default()
    }

    fn same(&self, from: UserId) -> Changed {
        Changed {
            conversation: ConversationId::personal(from),
            conv_seq: 0,
            time_ms: self.now_ms,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row, and why it changed")]
    fn enlist(
        &mut self,
        by: UserId,
        owner: UserId,
        user: UserId,
        state: ContactState,
        blocked: Option<bool>,
        message: &str,
        change: ContactChange,
    ) -> Changed {
        let id = ConversationId::personal(owner);
        let blocked = blocked.unwrap_or_else(|| self.listed(owner, user).blocked);
        self.conversations
            .entry(id)
            .or_insert_with(|| Conversation {
                kind: ConversationKind::Personal,
                name: String::new(),
                log: Vec::new(),
                members: BTreeMap::from([(owner, (Role::Member, 1))]),
            });
        if !self.views.contains_key(&(owner, id)) {
            self.join(owner, id, 1, None);
        }
        let body = ContactBody {
            change: change.into(),
            by: by.to_bytes(),
            contact: Some(Contact {
                user: user.to_bytes(),
                state: state.into(),
                blocked,
                message: message.to_owned(),
                ..Contact::default()
            }),
        };
        let body = Bytes::from(body.encode_to_vec());
        let (version, time_ms, _) = self.log(id, owner, FrameType::CONTACT, body, &BTreeSet::new());
        let message = message.to_owned();
        let listed = Listed {
            state,
            blocked,
            message,
            version,
        };
        self.contacts.insert((owner, user), listed);
        Changed {
            conversation: id,
            conv_seq: version,
            time_ms,
        }
    }

    pub(crate) fn list(&self, owner: UserId) -> Vec<ContactView> {
        let mut list: Vec<ContactView> = self
            .contacts
            .iter()
            .filter(|((of, _), _)| *of == owner)
            .map(|((_, user), listed)| {
                let log = &self.conversations[&ConversationId::personal(owner)].log;
                ContactView {
                    user: *user,
                    state: listed.state,
                    blocked: listed.blocked,
                    message: listed.message.clone(),
                    version: listed.version,
                    time_ms: log[listed.version as usize - 1].time_ms,
                }
            })
            .collect();
        list.sort_by_key(|contact| contact.version);
        list
    }
}
