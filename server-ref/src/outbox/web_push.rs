//! Web Push (RFC 8030): to the service of each browser, encrypted for it (RFC 8291), in the name of
//! this server (VAPID, RFC 8292).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use metrics::gauge;
use serde_json::json;

use super::compose::Notification;
use super::encrypted::{EncryptError, encrypt};
use super::gateway::{Gateway, Http, Outcome, Post, outcome};
use super::jwt::{KeyError, Signer};
use super::shown::shown;
use crate::clock::Clock;
use crate::metrics::names;

/// How long a token is good for; services take at most a day.
const TOKEN_S: u64 = 12 * 60 * 60;
/// A token is not used in its last hour.
const MARGIN_S: u64 = 60 * 60;
/// Services for which tokens are kept.
const TOKENS: usize = 64;

/// The services of browsers.
#[derive(Debug)]
pub struct WebPush {
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    signer: Signer,
    subject: String,
    /// Hosts that may be addressed, or domains above them.
    hosts: Vec<String>,
    /// By origin: a token and when it ends, in Unix seconds.
    tokens: Mutex<BTreeMap<String, (String, u64)>>,
}

impl WebPush {
    /// Services under `hosts`, in the name of `subject`, an address for people.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
        subject: String,
        hosts: Vec<String>,
        pem: &[u8],
    ) -> Result<Self, KeyError> {
        Ok(Self {
            http,
            clock,
            signer: Signer::p256(pem)?,
            subject,
            hosts,
            tokens: Mutex::default(),
        })
    }

    /// The key that applications subscribe with, in the form they want it.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.signer.public_key())
    }

    /// The host of an address, if it may be addressed: users say where this goes, and it must not be
    /// a machine of the operator.
    fn host<'a>(&self, address: &'a str) -> Option<&'a str> {
        let rest = address.strip_prefix("https://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'-';
        let permitted = self.hosts.iter().any(|permitted| {
            let above = host.strip_suffix(&**permitted);
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        });
        (permitted && host.bytes().all(plain)).then_some(host)
    }

    fn token(&self, host: &str) -> Result<String, KeyError> {
        let now_s = self.clock.now_ms() / 1000;
        let origin = format!("https://{host}");
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, ends_s)) = tokens.get(&origin)
            && now_s.saturating_add(MARGIN_S) < *ends_s
        {
            return Ok(token.clone());
        }
        let ends_s = now_s.saturating_add(TOKEN_S);
        let claims = json!({"aud": origin, "exp": ends_s, "sub": self.subject});
        let made = self.signer.token(None, &claims)?;
        gauge!(names::CREDENTIAL_EXPIRES, "service" => "web_push").set(ends_s as f64);
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(origin, (made.clone(), ends_s));
        Ok(made)
    }

    fn post(&self, host: &str, notification: &Notification) -> Result<Post, Outcome> {
        let (title, text) = shown(notification);
        let about = notification.about.as_ref();
        let message = json!({
            "title": title,
            "body": text,
            "tag": notification.collapse,
            "unread": notification.unread,
            "conversation": about.map(|about| about.conversation.to_string()),
            "conv_seq": about.map(|about| about.conv_seq),
        });
        let target = &notification.target;
        let message = message.to_string();
        let body = encrypt(message.as_bytes(), &target.public_key, &target.auth_secret);
        let body = body.map_err(|error| match error {
            EncryptError::Key => Outcome::Gone,
            error => Outcome::Refused(error.to_string()),
        })?;
        let token = self.token(host).map_err(|error| Outcome::Failed {
            reason: "credentials",
            detail: error.to_string(),
            retry_after: None,
        })?;
        let key = self.public_key();
        let left_ms = notification.expires_ms.saturating_sub(self.clock.now_ms());
        Ok(Post {
            url: target.address.clone(),
            headers: vec![
                ("authorization", format!("vapid t={token}, k={key}")),
                ("content-encoding", "aes128gcm".to_owned()),
                ("content-type", "application/octet-stream".to_owned()),
                ("ttl", (left_ms / 1000).to_string()),
                ("topic", notification.collapse.clone()),
                ("urgency", "high".to_owned()),
            ],
            body: body.into(),
        })
    }
}

#[async_trait]
impl Gateway for WebPush {
    fn party(&self, address: &str) -> String {
        self.host(address).unwrap_or_default().to_owned()
    }

    fn is_one_party(&self) -> bool {
        false
    }

    async fn deliver(&self, notification: &Notification) -> Outcome {
        let Some(host) = self.host(&notification.target.address) else {
            return Outcome::Gone;
        };
        let post = match self.post(host, notification) {
            Ok(post) => post,
            Err(outcome) => return outcome,
        };
        let answer = self.http.post(post).await;
        match answer.as_ref().map(|reply| reply.status) {
            Ok(404 | 410) => Outcome::Gone,
            Ok(400 | 413) => Outcome::Refused("the service does not take it".to_owned()),
            Ok(401 | 403) => {
                let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                tokens.clear();
                drop(tokens);
                outcome(answer)
            }
            _ => outcome(answer),
        }
    }
}
