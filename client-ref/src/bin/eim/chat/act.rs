//! What a person asks for, done: in the background what needs the server.

use std::path::Path;

use eim_client::store::Target;
use eim_client::{Client, ContactChanged, Draft};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::TextBody;

use super::model::{Action, ContactAct, GroupAct, Question, Who};
use super::{Found, Ui, operate};
use crate::conversations::conversation_id;
use crate::exit::Failure;
use crate::files;
use crate::govern::{hex, unhex};

impl Ui<'_> {
    /// Does what a key asked for.
    pub(super) async fn act(&mut self, action: Action) -> Result<(), Failure> {
        match action {
            // These two are the loop's.
            Action::Quit | Action::Load => {}
            Action::Send(target, text) => self.send(target, text).await?,
            Action::Operate(target, line) => self.operate(target, &line).await?,
            Action::Forward(number, user) => {
                if let Some(from) = self.model.selected() {
                    self.run_background(async move |client| {
                        forward(&client, from, number, &user).await
                    });
                }
            }
            Action::SendFile(target, path) => self.run_background(async move |client| {
                let draft = files::draft(&client, target, Path::new(&path)).await?;
                client.send(draft).await?.await?;
                Ok((format!("{path} is sent"), None))
            }),
            Action::Save(number, to) => {
                if let Some(from) = self.model.selected() {
                    self.run_background(async move |client| save(&client, from, number, to).await);
                }
            }
            Action::Find(name) => self.find(name),
            Action::Ask(question) => self.ask(question),
            Action::Profile(name) => self.spawn(async move |client| {
                Some(match client.user(&name).await {
                    Ok(user) => Found::Profile(user.user, user.name),
                    Err(error) => Found::Done(error.to_string(), None),
                })
            }),
            Action::Contact(who, act) => {
                self.run_background(async move |client| contact(&client, who, act).await);
            }
            Action::Group(act) => {
                self.run_background(async move |client| group(&client, act).await);
            }
            Action::Logout(device) => self.run_background(async move |client| {
                client.device_logout(device).await?;
                let said = format!("{device} is logged out");
                Ok((said, Some(Question::Devices)))
            }),
            Action::SetProfile(fields) => self.run_background(async move |client| {
                let said = match client.profile_set(fields).await? {
                    0 => "nothing had to change".to_owned(),
                    _ => "the profile is changed".to_owned(),
                };
                Ok((said, None))
            }),
            Action::Call(conversation) => self.spawn(async move |client| {
                let body = bytes::Bytes::new();
                Some(match client.start_call(conversation, body).await {
                    Ok(call) => Found::Called(call, conversation),
                    Err(error) => Found::Done(error.to_string(), None),
                })
            }),
            Action::Signal(call, kind) => self.spawn(async move |client| {
                let body = bytes::Bytes::new();
                Some(match client.signal_call(call, kind, body).await {
                    Ok(_) => Found::Signalled(call, kind),
                    Err(error) => Found::Done(error.to_string(), None),
                })
            }),
            Action::MarkUnread(conversation) => self.run_background(async move |client| {
                client.mark(conversation, 0, Some(true)).await?;
                Ok(("marked as unread".to_owned(), None))
            }),
        }
        Ok(())
    }

    /// Does something and says what became of it.
    fn run_background<F, Fut>(&self, work: F)
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<(String, Option<Question>), Failure>> + Send + 'static,
    {
        self.spawn(|client| {
            let work = work(client);
            async {
                Some(match work.await {
                    Ok((said, shown)) => Found::Done(said, shown),
                    Err(failure) => Found::Done(failure.to_string(), None),
                })
            }
        });
    }

    async fn send(&mut self, target: Target, text: String) -> Result<(), Failure> {
        let conversation: ConversationId = conversation_id(self.client, target).await?;
        let (users, mention_all) = self.model.mentions(&text);
        let body = TextBody {
            mentions: users.into_iter().map(UserId::to_bytes).collect(),
            mention_all,
            ..TextBody::new(text.clone())
        };
        let id = self.client.post(Draft::rich_text(target, &body)).await?;
        self.model.posted(conversation, id, text);
        Ok(())
    }

    async fn operate(&mut self, target: Target, line: &str) -> Result<(), Failure> {
        match operate::draft(target, line) {
            Ok(draft) => {
                self.client.post(draft).await?;
            }
            Err(usage) => self.model.notice(usage.to_owned()),
        }
        Ok(())
    }
}

