//! One LZ4 block.

use alloc::vec;
use alloc::vec::Vec;

use lz4_flex::block;

use super::{Algorithm, Level};
use crate::registry::Compression;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    number: Compression::LZ4,
    compress,
    decompress,
};

fn compress(plain: &[u8], _level: Level, payload: &mut Vec<u8>) -> Option<()> {
    payload.extend_from_slice(&block::compress(plain));
    Some(())
}

fn decompress(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut plain = vec![0; size];
    let written = block::decompress_into(data, &mut plain).ok()?;
    (written == size).then_some(plain)
}
