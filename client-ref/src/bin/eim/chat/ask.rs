//! Questions that are answered in the background.

use eim_client::environment::Environment;
use eim_client::group_policy::GroupInfo;
use eim_client::search::{Search, search};
use eim_client::store::{Message, Store};
use eim_client::{Client, text_of};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::Role;

use super::model::{Answer, Item, Question};
use super::{Found, Ui};
use crate::contacts::state_name;
use crate::devices::behind;
use crate::exit::Failure;
use crate::output::time_of_day;
use crate::shown::fallback;

impl Ui<'_> {
    /// Does something in the background and tells what was found.
    pub(super) fn spawn<F, Fut>(&self, work: F)
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Option<Found>> + Send + 'static,
    {
        let (work, found) = (work(self.client.clone()), self.found.clone());
        tokio::spawn(async move {
            if let Some(what) = work.await {
                // The UI may be gone.
                let _ = found.send(what);
            }
        });
    }

    pub(super) fn ask_unread(&self) {
        self.spawn(async |client| Some(Found::Unread(client.unread().await.ok()?)));
    }

    pub(super) fn ask_marks(&self, conversation: ConversationId) {
        self.spawn(async move |client| {
            Some(Found::Marks(client.marks(&[conversation]).await.ok()?))
        });
    }

    pub(super) fn ask_contacts(&self) {
        let mut list = self.contacts.clone();
        self.spawn(async move |client| {
            client.contacts(&mut list).await.ok()?;
            Some(Found::Contacts(Box::new(list)))
        });
    }

    pub(super) fn ask_names(&mut self) {
        for user in self.model.take_unnamed() {
            self.spawn(async move |client| {
                let name = client.user_name(user).await.ok()??;
                Some(Found::Name(user, name))
            });
        }
    }

    /// Watches the peers that came into the list.
    pub(super) fn ask_presence(&mut self) {
        let users = self.model.take_unwatched();
        if !users.is_empty() {
            self.spawn(async move |client| Some(Found::Presence(client.watch(&users).await.ok()?)));
        }
    }

    pub(super) fn find(&self, name: String) {
        self.spawn(async move |client| {
            let found = client.user(&name).await;
            let found = found.map(|user| (user.user, user.name));
            Some(Found::Peer(found.map_err(|error| error.to_string())))
        });
    }

    /// Finds out what a pane shows.
    pub(super) fn ask(&self, question: Question) {
        if question == Question::Contacts {
            return self.ask_contacts();
        }
        self.spawn(async move |client| {
            let answer = answer(&client, &question).await;
            let answer = answer.map_err(|failure| failure.to_string());
            Some(Found::Answer(question, answer))
        });
    }
}

async fn answer(client: &Client, question: &Question) -> Result<Answer, Failure> {
    let items = match question {
        Question::Contacts => Vec::new(),
        Question::Members(group) => return members(client, *group).await,
        Question::Devices => {
            let found = client.devices().await?;
            let item = |device| {
                let behind = behind(&device, found.head);
                Item::Device(device, behind)
            };
            found.devices.into_iter().map(item).collect()
        }
        Question::Profile(user) => profile(client, *user).await?,
        Question::Pins(conversation) => pins(client, *conversation).await?,
        Question::Readers(conversation, number) => {
            let readers = client.readers(*conversation, *number, false).await?;
            let item = |(user, read)| Item::Reader(user, read);
            readers.into_iter().map(item).collect()
        }
        Question::Search(words) => return look(&**client.store(), words).await,
    };
    Ok(Answer::new(items))
}

/// Who waits to join, for those who decide about it, and the members; what holds for the group.
async fn members(client: &Client, group: ConversationId) -> Result<Answer, Failure> {
    let info = client.group_info(group).await?;
    let mut items = Vec::new();
    if info.waiting > 0 {
        let waiting = client.group_requests(group).await?;
        items.extend(waiting.into_iter().map(Item::Waiting));
    }
    let mut members = client.group_members(group).await?;
    members.sort_by_key(|member| rank(member.role));
    items.extend(members.into_iter().map(Item::Member));
    let note = group_note(&info, Environment::default().now_ms());
    Ok(Answer { items, note })
}

