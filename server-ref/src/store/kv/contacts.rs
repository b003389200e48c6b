//! Changes of contacts: checked, carried out on the lists of both users, and told to both by
//! entries of their personal logs, in one commit.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Contact, ContactBody, ContactChange, ContactState, ConversationKind, Role,
};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::cache::{Conversation, Member, Relation};
use super::committer::{Committer, Failure, refuse};
use super::deliver::{Draft, Numbered};
use super::groups::Done;
use super::keys;
use super::mentions::Mentions;
use super::record::entry::Seal;
use super::record::state::{
    self, ContactCountRow, ContactRow, ConversationRow, MemberRow, MembershipRow, UserRow,
};
use crate::store::{ContactAct, Origin, StoreError, TenantId};

/// What becomes of two users.
struct Outcome {
    change: ContactChange,
    /// State on the caller's list, and on the other's.
    states: (ContactState, ContactState),
    message: String,
}

impl Outcome {
    fn both(change: ContactChange, state: ContactState) -> Self {
        let (states, message) = ((state, state), String::new());
        Self {
            change,
            states,
            message,
        }
    }
}

/// A user on the list of another one.
struct Listed {
    owner: UserId,
    user: UserId,
    row: ContactRow,
}

impl Listed {
    const fn is_kept(row: &ContactRow) -> bool {
        row.blocked || row.state != ContactState::None as i32
    }
}

impl Committer {
    /// Carries out one change between the caller and `user`.
    // impl[EIM-CTC-005] impl[EIM-CTC-006] impl[EIM-CTC-008] impl[EIM-CTC-012]
    pub(super) fn contact(&mut self, origin: &Origin, user: UserId, act: &ContactAct) -> Done {
        if user == origin.user {
            return refuse(
                ErrorCode::INVALID_REQUEST,
                "nobody is a contact of their own",
            );
        }
        let id = ConversationId::personal(origin.user);
        let mine = self.listed(origin.tenant, origin.user, user)?;
        let theirs = self.listed(origin.tenant, user, origin.user)?;
        if let ContactAct::Block { blocked } = act {
            return Ok((id, self.block(origin, mine, *blocked)?));
        }
        let is_blocked = mine.row.blocked || theirs.row.blocked;
        let state = mine.row.state();
        let outcome = match act {
            ContactAct::Request { message } => {
                self.request(origin, user, state, is_blocked, message)?
            }
            ContactAct::Answer { accept } => answer(state, is_blocked, *accept)?,
            ContactAct::Remove | ContactAct::Block { .. } => remove(state),
        };
        let Some(outcome) = outcome else {
            return Ok((id, None));
        };
        let lists = [(mine, outcome.states.0), (theirs, outcome.states.1)];
        let lists = lists.map(|(listed, state)| {
            let row = ContactRow {
                state: state as i32,
                message: outcome.message.clone(),
                ..listed.row
            };
            (listed, row)
        });
        let mut prepared = Vec::with_capacity(lists.len());
        for (listed, row) in lists {
            prepared.push((
                self.prepare_contact(origin.tenant, &listed, &row)?,
                listed,
                row,
            ));
        }
        let mut first = None;
        for (count, listed, row) in prepared {
            let numbered = self.put_contact(origin, &listed, row, count, outcome.change)?;
            first = first.or(Some(numbered));
        }
        self.relate(origin.tenant, origin.user, user)?;
        Ok((id, first))
    }

    // impl[EIM-CTC-013] impl[EIM-CTC-014] impl[EIM-CTC-015] impl[EIM-CTC-016] impl[EIM-CTC-022]
    fn request(
        &self,
        origin: &Origin,
        user: UserId,
        state: ContactState,
        is_blocked: bool,
        message: &str,
    ) -> Result<Option<Outcome>, Failure> {
        if message.len() > self.options.contact_message_octets {
            return refuse(ErrorCode::INVALID_REQUEST, "the message is too long");
        }
        match self.user_row(origin.tenant, user)? {
            Some(UserRow {
                disabled: false, ..
            }) => {}
            _ => return refuse(ErrorCode::NOT_FOUND, "no such user"),
        }
        if is_blocked {
            return unwanted();
        }
        Ok(match state {
            ContactState::None => Some(Outcome {
                change: ContactChange::Requested,
                states: (ContactState::Requested, ContactState::Asked),
                message: message.to_owned(),
            }),
            ContactState::Asked => Some(Outcome::both(
                ContactChange::Accepted,
                ContactState::Contact,
            )),
            ContactState::Requested | ContactState::Contact => None,
        })
    }

