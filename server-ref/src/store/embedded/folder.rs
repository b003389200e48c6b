//! The folder of an embedded store: one process at a time, and a stated format.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Format of the folder and of all records in it.
pub const FORMAT: u32 = 1;

const LOCK: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const PREFIX: &str = "eim-store ";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another process has it open.
    #[error("store {}: another process has it open; stop that server first", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// It was written by another version of this software.
    #[error("store {}: format is {found:?}, this version reads {PREFIX:?} {FORMAT}", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// What its format file says.
        found: String,
    },
    /// It holds other things.
    #[error("store {}: not empty and not a store (found {found:?})", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// A file in it.
        found: String,
    },
    /// The file system failed.
    #[error("store {}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What failed.
        source: std::io::Error,
    },
}

/// A locked folder of a known format. The lock ends when this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens or creates the folder.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|source| io(path, source))?;
        let lock_path = path.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| io(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::Locked {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(&lock_path, source)),
        }
        let folder = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        folder.check_format()?;
        Ok(folder)
    }

    /// Where the engine keeps its files.
    pub(super) fn engine(&self) -> PathBuf {
        self.path.join("engine")
    }

    fn check_format(&self) -> Result<(), FolderError> {
        let path = self.path.join(FORMAT_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.create_format(),
            Err(source) => return Err(io(&path, source)),
        };
        let found = text.trim();
        if found.strip_prefix(PREFIX) == Some(FORMAT.to_string().as_str()) {
            return Ok(());
        }
        Err(FolderError::Format {
            path: self.path.clone(),
            found: found.to_owned(),
        })
    }

    /// The format file comes before any data, complete or not at all.
    fn create_format(&self) -> Result<(), FolderError> {
        let fail = |source| io(&self.path, source);
        for file in fs::read_dir(&self.path).map_err(fail)? {
            let name = file.map_err(fail)?.file_name();
            if name != LOCK && name != FORMAT_NEW {
                let found = name.to_string_lossy().into_owned();
                return Err(FolderError::NotAStore {
                    path: self.path.clone(),
                    found,
                });
            }
        }
        let new = self.path.join(FORMAT_NEW);
        let mut file = File::create(&new).map_err(fail)?;
        file.write_all(format!("{PREFIX}{FORMAT}\n").as_bytes())
            .map_err(fail)?;
        file.sync_all().map_err(fail)?;
        fs::rename(&new, self.path.join(FORMAT_FILE)).map_err(fail)?;
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)
    }
}

fn io(path: &Path, source: std::io::Error) -> FolderError {
    FolderError::Io {
        path: path.to_owned(),
        source,
    }
}
