//! What a client looks up: users and conversations.

use eim_codec::id::UserId;
use eim_codec::payload::{
    ConversationRequest, HeadsRequest, UsersRequest, conversation_request, request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::store::{ConversationRecord, Target, UserRecord};
use crate::sync::conversation_record;

impl Client {
    /// A user by login name; asked once, then remembered on this device.
    ///
    /// # Errors
    /// [`RequestError::UnknownUser`] when nobody has that name, and others.
    pub async fn user(&self, name: &str) -> Result<UserRecord, RequestError> {
        if let Some(user) = self.store().user_by_name(name).await? {
            return Ok(user);
        }
        let found = self.users(Vec::new(), vec![name.to_owned()]).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| RequestError::UnknownUser(name.to_owned()))
    }

    /// The login name of a user; asked once, then remembered on this device.
    ///
    /// # Errors
    /// [`RequestError`]; `None` when the server does not know the user.
    pub async fn user_name(&self, user: UserId) -> Result<Option<String>, RequestError> {
        if let Some(user) = self.store().user(user).await? {
            return Ok(Some(user.name));
        }
        let found = self.users(vec![user], Vec::new()).await?;
        Ok(found.into_iter().next().map(|user| user.name))
    }

    /// Users by id and by name; unknown ones are left out.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn users(
        &self,
        ids: Vec<UserId>,
        names: Vec<String>,
    ) -> Result<Vec<UserRecord>, RequestError> {
        let ids = ids.into_iter().map(UserId::to_bytes).collect();
        let body = request::Body::Users(UsersRequest { ids, names });
        match self.ask(Operation::USERS, body).await? {
            response::Body::Users(found) => found
                .users
                .into_iter()
                .map(|user| {
                    Ok(UserRecord {
                        user: UserId::from_slice(&user.user_id)
                            .map_err(|_| RequestError::Nonsense("a user id"))?,
                        name: user.name,
                        display_name: user.display_name,
                    })
                })
                .collect(),
            _ => Err(RequestError::Nonsense("not users")),
        }
    }

    /// All conversations of this user, as the server lists them now.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn heads(&self) -> Result<Vec<ConversationRecord>, RequestError> {
        let mut records: Vec<ConversationRecord> = Vec::new();
        loop {
            let after = records
                .last()
                .map(|record| record.conversation.to_bytes())
                .unwrap_or_default();
            let body = request::Body::Heads(HeadsRequest { after });
            let response::Body::Heads(page) = self.ask(Operation::HEADS, body).await? else {
                return Err(RequestError::Nonsense("not heads"));
            };
            for conversation in &page.conversations {
                records.push(
                    conversation_record(conversation)
                        .map_err(|_| RequestError::Nonsense("a conversation"))?,
                );
            }
            if !page.more || page.conversations.is_empty() {
                return Ok(records);
            }
        }
    }

    /// One conversation as the server sees it now.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn conversation(&self, target: Target) -> Result<ConversationRecord, RequestError> {
        let target = match target {
            Target::Conversation(id) => conversation_request::Target::Conversation(id.to_bytes()),
            Target::User(user) => conversation_request::Target::DirectTo(user.to_bytes()),
        };
        let body = request::Body::Conversation(ConversationRequest {
            target: Some(target),
        });
        let answer = self.ask(Operation::CONVERSATION, body).await?;
        let response::Body::Conversation(answer) = answer else {
            return Err(RequestError::Nonsense("not a conversation"));
        };
        answer
            .conversation
            .as_ref()
            .and_then(|conversation| conversation_record(conversation).ok())
            .ok_or(RequestError::Nonsense("a conversation"))
    }
}
