//! Presence and typing: who can be reached, and who is writing.

use std::collections::BTreeMap;
use std::time::Duration;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    self, PresenceQueryRequest, PresenceSetRequest, PresenceState, PresenceSubscribeRequest,
    PresenceUnsubscribeRequest, TypingRequest, request, response,
};
use eim_codec::registry::{Operation, limits};
use eim_codec::time::Timestamp;

use crate::client::Client;
use crate::engine::command::Command;
use crate::error::RequestError;

/// Users who are taken for typing at once; more are not noticed.
const TYPISTS: usize = 1024;

/// How a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The user.
    pub user: UserId,
    /// Whether the user can be reached; `Unspecified` while this client cannot know.
    pub state: PresenceState,
    /// What the user says about it; empty when offline.
    pub status: String,
    /// When an offline user was here last, Unix milliseconds; 0 where that is not told.
    pub last_seen_ms: u64,
}

impl Presence {
    /// From the wire; `None` for what is no user.
    pub(crate) fn read(presence: &payload::Presence) -> Option<Self> {
        Some(Self {
            user: UserId::from_slice(&presence.user).ok()?,
            state: presence.state(),
            status: presence.status.clone(),
            last_seen_ms: presence.last_seen_ms,
        })
    }

    /// Nothing is known of a user.
    pub(crate) const fn unknown(user: UserId) -> Self {
        Self {
            user,
            state: PresenceState::Unspecified,
            status: String::new(),
            last_seen_ms: 0,
        }
    }
}

impl Client {
    /// Subscribes to users: tells how they are, and by [`Event::Presence`](crate::Event::Presence)
    /// what changes, over all connections from now on. The answer is in the order of `users`.
    ///
    /// # Errors
    /// [`RequestError`], [`LIMIT_REACHED`](eim_codec::registry::ErrorCode::LIMIT_REACHED) for too
    /// many.
    pub async fn watch(&self, users: &[UserId]) -> Result<Vec<Presence>, RequestError> {
        let mut found = Vec::with_capacity(users.len());
        for some in users.chunks(at_once()) {
            let body = request::Body::PresenceSubscribe(PresenceSubscribeRequest {
                users: octets(some),
            });
            let answer = self.ask(Operation::PRESENCE_SUBSCRIBE, body).await?;
            found.extend(presences(&answer)?);
        }
        Ok(found)
    }

    /// Ends subscriptions to users; all of them without any.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn unwatch(&self, users: &[UserId]) -> Result<(), RequestError> {
        let chunks: Vec<&[UserId]> = match users {
            [] => vec![&[]],
            users => users.chunks(at_once()).collect(),
        };
        for some in chunks {
            let body = request::Body::PresenceUnsubscribe(PresenceUnsubscribeRequest {
                users: octets(some),
            });
            match self.ask(Operation::PRESENCE_UNSUBSCRIBE, body).await? {
                response::Body::PresenceUnsubscribe(_) => {}
                _ => return Err(RequestError::Nonsense("not the end of subscriptions")),
            }
        }
        Ok(())
    }

    /// How users are now, and when those who are offline were here last; in the order of `users`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, RequestError> {
        let mut found = Vec::with_capacity(users.len());
        for some in users.chunks(at_once()) {
            let body = request::Body::PresenceQuery(PresenceQueryRequest {
                users: octets(some),
            });
            let answer = self.ask(Operation::PRESENCE_QUERY, body).await?;
            found.extend(presences(&answer)?);
        }
        Ok(found)
    }

    /// Says that this user is away, or anything else in a few words; said again on each connection
    /// from now on.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn set_presence(&self, away: bool, status: &str) -> Result<(), RequestError> {
        let status = status.to_owned();
        let body = request::Body::PresenceSet(PresenceSetRequest { away, status });
        match self.ask(Operation::PRESENCE_SET, body).await? {
            response::Body::PresenceSet(_) => Ok(()),
            _ => Err(RequestError::Nonsense("not an answer about presence")),
        }
    }

    /// This user is writing in a conversation, or does no longer. May be called at every key: what
    /// the others know already is not said again. Not said while there is no connection.
    ///
    /// # Errors
    /// [`RequestError::Closed`] when the client is over.
    pub async fn typing(
        &self,
        conversation: ConversationId,
        typing: bool,
    ) -> Result<(), RequestError> {
        self.command(Command::Typing(conversation, typing)).await
    }

    /// The same once, at once, and waits until the server has answered.
    ///
    /// # Errors
    /// [`RequestError`], [`NOT_FOUND`](eim_codec::registry::ErrorCode::NOT_FOUND) for a conversation
    /// of which this user is no member.
    pub async fn say_typing(
        &self,
        conversation: ConversationId,
        typing: bool,
    ) -> Result<(), RequestError> {
        let conversation = conversation.to_bytes();
        let body = request::Body::Typing(TypingRequest {
            conversation,
            typing,
        });
        match self.ask(Operation::TYPING, body).await? {
            response::Body::Typing(_) => Ok(()),
            _ => Err(RequestError::Nonsense("not an answer about typing")),
        }
    }
}

