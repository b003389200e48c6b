//! Configuration: one TOML file over documented defaults, overridden by the environment.

mod bots;
mod check;
mod compression;
mod notifications;
mod rates;
mod sections;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};

pub use bots::BotsSection;
pub use compression::CompressionSection;
pub(crate) use notifications::is_safe;
pub use notifications::{
    ApnsSection, FcmSection, NotificationsSection, Telling, WebPushSection, WebhookSection,
};
pub use rates::{BreakerSection, RatesSection};
pub use sections::*;

/// The default configuration as a commented file; `config print-default` prints it.
pub const DEFAULT: &str = include_str!("default.toml");

/// Prefix of environment variables; `__` also separates section and key.
const ENV_PREFIX: &str = "EIM__";

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named on the command line does not exist.
    #[error("configuration file {0} not found")]
    NotFound(PathBuf),
    /// A source does not parse, or has an unknown key.
    #[error("configuration: {0}")]
    Parse(Box<figment::Error>),
    /// A value makes no sense.
    #[error("configuration: {}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl Config {
    /// Loads defaults, then `file`, then the environment, and checks the result.
    ///
    /// # Errors
    /// Every [`ConfigError`].
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULT));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::NotFound(path.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        Self::extract(&figment.merge(Env::prefixed(ENV_PREFIX).split("__")))
    }

    /// Loads defaults, then `toml`; the environment is left out.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        Self::extract(&Figment::from(Toml::string(DEFAULT)).merge(Toml::string(toml)))
    }

    fn extract(figment: &Figment) -> Result<Self, ConfigError> {
        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::Parse(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    /// Checks what was loaded, or put together by a program that embeds the server.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let problems = check::problems(self);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_complete_and_valid() {
        let config = Config::from_toml("").unwrap();
        assert_eq!(config.listen.tls, "127.0.0.1:7443");
        assert_eq!(config.store.engine, Engine::Embedded);
    }

    #[test]
    fn unknown_keys_and_sections_are_refused_by_name() {
        let error = Config::from_toml("[listen]\ntsl = \"x\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("tsl"), "{error}");
        let error = Config::from_toml("[lisen]\ntls = \"x\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn several_problems_are_reported_together() {
        let text = "[auth]\niterations = 1\n[listen]\ntcp = \"0.0.0.0:7440\"";
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.contains("auth.iterations"), "{error}");
        assert!(error.contains("listen.tcp"), "{error}");
    }

    // test[EIM-DEV-014]
    #[test]
    fn devices_are_always_bounded() {
        for total in [0, 1001] {
            let error = Config::from_toml(&format!("[devices]\ntotal = {total}"));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("devices.total"), "{error}");
        }
        let limits = Config::from_toml("").unwrap().devices.limits();
        assert_eq!((limits.total, limits.of(2)), (256, 0));
        let limits = Config::from_toml("[devices]\nphone = 1").unwrap();
        assert_eq!(limits.devices.limits().of(2), 1);
    }

    // test[EIM-TRN-017]
    #[test]
    fn plain_listeners_leave_loopback_only_where_the_operator_says_so() {
        for transport in ["tcp", "ws"] {
            for address in ["0.0.0.0:7440", "192.0.2.1:7440", "[::]:7440"] {
                let text = format!("[listen]\n{transport} = \"{address}\"");
                let error = Config::from_toml(&text).unwrap_err().to_string();
                assert!(error.contains("allow_plain_remote"), "{error}");
                let allowed = format!("{text}\nallow_plain_remote = true");
                Config::from_toml(&allowed).unwrap();
            }
            let text = format!("[listen]\n{transport} = \"[::1]:7440\"");
            Config::from_toml(&text).unwrap();
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Some(Path::new("/nonexistent/eim.toml"))).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/eim.toml"));
    }
}
