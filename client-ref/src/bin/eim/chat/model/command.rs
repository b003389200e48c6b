//! Lines that begin with a slash.

use eim_client::ProfileFields;
use eim_codec::id::ConversationId;

use super::{Action, ContactAct, GroupAct, Model, Question, Who};
use crate::chat::operate::is_operation;

/// How a line is meant that is no command.
const UNKNOWN: &str = "no such command: F1 lists them; // sends a text that begins with /";

impl Model {
    /// Enter was pressed.
    pub(super) fn enter(&mut self) -> Vec<Action> {
        let line = std::mem::take(&mut self.input);
        self.cursor = 0;
        if line.is_empty() {
            return Vec::new();
        }
        match line.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') && !is_operation(&line) => {
                let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let (verb, rest) = (verb.to_owned(), rest.trim().to_owned());
                match self.command(&verb, &rest) {
                    Ok(actions) => actions,
                    Err(usage) => {
                        self.notice(usage.to_owned());
                        Vec::new()
                    }
                }
            }
            _ => self.say(line),
        }
    }

    /// A text, or an operation on a message.
    fn say(&mut self, line: String) -> Vec<Action> {
        match self.row().map(|row| (row.conversation, row.target)) {
            Some((id, _)) if id == ConversationId::personal(self.me) => {
                self.notice("the server alone writes here; F4 answers requests".to_owned());
                Vec::new()
            }
            Some((_, target)) if is_operation(&line) => vec![Action::Operate(target, line)],
            Some((_, target)) => {
                let text = match line.strip_prefix("//") {
                    Some(rest) => format!("/{rest}"),
                    None => line,
                };
                vec![Action::Send(target, text)]
            }
            None => {
                self.notice("no conversation yet: /to USER opens one".to_owned());
                Vec::new()
            }
        }
    }

    fn command(&mut self, verb: &str, rest: &str) -> Result<Vec<Action>, &'static str> {
        let named = |usage: &'static str| match rest {
            "" => Err(usage),
            name => Ok(name.to_owned()),
        };
        Ok(match verb {
            "to" => vec![Action::Find(named("/to USER")?)],
            "find" => self.open(Question::Search(named("/find WORDS")?)),
            "contacts" => self.open(Question::Contacts),
            "devices" => self.open(Question::Devices),
            "members" => self.open_people(),
            "pins" => self.open_pins(),
            "profile" if rest.is_empty() => self.open(Question::Profile(self.me)),
            "profile" => vec![Action::Profile(rest.to_owned())],
            "me" => vec![Action::SetProfile(
                field(rest).ok_or("/me name TEXT, /me phone TEXT, /me mail TEXT")?,
            )],
            "readers" => {
                let number = rest.strip_prefix('#').and_then(|it| it.parse().ok());
                let number = number.ok_or("/readers #N")?;
                let id = self.selected().ok_or("no conversation yet")?;
                self.open(Question::Readers(id, number))
            }
            "unread" => {
                let id = self.selected().ok_or("no conversation yet")?;
                vec![Action::MarkUnread(id)]
            }
            "call" => {
                let row = self.row().ok_or("no conversation yet")?;
                vec![Action::Call(row.conversation)]
            }
            "answer" => self.answer(),
            "hangup" | "decline" => self.hang_up(),
            "forward" => {
                let (number, user) = rest.split_once(' ').ok_or("/forward #N USER")?;
                let number = number.strip_prefix('#').and_then(|it| it.parse().ok());
                let number = number.ok_or("/forward #N USER")?;
                vec![Action::Forward(number, user.trim().to_owned())]
            }
            "save" => {
                let (number, to) = rest.split_once(' ').unwrap_or((rest, ""));
                let number = number.strip_prefix('#').and_then(|it| it.parse().ok());
                let to = Some(to.trim().to_owned()).filter(|to| !to.is_empty());
                vec![Action::Save(number.ok_or("/save #N [PATH]")?, to)]
            }
            "file" => {
                let target = self.row().ok_or("no conversation yet")?.target;
                vec![Action::SendFile(target, named("/file PATH")?)]
            }
            "ask" | "block" | "unblock" => contact(verb, rest)?,
            "new" | "add" | "rename" | "leave" => self.group(verb, rest)?,
            "announce" | "muteall" | "invite" | "dissolve" => self.govern(verb, rest)?,
            "join" => vec![Action::Group(GroupAct::Join(named("/join INVITATION")?))],
            "quit" => vec![Action::Quit],
            _ => return Err(UNKNOWN),
        })
    }

    /// Pinned messages of the selected conversation.
    pub(super) fn open_pins(&mut self) -> Vec<Action> {
        match self.selected() {
            Some(id) => self.open(Question::Pins(id)),
            None => Vec::new(),
        }
    }

    fn group(&self, verb: &str, rest: &str) -> Result<Vec<Action>, &'static str> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        if verb == "new" {
            let (name, users) = rest.split_once(' ').ok_or("/new NAME USER…")?;
            let act = GroupAct::Create(name.to_owned(), words(users));
            return Ok(vec![Action::Group(act)]);
        }
        let row = self.row().filter(|row| row.group.is_some());
        let id = row.ok_or("this is no group")?.conversation;
        let act = match (verb, rest) {
            ("leave", "") => GroupAct::Leave(id),
            ("add", users) if !users.is_empty() => GroupAct::Add(id, words(users)),
            ("rename", name) if !name.is_empty() => GroupAct::Rename(id, name.to_owned()),
            _ => return Err("/add USER…, /rename NAME, /leave"),
        };
        Ok(vec![Action::Group(act)])
    }
}

impl Model {
    /// What owner and admins do with a group.
    fn govern(&self, verb: &str, rest: &str) -> Result<Vec<Action>, &'static str> {
        let row = self.row().filter(|row| row.group.is_some());
        let row = row.ok_or("this is no group")?;
        let id = row.conversation;
        let act = match verb {
            "announce" => GroupAct::Announce(id, rest.to_owned()),
            "muteall" => {
                let minutes: u64 = rest.parse().map_err(|_| "/muteall MINUTES, 0 ends it")?;
                GroupAct::Mute(id, None, minutes.saturating_mul(60_000))
            }
            "invite" => GroupAct::Invite(id),
            // The name is typed because nothing takes it back.
            _ if row.group.as_deref() == Some(rest) => GroupAct::Dissolve(id),
            _ => return Err("/dissolve NAME OF THE GROUP ends it for everybody"),
        };
        Ok(vec![Action::Group(act)])
    }
}

fn contact(verb: &str, rest: &str) -> Result<Vec<Action>, &'static str> {
    let (user, words) = rest.split_once(' ').unwrap_or((rest, ""));
    if user.is_empty() {
        return Err("/ask USER [WORDS], /block USER, /unblock USER");
    }
    let act = match verb {
        "ask" => ContactAct::Request(words.trim().to_owned()),
        verb => ContactAct::Block(verb == "block"),
    };
    Ok(vec![Action::Contact(Who::Name(user.to_owned()), act)])
}

fn field(rest: &str) -> Option<ProfileFields> {
    let (field, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = Some(text.trim().to_owned());
    let none = ProfileFields::default();
    match field {
        "name" => Some(ProfileFields {
            display_name: text,
            ..none
        }),
        "phone" => Some(ProfileFields {
            phone: text,
            ..none
        }),
        "mail" => Some(ProfileFields { mail: text, ..none }),
        _ => None,
    }
}
