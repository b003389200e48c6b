//! Apple Push Notification service: HTTP/2, with a token that this server signs.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use metrics::gauge;
use serde_json::{Value, json};

use super::compose::Notification;
use super::gateway::{Gateway, Http, Outcome, Post, Reply, outcome};
use super::jwt::{KeyError, Signer};
use super::shown::shown;
use crate::clock::Clock;
use crate::metrics::names;

/// Tokens are made anew so often: the service takes them for an hour, and not more often than
/// every twenty minutes.
const TOKEN_S: u64 = 50 * 60;
/// How long the service takes a token.
const TOKEN_LIFE_S: u64 = 60 * 60;

/// Who this server is at Apple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where the service is.
    pub url: String,
    /// Name of the key.
    pub key_id: String,
    /// Name of the team.
    pub team_id: String,
    /// Name of the application.
    pub topic: String,
}

/// The service.
#[derive(Debug)]
pub struct Apns {
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    signer: Signer,
    /// The token in use and when it was made, in Unix seconds.
    token: Mutex<Option<(String, u64)>>,
}

impl Apns {
    /// The service, for the key in `pem`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
        identity: Identity,
        pem: &[u8],
    ) -> Result<Self, KeyError> {
        Ok(Self {
            http,
            clock,
            identity,
            signer: Signer::p256(pem)?,
            token: Mutex::default(),
        })
    }

    fn token(&self) -> Result<String, KeyError> {
        let now_s = self.clock.now_ms() / 1000;
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, made_s)) = &*token
            && now_s.saturating_sub(*made_s) < TOKEN_S
        {
            return Ok(token.clone());
        }
        let claims = json!({"iss": self.identity.team_id, "iat": now_s});
        let made = self.signer.token(Some(&self.identity.key_id), &claims)?;
        let expires_s = now_s.saturating_add(TOKEN_LIFE_S);
        gauge!(names::CREDENTIAL_EXPIRES, "service" => "apns").set(expires_s as f64);
        *token = Some((made.clone(), now_s));
        Ok(made)
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn post(&self, notification: &Notification) -> Result<Post, KeyError> {
        let (title, text) = shown(notification);
        let mut body = json!({
            "aps": {
                "alert": {"title": title, "body": text},
                "sound": "default",
                "mutable-content": 1,
                "thread-id": notification.collapse,
            },
            "eim": {"collapse": notification.collapse, "unread": notification.unread},
        });
        if let Some(about) = &notification.about {
            body["eim"]["conversation"] = about.conversation.to_string().into();
            body["eim"]["conv_seq"] = about.conv_seq.into();
        }
        let address = &notification.target.address;
        let headers = vec![
            ("authorization", format!("bearer {}", self.token()?)),
            ("apns-topic", self.identity.topic.clone()),
            ("apns-push-type", "alert".to_owned()),
            ("apns-priority", "10".to_owned()),
            (
                "apns-expiration",
                (notification.expires_ms / 1000).to_string(),
            ),
            ("apns-collapse-id", notification.collapse.clone()),
            ("content-type", "application/json".to_owned()),
        ];
        Ok(Post {
            url: format!("{}/3/device/{address}", self.identity.url),
            headers,
            body: body.to_string().into(),
        })
    }
}

#[async_trait]
impl Gateway for Apns {
    fn party(&self, _address: &str) -> String {
        "apns".to_owned()
    }

    async fn deliver(&self, notification: &Notification) -> Outcome {
        let address = &notification.target.address;
        // It becomes part of the path.
        if !address.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
            return Outcome::Gone;
        }
        let post = match self.post(notification) {
            Ok(post) => post,
            Err(error) => {
                return Outcome::Failed {
                    reason: "credentials",
                    detail: error.to_string(),
                    retry_after: None,
                };
            }
        };
        let answer = self.http.post(post).await;
        let reason = answer.as_ref().map(reason).unwrap_or_default();
        match (answer.as_ref().map(|reply| reply.status), &*reason) {
            (Ok(400), "BadDeviceToken" | "DeviceTokenNotForTopic" | "Unregistered") => {
                Outcome::Gone
            }
            (Ok(400 | 413), _) => Outcome::Refused(reason),
            (Ok(403), _) => {
                self.forget_token();
                outcome(answer)
            }
            _ => outcome(answer),
        }
    }
}

/// Why the service says that it does not take a notification.
fn reason(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    body["reason"].as_str().unwrap_or_default().to_owned()
}
