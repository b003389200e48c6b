//! What two users are to each other is one thing, and decides who writes to whom.

use eim_codec::id::UserId;
use eim_codec::payload::ContactState;
use eim_codec::registry::FrameType;

use super::{Found, Invariant};
use crate::model::contacts::{Listed, Lists, News};
use crate::model::{Event, Model, ServerChange};

/// After each batch, both lists say the same of two users, rows say what the logs say, and no
/// message is in a direct conversation that was blocked before and after it.
#[derive(Debug, Default)]
pub struct ContactsAgree;

impl Invariant for ContactsAgree {
    fn name(&self) -> &'static str {
        "contacts-agree"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-CTC-006",
            "EIM-CTC-007",
            "EIM-CTC-021",
            "EIM-CTC-023",
            "EIM-CTC-025",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        let lists = &model.server.contacts;
        for (owner, user) in changed(model, change) {
            let (mine, theirs) = (at(lists, owner, user), at(lists, user, owner));
            found.add_if(mirror(mine.state) != theirs.state, || {
                format!("{user} is {mine:?} to {owner}, the other way {theirs:?}")
            });
            let row = model.server.rows.contacts.get(&(owner, user));
            found.add_if(row != Some(&mine), || {
                format!("{user} on the list of {owner} is {row:?}, the log says {mine:?}")
            });
        }
        written(model, change, found);
    }
}

/// Lists that the batch changes.
fn changed(model: &Model, change: &ServerChange) -> Vec<(UserId, UserId)> {
    let entries = change.entries.iter().map(|appended| &appended.entry);
    entries
        .filter(|entry| entry.frame_type == FrameType::CONTACT)
        .filter_map(|entry| {
            let conversation = model.server.conversations.get(&entry.conversation)?;
            let owner = conversation.members.keys().next()?;
            Some((*owner, News::of(entry)?.user))
        })
        .collect()
}

fn written(model: &Model, change: &ServerChange, found: &mut Found) {
    let lists = &model.server.contacts;
    let changed = changed(model, change);
    for appended in &change.entries {
        let entry = &appended.entry;
        let conversation = model.server.conversations.get(&entry.conversation);
        let Some(conversation) = conversation.filter(|conversation| conversation.direct) else {
            continue;
        };
        let members: Vec<UserId> = conversation.members.keys().copied().collect();
        let [one, other] = members[..] else { continue };
        let pairs = [(one, other), (other, one)];
        let blocked = pairs
            .iter()
            .any(|(owner, user)| at(lists, *owner, *user).blocked);
        let settled = !pairs.iter().any(|pair| changed.contains(pair));
        found.add_if(blocked && settled, || {
            let (id, number) = (entry.conversation, entry.conv_seq);
            format!("{id}/{number} was written under a block")
        });
    }
}

fn at(lists: &Lists, owner: UserId, user: UserId) -> Listed {
    lists.get(&(owner, user)).copied().unwrap_or_default()
}

const fn mirror(state: ContactState) -> ContactState {
    match state {
        ContactState::Requested => ContactState::Asked,
        ContactState::Asked => ContactState::Requested,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::id::ConversationId;
    use eim_codec::payload::{Contact, ContactBody, ContactChange};
    use eim_server::store::Entry;
    use eim_server::store::kv::inspect::{Name, Record};
    use prost::Message as _;

    use super::*;
    use crate::model::scene::{self, Feed};

    /// The records of one entry in the log of user `owner` about user `about`.
    fn told(
        owner: u8,
        about: u8,
        number: u64,
        change: ContactChange,
        (state, blocked): (ContactState, bool),
    ) -> Vec<(Name, Option<Record>)> {
        let (owner, about) = (scene::user(owner), scene::user(about));
        let id = ConversationId::personal(owner);
        let contact = Contact {
            user: about.to_bytes(),
            state: state.into(),
            blocked,
            ..Contact::default()
        };
        let body = ContactBody {
            change: change.into(),
            by: scene::user(1).to_bytes(),
            contact: Some(contact),
        };
        let entry = Entry {
            conversation: id,
            conv_seq: number,
            frame_type: FrameType::CONTACT,
            sender: None,
            sender_device: None,
            client_msg_id: None,
            countable: 0,
            body: body.encode_to_vec().into(),
            ..scene::entry(1)
        };
        let row = Record::Contact {
            state,
            blocked,
            version: number,
        };
        vec![
            (
                Name::Entry(id, number),
                Some(Record::Entry(Box::new(entry))),
            ),
            (Name::Contact(owner, about), Some(row)),
        ]
    }

    fn asked() -> Vec<(Name, Option<Record>)> {
        let change = ContactChange::Requested;
        let mut batch = told(1, 2, 1, change, (ContactState::Requested, false));
        batch.extend(told(2, 1, 1, change, (ContactState::Asked, false)));
        batch
    }

    fn good() -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.push(Feed::Server(asked()));
        feeds
    }

    #[test]
    fn a_request_that_both_lists_know_is_good() {
        assert_eq!(scene::judge(ContactsAgree, good()), []);
    }

    #[test]
    fn a_request_that_one_list_does_not_know_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(asked()[..2].to_vec()));
        scene::assert_judges::<ContactsAgree>(bad, "the other way");
    }

    #[test]
    fn a_row_that_says_something_else_is_found() {
        let mut batch = asked();
        batch.retain(|(name, _)| *name != Name::Contact(scene::user(2), scene::user(1)));
        let mut bad = scene::opening();
        bad.push(Feed::Server(batch));
        scene::assert_judges::<ContactsAgree>(bad, "the log says");
    }

    #[test]
    fn a_message_under_a_block_is_found() {
        let mut bad = scene::opening();
        let blocked = (ContactState::None, true);
        bad.push(Feed::Server(told(1, 2, 1, ContactChange::Blocked, blocked)));
        bad.extend(scene::sent(1));
        scene::assert_judges::<ContactsAgree>(bad, "under a block");
    }

    #[test]
    fn a_step_that_cannot_follow_is_found() {
        let mut bad = good();
        let both = (ContactState::Contact, false);
        let mut batch = told(1, 2, 2, ContactChange::Accepted, both);
        batch.extend(told(2, 1, 2, ContactChange::Accepted, both));
        bad.push(Feed::Server(batch));
        let found = scene::judge(super::super::membership_is_kept::MembershipIsKept, bad);
        let told = |why: &str| found.iter().any(|violation| violation.detail.contains(why));
        assert!(told("Accepted"), "who asked cannot accept: {found:?}");
    }
}
