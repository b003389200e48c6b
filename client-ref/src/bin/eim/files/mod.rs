//! Files: `eim files`, `eim get`, and what `eim send` uploads.

#[cfg(feature = "direct")]
mod direct;
mod disk;
mod get;
mod list;
#[cfg(feature = "images")]
mod picture;
#[cfg(not(feature = "images"))]
#[path = "unlooked.rs"]
mod picture;
mod progress;
mod upload;

pub(crate) use self::get::{Get, How, save};
pub(crate) use self::list::Files;
pub(crate) use self::picture::Policy;
pub(crate) use self::upload::{Prepared, draft};

use eim_client::blobs::BlobError;

use crate::exit::Failure;

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Request(error) => error.into(),
            BlobError::File(error) => Self::usage(error.to_string()),
            other => Self::refused(other.to_string()),
        }
    }
}
