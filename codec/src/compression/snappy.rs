//! Raw Snappy.

use alloc::vec;
use alloc::vec::Vec;

use snap::raw::{Decoder, Encoder, decompress_len};

use super::{Algorithm, Level};
use crate::registry::Compression;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    number: Compression::SNAPPY,
    compress,
    decompress,
};

fn compress(plain: &[u8], _level: Level, payload: &mut Vec<u8>) -> Option<()> {
    payload.extend_from_slice(&Encoder::new().compress_vec(plain).ok()?);
    Some(())
}

fn decompress(data: &[u8], size: usize) -> Option<Vec<u8>> {
    if decompress_len(data).ok()? != size {
        return None;
    }
    let mut plain = vec![0; size];
    let written = Decoder::new().decompress(data, &mut plain).ok()?;
    (written == size).then_some(plain)
}
