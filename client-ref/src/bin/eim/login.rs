//! `eim login`: makes a profile.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eim_client::link::Network;
use eim_client::options::ServerUrl;
use eim_client::store::Batch;

use crate::exit::Failure;
use crate::profile::{ClassName, Globals, Profile, parse_fingerprint};
use crate::prompt;

/// Arguments of `eim login`.
#[derive(Args, Debug)]
pub(crate) struct Login {
    /// tcp://host:port, tls://host:port, ws://host:port or wss://host:port/eim
    #[arg(long, value_name = "URL")]
    server: ServerUrl,
    /// Login name. The token of a bot tells it.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// SHA-256 of the server's certificate, in hexadecimal.
    #[arg(long, value_name = "HEX", conflicts_with = "ca")]
    fingerprint: Option<String>,
    /// PEM file of authorities that may sign the server's certificate.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Allows tcp:// and ws:// to other machines.
    #[arg(long)]
    allow_plain: bool,
    /// What this device is; a server may allow only so many of each at once.
    #[arg(long, value_name = "CLASS")]
    device_class: Option<ClassName>,
    /// What this device is called in the list of devices.
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
}

impl Login {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let folder = globals.folder()?;
        let fingerprint = self.fingerprint().await?;
        let ca = self
            .ca
            .map(|file| {
                file.canonicalize()
                    .map_err(|error| Failure::file(&file, &error))
            })
            .transpose()?;
        let token = globals.token()?;
        let user = match (&self.user, &token) {
            (Some(user), _) => user.clone(),
            (None, Some(_)) => String::new(),
            (None, None) => return Err(Failure::usage("--user says who logs in")),
        };
        let mut profile = Profile {
            server: self.server.to_string(),
            user,
            fingerprint,
            ca,
            allow_plain: self.allow_plain,
            device_class: self
                .device_class
                .or_else(|| token.is_some().then_some(ClassName::Bot)),
            device_name: self.device_name,
        };
        let password = match globals.password()? {
            _ if token.is_some() => None,
            None => Some(prompt::password(&profile.user)?),
            password => password,
        };
        let store = globals.store()?;
        // The password is what is to be tried, not an older token.
        store
            .commit(Batch {
                resume: Some(None),
                ..Batch::default()
            })
            .await?;
        let mut options = profile.options(password.as_deref(), store.clone())?;
        options.credentials.token = token.clone();
        options.reconnect = false;
        options.events = false;
        options.adopt_outbox = false;
        options.patience = Duration::from_secs(30);
        let client = globals.connect(options).await?;
        client.close().await;
        let loaded = store.load(false).await?;
        let name = loaded
            .identity
            .map(|identity| identity.user_name)
            .unwrap_or_default();
        if token.is_some() {
            profile.user.clone_from(&name);
        }
        profile.save(&folder)?;
        eprintln!("logged in as {name}; profile {}", folder.display());
        if loaded.resume.is_none() {
            let needed = token.map_or("EIM_PASSWORD", |_| "EIM_TOKEN");
            eprintln!("the server does not keep this device logged in: set {needed}");
        }
        Ok(())
    }

    /// The fingerprint to pin: the option, or what the person accepts.
    async fn fingerprint(&self) -> Result<Option<String>, Failure> {
        if let Some(text) = &self.fingerprint {
            return Ok(Some(parse_fingerprint(text)?.to_string()));
        }
        if !self.server.scheme.is_encrypted() || self.ca.is_some() {
            return Ok(None);
        }
        let seen = Network::fingerprint(&self.server).await?;
        eprintln!(
            "{} shows a certificate with the fingerprint\n  {seen}",
            self.server
        );
        // impl[EIM-TRN-014] First use: a person compares, nothing is trusted silently.
        if prompt::confirm("Compare it with what the server printed.")? {
            Ok(Some(seen.to_string()))
        } else {
            Err(Failure::connection(
                "not trusted; give --fingerprint or --ca",
            ))
        }
    }
}
