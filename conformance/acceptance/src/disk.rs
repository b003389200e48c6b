//! A disk whose power can be cut and that can be full: an ext4 image on a loop device.
//!
//! At the cut the backing file is copied while the writer stands still, and again if the kernel
//! wrote to it meanwhile, so that the copy is of one moment. What the kernel holds in its page cache
//! and has not been told to sync is not in the copy, as after a power failure.

use std::fs::{self, File};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::process::output;

/// How often a copy is tried.
const COPIES: u32 = 20;
const FILLER: &str = "filler";

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
        fs::create_dir_all(&mount)?;
        File::create(&image)?.set_len(mebibytes << 20)?;
        // No blocks only for root: full means full for every user.
        let mut make = Command::new("mkfs.ext4");
        output(make.args(["-q", "-F", "-m", "0"]).arg(&image))?;
        let disk = Self {
            image,
            mount,
            cuts: 0,
        };
        disk.mount()?;
        Ok(disk)
    }

    /// Says why no disk of this kind can be made here.
    pub(crate) fn possible() -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::Setup(
                "full disks and power cuts need root, to mount a file as a disk: run as root, or \
                 with --disk-fulls 0 --power-cuts 0 (as `faults --smoke` does)"
                    .into(),
            ));
        }
        output(Command::new("mkfs.ext4").arg("-V"))
            .map(drop)
            .map_err(|error| Failure::Setup(format!("install the package e2fsprogs: {error}")))
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Octets that are free.
    pub(crate) fn free(&self) -> Result<u64, Failure> {
        let space = rustix::fs::statvfs(&self.mount).map_err(std::io::Error::from)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Copies the image as it is on the medium now. The writer must stand still.
    pub(crate) fn freeze(&self) -> Result<PathBuf, Failure> {
        let copy = self
            .image
            .with_file_name(format!("disk-{}.img", self.cuts + 1));
        for _ in 0..COPIES {
            let before = self.written()?;
            let mut copying = Command::new("cp");
            output(copying.arg("--sparse=auto").arg(&self.image).arg(&copy))?;
            if before.is_some() && before == self.written()? {
                return Ok(copy);
            }
        }
        Err(Failure::Setup(
            "the disk did not rest long enough to be copied".into(),
        ))
    }

    /// Sectors written to the loop device so far; `None` while a request is under way.
    fn written(&self) -> Result<Option<u64>, Failure> {
        let mut find = Command::new("losetup");
        let device = output(find.args(["-n", "-O", "NAME", "-j"]).arg(&self.image))?;
        let name = device.trim().rsplit('/').next().unwrap_or_default();
        let stat = fs::read_to_string(format!("/sys/block/{name}/stat"))?;
        let numbers: Vec<u64> = stat
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        match (numbers.get(6), numbers.get(8)) {
            (Some(&written), Some(0)) => Ok(Some(written)),
            (Some(_), Some(_)) => Ok(None),
            _ => Err(Failure::Setup(format!("no figures of {name}: {stat}"))),
        }
    }

    /// Puts the copy in place of the disk. The writer must be dead.
    pub(crate) fn replace(&mut self, copy: PathBuf) -> Result<(), Failure> {
        self.unmount()?;
        fs::remove_file(&self.image)?;
        self.image = copy;
        self.cuts += 1;
        self.mount()
    }

    /// Fills it until about `leave` octets are free; 0: until nothing can be written.
    pub(crate) fn fill(&self, leave: u64) -> Result<(), Failure> {
        let octets = self.free()?.saturating_sub(leave) & !4095;
        let path = self.mount.join(FILLER);
        let mut filler = File::create(path)?;
        if octets > 0 {
            let flags = rustix::fs::FallocateFlags::empty();
            let filled = rustix::fs::fallocate(&filler, flags, 0, octets);
            if let Err(error) = filled
                && error != rustix::io::Errno::NOSPC
            {
                return Err(std::io::Error::from(error).into());
            }
        }
        if leave > 0 {
            return Ok(());
        }
        // The last blocks, in smaller and smaller pieces.
        filler.seek(SeekFrom::End(0))?;
        for octets in [1 << 20, 64 << 10, 4096] {
            let piece = vec![0xFF; octets];
            loop {
                let written = filler.write_all(&piece).and_then(|()| filler.sync_data());
                match written {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives back what was filled.
    pub(crate) fn empty(&self) -> Result<(), Failure> {
        fs::remove_file(self.mount.join(FILLER))?;
        Ok(())
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
