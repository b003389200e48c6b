//! Literals of Zstandard: each Huffman stream ends exactly with its last literal (RFC 8878, 4.2.2).
//! The decoder in `zstd` takes a stream whose last code reaches beyond its end.

/// Looks at the blocks of a frame, which are well-formed otherwise. `None` when a stream does not end
/// where it has to.
pub(crate) fn end_exactly(mut blocks: &[u8], dictionary: Option<&[u8]>) -> Option<()> {
    // A dictionary begins with a tree, behind its magic number and its id.
    let mut tree = match dictionary {
        Some(dictionary) => Some(Tree::read(dictionary.get(8..)?)?.0),
        None => None,
    };
    loop {
        let header = little(blocks.get(..3)?);
        let size = header >> 3;
        let content = match header >> 1 & 3 {
            0 => size,
            1 => 1,
            _ => {
                literals(blocks.get(3..3 + size)?, &mut tree)?;
                size
            }
        };
        if header & 1 == 1 {
            return Some(());
        }
        blocks = blocks.get(3 + content..)?;
    }
}

/// The literals section of a block; without a tree of its own it has that of an earlier block.
fn literals(block: &[u8], tree: &mut Option<Tree>) -> Option<()> {
    let first = *block.first()?;
    if first & 3 < 2 {
        // Not compressed.
        return Some(());
    }
    let (streams, octets, bits) = match first >> 2 & 3 {
        0 => (1, 3, 10),
        1 => (4, 3, 10),
        2 => (4, 4, 14),
        _ => (4, 5, 18),
    };
    let header = little(block.get(..octets)?);
    let count = header >> 4 & ((1 << bits) - 1);
    let size = header >> (4 + bits) & ((1 << bits) - 1);
    let mut data = block.get(octets..octets + size)?;
    if first & 3 == 2 {
        let (read, rest) = Tree::read(data)?;
        (*tree, data) = (Some(read), rest);
    }
    let tree = tree.as_ref()?;
    if streams == 1 {
        return tree.ends(data, count);
    }
    let (jumps, mut data) = data.split_at_checked(6)?;
    let each = count.div_ceil(4);
    for jump in jumps.chunks(2) {
        let (stream, rest) = data.split_at_checked(little(jump))?;
        tree.ends(stream, each)?;
        data = rest;
    }
    tree.ends(data, count.checked_sub(3 * each)?)
}

/// How many bits the code takes that the next bits begin with, for each value of `bits` bits.
struct Tree {
    lengths: Vec<u32>,
    bits: u32,
}

impl Tree {
    fn read(data: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = data.split_first()?;
        let (weights, rest) = if let Some(count) = first.checked_sub(127) {
            let (packed, rest) = rest.split_at_checked(usize::from(count).div_ceil(2))?;
            let both = |octet: &u8| [octet >> 4, octet & 15];
            let weights = packed.iter().flat_map(both).take(count.into());
            (weights.collect::<Vec<_>>(), rest)
        } else {
            let (packed, rest) = rest.split_at_checked((*first).into())?;
            (weights(packed)?, rest)
        };
        let total: u32 = weights.iter().map(|weight| 1 << weight >> 1).sum();
        let bits = u32::BITS - total.leading_zeros();
        let mut ranks = weights;
        ranks.push(((1 << bits) - total).trailing_zeros() as u8 + 1);
        // The longest codes come first; which symbol has which code does not matter for the end.
        ranks.retain(|weight| *weight > 0);
        ranks.sort_unstable();
        let length = |weight: &u8| {
            let each = bits + 1 - u32::from(*weight);
            std::iter::repeat_n(each, 1 << weight >> 1)
        };
        let lengths: Vec<u32> = ranks.iter().flat_map(length).collect();
        (lengths.len() == 1 << bits).then_some((Self { lengths, bits }, rest))
    }

    fn ends(&self, stream: &[u8], count: usize) -> Option<()> {
        let mut stream = Backward::new(stream)?;
        for _ in 0..count {
            let index = stream.look(self.bits);
            stream.left -= i64::from(*self.lengths.get(index)?);
        }
        (stream.left == 0).then_some(())
    }
}

/// Weights as finite state entropy, with two states in turn.
fn weights(packed: &[u8]) -> Option<Vec<u8>> {
    let (table, octets) = states(packed)?;
    let bits = table.len().ilog2();
    let mut stream = Backward::new(packed.get(octets..)?)?;
    let mut states = [stream.take(bits), stream.take(bits)];
    let mut weights = Vec::new();
    loop {
        for turn in 0..2 {
            let state = table.get(states[turn])?;
            weights.push(state.symbol);
            states[turn] = state.base + stream.take(state.bits);
            if stream.left < 0 {
                weights.push(table.get(states[1 - turn])?.symbol);
                return Some(weights);
            }
        }
        if weights.len() > 255 {
            return None;
        }
    }
}

#[derive(Clone, Copy, Default)]
struct State {
    symbol: u8,
    bits: u32,
    base: usize,
}

