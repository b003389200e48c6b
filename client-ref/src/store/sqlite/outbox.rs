//! Who owns which outbox items.
//!
//! Several processes of one device may share the file: a full client and short-lived senders.
//! Each has an owner id and holds the lock of `owners/<id>`; the operating system drops the lock
//! when the process dies, however it dies. Whoever can take the lock may take the items.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::environment::Environment;
use crate::store::StoreError;

/// This process, as an owner of outbox items.
#[derive(Debug)]
pub(super) struct Owner {
    id: [u8; 16],
    folder: PathBuf,
    // Held, never used: closing it drops the lock.
    _lock: File,
}

impl Owner {
    pub(super) fn register(folder: &Path, environment: &Environment) -> Result<Self, StoreError> {
        let folder = folder.join("owners");
        std::fs::create_dir_all(&folder)?;
        let id = environment.octets();
        let lock = File::create(folder.join(name(&id)))?;
        lock.lock()?;
        Ok(Self {
            id,
            folder,
            _lock: lock,
        })
    }

    /// Id of the owner, as stored beside its items.
    pub(super) const fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// Takes over the items of owners that are dead.
    pub(super) fn adopt(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut others =
            connection.prepare("SELECT DISTINCT owner FROM outbox WHERE owner <> ?")?;
        let others: Vec<[u8; 16]> = others
            .query_map([&self.id[..]], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for other in others {
            if self.is_dead(&other)? {
                connection.execute(
                    "UPDATE outbox SET owner = ? WHERE owner = ?",
                    [&self.id[..], &other[..]],
                )?;
                // A leftover lock file does no harm.
                let _ = std::fs::remove_file(self.folder.join(name(&other)));
            }
        }
        Ok(())
    }

    fn is_dead(&self, other: &[u8; 16]) -> Result<bool, StoreError> {
        let file = match File::open(self.folder.join(name(other))) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A leftover lock file does no harm: its lock is gone with the process.
        let _ = std::fs::remove_file(self.folder.join(name(&self.id)));
    }
}

fn name(id: &[u8; 16]) -> String {
    uuid::Uuid::from_bytes(*id).simple().to_string()
}
