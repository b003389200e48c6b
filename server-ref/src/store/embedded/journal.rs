//! The end of the engine's journal after a power cut.
//!
//! A batch that was being written when the power went may be on the disk in any part. What the engine
//! makes of it depends on where the hole is: it refuses to open when only the checksum is wrong, and
//! it silently cuts the journal at the first octets that it cannot read, durable batches behind them
//! included. The difference can be told: each batch is synced before the next one is written, so only
//! the last one can be torn, and nobody was answered for it. A bad batch before a good one is durable
//! data gone bad, and an error: the journal is looked at before the engine opens it.

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

/// Looks at the newest journal in `folder`.
///
/// # Errors
/// When the file system fails, or a good batch stands behind a bad one.
pub(super) fn check(folder: &Path) -> io::Result<()> {
    let Some(file) = newest(folder)? else {
        return Ok(());
    };
    let State::Bad(at) = judge(&fs::read(&file)?) else {
        return Ok(());
    };
    let name = file.display();
    let text = format!("{name}: the batch at {at} is damaged, and others stand behind it");
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// Cuts a torn last batch off the newest journal in `folder`. `None` when there is none.
///
/// # Errors
/// When the file system fails.
pub(super) fn mend(folder: &Path) -> io::Result<Option<Mended>> {
    let Some(file) = newest(folder)? else {
        return Ok(None);
    };
    let State::Torn(at) = judge(&fs::read(&file)?) else {
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
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        files => files?,
    };
    for file in files {
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

/// What a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Good batches, and zeros: a journal is longer than what was written to it.
    Whole,
    /// The last batch begins here, and is torn.
    Torn(usize),
    /// A bad batch begins here, and a good one stands behind it.
    Bad(usize),
}

fn judge(journal: &[u8]) -> State {
    let mut at = 0;
    while let Some(octets) = journal.get(at..).and_then(batch) {
        at += octets;
    }
    let rest = journal.get(at..).unwrap_or_default();
    let Some(last) = rest.iter().rposition(|&octet| octet != 0) else {
        return State::Whole;
    };
    let rest = rest.get(..=last).unwrap_or_default();
    let good_one_after = (1..rest.len())
        .filter(|&from| rest.get(from) == Some(&START))
        .any(|from| rest.get(from..).and_then(batch).is_some());
    if good_one_after {
        State::Bad(at)
    } else {
        State::Torn(at)
    }
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
