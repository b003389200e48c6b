//! Contacts as the personal logs describe them.

use std::collections::BTreeMap;

use eim_codec::id::UserId;
use eim_codec::payload::{ContactBody, ContactChange, ContactState};
use eim_server::store::Entry;
use prost::Message as _;

/// A user on the list of another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What the user is to the owner.
    pub state: ContactState,
    /// The owner has blocked the user.
    pub blocked: bool,
    /// Number of the entry that says so.
    pub version: u64,
}

/// Lists: owner and user.
pub type Lists = BTreeMap<(UserId, UserId), Listed>;

/// What an entry of a personal log says.
#[derive(Clone, Debug)]
pub struct News {
    /// What happened.
    pub change: ContactChange,
    /// Who did it.
    pub by: UserId,
    /// The other user.
    pub user: UserId,
    /// After it.
    pub listed: Listed,
}

impl News {
    /// Reads an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let body = ContactBody::decode(&entry.body[..]).ok()?;
        let contact = body.contact.as_ref()?;
        Some(Self {
            change: body.change(),
            by: UserId::from_slice(&body.by).ok()?,
            user: UserId::from_slice(&contact.user).ok()?,
            listed: Listed {
                state: contact.state(),
                blocked: contact.blocked,
                version: entry.conv_seq,
            },
        })
    }

    /// Puts it on the list of `owner`; why it cannot follow what was there before, if so.
    pub(super) fn apply(&self, lists: &mut Lists, owner: UserId) -> Option<String> {
        let before = lists
            .insert((owner, self.user), self.listed)
            .unwrap_or_default();
        let known = [owner, self.user].contains(&self.by) && owner != self.user;
        if known && self.follows(before, self.by == owner) {
            return None;
        }
        Some(format!("{self:?} on the list of {owner} after {before:?}"))
    }

    fn follows(&self, before: Listed, own: bool) -> bool {
        use ContactState::{Asked, Contact, None as Nothing, Requested};

        let now = self.listed;
        let step = (before.state, now.state);
        let pick = |mine, theirs| if own { mine } else { theirs };
        let related = match self.change {
            ContactChange::Requested => step == (Nothing, pick(Requested, Asked)),
            ContactChange::Accepted => step == (pick(Asked, Requested), Contact),
            ContactChange::Refused => step == (pick(Asked, Requested), Nothing),
            ContactChange::Withdrawn => step == (pick(Requested, Asked), Nothing),
            ContactChange::Removed => step == (Contact, Nothing),
            ContactChange::Blocked | ContactChange::Unblocked => {
                let blocks = self.change == ContactChange::Blocked;
                let toggles = before.blocked != blocks && now.blocked == blocks;
                return own && toggles && before.state == now.state;
            }
            ContactChange::Unspecified => false,
        };
        related && before.blocked == now.blocked
    }
}
