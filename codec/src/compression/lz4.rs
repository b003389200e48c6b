//! One LZ4 block.

use alloc::vec;
use alloc::vec::Vec;

use lz4_flex::block;

pub(super) fn compress(plain: &[u8], payload: &mut Vec<u8>) {
    payload.extend_from_slice(&block::compress(plain));
}

pub(super) fn decompress(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut plain = vec![0; size];
    let written = block::decompress_into(data, &mut plain).ok()?;
    (written == size).then_some(plain)
}
