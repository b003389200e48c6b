//! One Zstandard frame, with a bounded window and without a dictionary.

use alloc::vec::Vec;
use core::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{
    CParameter, find_frame_compressed_size, get_dict_id_from_frame, get_frame_content_size,
};

use super::Algorithm;
use crate::registry::{Compression, limits};

pub(super) const ALGORITHM: Algorithm = Algorithm {
    number: Compression::ZSTD,
    compress,
    decompress,
};

const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const WINDOW_LOG: u32 = limits::ZSTD_WINDOW_LOG.maximum;

// Contexts are large and slow to make, and nothing of one payload reaches the next.
std::thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

// impl[EIM-CMP-002, EIM-CMP-012]
fn compress(plain: &[u8], payload: &mut Vec<u8>) -> Option<()> {
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => {
                let mut compressor = Compressor::new(::zstd::DEFAULT_COMPRESSION_LEVEL).ok()?;
                compressor
                    .set_parameter(CParameter::WindowLog(WINDOW_LOG))
                    .ok()?;
                slot.insert(compressor)
            }
        };
        payload.extend_from_slice(&compressor.compress(plain).ok()?);
        Some(())
    })
}

// impl[EIM-CMP-019, EIM-CMP-020, EIM-CMP-021, EIM-CMP-022]
fn decompress(data: &[u8], size: usize) -> Option<Vec<u8>> {
    if !data.starts_with(&MAGIC)
        || window(data)? > 1 << WINDOW_LOG
        || get_dict_id_from_frame(data).is_some()
        || find_frame_compressed_size(data).ok()? != data.len()
        || !states(data, size)?
    {
        return None;
    }
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::new().ok()?),
        };
        let mut plain = Vec::with_capacity(size);
        let written = decompressor.decompress_to_buffer(data, &mut plain).ok()?;
        (written == size).then_some(plain)
    })
}

/// Whether the content size that a Zstandard frame states, if it states one, is `size`.
fn states(data: &[u8], size: usize) -> Option<bool> {
    let descriptor = *data.get(MAGIC.len())?;
    let is_there = descriptor & 0b1110_0000 != 0;
    Some(match get_frame_content_size(data).ok()? {
        Some(stated) => usize::try_from(stated) == Ok(size),
        // To the library 2^64 - 1 means that there is none.
        None => !is_there,
    })
}

/// The window size that a Zstandard frame declares, in octets (RFC 8878, 3.1.1.1.2); that of a
/// single segment is its content size.
fn window(data: &[u8]) -> Option<u64> {
    let descriptor = *data.get(MAGIC.len())?;
    let single_segment = descriptor & 0b10_0000 != 0;
    if single_segment {
        return get_frame_content_size(data).ok()?;
    }
    let window = *data.get(MAGIC.len() + 1)?;
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + (base >> 3) * u64::from(window & 0b111))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with one raw block of five octets and a content size of eight octets.
    fn frame(content_size: u64) -> Vec<u8> {
        let mut frame = Vec::from(MAGIC);
        frame.extend([0b1100_0000, 0]);
        frame.extend(content_size.to_le_bytes());
        frame.extend([0b0010_1001, 0, 0]);
        frame.extend(*b"hello");
        frame
    }

    // test[EIM-CMP-016]
    #[test]
    fn the_stated_content_size_counts_whatever_it_is() {
        assert_eq!(
            decompress(&frame(5), 5).as_deref(),
            Some(b"hello".as_slice())
        );
        // The last two have meanings of their own to the library.
        for other in [0, 4, 6, 5 << 32, u64::MAX - 1, u64::MAX] {
            assert_eq!(decompress(&frame(other), 5), None, "{other:#x}");
        }
    }
}
