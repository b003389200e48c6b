//! Asking a running server.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::command::{Command, Reply};
use super::socket::SOCKET_FILE;

/// A running server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminClientError {
    /// The socket broke.
    #[error("admin socket: {0}")]
    Io(#[from] io::Error),
    /// The answer is not one.
    #[error("admin socket: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The server ended without an answer.
    #[error("admin socket: the server did not answer")]
    NoAnswer,
}

/// Asks the server that runs on `data_dir`; `None` when none does.
///
/// # Errors
/// Every [`AdminClientError`].
pub async fn ask(data_dir: &Path, command: &Command) -> Result<Option<Reply>, AdminClientError> {
    let mut stream = match UnixStream::connect(data_dir.join(SOCKET_FILE)).await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut octets = serde_json::to_vec(command)?;
    octets.push(b'\n');
    stream.write_all(&octets).await?;
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next_line().await?.ok_or(AdminClientError::NoAnswer)?;
    Ok(Some(serde_json::from_str(&line)?))
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}