/// The table of a distribution, and the octets that describe it.
fn states(packed: &[u8]) -> Option<(Vec<State>, usize)> {
    let (counts, accuracy, octets) = counts(packed)?;
    let size = 1_usize << accuracy;
    let mut table = vec![State::default(); size];
    let mut high = size;
    for (symbol, _) in counts.iter().enumerate().filter(|(_, count)| **count < 0) {
        high -= 1;
        table[high].symbol = symbol as u8;
    }
    let mut at = 0;
    for (symbol, count) in counts.iter().enumerate() {
        for _ in 0..(*count).max(0) {
            table[at].symbol = symbol as u8;
            at = (at + size / 2 + size / 8 + 3) % size;
            while at >= high && high > 0 {
                at = (at + size / 2 + size / 8 + 3) % size;
            }
        }
    }
    let mut next: Vec<u32> = counts.iter().map(|count| count.unsigned_abs()).collect();
    for state in &mut table {
        let number = next.get_mut(usize::from(state.symbol))?;
        state.bits = accuracy - number.checked_ilog2()?;
        state.base = ((*number as usize) << state.bits) - size;
        *number += 1;
    }
    Some((table, octets))
}

/// How often each symbol stands in the table, -1 for less than once; accuracy; octets read.
fn counts(packed: &[u8]) -> Option<(Vec<i32>, u32, usize)> {
    let mut at = 0;
    let mut take = |bits: u32| {
        let mut value = 0_u32;
        for bit in 0..bits {
            let octet = packed.get(at / 8)?;
            value |= u32::from(octet >> (at % 8) & 1) << bit;
            at += 1;
        }
        Some(value)
    };
    let accuracy = take(4)? + 5;
    if accuracy > 6 {
        return None;
    }
    let mut left = 1_i32 << accuracy;
    let mut counts = Vec::new();
    while left > 0 {
        let most = left as u32 + 1;
        let bits = u32::BITS - most.leading_zeros();
        let short = (1 << bits) - 1 - most;
        let mut value = take(bits - 1)?;
        if value >= short {
            value |= take(1)? << (bits - 1);
            if value >= 1 << (bits - 1) {
                value -= short;
            }
        }
        let count = value as i32 - 1;
        counts.push(count);
        left -= count.abs();
        let mut more = if count == 0 { 3 } else { 0 };
        while more == 3 {
            more = take(2)?;
            counts.extend(std::iter::repeat_n(0, more as usize));
        }
    }
    (left == 0).then_some((counts, accuracy, at.div_ceil(8)))
}

/// Bits from the end, below the highest one of the last octet.
struct Backward<'a> {
    octets: &'a [u8],
    /// Negative when more was taken than there is.
    left: i64,
}

impl<'a> Backward<'a> {
    fn new(octets: &'a [u8]) -> Option<Self> {
        let last = octets.last()?.checked_ilog2()?;
        let left = (octets.len() as i64 - 1) * 8 + i64::from(last);
        Some(Self { octets, left })
    }

    /// The next bits; beyond the end they are zeros.
    fn look(&self, bits: u32) -> usize {
        (1..=i64::from(bits)).fold(0, |value, back| {
            let at = self.left - back;
            let bit = match usize::try_from(at) {
                Ok(at) => usize::from(self.octets[at / 8] >> (at % 8) & 1),
                Err(_) => 0,
            };
            value << 1 | bit
        })
    }

    fn take(&mut self, bits: u32) -> usize {
        let value = self.look(bits);
        self.left -= i64::from(bits);
        value
    }
}

fn little(octets: &[u8]) -> usize {
    octets
        .iter()
        .rev()
        .fold(0, |value, octet| value << 8 | usize::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Literals of one stream: 77 of them, whose last code reaches three bits beyond the beginning.
    const TOO_SHORT: &str = "d2c40f15a0b5391f482a5bbed56e4f424f322dd7860b55a306155550622fd579396b8057a9cb015f8f5a\
        6c8a53aa3b88f596453b58eb701bfb0de88dd63252a32002";

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|it| !it.is_ascii_whitespace()).collect();
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| octet(pair).unwrap()).collect()
    }

    #[test]
    fn a_stream_that_is_too_short_for_its_last_literal_is_found() {
        let block = octets(TOO_SHORT);
        assert_eq!(literals(&block, &mut None), None);
    }

    #[test]
    fn what_the_library_compresses_ends_exactly() {
        let mut random = 1_u64;
        for size in [300, 1000, 5000, 70_000, 300_000] {
            let text: Vec<u8> = std::iter::repeat_with(|| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                // Few values, some of them often.
                b'a' + ((random >> 40) % 23).min((random >> 50) % 31) as u8
            })
            .take(size)
            .collect();
            let payload =
                eim_codec::compression::compress(eim_codec::registry::Compression::ZSTD, &text)
                    .unwrap();
            let plain = super::super::decompress(1, &payload, size as u64);
            assert!(plain.is_ok_and(|plain| plain == text), "{size} octets");
        }
    }
}
