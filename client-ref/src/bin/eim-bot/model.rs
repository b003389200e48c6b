//! The model: any endpoint that has `POST …/chat/completions` as OpenAI's has.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eim_client::environment::Ticks;
use eim_codec::time::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::brain::Turn;
use crate::config::ModelSection;

/// Octets of an answer that are read.
const ANSWER_OCTETS: usize = 1 << 20;
/// Longest time that the endpoint may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The model will not answer this, however often it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

enum Failure {
    /// For good.
    Refused(Refused),
    /// For now.
    Away {
        detail: String,
        retry_after: Option<Duration>,
    },
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    opened: u32,
    until: Option<Timestamp>,
    probing: bool,
}

/// The model.
#[derive(Debug)]
pub(crate) struct Model {
    http: reqwest::Client,
    url: String,
    key: Option<HeaderValue>,
    config: ModelSection,
    gate: Semaphore,
    breaker: Mutex<Breaker>,
    ticks: Ticks,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

impl Model {
    /// The model of a configuration.
    pub(crate) fn new(config: &ModelSection) -> Result<Self, String> {
        // Whoever installed one before wins; there is only this one in the program.
        _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("eim-bot/", env!("CARGO_PKG_VERSION")))
            // The key goes to one place and to no other.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_millis(config.timeout_ms))
            .build()
            .map_err(|error| error.to_string())?;
        let key = match config.key()? {
            Some(key) => {
                let value = HeaderValue::try_from(format!("Bearer {key}"));
                let mut value = value.map_err(|_| "the key of the model is no header")?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Self {
            http,
            url: format!("{}/chat/completions", config.url.trim_end_matches('/')),
            key,
            gate: Semaphore::new(config.concurrency),
            config: config.clone(),
            breaker: Mutex::default(),
            ticks: Ticks::default(),
        })
    }

    /// Asks until there is an answer, or none will ever come. The caller bounds the time.
    pub(crate) async fn ask(&self, turns: &[Turn]) -> Result<String, Refused> {
        let mut pause = Duration::from_millis(self.config.retry_ms);
        loop {
            let attempt = {
                // A gate that is never closed always opens.
                let _turn = self.gate.acquire().await;
                self.permitted().await;
                let probe = Probe(self);
                let attempt = self.attempt(turns).await;
                drop(probe);
                attempt
            };
            let wanted = match attempt {
                Ok(answer) => {
                    self.succeeded();
                    return Ok(answer);
                }
                Err(Failure::Refused(refused)) => {
                    self.succeeded();
                    return Err(refused);
                }
                Err(Failure::Away {
                    detail,
                    retry_after,
                }) => {
                    tracing::warn!(detail, "the model does not answer");
                    self.failed();
                    retry_after.unwrap_or_default().min(LONGEST_WAIT)
                }
            };
            sleep(pause.max(wanted)).await;
            let most = Duration::from_millis(self.config.retry_max_ms);
            pause = pause.saturating_mul(2).min(most);
        }
    }

    async fn attempt(&self, turns: &[Turn]) -> Result<String, Failure> {
        let messages: Vec<_> = turns
            .iter()
            .map(|turn| json!({"role": turn.role, "content": turn.content}))
            .collect();
        let body = json!({
            "model": self.config.name,
            "messages": messages,
            "max_tokens": self.config.max_tokens,
            "stream": false,
        });
        let mut request = self.http.post(&self.url).body(body.to_string());
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key);
        }
        let away = |error: reqwest::Error| Failure::Away {
            detail: error.without_url().to_string(),
            retry_after: None,
        };
        let mut response = request.send().await.map_err(away)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let mut octets = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            octets.extend_from_slice(&chunk);
            if octets.len() > ANSWER_OCTETS {
                return Err(Failure::Refused(Refused("the answer is too long".into())));
            }
        }
        read(status, retry_after, &octets)
    }

    /// Waits until an attempt may be made.
    async fn permitted(&self) {
        loop {
            let wait = {
                let mut breaker = self.breaker();
                match breaker.until {
                    None => return,
                    Some(until) => {
                        let wait = until.saturating_since(self.ticks.now());
                        if wait.is_zero() && !breaker.probing {
                            breaker.probing = true;
                            return;
                        }
                        // Whoever probes decides; look again a little later.
                        wait.max(Duration::from_millis(50))
                    }
                }
            };
            sleep(wait).await;
        }
    }

    fn succeeded(&self) {
        *self.breaker() = Breaker::default();
    }

    fn failed(&self) {
        let mut breaker = self.breaker();
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.failures < self.config.breaker_failures {
            return;
        }
        let doubled = 1_u64.checked_shl(breaker.opened).unwrap_or(u64::MAX);
        let pause = self.config.breaker_ms.saturating_mul(doubled);
        let pause = Duration::from_millis(pause.min(10 * 60 * 1000));
        breaker.opened = breaker.opened.saturating_add(1);
        breaker.until = Some(self.ticks.now().saturating_add(pause));
        tracing::warn!(?pause, "the model is left alone");
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that is under way: dropped, also with a question that nobody needs any more, it
/// probes no longer.
struct Probe<'a>(&'a Model);

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.0.breaker().probing = false;
    }
}

/// What an answer means.
fn read(
    status: StatusCode,
    retry_after: Option<Duration>,
    octets: &[u8],
) -> Result<String, Failure> {
    if !status.is_success() {
        let detail = format!("status {}", status.as_u16());
        return Err(match status.as_u16() {
            // Nothing about the question: about who asks, how often, or the endpoint.
            401 | 403 | 404 | 407..=409 | 425 | 429 | 500.. => Failure::Away {
                detail,
                retry_after,
            },
            _ => Failure::Refused(Refused(detail)),
        });
    }
    let away = |detail: &str| Failure::Away {
        detail: detail.to_owned(),
        retry_after,
    };
    let completion: Completion =
        serde_json::from_slice(octets).map_err(|_| away("the answer is no completion"))?;
    let said = completion.choices.into_iter().next();
    let said = said.and_then(|choice| choice.message.content);
    let said = said.map(|text| text.trim().to_owned());
    said.filter(|text| !text.is_empty())
        .ok_or_else(|| away("the answer is empty"))
}
