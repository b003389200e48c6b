//! The profile: server, user, trust, and the local store. One profile is one device.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use eim_client::environment::Environment;
use eim_client::options::{Attach, Fingerprint, Options, ServerUrl, Trust};
use eim_client::store::{SqliteStore, Store};
use eim_client::{Client, ConnectionState};
use eim_codec::payload::DeviceClass;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// Options of all verbs.
#[derive(Args)]
pub(crate) struct Globals {
    /// Folder of the profile; a profile is one device.
    #[arg(long, global = true, env = "EIM_PROFILE", value_name = "DIR")]
    profile: Option<PathBuf>,
    /// File with the password, for servers or transports that do not keep a device logged in.
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Token of a bot, instead of a password. Other users of this computer can see what stands in a
    /// command: EIM_TOKEN and --token-file are for more than a trial.
    #[arg(
        long,
        global = true,
        env = "EIM_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    token: Option<String>,
    /// File with the token of a bot.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Seconds to go on trying before the first connection.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

/// What `eim login` remembers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// URL of the server.
    pub(crate) server: String,
    /// Login name.
    pub(crate) user: String,
    /// Fingerprint of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// File of authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// Plain transports to other machines are allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) allow_plain: bool,
    /// What the device is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_class: Option<ClassName>,
    /// What the device is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_name: Option<String>,
}

/// A device class, as typed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClassName {
    /// A computer with a window.
    Desktop,
    /// A telephone.
    Phone,
    /// A tablet.
    Tablet,
    /// A browser.
    Web,
    /// A program without a person.
    Bot,
    /// A terminal.
    Terminal,
}

impl From<ClassName> for DeviceClass {
    fn from(name: ClassName) -> Self {
        match name {
            ClassName::Desktop => Self::Desktop,
            ClassName::Phone => Self::Phone,
            ClassName::Tablet => Self::Tablet,
            ClassName::Web => Self::Web,
            ClassName::Bot => Self::Bot,
            ClassName::Terminal => Self::Terminal,
        }
    }
}

impl fmt::Debug for Globals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Globals")
            .field("profile", &self.profile)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl Globals {
    /// Folder of the profile.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.profile {
            return Ok(folder.clone());
        }
        std::env::home_dir()
            .map(|home| home.join(".local/share/eim/default"))
            .ok_or_else(|| Failure::usage("no home folder: name a profile with --profile"))
    }

    /// The password, if one was given.
    pub(crate) fn password(&self) -> Result<Option<String>, Failure> {
        if let Some(file) = &self.password_file {
            let text =
                std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
            return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        Ok(std::env::var("EIM_PASSWORD").ok())
    }

    /// The token of a bot, if one was given. One line of printable ASCII; anything else is no token,
    /// and not sent to anybody.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        let text = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => {
                std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?
            }
            (None, None) => return Ok(None),
        };
        let token = text.trim_end_matches(['\r', '\n']);
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(Failure::usage("that is no token of a bot"));
        }
        Ok(Some(token.to_owned()))
    }

    /// The profile, as `eim login` left it.
    pub(crate) fn load(&self) -> Result<Profile, Failure> {
        let file = self.folder()?.join("profile.toml");
        let text = std::fs::read_to_string(&file).map_err(|_| {
            Failure::usage(format!(
                "{} is no profile: run `eim login` first",
                file.display()
            ))
        })?;
        toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
    }

    /// The local store.
    pub(crate) fn store(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(Arc::new(SqliteStore::open(
            &self.folder()?,
            &Environment::default(),
        )?))
    }

    /// The local store of a profile that exists.
    pub(crate) fn existing_store(&self) -> Result<Arc<dyn Store>, Failure> {
        self.load()?;
        self.store()
    }

    /// Options for a client of this profile.
    pub(crate) fn options(&self, attach: Attach) -> Result<Options, Failure> {
        let profile = self.load()?;
        let mut options = profile.options(self.password()?.as_deref(), self.store()?)?;
        options.credentials.token = self.token()?;
        options.attach = attach;
        options.patience = Duration::from_secs(self.wait);
        Ok(options)
    }

    /// Connects a client of this profile.
    pub(crate) async fn connect(&self, options: Options) -> Result<Client, Failure> {
        let client = Client::connect(options).await?;
        if let ConnectionState::Closed(end) = client.state() {
            return Err(end.into());
        }
        Ok(client)
    }
}

impl Profile {
    /// Writes the profile into its folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), Failure> {
        let text = toml::to_string(self).map_err(|error| Failure::usage(error.to_string()))?;
        let file = folder.join("profile.toml");
        std::fs::write(&file, text).map_err(|error| Failure::file(&file, &error))
    }

    /// Options for a client.
    pub(crate) fn options(
        &self,
        password: Option<&str>,
        store: Arc<dyn Store>,
    ) -> Result<Options, Failure> {
        let server: ServerUrl = self
            .server
            .parse()
            .map_err(|error: eim_client::options::InvalidUrl| Failure::usage(error.to_string()))?;
        let mut options = Options::new(server, &self.user, password, store);
        options.trust = match (&self.fingerprint, &self.ca) {
            (Some(fingerprint), _) => Some(Trust::Pinned(parse_fingerprint(fingerprint)?)),
            (None, Some(file)) => Some(Trust::Authorities(file.clone())),
            (None, None) => None,
        };
        options.allow_plain = self.allow_plain;
        options.device_name = self.device_name.clone().unwrap_or_else(device_name);
        if let Some(class) = self.device_class {
            options.device_class = class.into();
        }
        Ok(options)
    }
}

/// Reads a fingerprint.
pub(crate) fn parse_fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    text.parse()
        .map_err(|error: eim_client::options::InvalidFingerprint| Failure::usage(error.to_string()))
}

/// What the device is called in the user's device list.
fn device_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().take(64).collect();
    if host.is_empty() {
        "eim".to_owned()
    } else {
        format!("eim on {host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(token: Option<&str>, token_file: Option<PathBuf>) -> Globals {
        Globals {
            profile: None,
            password_file: None,
            token: token.map(str::to_owned),
            token_file,
            wait: 0,
        }
    }

    #[test]
    fn a_token_comes_from_a_word_or_a_file_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "eimbot_x\n").unwrap();
        let from = |token, file| globals(token, file).token().unwrap();
        assert_eq!(from(None, None), None);
        assert_eq!(from(Some("eimbot_y"), None).as_deref(), Some("eimbot_y"));
        assert_eq!(from(None, Some(file.clone())).as_deref(), Some("eimbot_x"));
        for other in ["", "two\nlines\n", "a b", "schlüssel"] {
            std::fs::write(&file, other).unwrap();
            assert!(
                globals(None, Some(file.clone())).token().is_err(),
                "{other:?}"
            );
        }
        let missing = globals(None, Some(folder.path().join("none")));
        assert!(missing.token().is_err());
        let shown = format!("{:?}", globals(Some("eimbot_y"), None));
        assert!(!shown.contains("eimbot"), "{shown}");
    }
}
