//! One Zstandard frame: its header by RFC 8878, its blocks by a decoder in Rust.

use std::io::Read as _;

use ruzstd::decoding::{Dictionary, FrameDecoder, StreamingDecoder};

use super::huffman;

/// The dictionary of algorithm 4.
pub(crate) const DICT_1: &[u8] = include_bytes!("../../../../spec/dictionaries/zstd-dict-1");

/// The plain octets; `None` when it is not exactly one frame that chapter 12 admits.
pub(crate) fn decompress(data: &[u8], size: u64, dictionary: Option<&[u8]>) -> Option<Vec<u8>> {
    let header = Header::read(data)?;
    let named = match dictionary {
        Some(dictionary) => number(dictionary, 4, 4)?,
        None => 0,
    };
    if header.window > 1 << 20
        || (header.dictionary != 0 && header.dictionary != named)
        || header.content.is_some_and(|content| content != size)
        || header.end(data)? != data.len()
    {
        return None;
    }
    let mut plain = Vec::new();
    let mut frames = FrameDecoder::new();
    if let Some(octets) = dictionary {
        let mut dictionary = Dictionary::decode_dict(octets).ok()?;
        // To the reference implementation the tables in front are content as well.
        dictionary.dict_content = octets.to_vec();
        frames.add_dict(dictionary).ok()?;
    }
    let whole = header.naming(data, named)?;
    let mut decoder = StreamingDecoder::new_with_decoder(&*whole, frames).ok()?;
    // One more octet than allowed is enough to see that it is too many.
    decoder
        .by_ref()
        .take(size + 1)
        .read_to_end(&mut plain)
        .ok()?;
    if header.checksum {
        let decoder = decoder.into_frame_decoder();
        if decoder.get_checksum_from_data() != decoder.get_calculated_checksum() {
            return None;
        }
    }
    huffman::end_exactly(data.get(header.octets..)?, dictionary)?;
    Some(plain)
}

/// The frame header.
struct Header {
    window: u64,
    content: Option<u64>,
    dictionary: u64,
    checksum: bool,
    /// Where the blocks begin.
    octets: usize,
}

impl Header {
    fn read(data: &[u8]) -> Option<Self> {
        if number(data, 0, 4)? != 0xFD2F_B528 {
            return None;
        }
        let descriptor = *data.get(4)?;
        let mut at = 5;
        let single = descriptor & 0x20 != 0;
        // The reserved bit.
        if descriptor & 0x08 != 0 {
            return None;
        }
        let mut window = 0;
        if !single {
            let octet = *data.get(at)?;
            at += 1;
            let base = 1_u64 << (10 + (octet >> 3));
            window = base + base / 8 * u64::from(octet & 7);
        }
        let octets = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let dictionary = number(data, at, octets)?;
        at += octets;
        let octets = match descriptor >> 6 {
            0 if single => 1,
            0 => 0,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let content = number(data, at, octets)? + if octets == 2 { 256 } else { 0 };
        at += octets;
        Some(Self {
            window: if single { content } else { window },
            content: (octets > 0).then_some(content),
            dictionary,
            checksum: descriptor & 4 != 0,
            octets: at,
        })
    }

    /// The frame with this dictionary named: the decoder takes a dictionary from nowhere else.
    fn naming(&self, data: &[u8], named: u64) -> Option<Vec<u8>> {
        if named == 0 {
            return Some(data.to_vec());
        }
        let descriptor = *data.get(4)?;
        let at = if descriptor & 0x20 != 0 { 5 } else { 6 };
        let behind = at + [0, 1, 2, 4][usize::from(descriptor & 3)];
        let mut out = data.get(..at)?.to_vec();
        out[4] = descriptor | 3;
        out.extend(&named.to_le_bytes()[..4]);
        out.extend(data.get(behind..)?);
        Some(out)
    }

    /// Where the frame ends, going from block to block.
    fn end(&self, data: &[u8]) -> Option<usize> {
        let mut at = self.octets;
        loop {
            let head = number(data, at, 3)?;
            at += 3;
            let size = (head >> 3) as usize;
            // 3.1.1.2.4: also a block of one repeated octet.
            if size as u64 > self.window.min(128 * 1024) {
                return None;
            }
            at += match head >> 1 & 3 {
                0 | 2 => size,
                1 => 1,
                _ => return None,
            };
            if head & 1 != 0 {
                let end = at + if self.checksum { 4 } else { 0 };
                return (end <= data.len()).then_some(end);
            }
        }
    }
}

/// A number of so many octets, the lowest first.
fn number(data: &[u8], at: usize, octets: usize) -> Option<u64> {
    let octets = data.get(at..at.checked_add(octets)?)?;
    Some(
        octets
            .iter()
            .rev()
            .fold(0, |sum, octet| sum << 8 | u64::from(*octet)),
    )
}
