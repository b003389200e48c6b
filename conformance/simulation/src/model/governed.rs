//! What is decided about a group: its name, who speaks, who comes, and its end.

use eim_codec::id::UserId;
use eim_codec::payload::{ConversationKind, Role, SettingsBody};
use eim_codec::registry::FrameType;
use eim_server::store::{Entry, Policy};
use prost::Message as _;

use super::conversation::{Conversation, Effect};
use super::membership::MUTED_MS;

/// What is decided about a group, as its last SETTINGS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Governed {
    /// Nobody sends or joins any more.
    pub dissolved: bool,
    /// Least role that may send.
    pub post: Role,
    /// Least role that may invite.
    pub invite: Role,
    /// Who comes by an invitation waits.
    pub approval: bool,
    /// Until when plain members may not send; 0 for not.
    pub muted_until_ms: u64,
    /// The announcement, and the entry that made it.
    pub announced: Option<(u64, String)>,
    /// The members follow a department: nobody sent the entry that began it.
    pub department: bool,
}

impl Default for Governed {
    fn default() -> Self {
        Self {
            dissolved: false,
            post: Role::Member,
            invite: Role::Admin,
            approval: false,
            muted_until_ms: 0,
            announced: None,
            department: false,
        }
    }
}

impl Governed {
    /// What it permits.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        Policy {
            post: self.post,
            invite: self.invite,
            approval: self.approval,
        }
    }

    /// As SETTINGS `number` leaves it.
    fn after(&self, number: u64, body: &SettingsBody) -> Self {
        let or = |role: Role, default| match role {
            Role::Unspecified => default,
            role => role,
        };
        let policy = body.policy.unwrap_or_default();
        let announced = match &body.announcement {
            None => self.announced.clone(),
            Some(made) if made.text.is_empty() => None,
            Some(made) => Some((number, made.text.clone())),
        };
        Self {
            dissolved: body.dissolved,
            post: or(policy.post(), Role::Member),
            invite: or(policy.invite(), Role::Admin),
            approval: policy.approval,
            muted_until_ms: body.muted_until_ms,
            announced,
            department: self.department,
        }
    }
}

impl Conversation {
    pub(super) fn settings(&mut self, number: u64, entry: &Entry, effect: &mut Effect) {
        let Ok(body) = SettingsBody::decode(&entry.body[..]) else {
            effect.broken.push("SETTINGS without a body".to_owned());
            return;
        };
        if body.created != (number == 1) {
            effect
                .broken
                .push(format!("created {} at number {number}", body.created));
        }
        if body.name.is_empty() || body.kind() != ConversationKind::Group {
            effect
                .broken
                .push(format!("{:?} named {:?}", body.kind(), body.name));
        }
        if number == 1 {
            self.governed.department = entry.sender.is_none();
        }
        let after = self.governed.after(number, &body);
        if number == 1 {
            self.begin(entry.sender, &after, effect);
        } else {
            self.decided(entry, &body, &after, effect);
        }
        self.governed = after;
        self.name = body.name;
    }

    fn begin(&mut self, owner: Option<UserId>, after: &Governed, effect: &mut Effect) {
        if let Some(owner) = owner {
            self.admit(owner, 1, Role::Owner);
        }
        let fresh = Governed {
            department: owner.is_none(),
            ..Governed::default()
        };
        if *after != fresh {
            effect.broken.push(format!("a group began as {after:?}"));
        }
    }

    /// Exactly one thing changes, and by whom it may.
    fn decided(&self, entry: &Entry, body: &SettingsBody, after: &Governed, effect: &mut Effect) {
        const OWNER: &[Role] = &[Role::Owner];
        const RULERS: &[Role] = &[Role::Owner, Role::Admin];
        let before = &self.governed;
        if before.dissolved {
            effect
                .broken
                .push("SETTINGS of a dissolved group".to_owned());
        }
        let text =
            |announced: &Option<(u64, String)>| announced.as_ref().map(|(_, text)| text.clone());
        // Muted again until the same time is said again.
        let until_ms = after.muted_until_ms;
        let same = body.name == self.name
            && *before == *after
            && until_ms > entry.time_ms
            && body.announcement.is_none();
        let changes = [
            (body.name != self.name, RULERS, "rename"),
            (before.dissolved != after.dissolved, OWNER, "dissolve"),
            (before.policy() != after.policy(), OWNER, "set the policy"),
            (
                before.muted_until_ms != until_ms || same,
                RULERS,
                "mute everybody",
            ),
            (
                text(&before.announced) != text(&after.announced),
                RULERS,
                "announce",
            ),
        ];
        let made: Vec<_> = changes.iter().filter(|(made, ..)| *made).collect();
        let [(_, roles, what)] = made[..] else {
            effect
                .broken
                .push(format!("SETTINGS from {before:?} to {after:?}"));
            return;
        };
        match entry.sender {
            Some(sender) if !before.department => self.must_have(sender, roles, what, effect),
            None if before.department && *what == "rename" => {}
            sender => effect.broken.push(format!("{sender:?} must not {what}")),
        }
        let announces = *what == "announce";
        if body.announcement.is_some() != announces {
            effect
                .broken
                .push(format!("announcement {:?}", body.announcement));
        }
        let for_ms = until_ms.saturating_sub(entry.time_ms);
        if *what == "mute everybody" && until_ms != 0 && (for_ms == 0 || for_ms > MUTED_MS) {
            effect
                .broken
                .push(format!("muted at {} until {until_ms}", entry.time_ms));
        }
    }

    /// What the group lets its members say.
    pub(super) fn may_send(&self, entry: &Entry, effect: &mut Effect) {
        let Some(member) = entry.sender.and_then(|sender| self.members.get(&sender)) else {
            return;
        };
        let governed = &self.governed;
        if governed.dissolved {
            effect.broken.push("sent to a dissolved group".to_owned());
        }
        if entry.frame_type == FrameType::RECALL {
            return;
        }
        let mut until_ms = member.muted_until_ms;
        if member.role == Role::Member {
            until_ms = until_ms.max(governed.muted_until_ms);
        }
        if entry.time_ms < until_ms {
            let at = entry.time_ms;
            effect
                .broken
                .push(format!("sent at {at} while muted until {until_ms}"));
        }
        if !self.direct && member.role < governed.post {
            let role = member.role;
            effect
                .broken
                .push(format!("sent by {role:?} where {:?} may", governed.post));
        }
    }

    pub(super) fn must_have(
        &self,
        sender: UserId,
        roles: &[Role],
        what: &str,
        effect: &mut Effect,
    ) {
        let role = self.members.get(&sender).map(|member| member.role);
        if !role.is_some_and(|role| roles.contains(&role)) {
            effect
                .broken
                .push(format!("{sender} with role {role:?} must not {what}"));
        }
        if self.direct {
            effect
                .broken
                .push(format!("{what} in a direct conversation"));
        }
    }
}