/// What holds for a group at this time, the announcement on a line of its own.
fn group_note(info: &GroupInfo, now_ms: u64) -> Option<String> {
    let mut notes = Vec::new();
    if info.follows_department {
        notes.push("members of a department".to_owned());
    }
    if info.dissolved {
        notes.push("dissolved".to_owned());
    }
    if info.muted_until_ms > now_ms {
        notes.push(format!("muted until {}", time_of_day(info.muted_until_ms)));
    }
    if info.all_muted_until_ms > now_ms {
        let until = time_of_day(info.all_muted_until_ms);
        notes.push(format!("all muted until {until}"));
    }
    let holds = (!notes.is_empty()).then(|| notes.join(" · "));
    let announced = info.announcement.as_ref();
    let announced = announced.map(|it| format!("announced: {}", it.text));
    let lines: Vec<String> = holds.into_iter().chain(announced).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The owner first, then the admins.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Owner => 0,
        Role::Admin => 1,
        Role::Member | Role::Unspecified => 2,
    }
}

async fn profile(client: &Client, user: UserId) -> Result<Vec<Item>, Failure> {
    let Some(profile) = client.profile(user).await? else {
        return Err(Failure::refused("this profile may not be read"));
    };
    let fields = [
        ("name", profile.name),
        ("display name", profile.display_name),
        ("title", profile.title),
        ("phone", profile.phone),
        ("mail", profile.mail),
    ];
    let filled = fields.into_iter().filter(|(_, text)| !text.is_empty());
    let mut items: Vec<_> = filled
        .map(|(what, text)| Item::Field(user, what, text))
        .collect();
    let mut contacts = eim_client::ContactList::default();
    client.contacts(&mut contacts).await?;
    if let Some(contact) = contacts.get(user) {
        let state = state_name(contact.state).to_owned();
        items.push(Item::Field(user, "contact", state));
        if contact.blocked {
            items.push(Item::Field(user, "blocked", "yes".to_owned()));
        }
    }
    Ok(items)
}

async fn pins(client: &Client, conversation: ConversationId) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for pin in client.pins(conversation).await? {
        let at = (pin.target, pin.target);
        let found = client.past(conversation, at, 1, false).await?;
        if let Some(past) = found.first() {
            let text = crate::shown::shown(&past.message, Some(&past.modified));
            items.push(item(
                &past.message,
                text.unwrap_or_else(|| fallback(&past.message)),
            ));
        }
    }
    Ok(items)
}

async fn look(store: &dyn Store, words: &str) -> Result<Answer, Failure> {
    let found = search(store, &Search::new(words)).await?;
    let hits = found.hits.iter();
    let items = hits
        .map(|hit| item(&hit.message, hit.text.clone()))
        .collect();
    let note = (!found.complete).then(|| "older messages may match too".to_owned());
    Ok(Answer { items, note })
}

fn item(message: &Message, text: String) -> Item {
    Item::Message {
        conversation: message.conversation,
        conv_seq: message.conv_seq,
        time_ms: message.time_ms,
        sender: message.sender,
        text: if text.is_empty() {
            text_of(message).unwrap_or_default()
        } else {
            text
        },
    }
}

#[cfg(test)]
mod tests {
    use eim_client::group_policy::{Announcement, Policy};
    use eim_client::store::{Backlog, ConversationRecord};
    use eim_codec::payload::{ConversationKind, FanOut};

    use super::*;

    fn group() -> GroupInfo {
        let record = ConversationRecord {
            conversation: [1; 16].into(),
            kind: ConversationKind::Group,
            name: "team".to_owned(),
            conv_seq: 1,
            visible_from: 1,
            visible_through: 0,
            role: Role::Member,
            peer: None,
            time_ms: 1,
            members: 2,
            fan_out: FanOut::Write,
            backlog: Backlog::None,
        };
        GroupInfo {
            record,
            dissolved: false,
            policy: Policy {
                post: Role::Member,
                invite: Role::Admin,
                approval: false,
            },
            muted_until_ms: 0,
            all_muted_until_ms: 0,
            announcement: None,
            waiting: 0,
            follows_department: false,
        }
    }

    #[test]
    fn what_is_past_is_not_said_of_a_group() {
        assert_eq!(group_note(&group(), 5), None);
        let muted = GroupInfo {
            muted_until_ms: 5,
            all_muted_until_ms: 4000,
            ..group()
        };
        let note = group_note(&muted, 5);
        assert_eq!(note.as_deref(), Some("all muted until 00:00:04"));
        assert_eq!(group_note(&muted, 4000), None);
    }

    #[test]
    fn an_announcement_has_a_line_of_its_own() {
        let told = GroupInfo {
            follows_department: true,
            announcement: Some(Announcement {
                text: "closed on Friday".to_owned(),
                conv_seq: 3,
                user: [2; 16].into(),
                time_ms: 1,
            }),
            ..group()
        };
        assert_eq!(
            group_note(&told, 5).as_deref(),
            Some("members of a department\nannounced: closed on Friday")
        );
    }
}