    /// Changes what only the caller sees.
    // impl[EIM-CTC-013] impl[EIM-CTC-021]
    fn block(
        &mut self,
        origin: &Origin,
        mine: Listed,
        blocked: bool,
    ) -> Result<Option<Numbered>, Failure> {
        let user = mine.user;
        if self.user_row(origin.tenant, user)?.is_none() {
            return refuse(ErrorCode::NOT_FOUND, "no such user");
        }
        if mine.row.blocked == blocked {
            return Ok(None);
        }
        let row = ContactRow {
            blocked,
            ..mine.row.clone()
        };
        let change = if blocked {
            ContactChange::Blocked
        } else {
            ContactChange::Unblocked
        };
        let count = self.prepare_contact(origin.tenant, &mine, &row)?;
        let numbered = self.put_contact(origin, &mine, row, count, change)?;
        self.relate(origin.tenant, origin.user, user)?;
        Ok(Some(numbered))
    }

    /// Reads what the change needs, so that nothing can fail once it has begun, and opens the
    /// personal log. Gives the users that the list has afterwards.
    // impl[EIM-CTC-020]
    fn prepare_contact(
        &mut self,
        tenant: TenantId,
        before: &Listed,
        row: &ContactRow,
    ) -> Result<u64, Failure> {
        let owner = before.owner;
        let key = keys::contact_count(tenant, owner);
        let mut count = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode::<ContactCountRow>("contacts", &record)?.count,
            None => 0,
        };
        match (Listed::is_kept(&before.row), Listed::is_kept(row)) {
            (false, true) if count >= self.options.contacts => {
                return refuse(ErrorCode::LIMIT_REACHED, "there is no room on a list");
            }
            (false, true) => count += 1,
            (true, false) => count = count.saturating_sub(1),
            _ => {}
        }
        self.timeline(tenant, owner)?;
        self.user_row(tenant, before.user)?;
        self.conversation(tenant, ConversationId::personal(owner))?;
        Ok(count)
    }

    /// Writes one list and its entry.
    // impl[EIM-CTC-002] impl[EIM-CTC-007]
    fn put_contact(
        &mut self,
        origin: &Origin,
        before: &Listed,
        row: ContactRow,
        count: u64,
        change: ContactChange,
    ) -> Result<Numbered, Failure> {
        let (tenant, owner, user) = (origin.tenant, before.owner, before.user);
        let contact = Contact {
            user: user.to_bytes(),
            state: row.state,
            blocked: row.blocked,
            message: row.message.clone(),
            version: 0,
            time_ms: 0,
        };
        let body = ContactBody {
            change: change.into(),
            by: origin.user.to_bytes(),
            contact: Some(contact),
        };
        let body = Bytes::from(body.encode_to_vec());
        let name = self.user_row(tenant, user)?.map(|row| row.name);
        let fallback_text = fallback(&name.unwrap_or_default(), change, owner == origin.user);
        let draft = Draft {
            frame_type: FrameType::CONTACT,
            actor: owner,
            sender: None,
            client_msg_id: None,
            seal: Seal::new(self.environment.random.octets(), &fallback_text, &body),
            body,
            fallback_text,
            mentions: Mentions::default(),
        };
        let id = self.personal_log(tenant, owner)?;
        let numbered = self.deliver(tenant, id, draft, &[])?;
        if before.row.version > 0 {
            let key = keys::contact_version(tenant, owner, before.row.version);
            self.pending.delete_state(&key);
        }
        let key = keys::contact_version(tenant, owner, numbered.conv_seq);
        self.pending.put_state(&key, user.as_bytes().to_vec());
        let row = ContactRow {
            version: numbered.conv_seq,
            time_ms: numbered.time_ms,
            ..row
        };
        let key = keys::contact(tenant, owner, user);
        self.pending.put_state(&key, state::encode(&row));
        let key = keys::contact_count(tenant, owner);
        self.pending
            .put_state(&key, state::encode(&ContactCountRow { count }));
        Ok(numbered)
    }

    /// The personal log of a user, opened if there is none yet.
    // impl[EIM-CTC-001]
    pub(super) fn personal_log(
        &mut self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<ConversationId, StoreError> {
        let id = ConversationId::personal(user);
        if self.conversation(tenant, id)?.is_some() {
            return Ok(id);
        }
        let mut conversation = Conversation::new(ConversationKind::Personal, String::new());
        let (role, joined_at) = (Role::Member, 1);
        conversation.put(Member::joined(user, role, joined_at));
        let row = ConversationRow {
            kind: ConversationKind::Personal as i32,
            name: String::new(),
            members: 1,
            ..ConversationRow::default()
        };
        self.pending
            .put_state(&keys::conversation(tenant, id), state::encode(&row));
        let role = role as i32;
        let row = MemberRow {
            role,
            joined_at,
            ..MemberRow::default()
        };
        self.pending
            .put_state(&keys::member(tenant, id, user), state::encode(&row));
        let row = MembershipRow {
            role,
            visible_from: 1,
            ..MembershipRow::default()
        };
        self.pending
            .put_state(&keys::membership(tenant, user, id), state::encode(&row));
        self.caches.count_members(1);
        self.caches.conversations.insert((tenant, id), conversation);
        Ok(id)
    }

    fn listed(&self, tenant: TenantId, owner: UserId, user: UserId) -> Result<Listed, StoreError> {
        let key = keys::contact(tenant, owner, user);
        let row = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode("contact", &record)?,
            None => ContactRow::default(),
        };
        Ok(Listed { owner, user, row })
    }

    /// What two users are to each other, as it matters to their direct conversation.
    pub(super) fn relation(
        &self,
        tenant: TenantId,
        one: UserId,
        other: UserId,
    ) -> Result<Relation, StoreError> {
        let (one, other) = (
            self.listed(tenant, one, other)?,
            self.listed(tenant, other, one)?,
        );
        Ok(Relation {
            blocked: one.row.blocked || other.row.blocked,
            contacts: one.row.state() == ContactState::Contact,
        })
    }

    /// The direct conversation of two users follows what they are to each other, at once.
    // impl[EIM-CTC-025]
    fn relate(&mut self, tenant: TenantId, one: UserId, other: UserId) -> Result<(), StoreError> {
        let relation = self.relation(tenant, one, other)?;
        let key = (tenant, ConversationId::direct(one, other));
        if let Some(conversation) = self.caches.conversations.get_mut(&key) {
            conversation.relation = relation;
        }
        Ok(())
    }

    /// Whether two users may write to each other.
    // impl[EIM-CTC-023] impl[EIM-CTC-024]
    pub(super) fn check_relation(&self, relation: Relation) -> Result<(), Failure> {
        if relation.blocked || (self.options.contacts_only && !relation.contacts) {
            return unwanted();
        }
        Ok(())
    }
}

