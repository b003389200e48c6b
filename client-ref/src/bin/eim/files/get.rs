//! `eim get`: saves the file of a message.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use clap::Args;
use eim_client::blobs::{BlobError, Download, Partial};
use eim_client::options::Attach;
use eim_client::store::Message;
use eim_client::{Client, content_of};
use eim_codec::payload::{BlobRef, Content};

use super::disk::{FileSink, hashed};
use super::progress::Bar;
use crate::conversations::{Where, conversation_id};
use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;

/// Arguments of `eim get`.
#[derive(Args, Debug)]
pub(crate) struct Get {
    #[command(flatten)]
    place: Where,
    /// Number of the message.
    #[arg(value_name = "NUMBER")]
    message: u64,
    /// Where to save it; a folder, or the name of a file. The name that the message tells, in this
    /// folder, if not given.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replaces a file that is there.
    #[arg(long)]
    force: bool,
}

impl Get {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let target = self.place.target(&client).await?;
        let conversation = conversation_id(&client, target).await?;
        let range = (self.message, self.message);
        let past = client.past(conversation, range, 1, false).await?;
        let message = past.first().map(|past| &past.message);
        let message =
            message.ok_or_else(|| Failure::refused(format!("no message {}", self.message)))?;
        let to = self.output.as_deref();
        let path = save(&client, message, to, (self.force, true)).await?;
        let mut output = Output::new();
        output.line(&path.display().to_string())?;
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

/// Saves the file of a message, and tells where.
pub(crate) async fn save(
    client: &Client,
    message: &Message,
    to: Option<&Path>,
    (force, shown): (bool, bool),
) -> Result<PathBuf, Failure> {
    let number = message.conv_seq;
    let Some(Content::Media(body)) = content_of(message, None) else {
        return Err(Failure::refused(format!("message {number} is no file")));
    };
    let blob = body.blob.unwrap_or_default();
    let Some(id) = blob.stored_blob() else {
        let detail = format!("the file of message {number} is kept elsewhere");
        return Err(Failure::refused(detail));
    };
    let path = place(to, &blob);
    if !force && path.exists() {
        let detail = format!("{} is there already; use --force", path.display());
        return Err(Failure::usage(detail));
    }
    let sha256 = <[u8; 32]>::try_from(&blob.sha256[..])
        .map_err(|_| Failure::refused("the message tells no hash"))?;
    let download = Download {
        blob: id,
        conversation: Some(message.conversation),
        sha256,
    };
    fetch(client, download, &blob, &path, shown).await?;
    Ok(path)
}

/// Where a file goes. The name in a message leads to no other folder (EIM-CNT-004).
fn place(to: Option<&Path>, blob: &BlobRef) -> PathBuf {
    let name = match blob.name.as_str() {
        "" => format!("file-{}", hex(&blob.sha256)),
        name => name.to_owned(),
    };
    match to {
        None => PathBuf::from(name),
        Some(folder) if folder.is_dir() => folder.join(name),
        Some(file) => file.to_owned(),
    }
}

fn hex(octets: &[u8]) -> String {
    let octets = octets.iter().take(4);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// Fetches octets next to where they go; what an earlier command has fetched of the same is used.
async fn fetch(
    client: &Client,
    download: Download,
    blob: &BlobRef,
    path: &Path,
    shown: bool,
) -> Result<(), Failure> {
    let unfinished = format!("{}.{}.part", path.display(), hex(&download.sha256));
    let unfinished = PathBuf::from(unfinished);
    let failed = |error: std::io::Error| Failure::file(&unfinished, &error);
    let mut partial = match hashed(&unfinished) {
        Ok(partial) if partial.offset <= blob.size => partial,
        _ => Partial::default(),
    };
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    if partial.offset == 0 {
        partial = Partial::default();
        options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
    }
    let file = options.open(&unfinished).map_err(failed)?;
    let mut sink = FileSink(file);
    let bar = Bar::new(shown, &blob.name, blob.size);
    let done = client
        .download(download, partial, &mut sink, &mut |at| bar.at(at))
        .await;
    bar.finish();
    if let Err(BlobError::Mismatch) = &done {
        // Nothing of it is of use.
        std::fs::remove_file(&unfinished).map_err(failed)?;
    }
    done?;
    sink.0.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(|error| Failure::file(path, &error))
}