fn at_once() -> usize {
    usize::try_from(limits::PRESENCE_USERS.default).unwrap_or(usize::MAX)
}

fn octets(users: &[UserId]) -> Vec<bytes::Bytes> {
    users.iter().map(|user| user.to_bytes()).collect()
}

fn presences(answer: &response::Body) -> Result<Vec<Presence>, RequestError> {
    let response::Body::Presence(answer) = answer else {
        return Err(RequestError::Nonsense("no presence"));
    };
    let found: Option<Vec<_>> = answer.presences.iter().map(Presence::read).collect();
    found.ok_or(RequestError::Nonsense("the presence of nobody"))
}

/// What this client has said about its user's typing.
#[derive(Debug, Default)]
pub(crate) struct Typed(BTreeMap<ConversationId, Timestamp>);

impl Typed {
    /// Whether this has to be said now.
    // impl[EIM-PRS-025]
    pub(crate) fn tells(
        &mut self,
        conversation: ConversationId,
        typing: bool,
        now: Timestamp,
    ) -> bool {
        let repeat = Duration::from_millis(limits::TYPING_REPEAT_MS.default);
        if !typing {
            return self.0.remove(&conversation).is_some();
        }
        let said = |at: &Timestamp| at.saturating_add(repeat) > now;
        if self.0.get(&conversation).is_some_and(said) {
            return false;
        }
        self.0.retain(|_, at| said(at));
        self.0.insert(conversation, now);
        true
    }

    /// What was said on a connection is not known on the next one.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Who is typing, and until when that is believed.
#[derive(Debug, Default)]
pub(crate) struct Typists(BTreeMap<(ConversationId, UserId), Timestamp>);

impl Typists {
    /// Somebody types, or ceases to; `true` if that is news.
    // impl[EIM-PRS-024]
    pub(crate) fn note(
        &mut self,
        conversation: ConversationId,
        user: UserId,
        typing: bool,
        now: Timestamp,
    ) -> bool {
        let place = (conversation, user);
        if !typing {
            return self.0.remove(&place).is_some();
        }
        let until = now.saturating_add(Duration::from_millis(limits::TYPING_MS.default));
        if let Some(at) = self.0.get_mut(&place) {
            *at = until;
            return false;
        }
        let room = self.0.len() < TYPISTS;
        if room {
            self.0.insert(place, until);
        }
        room
    }

    /// Takes out those who have not been heard of for too long.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<(ConversationId, UserId)> {
        let over: Vec<_> = self
            .0
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(place, _)| *place)
            .collect();
        for place in &over {
            self.0.remove(place);
        }
        over
    }

    /// When the next one is to be forgotten.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.0.values().min().copied()
    }

    /// Takes all out.
    pub(crate) fn clear(&mut self) -> Vec<(ConversationId, UserId)> {
        std::mem::take(&mut self.0).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO.saturating_add(Duration::from_millis(ms))
    }

    // test[EIM-PRS-025]
    #[test]
    fn typing_is_said_once_in_a_while() {
        let (one, other) = (ConversationId::from([1; 16]), [2; 16].into());
        let mut typed = Typed::default();
        assert!(!typed.tells(one, false, at(0)), "nothing to take back");
        assert!(typed.tells(one, true, at(0)));
        assert!(!typed.tells(one, true, at(2_999)));
        assert!(typed.tells(other, true, at(2_999)));
        assert!(typed.tells(one, true, at(3_000)));
        assert!(typed.tells(one, false, at(3_001)));
        assert!(!typed.tells(one, false, at(3_002)));
        assert!(typed.tells(one, true, at(3_003)));
        typed.forget();
        assert!(typed.tells(one, true, at(3_004)));
    }

    // test[EIM-PRS-024]
    #[test]
    fn whoever_is_not_heard_of_does_not_type_any_more() {
        let (conversation, user) = (ConversationId::from([1; 16]), UserId::from([2; 16]));
        let mut typists = Typists::default();
        assert!(!typists.note(conversation, user, false, at(0)));
        assert!(typists.note(conversation, user, true, at(0)));
        assert!(!typists.note(conversation, user, true, at(3_000)));
        assert_eq!(typists.next_timer(), Some(at(9_000)));
        assert!(typists.expire(at(8_999)).is_empty());
        assert_eq!(typists.expire(at(9_000)), [(conversation, user)]);
        assert_eq!(typists.next_timer(), None);
        assert!(typists.note(conversation, user, true, at(9_000)));
        assert!(typists.note(conversation, user, false, at(9_001)));
    }
}
