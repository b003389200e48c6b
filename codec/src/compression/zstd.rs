//! One Zstandard frame with a bounded window, without a dictionary or with the one that the protocol has.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::num::NonZeroU32;
use std::thread::LocalKey;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{
    CParameter, find_frame_compressed_size, get_dict_id_from_frame, get_frame_content_size,
};

use super::{Algorithm, Level};
use crate::registry::{Compression, limits};

pub(super) const ALGORITHM: Algorithm = Algorithm {
    number: Compression::ZSTD,
    compress: |plain, level, payload| compress(&PLAIN, plain, level, payload),
    decompress: |data, size| decompress(&PLAIN, data, size),
};

pub(super) const WITH_DICTIONARY: Algorithm = Algorithm {
    number: Compression::ZSTD_DICT_1,
    compress: |plain, level, payload| compress(&DICT_1, plain, level, payload),
    decompress: |data, size| decompress(&DICT_1, data, size),
};

const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Most octets of a block, whatever the window is.
const LARGEST_BLOCK: u64 = 1 << 17;
const WINDOW_LOG: u32 = limits::ZSTD_WINDOW_LOG.maximum;

/// An algorithm: its dictionary, empty for none, and the contexts that a thread keeps for it. They are large and slow to
/// make, and nothing of one payload reaches the next.
struct Kind {
    dictionary: &'static [u8],
    compressor: &'static LocalKey<RefCell<Option<(Level, Compressor<'static>)>>>,
    decompressor: &'static LocalKey<RefCell<Option<Decompressor<'static>>>>,
}

static PLAIN: Kind = {
    std::thread_local! {
        static COMPRESSOR: RefCell<Option<(Level, Compressor<'static>)>> = const { RefCell::new(None) };
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    Kind {
        dictionary: &[],
        compressor: &COMPRESSOR,
        decompressor: &DECOMPRESSOR,
    }
};

static DICT_1: Kind = {
    std::thread_local! {
        static COMPRESSOR: RefCell<Option<(Level, Compressor<'static>)>> = const { RefCell::new(None) };
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    Kind {
        dictionary: crate::generated::ZSTD_DICT_1,
        compressor: &COMPRESSOR,
        decompressor: &DECOMPRESSOR,
    }
};

impl Kind {
    // impl[EIM-CMP-002, EIM-CMP-027, EIM-CMP-028]
    fn make(&self, level: Level) -> std::io::Result<Compressor<'static>> {
        let mut compressor = Compressor::with_dictionary(level.0, self.dictionary)?;
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        // Four octets that the number of the algorithm says already.
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(compressor)
    }

    /// What Dictionary_ID of a frame may say: nothing, or which dictionary it is.
    // impl[EIM-CMP-021, EIM-CMP-029]
    fn may_name(&self, id: Option<NonZeroU32>) -> bool {
        let own = self.dictionary.get(4..).and_then(<[u8]>::first_chunk::<4>);
        id.is_none_or(|id| own.is_some_and(|own| u32::from_le_bytes(*own) == id.get()))
    }
}

// impl[EIM-CMP-012]
fn compress(kind: &Kind, plain: &[u8], level: Level, payload: &mut Vec<u8>) -> Option<()> {
    kind.compressor.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some((made_for, compressor)) if *made_for == level => compressor,
            _ => &mut slot.insert((level, kind.make(level).ok()?)).1,
        };
        payload.extend_from_slice(&compressor.compress(plain).ok()?);
        Some(())
    })
}

// impl[EIM-CMP-019, EIM-CMP-020, EIM-CMP-022, EIM-CMP-030]
fn decompress(kind: &Kind, data: &[u8], size: usize) -> Option<Vec<u8>> {
    let window = window(data).filter(|_| data.starts_with(&MAGIC))?;
    if window > 1 << WINDOW_LOG
        || !kind.may_name(get_dict_id_from_frame(data))
        || find_frame_compressed_size(data).ok()? != data.len()
        || !states(data, size)?
        || !blocks_fit(data, window)?
    {
        return None;
    }
    kind.decompressor.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::with_dictionary(kind.dictionary).ok()?),
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

