//! Octets in a folder: one folder a content, one file a part.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobError, BlobStore, Content};

/// Octets in a folder.
#[derive(Clone, Debug)]
pub struct FolderBlobs {
    root: PathBuf,
}

impl FolderBlobs {
    /// Keeps octets below `root`, which is created.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        create(&root)?;
        Ok(Self { root })
    }

    /// Two levels, so that no folder has too many others in it.
    fn folder(&self, content: Content) -> PathBuf {
        let id = content.id.to_string();
        let (first, _) = id.split_at(2);
        let tenant = content.tenant.0.to_string();
        self.root.join(tenant).join(first).join(id)
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Missing),
        Ok(Err(error)) => Err(BlobError::Failed(error.to_string())),
        Err(error) => Err(BlobError::Failed(error.to_string())),
    }
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        let (root, folder) = (self.root.clone(), self.folder(content));
        blocking(move || write(&root, &folder, part, &octets)).await
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let file = self.folder(content).join(part.to_string());
        blocking(move || read(&file, range)).await
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        let folder = self.folder(content);
        match blocking(move || list(&folder)).await {
            Err(BlobError::Missing) => Ok(BTreeMap::new()),
            listed => listed,
        }
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        let folder = self.folder(content);
        match blocking(move || std::fs::remove_dir_all(folder)).await {
            Err(BlobError::Missing) => Ok(()),
            removed => removed,
        }
    }
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

/// Below another name first: a part is all there or not at all. Synced with the folders that are new.
// impl[EIM-BLB-008]
fn write(root: &Path, folder: &Path, part: u32, octets: &[u8]) -> io::Result<()> {
    let new = !folder.is_dir();
    if new {
        create(folder)?;
    }
    let unfinished = folder.join(format!("{part}.new"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(octets)?;
    file.sync_data()?;
    drop(file);
    std::fs::rename(&unfinished, folder.join(part.to_string()))?;
    std::fs::File::open(folder)?.sync_all()?;
    if new {
        for above in folder.ancestors().skip(1) {
            std::fs::File::open(above)?.sync_all()?;
            if above == root {
                break;
            }
        }
    }
    Ok(())
}

fn read(file: &Path, range: Range<u64>) -> io::Result<Bytes> {
    let mut file = std::fs::File::open(file)?;
    let left = file.metadata()?.len().saturating_sub(range.start);
    let wanted = range.end.saturating_sub(range.start).min(left);
    file.seek(SeekFrom::Start(range.start))?;
    let mut octets = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
    file.read_exact(&mut octets)?;
    Ok(octets.into())
}

fn list(folder: &Path) -> io::Result<BTreeMap<u32, u64>> {
    let mut parts = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Unfinished ones have another name.
        if let Some(part) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            parts.insert(part, entry.metadata()?.len());
        }
    }
    Ok(parts)
}
