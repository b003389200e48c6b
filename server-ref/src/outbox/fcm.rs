//! Firebase Cloud Messaging, HTTP v1: with an access token that a service account gets for its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use metrics::gauge;
use serde::Deserialize;
use serde_json::{Value, json};

use super::compose::Notification;
use super::gateway::{Gateway, Http, HttpError, Outcome, Post, Reply, outcome};
use super::jwt::{KeyError, Signer};
use super::shown::shown;
use crate::clock::Clock;
use crate::metrics::names;

/// What the access token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long an assertion is good for.
const ASSERTION_S: u64 = 60 * 60;
/// An access token is not used in its last minutes.
const MARGIN_S: u64 = 5 * 60;

/// The file that the service gives to a service account, so far as it is needed.
#[derive(Clone, Deserialize)]
struct Account {
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

/// A service account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file is not one of a service account.
    #[error("not the key file of a service account: {0}")]
    File(#[from] serde_json::Error),
    /// Its key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The service.
#[derive(Debug)]
pub struct Fcm {
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    /// Where messages go.
    url: String,
    key_id: String,
    mail: String,
    token_uri: String,
    signer: Signer,
    /// The access token and when it ends, in Unix seconds.
    token: Mutex<Option<(String, u64)>>,
}

#[derive(Deserialize)]
struct Access {
    access_token: String,
    expires_in: u64,
}

impl Fcm {
    /// The service at `url`, for the service account of a key file.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn new(
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
        url: &str,
        file: &[u8],
    ) -> Result<Self, AccountError> {
        let account: Account = serde_json::from_slice(file)?;
        Ok(Self {
            http,
            clock,
            url: format!("{url}/v1/projects/{}/messages:send", account.project_id),
            signer: Signer::rsa(account.private_key.as_bytes())?,
            key_id: account.private_key_id,
            mail: account.client_email,
            token_uri: account.token_uri,
            token: Mutex::default(),
        })
    }

    fn known(&self, now_s: u64) -> Option<String> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, ends_s) = token.as_ref()?;
        (now_s.saturating_add(MARGIN_S) < *ends_s).then(|| token.clone())
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks for an access token, unless there is one.
    async fn token(&self) -> Result<String, Outcome> {
        let now_s = self.clock.now_ms() / 1000;
        if let Some(token) = self.known(now_s) {
            return Ok(token);
        }
        let failed = |detail: String| Outcome::Failed {
            reason: "credentials",
            detail,
            retry_after: None,
        };
        let claims = json!({
            "iss": self.mail,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now_s,
            "exp": now_s.saturating_add(ASSERTION_S),
        });
        let assertion = self.signer.token(Some(&self.key_id), &claims);
        let assertion = assertion.map_err(|error| failed(error.to_string()))?;
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let form = format!("grant_type={grant}&assertion={assertion}");
        let headers = vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let post = Post {
            url: self.token_uri.clone(),
            headers,
            body: form.into(),
        };
        let reply = match self.http.post(post).await {
            Ok(reply) if reply.status == 200 => reply,
            Ok(reply) => return Err(failed(format!("token: status {}", reply.status))),
            Err(HttpError(error)) => return Err(failed(format!("token: {error}"))),
        };
        let access: Access = serde_json::from_slice(&reply.body)
            .map_err(|error| failed(format!("token: {error}")))?;
        let ends_s = now_s.saturating_add(access.expires_in);
        gauge!(names::CREDENTIAL_EXPIRES, "service" => "fcm").set(ends_s as f64);
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        *token = Some((access.access_token.clone(), ends_s));
        Ok(access.access_token)
    }

    fn post(&self, token: &str, notification: &Notification) -> Post {
        let (title, text) = shown(notification);
        let mut data = BTreeMap::from([
            ("collapse", notification.collapse.clone()),
            ("unread", notification.unread.to_string()),
        ]);
        if let Some(about) = &notification.about {
            data.insert("conversation", about.conversation.to_string());
            data.insert("conv_seq", about.conv_seq.to_string());
        }
        let left_ms = notification.expires_ms.saturating_sub(self.clock.now_ms());
        let body = json!({"message": {
            "token": notification.target.address,
            "notification": {"title": title, "body": text},
            "data": data,
            "android": {
                "collapse_key": notification.collapse,
                "priority": "high",
                "ttl": format!("{}s", left_ms / 1000),
                "notification": {"tag": notification.collapse},
            },
        }});
        Post {
            url: self.url.clone(),
            headers: vec![
                ("authorization", format!("Bearer {token}")),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.to_string().into(),
        }
    }
}

#[async_trait]
impl Gateway for Fcm {
    fn party(&self, _address: &str) -> String {
        "fcm".to_owned()
    }

    async fn deliver(&self, notification: &Notification) -> Outcome {
        let token = match self.token().await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let answer = self.http.post(self.post(&token, notification)).await;
        let reason = answer.as_ref().map(reason).unwrap_or_default();
        match (answer.as_ref().map(|reply| reply.status), &*reason) {
            (_, "UNREGISTERED" | "SENDER_ID_MISMATCH") => Outcome::Gone,
            (Ok(400), _) => Outcome::Refused(reason),
            (Ok(401 | 403), _) => {
                self.forget_token();
                outcome(answer)
            }
            _ => outcome(answer),
        }
    }
}

/// Why the service says that it does not take a message.
fn reason(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = &body["error"];
    let details = error["details"].as_array().into_iter().flatten();
    let code = details
        .filter_map(|detail| detail["errorCode"].as_str())
        .next();
    let code = code.or_else(|| error["status"].as_str());
    code.unwrap_or_default().to_owned()
}
