//! `eim devices` and `eim logout`.

use clap::Args;
use eim_client::options::Attach;
use eim_client::store::{Batch, Cursor};
use eim_client::{Client, Device};
use eim_codec::id::DeviceId;
use eim_codec::payload::DeviceClass;
use serde::Serialize;

use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;

/// Arguments of `eim devices`.
#[derive(Args, Debug)]
pub(crate) struct Devices {
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

/// Arguments of `eim logout`.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// Another device of this user, by id or by name.
    #[arg(long, value_name = "ID|NAME", conflicts_with = "others")]
    device: Option<String>,
    /// All other devices of this user.
    #[arg(long)]
    others: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    device: String,
    class: &'static str,
    name: &'a str,
    logged_in_ms: u64,
    seen_ms: u64,
    online: bool,
    own: bool,
    log_epoch: u64,
    cursor: u64,
    behind: u64,
}

impl Devices {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let found = client.devices().await?;
        let mut output = Output::new();
        for device in &found.devices {
            let behind = behind(device, found.head);
            let line = Line {
                device: device.device.to_string(),
                class: class_name(device.class),
                name: &device.name,
                logged_in_ms: device.logged_in_ms,
                seen_ms: device.seen_ms,
                online: device.online,
                own: device.own,
                log_epoch: device.cursor.log_epoch,
                cursor: device.cursor.user_seq,
                behind,
            };
            if self.json {
                output.serialize(&line)?;
            } else {
                output.line(&format!(
                    "{}  {:8}  {}  {:>8} behind  {}{}",
                    line.device,
                    line.class,
                    if line.online { "online " } else { "offline" },
                    line.behind,
                    line.name,
                    if line.own { "  (this one)" } else { "" },
                ))?;
            }
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

/// How many entries of the timeline a device does not have.
pub(crate) const fn behind(device: &Device, head: Cursor) -> u64 {
    if device.cursor.log_epoch == head.log_epoch {
        head.user_seq.saturating_sub(device.cursor.user_seq)
    } else {
        head.user_seq
    }
}

impl Logout {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let own = client.device();
        let out = match &self.device {
            Some(text) => vec![find(&client, text).await?],
            None if self.others => {
                let found = client.devices().await?.devices;
                let others = found.iter().filter(|device| device.device != own);
                others.map(|device| device.device).collect()
            }
            None => vec![own],
        };
        let mut output = Output::new();
        for device in out {
            client.device_logout(device).await?;
            output.line(&device.to_string())?;
            if device == own {
                let forget = Batch {
                    resume: Some(None),
                    ..Batch::default()
                };
                client.store().commit(forget).await?;
            }
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

async fn connect(globals: &Globals) -> Result<Client, Failure> {
    let mut options = globals.options(Attach::SendOnly)?;
    options.adopt_outbox = false;
    options.events = false;
    globals.connect(options).await
}

/// A device by id or by name.
async fn find(client: &Client, text: &str) -> Result<DeviceId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let found = client.devices().await?.devices;
    let mut named = found.iter().filter(|device: &&Device| device.name == text);
    let first = named
        .next()
        .ok_or_else(|| Failure::refused(format!("no device is called {text}")))?;
    if named.next().is_some() {
        return Err(Failure::usage(format!(
            "several devices are called {text}: use the id"
        )));
    }
    Ok(first.device)
}

/// The name of a class of devices.
pub(crate) const fn class_name(class: DeviceClass) -> &'static str {
    match class {
        DeviceClass::Desktop => "desktop",
        DeviceClass::Phone => "phone",
        DeviceClass::Tablet => "tablet",
        DeviceClass::Web => "web",
        DeviceClass::Bot => "bot",
        DeviceClass::Terminal => "terminal",
        DeviceClass::Unspecified => "other",
    }
}
