//! Bodies of IMAGE, FILE, VOICE and VIDEO: what is said of octets that are kept elsewhere.

use super::checked_send::{InvalidSend, within};
use super::content::text_fits;
use super::{BlobRef, MediaBody};
use crate::id::BlobId;
use crate::registry::{FrameType, limits};

/// Octets of either half of a media type, at most.
const MEDIA_NAME: usize = 127;

impl MediaBody {
    /// Whether the body is one of `frame_type`.
    ///
    /// # Errors
    /// [`InvalidSend::Content`] and [`InvalidSend::TooLarge`].
    // impl[EIM-CNT-003, EIM-CNT-005, EIM-CNT-006, EIM-CNT-007, EIM-CNT-016]
    pub fn check(&self, frame_type: FrameType) -> Result<(), InvalidSend> {
        let blob = self.blob.as_ref().ok_or(InvalidSend::Content("no blob"))?;
        blob.check()?;
        let kind = blob.media_type.split('/').next();
        let fits = match frame_type {
            FrameType::IMAGE => kind == Some("image"),
            FrameType::VOICE => kind == Some("audio"),
            FrameType::VIDEO => kind == Some("video"),
            _ => true,
        };
        if !fits {
            return Err(InvalidSend::Content("media type of another kind"));
        }
        if frame_type == FrameType::FILE && blob.name.is_empty() {
            return Err(InvalidSend::Content("a file without a name"));
        }
        if frame_type == FrameType::VOICE && self.duration_ms == 0 {
            return Err(InvalidSend::Content("a voice message without duration"));
        }
        if (self.width == 0) != (self.height == 0) {
            return Err(InvalidSend::Content("width and height belong together"));
        }
        within(self.thumbnail.len(), limits::THUMBNAIL_OCTETS.default)?;
        within(self.waveform.len(), limits::WAVEFORM_OCTETS.default)?;
        text_fits(&self.caption)
    }
}

/// Whether `media_type` and `name`, either of which may be empty, are what a message could say of a
/// blob.
#[must_use]
pub fn describes_blob(media_type: &str, name: &str) -> bool {
    let octets = usize::try_from(limits::FILE_NAME_OCTETS.default).unwrap_or(usize::MAX);
    (media_type.is_empty() || is_media_type(media_type))
        && name.len() <= octets
        && is_file_name(name)
}

impl BlobRef {
    /// The blob, if the server of the message keeps it.
    // impl[EIM-BLB-028]
    #[must_use]
    pub fn stored_blob(&self) -> Option<BlobId> {
        let blob = BlobId::from_slice(&self.blob).ok();
        blob.filter(|_| self.stored)
    }

    /// Whether the octets can be asked for, and recognised.
    ///
    /// # Errors
    /// [`InvalidSend::Content`] and [`InvalidSend::TooLarge`].
    // impl[EIM-CNT-002, EIM-CNT-003, EIM-CNT-004]
    pub fn check(&self) -> Result<(), InvalidSend> {
        if self.blob.is_empty() {
            return Err(InvalidSend::Content("a blob without name"));
        }
        within(self.blob.len(), limits::BLOB_ID_OCTETS.default)?;
        if self.sha256.len() != 32 {
            return Err(InvalidSend::Content("hash of a blob"));
        }
        if !is_media_type(&self.media_type) {
            return Err(InvalidSend::Content("media type"));
        }
        within(self.name.len(), limits::FILE_NAME_OCTETS.default)?;
        if !is_file_name(&self.name) {
            return Err(InvalidSend::Content("name of a file"));
        }
        Ok(())
    }
}

/// Restricted names of RFC 6838 in lower case, without parameters.
fn is_media_type(text: &str) -> bool {
    let name = |name: &str| {
        let first = name.bytes().next();
        let rest =
            |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9') || b"!#$&-^_.+".contains(&octet);
        name.len() <= MEDIA_NAME
            && first.is_some_and(|octet| octet.is_ascii_alphanumeric())
            && name.bytes().all(rest)
    };
    match text.split_once('/') {
        Some((kind, rest)) => name(kind) && name(rest),
        None => false,
    }
}

/// Nothing that leads to another folder, and nothing that a terminal obeys.
fn is_file_name(name: &str) -> bool {
    let plain = |letter: char| !matches!(letter, '/' | '\\' | '\0'..='\x1F' | '\x7F');
    name != "." && name != ".." && name.chars().all(plain)
}
