//! How much room the file system of the store has left.
//!
//! A store that writes until the disk is full ends in the middle of something. So messages are
//! refused while a reserve is still free: what is left serves logins, cursors and the merging of
//! tables, and gives the operator time. Looking costs one system call.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::store::Room;

/// Watches the room of one folder.
#[derive(Debug)]
pub(super) struct FreeSpace {
    folder: PathBuf,
    reserve: u64,
    short: AtomicBool,
}

impl FreeSpace {
    /// `reserve` octets are to stay free on the file system of `folder`.
    pub(super) fn new(folder: &Path, reserve: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            reserve,
            short: AtomicBool::new(false),
        }
    }

    /// Looks. Once the room was short it has to be an eighth more than the reserve before it counts
    /// as enough again, so that the merging of a table does not open and shut the door.
    pub(super) fn look(&self) -> Room {
        let free = match rustix::fs::statvfs(&self.folder) {
            Ok(space) => space.f_bavail.saturating_mul(space.f_frsize),
            Err(error) => {
                tracing::warn!(%error, folder = %self.folder.display(), "free space is unknown");
                u64::MAX
            }
        };
        let was_short = self.short.load(Relaxed);
        let room = Room::new(free, self.reserve, was_short);
        if room.short != was_short {
            self.short.store(room.short, Relaxed);
            report(&self.folder, room);
        }
        room
    }
}

fn report(folder: &Path, room: Room) {
    let Room { free, reserve, .. } = room;
    let folder = folder.display();
    if room.short {
        tracing::error!(%folder, free, reserve, "the disk is nearly full: messages are refused");
    } else {
        tracing::info!(%folder, free, reserve, "the disk has room again: messages are taken");
    }
}
