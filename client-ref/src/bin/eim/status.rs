//! `eim status`: device, place in the timeline, outbox. Asks nobody but the local store.

use clap::Args;
use serde::Serialize;

use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;

/// Arguments of `eim status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    server: String,
    user: String,
    user_id: Option<String>,
    device: Option<String>,
    logged_in: bool,
    log_epoch: u64,
    cursor: u64,
    conversations: usize,
    outbox: usize,
}

impl Status {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let profile = globals.load()?;
        let store = globals.store()?;
        let loaded = store.load(false).await?;
        let identity = loaded.identity;
        let report = Report {
            server: profile.server,
            user: profile.user,
            user_id: identity
                .as_ref()
                .and_then(|identity| identity.user)
                .map(|user| user.to_string()),
            device: identity.map(|identity| identity.device.to_string()),
            logged_in: loaded.resume.is_some(),
            log_epoch: loaded.cursor.log_epoch,
            cursor: loaded.cursor.user_seq,
            conversations: store.conversations().await?.len(),
            outbox: store.outbox_len().await?,
        };
        let mut output = Output::new();
        if self.json {
            output.serialize(&report)?;
        } else {
            let none = || "none".to_owned();
            for (name, value) in [
                ("server", report.server),
                ("user", report.user),
                ("user id", report.user_id.unwrap_or_else(none)),
                ("device", report.device.unwrap_or_else(none)),
                (
                    "resume token",
                    if report.logged_in { "kept" } else { "none" }.to_owned(),
                ),
                ("log epoch", report.log_epoch.to_string()),
                ("cursor", report.cursor.to_string()),
                ("conversations", report.conversations.to_string()),
                ("outbox", report.outbox.to_string()),
            ] {
                output.line(&format!("{name:14} {value}"))?;
            }
        }
        Ok(output.flush()?)
    }
}
