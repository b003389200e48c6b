//! `eim get`: saves the file of a message.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use clap::Args;
use eim_client::blobs::{BlobError, Download, Partial};
use eim_client::options::Attach;
use eim_client::store::Message;
use eim_client::{Client, content_of};
use eim_codec::payload::{BlobRef, Content, MediaBody};

#[cfg(feature = "direct")]
use super::direct::Http;
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
    /// Saves the small picture that came with the message, and asks for no file.
    #[arg(long, conflicts_with = "direct")]
    thumbnail: bool,
    /// Fetches the octets from where the server keeps them, if it tells an address of that place.
    /// Whoever runs it then sees that this computer fetches them.
    #[arg(long)]
    direct: bool,
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
        let path = match self.thumbnail {
            true => save_thumbnail(message, to, self.force)?,
            false => {
                let how = How {
                    force: self.force,
                    shown: true,
                    direct: self.direct,
                    plain: globals.load()?.allow_plain,
                };
                save(&client, message, to, how).await?
            }
        };
        let mut output = Output::new();
        output.line(&path.display().to_string())?;
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

/// How a file is saved.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Replaces a file that is there.
    pub(crate) force: bool,
    /// With a bar.
    pub(crate) shown: bool,
    /// From an address, if there is one.
    pub(crate) direct: bool,
    /// Which need not be confidential.
    #[cfg_attr(not(feature = "direct"), expect(dead_code, reason = "nobody fetches"))]
    pub(crate) plain: bool,
}

/// Saves the file of a message, and tells where.
pub(crate) async fn save(
    client: &Client,
    message: &Message,
    to: Option<&Path>,
    how: How,
) -> Result<PathBuf, Failure> {
    let number = message.conv_seq;
    let blob = media(message)?.blob.unwrap_or_default();
    let Some(id) = blob.stored_blob() else {
        let detail = format!("the file of message {number} is kept elsewhere");
        return Err(Failure::refused(detail));
    };
    let path = place(to, &blob);
    free(&path, how.force)?;
    let sha256 = <[u8; 32]>::try_from(&blob.sha256[..])
        .map_err(|_| Failure::refused("the message tells no hash"))?;
    let download = Download {
        blob: id,
        conversation: Some(message.conversation),
        sha256,
    };
    fetch(client, download, &blob, &path, how).await?;
    Ok(path)
}

fn media(message: &Message) -> Result<MediaBody, Failure> {
    match content_of(message, None) {
        Some(Content::Media(body)) => Ok(body),
        _ => {
            let detail = format!("message {} is no file", message.conv_seq);
            Err(Failure::refused(detail))
        }
    }
}

fn free(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !path.exists() {
        return Ok(());
    }
    let detail = format!("{} is there already; use --force", path.display());
    Err(Failure::usage(detail))
}

/// Saves the thumbnail of a message, and tells where. Nobody looks into it here.
fn save_thumbnail(message: &Message, to: Option<&Path>, force: bool) -> Result<PathBuf, Failure> {
    let body = media(message)?;
    if body.thumbnail.is_empty() {
        let detail = format!("message {} has no thumbnail", message.conv_seq);
        return Err(Failure::refused(detail));
    }
    let mut blob = body.blob.unwrap_or_default();
    let stem = Path::new(&blob.name).file_stem().unwrap_or_default();
    let stem = match stem.to_string_lossy() {
        stem if stem.is_empty() => format!("file-{}", hex(&blob.sha256)),
        stem => stem.into_owned(),
    };
    let extension = match &body.thumbnail[..] {
        [0xFF, 0xD8, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        _ => "bin",
    };
    blob.name = format!("{stem}-thumbnail.{extension}");
    let path = place(to, &blob);
    free(&path, force)?;
    std::fs::write(&path, &body.thumbnail).map_err(|error| Failure::file(&path, &error))?;
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
    how: How,
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
    let bar = Bar::new(how.shown, &blob.name, blob.size);
    let done = octets(client, download, partial, &mut sink, &bar, how).await;
    bar.finish();
    if let Err(BlobError::Mismatch) = &done {
        // Nothing of it is of use.
        std::fs::remove_file(&unfinished).map_err(failed)?;
    }
    done?;
    sink.0.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(|error| Failure::file(path, &error))
}

/// Over the connection, or from addresses where that is wanted and possible.
async fn octets(
    client: &Client,
    download: Download,
    partial: Partial,
    sink: &mut FileSink,
    bar: &Bar,
    how: How,
) -> Result<(), BlobError> {
    let progress = &mut |at| bar.at(at);
    #[cfg(feature = "direct")]
    if how.direct {
        let mut fetcher = Http::new(how.plain).map_err(BlobError::Address)?;
        let fetched = client
            .download_from_addresses(download, partial, sink, progress, &mut fetcher)
            .await?;
        if let Some(missed) = fetched.missed {
            tracing::warn!("octets came over the connection: {missed}");
        }
        return Ok(());
    }
    #[cfg(not(feature = "direct"))]
    if how.direct {
        tracing::warn!("octets come over the connection: this program was built without --direct");
    }
    client
        .download(download, partial, sink, progress)
        .await
        .map(drop)
}
