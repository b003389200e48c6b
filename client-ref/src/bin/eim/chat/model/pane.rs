//! The pane beside the messages: a list of things that can be acted on.

use eim_client::group_policy::Waiting;
use eim_client::{Contact, Device, Member};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ContactState, Role};
use ratatui::crossterm::event::KeyCode;

use super::{Action, ContactAct, GroupAct, Model, Question, Who};

/// Names around the one that is picked out which are asked for.
const NEAR: usize = 40;

/// For how long the key mutes.
const HOUR_MS: u64 = 3_600_000;

/// A line of a pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A member of a group.
    Member(Member),
    /// A user who waits to join a group.
    Waiting(Waiting),
    /// Somebody on the list of contacts.
    Contact(Contact),
    /// A device of this user, and how far it is behind.
    Device(Device, u64),
    /// A field of the profile of a user.
    Field(UserId, &'static str, String),
    /// A message.
    Message {
        /// Its conversation.
        conversation: ConversationId,
        /// Its number.
        conv_seq: u64,
        /// Server time of the commit, Unix milliseconds.
        time_ms: u64,
        /// Who sent it.
        sender: Option<UserId>,
        /// What it says now.
        text: String,
    },
    /// Who has read, and through which number.
    Reader(UserId, u64),
}

impl Item {
    /// The user it is about.
    pub(super) const fn user(&self) -> Option<UserId> {
        match self {
            Self::Member(member) => Some(member.user),
            Self::Waiting(waiting) => Some(waiting.user),
            Self::Contact(contact) => Some(contact.user),
            Self::Field(user, ..) | Self::Reader(user, _) => Some(*user),
            Self::Message { sender, .. } => *sender,
            Self::Device(..) => None,
        }
    }
}

/// What was found out for a pane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) items: Vec<Item>,
    /// Stands below them.
    pub(crate) note: Option<String>,
}

impl Answer {
    pub(crate) const fn new(items: Vec<Item>) -> Self {
        Self { items, note: None }
    }
}

/// The pane.
#[derive(Clone, Debug)]
pub(crate) struct Pane {
    pub(crate) question: Question,
    /// `None` until the answer is there.
    pub(crate) items: Option<Vec<Item>>,
    /// The one that is picked out.
    pub(crate) at: usize,
    pub(crate) note: Option<String>,
    /// What is done after a `y`.
    pub(crate) confirm: Option<(String, Action)>,
}

impl Pane {
    fn picked(&self) -> Option<&Item> {
        self.items.as_ref()?.get(self.at)
    }
}

impl Model {
    /// Opens a pane.
    pub(crate) fn open(&mut self, question: Question) -> Vec<Action> {
        let items = matches!(question, Question::Contacts)
            .then(|| self.contacts.values().cloned().map(Item::Contact).collect());
        self.pane = Some(Pane {
            question: question.clone(),
            items,
            at: 0,
            note: None,
            confirm: None,
        });
        self.help = false;
        vec![Action::Ask(question)]
    }

    /// The pane for the selected conversation: members of a group, else the profile of the peer.
    pub(super) fn open_people(&mut self) -> Vec<Action> {
        match self.row().map(|row| (row.conversation, row.peer)) {
            Some((_, Some(peer))) => self.open(Question::Profile(peer)),
            Some((id, None)) if id != ConversationId::personal(self.me) => {
                self.open(Question::Members(id))
            }
            _ => Vec::new(),
        }
    }

    /// Who has read the message that is picked out, or the last own one.
    pub(super) fn open_readers(&mut self) -> Vec<Action> {
        let own = |entry: &&super::Entry| entry.sender == Some(self.me) && entry.conv_seq > 0;
        let last = self.entries.iter().rfind(own).map(|entry| entry.conv_seq);
        match (self.selected(), self.focus.or(last)) {
            (Some(conversation), Some(number)) => {
                self.open(Question::Readers(conversation, number))
            }
            _ => Vec::new(),
        }
    }

    /// What a pane shows is known now.
    pub(crate) fn answered(&mut self, question: &Question, answer: Result<Answer, String>) {
        let Some(pane) = self.pane.as_mut().filter(|it| it.question == *question) else {
            return;
        };
        match answer {
            Ok(answer) => {
                pane.at = pane.at.min(answer.items.len().saturating_sub(1));
                pane.items = Some(answer.items);
                pane.note = answer.note;
            }
            Err(problem) => {
                pane.items.get_or_insert_default();
                pane.note = Some(problem);
            }
        }
        self.meet_near();
    }

    /// Asks for the names that stand on the screen, not for ten thousand.
    fn meet_near(&mut self) {
        let Some(pane) = &self.pane else { return };
        let items = pane.items.as_deref().unwrap_or_default();
        let near = items.iter().skip(pane.at.saturating_sub(NEAR));
        let near: Vec<_> = near.take(2 * NEAR).filter_map(Item::user).collect();
        for user in near {
            self.meet(user);
        }
    }