// impl[EIM-CTC-017] impl[EIM-CTC-018] impl[EIM-CTC-022]
fn answer(state: ContactState, is_blocked: bool, accept: bool) -> Result<Option<Outcome>, Failure> {
    match (state, accept) {
        (ContactState::Asked, true) if is_blocked => unwanted(),
        (ContactState::Asked, true) => Ok(Some(Outcome::both(
            ContactChange::Accepted,
            ContactState::Contact,
        ))),
        (ContactState::Asked, false) => Ok(remove(state)),
        (ContactState::Contact, true) => Ok(None),
        _ => refuse(ErrorCode::NOT_FOUND, "this user has not asked"),
    }
}

// impl[EIM-CTC-019]
fn remove(state: ContactState) -> Option<Outcome> {
    let change = match state {
        ContactState::None => return None,
        ContactState::Requested => ContactChange::Withdrawn,
        ContactState::Asked => ContactChange::Refused,
        ContactState::Contact => ContactChange::Removed,
    };
    Some(Outcome::both(change, ContactState::None))
}

/// The same words for all reasons: they tell nothing.
fn unwanted<T>() -> Result<T, Failure> {
    refuse(ErrorCode::FORBIDDEN, "this user does not take it")
}

/// For clients that do not know CONTACT.
fn fallback(name: &str, change: ContactChange, own: bool) -> String {
    let what = match (change, own) {
        (ContactChange::Requested, true) => "you asked to be contacts",
        (ContactChange::Requested, false) => "asks to be your contact",
        (ContactChange::Accepted, _) => "you are contacts now",
        (ContactChange::Refused, true) => "you refused the request",
        (ContactChange::Refused, false) => "refused your request",
        (ContactChange::Withdrawn, true) => "you took your request back",
        (ContactChange::Withdrawn, false) => "took the request back",
        (ContactChange::Removed, _) => "you are no contacts any more",
        (ContactChange::Blocked, _) => "blocked",
        (ContactChange::Unblocked, _) => "not blocked any more",
        (ContactChange::Unspecified, _) => "changed",
    };
    format!("{name}: {what}")
}
