//! Presence and typing: what is asked on each connection anew, and what the server tells.

use std::collections::BTreeSet;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    self, PresenceEvent, PresenceSetRequest, PresenceSubscribeRequest, TypingEvent, TypingRequest,
    request, response,
};
use eim_codec::registry::{Capability, EventNumber, Operation, limits};
use prost::Message as _;

use super::Engine;
use super::requests::Purpose;
use crate::event::Event;
use crate::presence::{Presence, Typed, Typists};

/// What outlives a connection, and what does not.
#[derive(Default)]
pub(super) struct Reach {
    /// The server of this connection has the capability.
    pub(super) offered: bool,
    watched: BTreeSet<UserId>,
    said: Option<PresenceSetRequest>,
    typed: Typed,
    pub(super) typists: Typists,
}

fn users_of(octets: &[bytes::Bytes]) -> impl Iterator<Item = UserId> {
    octets.iter().filter_map(|id| UserId::from_slice(id).ok())
}

impl Engine {
    /// WELCOME says what the server offers.
    pub(super) fn presence_offered(&mut self, welcome: &payload::Welcome) {
        let number = Capability::PRESENCE.0;
        self.reach.offered = welcome.capabilities.contains(&number);
    }

    /// The server has carried out what the application asked for: it is asked again on each
    /// connection. How watched users are is told in its place among the events, because nobody can
    /// tell what came first of an answer and an event.
    pub(super) fn presence_asked(&mut self, body: &request::Body, answer: &response::Body) {
        let reach = &mut self.reach;
        match body {
            request::Body::PresenceSubscribe(ask) => {
                reach.watched.extend(users_of(&ask.users));
                if let response::Body::Presence(told) = answer {
                    self.presence_told(&told.presences);
                }
            }
            request::Body::PresenceUnsubscribe(ask) if ask.users.is_empty() => {
                reach.watched.clear();
            }
            request::Body::PresenceUnsubscribe(ask) => {
                for user in users_of(&ask.users) {
                    reach.watched.remove(&user);
                }
            }
            request::Body::PresenceSet(ask) => reach.said = Some(ask.clone()),
            _ => {}
        }
    }

    /// A connection is open.
    // impl[EIM-PRS-026]
    pub(super) fn repeat_presence(&mut self) {
        if !self.reach.offered || !self.is_full_client() {
            return;
        }
        if let Some(said) = self.reach.said.clone() {
            let body = request::Body::PresenceSet(said);
            self.ask(Operation::PRESENCE_SET, body, Purpose::Ephemeral);
        }
        let most = usize::try_from(limits::PRESENCE_USERS.default).unwrap_or(usize::MAX);
        let watched: Vec<_> = self.reach.watched.iter().map(|it| it.to_bytes()).collect();
        for some in watched.chunks(most) {
            let body = request::Body::PresenceSubscribe(PresenceSubscribeRequest {
                users: some.to_vec(),
            });
            self.ask(Operation::PRESENCE_SUBSCRIBE, body, Purpose::Presence);
        }
    }

    /// The connection is gone, and with it what was known.
    // impl[EIM-PRS-027]
    pub(super) fn presence_lost(&mut self) {
        self.reach.typed.forget();
        for (conversation, user) in self.reach.typists.clear() {
            self.show_typing(conversation, user, false);
        }
        let unknown = self.reach.watched.iter().copied().map(Presence::unknown);
        let unknown: Vec<_> = unknown.collect();
        if std::mem::take(&mut self.reach.offered) && !unknown.is_empty() {
            self.events.emit(Event::Presence(unknown));
        }
    }

    /// Users are like this now. What is not asked for is nothing to the application.
    pub(super) fn presence_told(&mut self, presences: &[payload::Presence]) {
        let told = presences.iter().filter_map(Presence::read);
        let told: Vec<_> = told
            .filter(|it| self.reach.watched.contains(&it.user))
            .collect();
        if !told.is_empty() {
            self.events.emit(Event::Presence(told));
        }
    }

    /// An event about presence or typing.
    pub(super) fn reached(&mut self, event: &payload::Event) {
        match EventNumber(event.event) {
            EventNumber::PRESENCE => {
                if let Ok(event) = PresenceEvent::decode(event.body.clone()) {
                    self.presence_told(&event.presences);
                }
            }
            EventNumber::TYPING => {
                let Ok(event) = TypingEvent::decode(event.body.clone()) else {
                    return;
                };
                let conversation = ConversationId::from_slice(&event.conversation);
                if let (Ok(conversation), Ok(user)) =
                    (conversation, UserId::from_slice(&event.user))
                {
                    self.types(conversation, user, event.typing);
                }
            }
            _ => self.called(event),
        }
    }

    /// Somebody types, or does no longer; a message ends it too.
    pub(super) fn types(&mut self, conversation: ConversationId, user: UserId, typing: bool) {
        let now = self.ticks.now();
        if self.reach.typists.note(conversation, user, typing, now) {
            self.show_typing(conversation, user, typing);
        }
    }

    fn show_typing(&mut self, conversation: ConversationId, user: UserId, typing: bool) {
        self.events.emit(Event::Typing {
            conversation,
            user,
            typing,
        });
    }

    /// Those who have not been heard of for too long do not type any more.
    pub(super) fn expire_typists(&mut self) {
        let now = self.ticks.now();
        for (conversation, user) in self.reach.typists.expire(now) {
            self.show_typing(conversation, user, false);
        }
    }

    /// This user types, or does no longer.
    pub(super) fn tell_typing(&mut self, conversation: ConversationId, typing: bool) {
        let now = self.ticks.now();
        if !self.is_open() || !self.reach.offered {
            return;
        }
        if self.reach.typed.tells(conversation, typing, now) {
            let body = request::Body::Typing(TypingRequest {
                conversation: conversation.to_bytes(),
                typing,
            });
            self.ask(Operation::TYPING, body, Purpose::Ephemeral);
        }
    }
}
