//! Presence and typing, as commands and events of the protocol.

use eim_client::{Client, Presence};
use eim_codec::id::UserId;
use eim_codec::payload::PresenceState;
use serde_json::{Value, json};

use super::{Answer, id, refused};

/// Subscribes to users, and tells how they are.
pub(super) async fn watch(client: &Client, users: &[String]) -> Answer {
    let users: Vec<UserId> = users
        .iter()
        .map(|user| id(user))
        .collect::<Result<_, _>>()?;
    match client.watch(&users).await {
        Ok(found) => Ok(json!({"presences": list(&found)})),
        Err(error) => refused(&error),
    }
}

/// Says how this user is.
pub(super) async fn say(client: &Client, away: bool, status: &str) -> Answer {
    match client.set_presence(away, status).await {
        Ok(()) => Ok(json!({})),
        Err(error) => refused(&error),
    }
}

/// How users are, each as the person sees it.
pub(super) fn list(presences: &[Presence]) -> Vec<Value> {
    let one = |it: &Presence| {
        let state = match it.state {
            PresenceState::Online => "online",
            PresenceState::Away => "away",
            PresenceState::Offline => "offline",
            PresenceState::Unspecified => "unknown",
        };
        json!({"user": it.user.to_string(), "state": state})
    };
    presences.iter().map(one).collect()
}
