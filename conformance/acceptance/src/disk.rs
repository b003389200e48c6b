//! A disk whose power can be cut: an ext4 image on a loop device.
//!
//! At the cut the backing file is copied while the writer stands still. What the kernel holds in
//! its page cache and has not been told to sync is not in the copy, as after a power failure.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::process::output;

/// A mounted image. Unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
    cuts: u32,
}

impl Disk {
    /// Makes an image of `mebibytes` in `folder` and mounts it.
    pub(crate) fn create(folder: &Path, mebibytes: u64) -> Result<Self, Failure> {
        let image = folder.join("disk-0.img");
        let mount = folder.join("disk");
        std::fs::create_dir_all(&mount)?;
        std::fs::File::create(&image)?.set_len(mebibytes << 20)?;
        output(Command::new("mkfs.ext4").arg("-q").arg("-F").arg(&image))?;
        let disk = Self {
            image,
            mount,
            cuts: 0,
        };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Copies the image as it is on the medium now. The writer must stand still.
    pub(crate) fn freeze(&self) -> Result<PathBuf, Failure> {
        let copy = self
            .image
            .with_file_name(format!("disk-{}.img", self.cuts + 1));
        output(
            Command::new("cp")
                .arg("--sparse=always")
                .arg(&self.image)
                .arg(&copy),
        )?;
        Ok(copy)
    }

    /// Puts the copy in place of the disk. The writer must be dead.
    pub(crate) fn replace(&mut self, copy: PathBuf) -> Result<(), Failure> {
        self.unmount()?;
        std::fs::remove_file(&self.image)?;
        self.image = copy;
        self.cuts += 1;
        self.mount()
    }

    fn mount(&self) -> Result<(), Failure> {
        output(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(&self.image)
                .arg(&self.mount),
        )
        .map(drop)
        .map_err(|error| Failure::Setup(format!("mounting a loop image needs root: {error}")))
    }

    fn unmount(&self) -> Result<(), Failure> {
        output(Command::new("umount").arg(&self.mount)).map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}
