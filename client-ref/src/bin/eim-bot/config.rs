//! The configuration: one TOML file over documented defaults.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::language::Language;

/// The defaults, as a file with comments.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerSection,
    pub(crate) bot: BotSection,
    pub(crate) model: ModelSection,
    pub(crate) answer: AnswerSection,
}

/// `[server]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSection {
    pub(crate) url: String,
    pub(crate) fingerprint: String,
    pub(crate) authorities: PathBuf,
}

/// `[bot]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BotSection {
    pub(crate) token_file: PathBuf,
    pub(crate) data: PathBuf,
}

/// `[model]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelSection {
    pub(crate) url: String,
    pub(crate) key_file: PathBuf,
    pub(crate) name: String,
    pub(crate) max_tokens: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) concurrency: usize,
    pub(crate) retry_ms: u64,
    pub(crate) retry_max_ms: u64,
    pub(crate) breaker_failures: u32,
    pub(crate) breaker_ms: u64,
}

/// What the bot does where nobody has said otherwise.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It answers.
    Assistant,
    /// It translates what is not in a language.
    Translator,
}

/// `[answer]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerSection {
    pub(crate) mode: Mode,
    pub(crate) language: Language,
    pub(crate) system: String,
    pub(crate) context: usize,
    pub(crate) max_age_ms: u64,
    pub(crate) per_minute: usize,
    pub(crate) notice_ms: u64,
    pub(crate) notice: String,
    pub(crate) bots: bool,
}

impl Config {
    /// The defaults, with what a file has.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        Self::from_toml(&text).map_err(|error| failed(&error))
    }

    /// The defaults, with what a text has.
    pub(crate) fn from_toml(text: &str) -> Result<Self, String> {
        let parse = |text: &str| {
            text.parse::<toml::Table>()
                .map_err(|error| error.to_string())
        };
        let mut whole = parse(DEFAULT)?;
        for (section, values) in parse(text)? {
            match (whole.get_mut(&section), values) {
                (Some(toml::Value::Table(known)), toml::Value::Table(values)) => {
                    known.extend(values);
                }
                _ => return Err(format!("there is no section [{section}]")),
            }
        }
        let config: Self = whole
            .try_into()
            .map_err(|error: toml::de::Error| error.to_string())?;
        if config.server.url.is_empty() || config.model.url.is_empty() {
            return Err("server.url and model.url have to be set".to_owned());
        }
        if config.model.concurrency == 0 || config.model.retry_ms == 0 {
            return Err("model.concurrency and model.retry_ms are at least 1".to_owned());
        }
        Ok(config)
    }
}

impl BotSection {
    /// The token of the bot.
    pub(crate) fn token(&self) -> Result<String, String> {
        secret(&self.token_file, "EIM_BOT_TOKEN")?
            .ok_or_else(|| "bot.token_file or EIM_BOT_TOKEN has to be set".to_owned())
    }
}

impl ModelSection {
    /// The key of the model, if it wants one.
    pub(crate) fn key(&self) -> Result<Option<String>, String> {
        secret(&self.key_file, "EIM_BOT_MODEL_KEY")
    }
}

/// The first line of a file, or a variable of the environment.
fn secret(file: &Path, variable: &str) -> Result<Option<String>, String> {
    if file.as_os_str().is_empty() {
        return Ok(std::env::var(variable).ok());
    }
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    let line = text.lines().next().unwrap_or_default().trim();
    Ok(Some(line.to_owned()))
}
