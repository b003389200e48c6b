//! The lines of the launch protocol.

use std::collections::BTreeMap;
use std::path::PathBuf;

use eim_server::config::{Config, Engine};
use serde::Deserialize;

use super::limits;

/// What every testee listens on: a free port of the loopback.
const FREE_PORT: &str = "127.0.0.1:0";
/// Signs notifications that nobody reads.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Cheap to log in: the suite does it thousands of times.
const ITERATIONS: u32 = 4096;

/// The first line.
#[derive(Debug, Deserialize)]
pub(super) struct Launch {
    /// Version of the protocol.
    protocol: u32,
    /// Folder for everything the server keeps.
    data: PathBuf,
    /// Names of transports.
    transports: Vec<String>,
    /// Names of limits with their values.
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    /// Accounts that must exist.
    pub(super) accounts: Vec<LaunchAccount>,
}

/// An account of the suite.
#[derive(Debug, Deserialize)]
pub(super) struct LaunchAccount {
    pub(super) name: String,
    pub(super) password: String,
}

/// A later line.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Operation {
    Stop,
    Disable {
        account: String,
    },
    Enable {
        account: String,
    },
    Logout {
        account: String,
        device: String,
    },
    Bot {
        name: String,
    },
    Token {
        account: String,
        expires_ms: u64,
    },
    Revoke {
        account: String,
        token: String,
    },
    Import {
        departments: String,
        members: String,
    },
}

impl Launch {
    /// The configuration, and the limits it does not have.
    pub(super) fn config(&self) -> Result<(Config, Vec<String>), String> {
        if self.protocol != 1 {
            return Err(format!("protocol {} is unknown", self.protocol));
        }
        let mut config = Config::from_toml("").map_err(|error| error.to_string())?;
        config.server.data_dir.clone_from(&self.data);
        config.server.demo_accounts = false;
        config.store.engine = Engine::Embedded;
        config.auth.iterations = ITERATIONS;
        config.admin.listen = String::new();
        config.log.filter = "warn".to_owned();
        // Nobody listens there: what the suite judges is what devices ask for.
        config.notifications.webhook.url = "http://127.0.0.1:9/".to_owned();
        config.notifications.webhook.secret = SECRET.into();
        for (name, place) in [
            ("tcp", &mut config.listen.tcp),
            ("tls", &mut config.listen.tls),
            ("ws", &mut config.listen.ws),
            ("wss", &mut config.listen.wss),
        ] {
            let wanted = self.transports.iter().any(|wanted| wanted == name);
            *place = if wanted { FREE_PORT } else { "" }.to_owned();
        }
        let mut unset = Vec::new();
        for (name, value) in &self.limits {
            if !limits::set(&mut config, name, *value)? {
                unset.push(name.clone());
            }
        }
        config.check().map_err(|error| error.to_string())?;
        Ok((config, unset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(limits: &str) -> Launch {
        let text = format!(
            r#"{{"protocol":1,"data":"/d","transports":["tcp","wss"],"limits":{limits},"accounts":[]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn limits_are_set_or_listed() {
        let launch = launch(r#"{"heartbeat_ms":1000,"window_frames":4,"zstd_window_log":19}"#);
        let (config, unset) = launch.config().unwrap();
        assert_eq!(config.session.heartbeat_ms, 1000);
        assert_eq!(config.limits.window_frames, 4);
        assert_eq!(config.limits.window_frames_max, 4);
        assert_eq!(unset, ["zstd_window_log"]);
        assert!(config.listen.tls.is_empty() && config.listen.ws.is_empty());
        assert_eq!(config.listen.wss, FREE_PORT);
    }

    #[test]
    fn a_limit_out_of_its_range_is_an_error() {
        let error = launch(r#"{"heartbeat_ms":1}"#).config().unwrap_err();
        assert!(error.contains("heartbeat_ms"), "{error}");
    }
}
