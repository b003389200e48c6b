//! Files on the disk as sources and sinks of transfers.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::blobs::{Partial, Sink, Source};
use sha2::{Digest as _, Sha256};

/// Octets read at once.
const READ: usize = 64 * 1024;

/// A file that is uploaded.
pub(super) struct FileSource(pub(super) File);

#[async_trait]
impl Source for FileSource {
    async fn read(&mut self, offset: u64, most: usize) -> io::Result<Bytes> {
        let mut octets = vec![0; most];
        self.0.seek(SeekFrom::Start(offset))?;
        let read = self.0.read(&mut octets)?;
        if read == 0 {
            let detail = "the file has become shorter";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, detail));
        }
        octets.truncate(read);
        Ok(octets.into())
    }
}

/// A file that is downloaded.
pub(super) struct FileSink(pub(super) File);

#[async_trait]
impl Sink for FileSink {
    async fn write(&mut self, octets: &Bytes) -> io::Result<()> {
        self.0.write_all(octets)
    }
}

/// How many octets a file has, and their hash so far.
pub(super) fn hashed(path: &Path) -> io::Result<Partial> {
    let mut file = File::open(path)?;
    let (mut hash, mut offset) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Partial { offset, hash });
        }
        offset += read as u64;
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}