    /// A key was pressed while a pane is open.
    pub(super) fn pane_key(&mut self, code: KeyCode) -> Vec<Action> {
        let Some(pane) = &mut self.pane else {
            return Vec::new();
        };
        if let Some((_, action)) = pane.confirm.take() {
            return match code {
                KeyCode::Char('y' | 'Y') => vec![action],
                _ => Vec::new(),
            };
        }
        let last = pane.items.as_ref().map_or(0, Vec::len).saturating_sub(1);
        match code {
            KeyCode::Esc => self.pane = None,
            KeyCode::Up => pane.at = pane.at.saturating_sub(1),
            KeyCode::Down => pane.at = (pane.at + 1).min(last),
            KeyCode::PageUp => pane.at = pane.at.saturating_sub(10),
            KeyCode::PageDown => pane.at = pane.at.saturating_add(10).min(last),
            KeyCode::Home => pane.at = 0,
            KeyCode::End => pane.at = last,
            KeyCode::Enter => return self.pane_enter(),
            KeyCode::Char(letter) => return self.pane_letter(letter),
            _ => {}
        }
        self.meet_near();
        Vec::new()
    }

    fn pane_enter(&mut self) -> Vec<Action> {
        let Some(picked) = self.pane.as_ref().and_then(Pane::picked).cloned() else {
            return Vec::new();
        };
        match picked {
            Item::Message {
                conversation,
                conv_seq,
                ..
            } => {
                self.pane = None;
                self.jump(conversation, conv_seq);
                vec![Action::Load]
            }
            Item::Device(..) => Vec::new(),
            other => match other.user() {
                Some(user) => {
                    self.pane = None;
                    self.open_direct(ConversationId::direct(self.me, user), user);
                    vec![Action::Load]
                }
                None => Vec::new(),
            },
        }
    }

    fn pane_letter(&mut self, letter: char) -> Vec<Action> {
        let Some(pane) = &self.pane else {
            return Vec::new();
        };
        let Some(picked) = pane.picked().cloned() else {
            return Vec::new();
        };
        if letter == 'p'
            && let Some(user) = picked.user()
        {
            return self.open(Question::Profile(user));
        }
        match (&pane.question, picked) {
            (Question::Members(group), Item::Member(member)) => {
                self.member_letter(letter, *group, &member)
            }
            (Question::Members(group), Item::Waiting(waiting)) if matches!(letter, 'a' | 'r') => {
                let act = GroupAct::Answer(*group, waiting.user, letter == 'a');
                vec![Action::Group(act)]
            }
            (Question::Contacts, Item::Contact(contact)) => self.contact_letter(letter, &contact),
            (Question::Devices, Item::Device(device, _)) if letter == 'l' => {
                let sure = match device.own {
                    true => "log this device out, and end".to_owned(),
                    false => format!("log {} out", device.name),
                };
                self.confirm(sure, Action::Logout(device.device))
            }
            _ => Vec::new(),
        }
    }

    fn confirm(&mut self, sure: String, action: Action) -> Vec<Action> {
        if let Some(pane) = &mut self.pane {
            pane.confirm = Some((sure, action));
        }
        Vec::new()
    }

    fn member_letter(
        &mut self,
        letter: char,
        group: ConversationId,
        member: &Member,
    ) -> Vec<Action> {
        let (user, name) = (member.user, self.user(member.user));
        match letter {
            // Nobody does these to oneself; /leave leaves.
            _ if user == self.me => Vec::new(),
            'a' if member.role != Role::Owner => {
                let role = match member.role {
                    Role::Admin => Role::Member,
                    _ => Role::Admin,
                };
                vec![Action::Group(GroupAct::Role(group, user, role))]
            }
            'o' => {
                let act = GroupAct::Role(group, user, Role::Owner);
                self.confirm(format!("hand the group to {name}"), Action::Group(act))
            }
            'm' => {
                let act = GroupAct::Mute(group, Some(user), HOUR_MS);
                self.confirm(format!("mute {name} for an hour"), Action::Group(act))
            }
            'u' => vec![Action::Group(GroupAct::Mute(group, Some(user), 0))],
            'x' => {
                let act = GroupAct::Remove(group, user);
                self.confirm(format!("remove {name}"), Action::Group(act))
            }
            _ => Vec::new(),
        }
    }

    fn contact_letter(&mut self, letter: char, contact: &Contact) -> Vec<Action> {
        let (who, name) = (Who::Id(contact.user), self.user(contact.user));
        match letter {
            'a' if contact.state == ContactState::Asked => {
                vec![Action::Contact(who, ContactAct::Answer(true))]
            }
            'r' if contact.state == ContactState::Asked => {
                vec![Action::Contact(who, ContactAct::Answer(false))]
            }
            'x' if contact.state != ContactState::None => {
                let act = Action::Contact(who, ContactAct::Remove);
                self.confirm(format!("remove {name}"), act)
            }
            'b' if contact.blocked => vec![Action::Contact(who, ContactAct::Block(false))],
            'b' => {
                let act = Action::Contact(who, ContactAct::Block(true));
                self.confirm(format!("block {name}"), act)
            }
            _ => Vec::new(),
        }
    }
}