type Done = Result<(String, Option<Question>), Failure>;

async fn forward(client: &Client, from: ConversationId, number: u64, user: &str) -> Done {
    let peer = client.user(user).await?.user;
    let found = client.past(from, (number, number), 1, false).await?;
    let draft = found
        .first()
        .and_then(|past| Draft::forward(Target::User(peer), past))
        .ok_or_else(|| Failure::refused(format!("#{number} cannot be forwarded")))?;
    client.send(draft).await?.await?;
    Ok((format!("#{number} is forwarded to {user}"), None))
}

async fn save(client: &Client, from: ConversationId, number: u64, to: Option<String>) -> Done {
    let found = client.past(from, (number, number), 1, false).await?;
    let message = found.first().map(|past| &past.message);
    let message = message.ok_or_else(|| Failure::refused(format!("no message #{number}")))?;
    let to = to.as_deref().map(Path::new);
    let path = files::save(client, message, to, files::How::default()).await?;
    Ok((format!("#{number} is saved as {}", path.display()), None))
}

async fn contact(client: &Client, who: Who, act: ContactAct) -> Done {
    let user = match who {
        Who::Id(user) => user,
        Who::Name(name) => client.user(&name).await?.user,
    };
    let (changed, said) = match act {
        ContactAct::Request(words) => (client.contact_request(user, &words).await?, "asked"),
        ContactAct::Answer(true) => (client.contact_answer(user, true).await?, "accepted"),
        ContactAct::Answer(false) => (client.contact_answer(user, false).await?, "refused"),
        ContactAct::Remove => (client.contact_remove(user).await?, "removed"),
        ContactAct::Block(true) => (client.contact_block(user, true).await?, "blocked"),
        ContactAct::Block(false) => (client.contact_block(user, false).await?, "unblocked"),
    };
    let ContactChanged { conv_seq, .. } = changed;
    let said = match conv_seq {
        0 => "nothing had to change".to_owned(),
        _ => said.to_owned(),
    };
    Ok((said, Some(Question::Contacts)))
}

async fn group(client: &Client, act: GroupAct) -> Done {
    let (change, group) = match act {
        GroupAct::Create(name, users) => {
            let members = users_of(client, &users).await?;
            client.group_create(&name, &members).await?;
            return Ok((format!("created {name}"), None));
        }
        GroupAct::Add(group, users) => {
            let members = users_of(client, &users).await?;
            (client.group_add(group, &members).await?, group)
        }
        GroupAct::Remove(group, user) => (client.group_remove(group, &[user]).await?, group),
        GroupAct::Role(group, user, role) => (client.group_role(group, user, role).await?, group),
        GroupAct::Rename(group, name) => (client.group_rename(group, &name).await?, group),
        GroupAct::Leave(group) => (client.group_leave(group).await?, group),
        GroupAct::Answer(group, user, accept) => {
            (client.group_answer(group, user, accept).await?, group)
        }
        GroupAct::Mute(group, user, for_ms) => {
            (client.group_mute(group, user, for_ms).await?, group)
        }
        GroupAct::Announce(group, text) => (client.group_announce(group, &text).await?, group),
        GroupAct::Dissolve(group) => (client.group_dissolve(group).await?, group),
        GroupAct::Invite(group) => {
            let token = client.group_invite(group, 0, 0).await?.token;
            return Ok((format!("/join {}", hex(&token)), None));
        }
        GroupAct::Join(token) => return join(client, &token).await,
    };
    let said = match change.conv_seq {
        0 => "nothing had to change".to_owned(),
        number => format!("done, as #{number}"),
    };
    Ok((said, Some(Question::Members(group))))
}

async fn join(client: &Client, token: &str) -> Done {
    let token = unhex(token).ok_or_else(|| Failure::usage("this is no invitation"))?;
    let said = match client.group_join(token.into()).await?.waiting {
        true => "owner or admin have to agree",
        false => "joined",
    };
    Ok((said.to_owned(), None))
}

async fn users_of(client: &Client, names: &[String]) -> Result<Vec<UserId>, Failure> {
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        users.push(client.user(name).await?.user);
    }
    Ok(users)
}
