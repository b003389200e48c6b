//! How batches stand in the journal: length, checksum, writes. Octets that were torn or garbled do
//! not read as a record.
//!
//! ```text
//! length of the writes u32 | checksum of the writes u64 |
//!     writes: space u8 | kind u8 (0 removes, 1 sets) | key length u32 | key | [value length u32 | value]
//! ```

use bytes::{Buf as _, BufMut as _, Bytes};
use eim_server::store::engine::{Batch, Space};

/// Octets before the writes.
const HEAD: usize = 12;

/// One write of a batch; no value means removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub space: Space,
    /// The key.
    pub key: Bytes,
    /// What it is set to.
    pub value: Option<Bytes>,
}

/// The record of a batch.
pub(super) fn encode(batch: &Batch) -> Bytes {
    let mut writes = Vec::with_capacity(batch.octets() + 10 * batch.len());
    for (space, key, value) in batch.iter() {
        writes.put_u8(space as u8);
        writes.put_u8(u8::from(value.is_some()));
        put(&mut writes, key);
        if let Some(value) = value {
            put(&mut writes, value);
        }
    }
    let mut record = Vec::with_capacity(HEAD + writes.len());
    record.put_u32(size(&writes));
    record.put_u64(checksum(&writes));
    record.put_slice(&writes);
    Bytes::from(record)
}

/// The writes as a batch.
pub(super) fn batch(writes: &[Write]) -> Batch {
    let mut batch = Batch::default();
    for Write { space, key, value } in writes {
        match value {
            Some(value) => batch.put(*space, key, value),
            None => batch.delete(*space, key),
        }
    }
    batch
}

/// The writes of the record at the beginning of `octets` and its length; `None` when there is no
/// whole record.
pub(super) fn decode(octets: &Bytes) -> Option<(Vec<Write>, usize)> {
    let mut head = octets.get(..HEAD)?;
    let length = usize::try_from(head.get_u32()).ok()?;
    let expected = head.get_u64();
    let end = HEAD.checked_add(length)?;
    let writes = octets.get(HEAD..end)?;
    if checksum(writes) != expected {
        return None;
    }
    let mut left = octets.slice(HEAD..end);
    let mut found = Vec::new();
    while !left.is_empty() {
        found.push(write(&mut left)?);
    }
    // An empty batch is never written: zeros are not a record.
    (!found.is_empty()).then_some((found, end))
}

fn write(left: &mut Bytes) -> Option<Write> {
    let space = left.try_get_u8().ok()?;
    let space = *Space::ALL.get(usize::from(space))?;
    let value = match left.try_get_u8().ok()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let key = take(left)?;
    let value = if value { Some(take(left)?) } else { None };
    Some(Write { space, key, value })
}

fn put(out: &mut Vec<u8>, octets: &[u8]) {
    out.put_u32(size(octets));
    out.put_slice(octets);
}

fn take(left: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(left.try_get_u32().ok()?).ok()?;
    (length <= left.len()).then(|| left.split_to(length))
}

/// Batches are bounded far below what 32 bits count.
fn size(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

/// FNV-1a with a final mix: tears are accidents, nobody forges them.
fn checksum(octets: &[u8]) -> u64 {
    let hash = octets
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01B3)
        });
    (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
