//! Files: uploaded before a message refers to them, downloaded when somebody wants them.
//!
//! Both go on where they were, on the next connection and after the end of the process: what the
//! server has of an upload it says itself, by the hash; what is here of a download is in the file.

mod direct;
mod download;
mod list;
mod upload;

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::payload::ErrorInfo;
use eim_codec::registry::ErrorCode;
use tokio::sync::mpsc;

pub use self::direct::{Fetched, Fetcher};
pub use self::download::{Download, Partial};
pub use self::list::FileItem;
pub use self::upload::Upload;

use crate::client::Client;
use crate::engine::blobs::{Begin, TransferCommand, TransferEvent};
use crate::engine::command::Command;
use crate::error::RequestError;

/// How long somebody who was asked to come later waits at least.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Octets that are uploaded.
#[async_trait]
pub trait Source: Send {
    /// Octets from `offset` on, at most `most` and at least one.
    async fn read(&mut self, offset: u64, most: usize) -> io::Result<Bytes>;
}

/// Where downloaded octets go.
#[async_trait]
pub trait Sink: Send {
    /// The next octets.
    async fn write(&mut self, octets: &Bytes) -> io::Result<()>;
}

/// How far a transfer is, in octets of the whole.
pub type Progress<'a> = dyn FnMut(u64) + Send + 'a;

/// A file did not get through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// A request was not answered as asked.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server has ended the transfer.
    #[error("{code}: {detail}")]
    Ended {
        /// Error code.
        code: ErrorCode,
        /// For people.
        detail: String,
    },
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// An address does not bring what the server has told.
    #[error("the address does not bring the octets: {0}")]
    Address(#[source] io::Error),
    /// The octets are not those of the hash.
    #[error("the octets are not those of the hash")]
    Mismatch,
}

impl BlobError {
    fn ended(error: ErrorInfo) -> Self {
        Self::Ended {
            code: ErrorCode(u16::try_from(error.code).unwrap_or_default()),
            detail: error.detail,
        }
    }
}

/// What came of an attempt: the connection may end in the middle.
enum Attempt<T> {
    Done(T),
    /// Once more, from where it was.
    Again,
}

impl Client {
    /// Begins a transfer; what becomes of it is told through the channel, until the connection ends.
    async fn begin(
        &self,
        operation: eim_codec::registry::Operation,
        body: eim_codec::payload::request::Body,
    ) -> Result<mpsc::UnboundedReceiver<TransferEvent>, RequestError> {
        let (told, events) = mpsc::unbounded_channel();
        let begin = Begin {
            operation,
            body,
            told,
        };
        self.transfer(TransferCommand::Begin(Box::new(begin)))
            .await?;
        Ok(events)
    }

    async fn transfer(&self, command: TransferCommand) -> Result<(), RequestError> {
        self.command(Command::Transfer(command)).await
    }
}

/// A refusal ends a transfer, unless it asks to come later.
async fn refused<T>(error: RequestError, wait_ms: u64) -> Result<Attempt<T>, BlobError> {
    let later = matches!(
        &error,
        RequestError::Refused {
            retryable: true,
            ..
        }
    );
    if !later {
        return Err(error.into());
    }
    tokio::time::sleep(PAUSE.max(std::time::Duration::from_millis(wait_ms))).await;
    Ok(Attempt::Again)
}

/// So does an error of the server in the middle.
async fn ended<T>(error: ErrorInfo) -> Result<Attempt<T>, BlobError> {
    if !error.retryable {
        return Err(BlobError::ended(error));
    }
    let wait = std::time::Duration::from_millis(error.retry_after_ms);
    tokio::time::sleep(PAUSE.max(wait)).await;
    Ok(Attempt::Again)
}