/// Whether no block is larger than the window and the format allow (RFC 8878, 3.1.1.2.4). Decompressing at one
/// stroke, the library does not look at the size of blocks of one repeated octet.
// impl[EIM-CMP-018]
fn blocks_fit(data: &[u8], window: u64) -> Option<bool> {
    let most = window.min(LARGEST_BLOCK);
    let mut rest = data.get(header_octets(data)?..)?;
    loop {
        let ([a, b, c], behind) = rest.split_first_chunk::<3>()?;
        let head = u32::from_le_bytes([*a, *b, *c, 0]);
        let size = head >> 3;
        if u64::from(size) > most {
            return Some(false);
        }
        let is_repeated = head >> 1 & 3 == 1;
        let octets = if is_repeated { 1 } else { size };
        rest = behind.get(usize::try_from(octets).ok()?..)?;
        if head & 1 == 1 {
            return Some(true);
        }
    }
}

/// Octets in front of the first block (RFC 8878, 3.1.1.1).
fn header_octets(data: &[u8]) -> Option<usize> {
    let descriptor = *data.get(MAGIC.len())?;
    let single_segment = descriptor & 0b10_0000 != 0;
    let window = usize::from(!single_segment);
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let content = match descriptor >> 6 {
        0 => usize::from(single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    Some(MAGIC.len() + 1 + window + dictionary + content)
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
    use alloc::vec;

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
            decompress(&PLAIN, &frame(5), 5).as_deref(),
            Some(b"hello".as_slice())
        );
        // The last two have meanings of their own to the library.
        for other in [0, 4, 6, 5 << 32, u64::MAX - 1, u64::MAX] {
            assert_eq!(decompress(&PLAIN, &frame(other), 5), None, "{other:#x}");
        }
    }

    // test[EIM-CMP-018]
    #[test]
    fn a_block_beyond_the_window_is_corrupt() {
        // A window of 1 KiB, and one octet repeated so often.
        let repeated = |times: u32| {
            let mut frame = Vec::from(MAGIC);
            frame.extend([0, 0]);
            frame.extend(&(times << 3 | 0b11).to_le_bytes()[..3]);
            frame.push(b'a');
            frame
        };
        assert_eq!(
            decompress(&PLAIN, &repeated(1024), 1024),
            Some(vec![b'a'; 1024])
        );
        assert_eq!(decompress(&PLAIN, &repeated(1025), 1025), None);
    }

    fn packed(kind: &Kind, plain: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        compress(kind, plain, Level::default(), &mut payload).unwrap();
        payload
    }

    // test[EIM-CMP-028]
    #[test]
    fn the_dictionary_is_used_and_not_named() {
        let text = "好的，我知道了，马上处理。请大家注意：会议室改到三楼。".as_bytes();
        let (without, with) = (packed(&PLAIN, text), packed(&DICT_1, text));
        assert!(with.len() < without.len());
        assert_eq!(get_dict_id_from_frame(&with), None);
        assert_eq!(
            decompress(&DICT_1, &with, text.len()).as_deref(),
            Some(text)
        );
        assert_eq!(decompress(&PLAIN, &with, text.len()), None);
    }

    // test[EIM-CMP-027]
    #[test]
    fn no_window_is_too_large_at_any_level() {
        let plain: Vec<u8> = (0..1_114_112_u32)
            .flat_map(|at| [(at >> 7) as u8, at as u8])
            .take(1_114_112)
            .collect();
        for level in [-7, 1, 5, 9] {
            for kind in [&PLAIN, &DICT_1] {
                let mut frame = Vec::new();
                compress(kind, &plain, Level::new(level), &mut frame).unwrap();
                assert!(window(&frame).unwrap() <= 1 << WINDOW_LOG, "level {level}");
                assert_eq!(decompress(kind, &frame, plain.len()).as_ref(), Some(&plain));
            }
        }
    }
}
