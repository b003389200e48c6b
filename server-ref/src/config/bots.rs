//! `[bots]`.

use std::net::SocketAddr;

use serde::Deserialize;

/// `[bots]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct BotsSection {
    /// HTTP over TLS; empty for none.
    pub https: String,
    /// HTTP without TLS; empty for none.
    pub http: String,
    /// Messages per second and bot by HTTP; 0 for no limit.
    pub messages_per_s: u32,
    /// Octets of a request.
    pub request_octets: usize,
    /// Time for a request.
    pub request_ms: u64,
    /// Connections at once.
    pub connections: usize,
    /// Webhooks that are told at once.
    pub webhooks: usize,
    /// Time for one attempt.
    pub webhook_ms: u64,
    /// First pause after a failure.
    pub retry_ms: u64,
    /// Longest pause after a failure.
    pub retry_max_ms: u64,
}

impl BotsSection {
    /// What is wrong, one sentence each.
    pub(super) fn problems(&self, plain_anywhere: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, text, plain) in [
            ("bots.https", &self.https, false),
            ("bots.http", &self.http, true),
        ] {
            if text.is_empty() {
                continue;
            }
            match text.parse::<SocketAddr>() {
                Err(_) => problems.push(format!("{name} = \"{text}\" is not ADDRESS:PORT")),
                // impl[EIM-BOT-013]
                Ok(address) if plain && !plain_anywhere && !address.ip().is_loopback() => {
                    problems.push(format!(
                        "{name} = \"{text}\" is not a loopback address: use bots.https, or set \
                         listen.allow_plain_remote"
                    ));
                }
                Ok(_) => {}
            }
        }
        if !(1..=4096).contains(&self.connections) {
            problems.push("bots.connections is outside 1 to 4096".to_owned());
        }
        if !(1..=256).contains(&self.webhooks) {
            problems.push("bots.webhooks is outside 1 to 256".to_owned());
        }
        if self.retry_ms == 0 || self.retry_ms > self.retry_max_ms {
            problems.push("bots.retry_ms is outside 1 to bots.retry_max_ms".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    // test[EIM-BOT-013]
    #[test]
    fn tokens_leave_this_machine_only_under_tls() {
        for (text, works) in [
            ("http = \"127.0.0.1:1\"", true),
            ("http = \"0.0.0.0:1\"", false),
            ("https = \"0.0.0.0:1\"", true),
            ("http = \"x\"", false),
            ("connections = 0", false),
            ("retry_ms = 0", false),
        ] {
            let config = Config::from_toml(&format!("[bots]\n{text}"));
            assert_eq!(config.is_ok(), works, "{text}");
        }
    }
}
