//! `[notifications]`.

use std::net::IpAddr;
use std::path::PathBuf;

use eim_codec::payload::NotifyContent;
use serde::Deserialize;

use crate::outbox::Secret;
use crate::store::Service;

/// The most that notifications tell.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Telling {
    /// That there is something.
    None,
    /// Who sent it, and where.
    Sender,
    /// How it begins.
    Preview,
}

impl From<Telling> for NotifyContent {
    fn from(telling: Telling) -> Self {
        match telling {
            Telling::None => Self::None,
            Telling::Sender => Self::Sender,
            Telling::Preview => Self::Preview,
        }
    }
}

/// `[notifications]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct NotificationsSection {
    /// The most that they tell.
    pub content: Telling,
    /// How long they wait at first.
    pub delay_ms: u64,
    /// How long they are owed.
    pub ttl_ms: u64,
    /// Attempts at once.
    pub concurrency: usize,
    /// Time for one attempt.
    pub timeout_ms: u64,
    /// First pause after a failure.
    pub retry_ms: u64,
    /// Longest pause after a failure.
    pub retry_max_ms: u64,
    /// Failures in a row after which a target is left alone.
    pub breaker_failures: u32,
    /// For how long, at first.
    pub breaker_ms: u64,
    /// For how long, at most.
    pub breaker_max_ms: u64,
    /// The operator's own service.
    pub webhook: WebhookSection,
    /// Apple.
    pub apns: ApnsSection,
    /// Google.
    pub fcm: FcmSection,
    /// Browsers.
    pub web_push: WebPushSection,
}

/// `[notifications.webhook]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// Address; empty for none.
    pub url: String,
    /// Secret shared with the receiver.
    pub secret: Secret,
}

/// `[notifications.apns]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ApnsSection {
    /// Key file; empty for none.
    pub key: PathBuf,
    /// Name of the key.
    pub key_id: String,
    /// Name of the team.
    pub team_id: String,
    /// Name of the application.
    pub topic: String,
    /// Where the service is.
    pub url: String,
}

/// `[notifications.fcm]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FcmSection {
    /// Key file of a service account; empty for none.
    pub credentials: PathBuf,
    /// Where the service is.
    pub url: String,
}

/// `[notifications.web_push]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct WebPushSection {
    /// Key file; empty for none.
    pub key: PathBuf,
    /// Address for people.
    pub subject: String,
    /// Hosts that may be addressed.
    pub hosts: Vec<String>,
}

impl NotificationsSection {
    /// Services that notifications go through.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        let configured = [
            (Service::Webhook, !self.webhook.url.is_empty()),
            (Service::Apns, !self.apns.key.as_os_str().is_empty()),
            (Service::Fcm, !self.fcm.credentials.as_os_str().is_empty()),
            (Service::WebPush, !self.web_push.key.as_os_str().is_empty()),
        ];
        let used = configured.into_iter().filter(|(_, used)| *used);
        used.map(|(service, _)| service).collect()
    }

    /// What is wrong, one sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.concurrency == 0 || self.concurrency > 1024 {
            problems.push("notifications.concurrency is outside 1 to 1024".to_owned());
        }
        if self.breaker_failures == 0 {
            problems.push("notifications.breaker_failures is 0".to_owned());
        }
        let webhook = &self.webhook;
        if !webhook.url.is_empty() {
            if !is_safe(&webhook.url) {
                problems.push(format!(
                    "notifications.webhook.url = \"{}\" is neither https:// nor http:// to loopback",
                    webhook.url
                ));
            }
            if let Err(error) = webhook.secret.key() {
                problems.push(format!("notifications.webhook.secret: {error}"));
            }
        }
        self.problems_of_platforms(&mut problems);
        problems
    }

    fn problems_of_platforms(&self, problems: &mut Vec<String>) {
        let services = self.services();
        let apns = &self.apns;
        let named = [&apns.key_id, &apns.team_id, &apns.topic];
        if services.contains(&Service::Apns) && named.iter().any(|name| name.is_empty()) {
            let what = "notifications.apns has a key, but not key_id, team_id and topic";
            problems.push(what.to_owned());
        }
        if services.contains(&Service::WebPush) && self.web_push.subject.is_empty() {
            problems.push("notifications.web_push has a key, but no subject".to_owned());
        }
        let urls = [
            ("notifications.apns.url", Service::Apns, &apns.url),
            ("notifications.fcm.url", Service::Fcm, &self.fcm.url),
        ];
        for (name, service, url) in urls {
            if services.contains(&service) && !is_safe(url) {
                problems.push(format!(
                    "{name} = \"{url}\" is neither https:// nor http:// to loopback"
                ));
            }
        }
    }
}

/// Whether what is sent there is protected, or stays on this machine.
// impl[EIM-NTF-022, EIM-BOT-026]
pub(crate) fn is_safe(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    // What stands before an @ is not where it goes.
    !authority.contains('@')
        && (host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    // test[EIM-NTF-022]
    #[test]
    fn a_webhook_without_tls_stays_on_this_machine() {
        for url in [
            "https://push.example.org/eim",
            "http://127.0.0.1:8080/eim",
            "http://localhost/x",
            "http://[::1]:9/",
        ] {
            assert!(is_safe(url), "{url}");
            let text = format!("[notifications.webhook]\nurl = \"{url}\"\nsecret = \"{SECRET}\"");
            let config = Config::from_toml(&text).unwrap();
            assert_eq!(config.notifications.services(), [Service::Webhook]);
        }
        for url in [
            "http://push.example.org/eim",
            "http://127.0.0.1@push.example.org/",
            "http://localhost.example.org/",
            "http://192.0.2.1/",
            "ftp://127.0.0.1/",
            "push.example.org",
        ] {
            assert!(!is_safe(url), "{url}");
            let text = format!("[notifications.webhook]\nurl = \"{url}\"\nsecret = \"{SECRET}\"");
            let error = Config::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains("notifications.webhook.url"), "{error}");
        }
    }

    #[test]
    fn a_webhook_has_a_secret() {
        for secret in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            let text =
                format!("[notifications.webhook]\nurl = \"https://x/\"\nsecret = \"{secret}\"");
            let error = Config::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains("notifications.webhook.secret"), "{error}");
        }
        assert!(
            Config::from_toml("")
                .unwrap()
                .notifications
                .services()
                .is_empty()
        );
    }
}
