//! `eim files`: the files of a conversation.

use clap::Args;
use eim_client::blobs::FileItem;
use eim_client::options::Attach;
use serde::Serialize;

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::{Output, printable, time_of_day};
use crate::profile::Globals;

/// Arguments of `eim files`.
#[derive(Args, Debug)]
pub(crate) struct Files {
    #[command(flatten)]
    place: Where,
    /// Only files whose names contain this, in either case.
    #[arg(value_name = "NAME", default_value = "")]
    name: String,
    /// Only files whose media types begin with this, such as image/.
    #[arg(long, value_name = "TYPE", default_value = "")]
    media_type: String,
    /// Most files to list.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

/// A file as a JSON line.
#[derive(Serialize)]
struct JsonFile<'a> {
    conv_seq: u64,
    sender: String,
    time: u64,
    blob: String,
    size: u64,
    sha256: String,
    media_type: &'a str,
    name: &'a str,
}

impl Files {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let target = self.place.target(&client).await?;
        let conversation = conversation_id(&client, target).await?;
        let found = client
            .files(conversation, &self.name, &self.media_type, self.last)
            .await?;
        let mut output = Output::new();
        let mut names = Names::default();
        for file in &found {
            if self.json {
                output.serialize(&json(file))?;
                continue;
            }
            let sender = names.user(&client, file.sender).await;
            output.line(&printable(&format!(
                "{} #{} {sender}: {} ({}, {})",
                time_of_day(file.time_ms),
                file.conv_seq,
                if file.name.is_empty() {
                    "?"
                } else {
                    &file.name
                },
                if file.media_type.is_empty() {
                    "?"
                } else {
                    &file.media_type
                },
                size(file.size),
            )))?;
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

fn json(file: &FileItem) -> JsonFile<'_> {
    JsonFile {
        conv_seq: file.conv_seq,
        sender: file.sender.to_string(),
        time: file.time_ms,
        blob: file.blob.to_string(),
        size: file.size,
        sha256: file
            .sha256
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect(),
        media_type: &file.media_type,
        name: &file.name,
    }
}

fn size(octets: u64) -> String {
    indicatif::HumanBytes(octets).to_string()
}
