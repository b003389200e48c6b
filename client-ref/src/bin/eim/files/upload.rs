//! What is uploaded before its message is sent.

use std::fs::File;
use std::path::Path;

use eim_client::blobs::Upload;
use eim_client::store::Target;
use eim_client::{Client, Draft};
use eim_codec::payload::{BlobRef, Content, MediaBody};
use eim_codec::registry::FrameType;
use sha2::Digest as _;

use super::disk::{FileSource, hashed};
use super::progress::Bar;
use crate::exit::Failure;

/// What is said of a file that nobody keeps yet; where its media type is not given, its name tells.
pub(crate) fn described(
    path: &Path,
    media_type: Option<&str>,
    frame_type: FrameType,
) -> Result<BlobRef, Failure> {
    let whole = hashed(path).map_err(|error| Failure::file(path, &error))?;
    let octets = (frame_type == FrameType::FILE).then_some("application/octet-stream");
    let media_type = media_type.or_else(|| media_type_of(path)).or(octets);
    let needed = || Failure::usage("a file of this name needs --media-type");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(BlobRef {
        sha256: whole.hash.finalize().to_vec().into(),
        size: whole.offset,
        media_type: media_type.ok_or_else(needed)?.to_owned(),
        name: name.into_owned(),
        ..BlobRef::default()
    })
}

/// Uploads what `blob` says of the file, and fills in by which the server knows it.
pub(crate) async fn upload(
    client: &Client,
    path: &Path,
    blob: &mut BlobRef,
    shown: bool,
) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let sha256 = <[u8; 32]>::try_from(&blob.sha256[..])
        .map_err(|_| Failure::usage("a hash has 32 octets"))?;
    let upload = Upload {
        sha256,
        size: blob.size,
        media_type: blob.media_type.clone(),
        name: blob.name.clone(),
    };
    let bar = Bar::new(shown, &blob.name, blob.size);
    let id = client
        .upload(&upload, &mut FileSource(file), &mut |at| bar.at(at))
        .await?;
    bar.finish();
    blob.blob = id.to_bytes();
    blob.stored = true;
    Ok(())
}

/// Uploads a file, and makes the message that refers to it: an image where it is one.
pub(crate) async fn draft(client: &Client, target: Target, path: &Path) -> Result<Draft, Failure> {
    let image = media_type_of(path).is_some_and(|kind| kind.starts_with("image/"));
    let frame_type = if image {
        FrameType::IMAGE
    } else {
        FrameType::FILE
    };
    let mut blob = described(path, None, frame_type)?;
    upload(client, path, &mut blob, false).await?;
    let body = MediaBody {
        blob: Some(blob),
        ..MediaBody::default()
    };
    Ok(Draft::content(target, frame_type, &Content::Media(body)))
}

/// Media types of names that are common.
fn media_type_of(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "ogg" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "txt" | "md" | "log" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        _ => return None,
    })
}
