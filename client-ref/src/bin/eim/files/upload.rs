//! What is uploaded before its message is sent.

use std::fs::File;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::blobs::{Source, Upload};
use eim_client::store::Target;
use eim_client::{Client, Draft};
use eim_codec::payload::{BlobRef, Content, MediaBody};
use eim_codec::registry::FrameType;
use sha2::Digest as _;

use super::disk::{FileSource, hashed};
use super::picture::Policy;
#[cfg(feature = "images")]
use super::picture::Unfit;
use super::progress::Bar;
use crate::exit::Failure;

/// A file as it is uploaded, and what its message says of it.
pub(crate) struct Prepared {
    pub(crate) body: MediaBody,
    /// What is uploaded instead of the octets of the file.
    octets: Option<Bytes>,
}

impl Prepared {
    /// Looks into a file that nobody keeps yet. Where its media type is not given, its name tells;
    /// pictures tell themselves, and are treated by `policy`.
    pub(crate) async fn of(
        path: &Path,
        media_type: Option<&str>,
        frame_type: FrameType,
        policy: Policy,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "images")]
        if frame_type == FrameType::IMAGE {
            match media_type {
                None => {
                    let unfit = |unfit: Unfit| unfit.of(path);
                    return Self::picture(path, policy).await.map_err(unfit);
                }
                Some(_) if policy.keeps() => {}
                Some(_) => {
                    let detail = "a picture tells its media type itself; \
                                  --media-type is for what is sent with --original";
                    return Err(Failure::usage(detail));
                }
            }
        }
        #[cfg(not(feature = "images"))]
        let _ = policy;
        let blob = described(path, media_type, frame_type)?;
        Ok(Self::new(blob, None))
    }

    /// As [`Prepared::of`], of a picture.
    #[cfg(feature = "images")]
    async fn picture(path: &Path, policy: Policy) -> Result<Self, Unfit> {
        let picture = super::picture::prepare(path, policy).await?;
        let mut blob = BlobRef {
            media_type: picture.media_type.to_owned(),
            name: name(path),
            ..BlobRef::default()
        };
        if let Some(extension) = picture.extension {
            blob.name = name(&path.with_extension(extension));
        }
        match &picture.octets {
            None => {
                let whole = hashed(path)?;
                (blob.size, blob.sha256) = (whole.offset, whole.hash.finalize().to_vec().into());
            }
            Some(octets) => {
                blob.size = octets.len() as u64;
                blob.sha256 = sha2::Sha256::digest(octets).to_vec().into();
            }
        }
        let mut prepared = Self::new(blob, picture.octets.map(Bytes::from));
        (prepared.body.width, prepared.body.height) = picture.dimensions;
        prepared.body.thumbnail = picture.thumbnail.into();
        Ok(prepared)
    }

    fn new(blob: BlobRef, octets: Option<Bytes>) -> Self {
        let body = MediaBody {
            blob: Some(blob),
            ..MediaBody::default()
        };
        Self { body, octets }
    }

    /// Uploads it, and fills in by which the server knows it.
    pub(crate) async fn upload(
        &mut self,
        client: &Client,
        path: &Path,
        shown: bool,
    ) -> Result<(), Failure> {
        let mut source: Box<dyn Source> = match &self.octets {
            Some(octets) => Box::new(MadeSource(octets.clone())),
            None => {
                let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
                Box::new(FileSource(file))
            }
        };
        let blob = self.body.blob.get_or_insert_default();
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
            .upload(&upload, &mut *source, &mut |at| bar.at(at))
            .await?;
        bar.finish();
        blob.blob = id.to_bytes();
        blob.stored = true;
        Ok(())
    }
}

/// Octets that were made here.
struct MadeSource(Bytes);

#[async_trait]
impl Source for MadeSource {
    async fn read(&mut self, offset: u64, most: usize) -> io::Result<Bytes> {
        let length = self.0.len();
        let start = usize::try_from(offset).unwrap_or(length).min(length);
        Ok(self.0.slice(start..start.saturating_add(most).min(length)))
    }
}

/// What is said of a file as it is.
fn described(
    path: &Path,
    media_type: Option<&str>,
    frame_type: FrameType,
) -> Result<BlobRef, Failure> {
    let whole = hashed(path).map_err(|error| Failure::file(path, &error))?;
    let octets = (frame_type == FrameType::FILE).then_some("application/octet-stream");
    let media_type = media_type.or_else(|| media_type_of(path)).or(octets);
    let needed = || Failure::usage("a file of this name needs --media-type");
    Ok(BlobRef {
        sha256: whole.hash.finalize().to_vec().into(),
        size: whole.offset,
        media_type: media_type.ok_or_else(needed)?.to_owned(),
        name: name(path),
        ..BlobRef::default()
    })
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.into_owned()
}

/// Uploads a file, and makes the message that refers to it: an image where it is one.
pub(crate) async fn draft(client: &Client, target: Target, path: &Path) -> Result<Draft, Failure> {
    let (mut prepared, frame_type) = picture_or_file(path).await?;
    prepared.upload(client, path, false).await?;
    let content = Content::Media(prepared.body);
    Ok(Draft::content(target, frame_type, &content))
}

#[cfg(feature = "images")]
async fn picture_or_file(path: &Path) -> Result<(Prepared, FrameType), Failure> {
    match Prepared::picture(path, Policy::default()).await {
        Ok(prepared) => Ok((prepared, FrameType::IMAGE)),
        Err(Unfit::Unknown) => Ok((
            Prepared::new(described(path, None, FrameType::FILE)?, None),
            FrameType::FILE,
        )),
        Err(unfit) => Err(unfit.of(path)),
    }
}

#[cfg(not(feature = "images"))]
async fn picture_or_file(path: &Path) -> Result<(Prepared, FrameType), Failure> {
    let image = media_type_of(path).is_some_and(|kind| kind.starts_with("image/"));
    let frame_type = if image {
        FrameType::IMAGE
    } else {
        FrameType::FILE
    };
    let prepared = Prepared::of(path, None, frame_type, Policy::default()).await?;
    Ok((prepared, frame_type))
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
