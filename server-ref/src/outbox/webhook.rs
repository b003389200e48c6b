//! The operator's own service: one signed POST for each notification.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::compose::Notification;
use super::gateway::{Gateway, Http, Outcome, Post, outcome};
use super::secret::Key;
use super::time::rfc3339;
use crate::clock::Clock;

/// The webhook.
#[derive(Debug)]
pub struct Webhook {
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    url: String,
    key: Key,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    user: String,
    device: String,
    address: &'a str,
    collapse: &'a str,
    unread: u64,
    count: u32,
    mention: bool,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<&'a str>,
}

impl Webhook {
    /// A webhook at `url` that knows the secret behind `key`.
    #[must_use]
    pub const fn new(http: Arc<dyn Http>, clock: Arc<dyn Clock>, url: String, key: Key) -> Self {
        Self {
            http,
            clock,
            url,
            key,
        }
    }

    fn post(&self, notification: &Notification) -> Result<Post, serde_json::Error> {
        let about = notification.about.as_ref();
        let body = serde_json::to_vec(&Body {
            r#type: "message.notification",
            timestamp: rfc3339(notification.time_ms),
            data: Data {
                user: notification.user.to_string(),
                device: notification.device.to_string(),
                address: &notification.target.address,
                collapse: &notification.collapse,
                unread: notification.unread,
                count: notification.count,
                mention: notification.mention,
                expires: rfc3339(notification.expires_ms),
                conversation: about.map(|about| about.conversation.to_string()),
                conversation_name: about.map(|about| &*about.conversation_name),
                conv_seq: about.map(|about| about.conv_seq),
                log_epoch: about.map(|about| about.log_epoch),
                sender: about.map(|about| about.sender.to_string()),
                sender_name: about.map(|about| &*about.sender_name),
                preview: notification.preview.as_deref(),
            },
        })?;
        // impl[EIM-NTF-021]
        let timestamp = self.clock.now_ms() / 1000;
        let signature = self.key.sign(&notification.id, timestamp, &body);
        Ok(Post {
            url: self.url.clone(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("webhook-id", notification.id.clone()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature),
            ],
            body: body.into(),
        })
    }
}

#[async_trait]
impl Gateway for Webhook {
    fn party(&self, _address: &str) -> String {
        "webhook".to_owned()
    }

    async fn deliver(&self, notification: &Notification) -> Outcome {
        match self.post(notification) {
            Ok(post) => outcome(self.http.post(post).await),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }
}
