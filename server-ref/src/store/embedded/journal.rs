//! The end of the engine's journal after a power cut.
//!
//! A batch that was being written when the power went may be on the disk in any part. The engine
//! drops one whose end is missing, but refuses to open when a part in the middle is missing and the
//! end is there: from its view that may be durable data gone bad. The difference can be told: each
//! batch is synced before the next one is written, so only the last one can be torn, and nobody was
//! answered for it. A bad batch before a good one is something else and stays an error.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Octets of a start record: tag, number of items, number of the batch.
const START_OCTETS: usize = 13;
/// Octets of an item before its key: tag, kind, compression, keyspace, lengths.
const ITEM_OCTETS: usize = 21;
/// Octets of an item that clears a keyspace.
const CLEAR_OCTETS: usize = 9;
/// What an end record ends with, after tag and checksum.
const MAGIC: &[u8] = b"FJL\x03";

/// A torn batch that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mended {
    /// The journal.
    pub(super) file: PathBuf,
    /// Where the whole batches end.
    pub(super) at: u64,
}

/// Cuts a torn last batch off the newest journal in `folder`. `None` when there is none, or when
/// what is wrong is not the end.
///
/// # Errors
/// When the file system fails.
pub(super) fn mend(folder: &Path) -> io::Result<Option<Mended>> {
    let Some(file) = newest(folder)? else {
        return Ok(None);
    };
    let Some(at) = torn_at(&fs::read(&file)?) else {
        return Ok(None);
    };
    let at = at as u64;
    let journal = File::options().write(true).open(&file)?;
    journal.set_len(at)?;
    journal.sync_all()?;
    Ok(Some(Mended { file, at }))
}

/// The journal with the highest number.
fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(highest, _)| number > *highest)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where the last batch of a journal begins, if it is torn. A journal is longer than what was
/// written to it: the rest is zeros.
fn torn_at(journal: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(octets) = journal.get(at..).and_then(batch) {
        at += octets;
    }
    let rest = journal.get(at..)?;
    let last = rest.iter().rposition(|&octet| octet != 0)?;
    let rest = rest.get(..=last)?;
    let good_one_after = (1..rest.len())
        .filter(|&from| rest.get(from) == Some(&START))
        .any(|from| rest.get(from..).and_then(batch).is_some());
    (!good_one_after).then_some(at)
}

/// Length of the whole batch at the beginning of `octets`.
fn batch(octets: &[u8]) -> Option<usize> {
    let start = octets.get(..START_OCTETS)?;
    if start.first() != Some(&START) {
        return None;
    }
    let items = u32::from_le_bytes(start.get(1..5)?.try_into().ok()?);
    let mut at = START_OCTETS;
    let mut hasher = Xxh3::new();
    for _ in 0..items {
        let item = item(octets.get(at..)?)?;
        hasher.update(item);
        at += item.len();
    }
    let end = octets.get(at..)?.get(..9 + MAGIC.len())?;
    let checksum = u64::from_le_bytes(end.get(1..9)?.try_into().ok()?);
    let whole =
        end.first() == Some(&END) && end.get(9..) == Some(MAGIC) && checksum == hasher.digest();
    whole.then_some(at + end.len())
}

/// The item at the beginning of `octets`.
fn item(octets: &[u8]) -> Option<&[u8]> {
    match *octets.first()? {
        ITEM => {
            let key = u16::from_le_bytes(octets.get(11..13)?.try_into().ok()?);
            let value = u32::from_le_bytes(octets.get(17..21)?.try_into().ok()?);
            let octets_in_all = ITEM_OCTETS
                .checked_add(usize::from(key))?
                .checked_add(usize::try_from(value).ok()?)?;
            octets.get(..octets_in_all)
        }
        CLEAR => octets.get(..CLEAR_OCTETS),
        _ => None,
    }
}
