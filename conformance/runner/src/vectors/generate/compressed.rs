//! Compressed octets, put together by hand: a compressor of another release would write others.

/// Pieces of an LZ4 block.
#[derive(Clone, Default)]
pub(super) struct Lz4(pub(super) Vec<u8>);

impl Lz4 {
    /// Literals, then a match; the match has at least four octets.
    pub(super) fn copy(mut self, literals: &[u8], offset: u16, length: usize) -> Self {
        self.literals(literals, length.saturating_sub(4).min(15));
        self.0.extend(offset.to_le_bytes());
        if length >= 19 {
            self.extend_length(length - 19);
        }
        self
    }

    /// The literals that end a block.
    pub(super) fn end(mut self, literals: &[u8]) -> Vec<u8> {
        self.literals(literals, 0);
        self.0
    }

    fn literals(&mut self, literals: &[u8], low: usize) {
        let high = literals.len().min(15);
        self.0
            .push(u8::try_from(high << 4 | low).unwrap_or(u8::MAX));
        if literals.len() >= 15 {
            self.extend_length(literals.len() - 15);
        }
        self.0.extend(literals);
    }

    fn extend_length(&mut self, mut rest: usize) {
        while rest >= 255 {
            self.0.push(255);
            rest -= 255;
        }
        self.0.push(u8::try_from(rest).unwrap_or(0));
    }
}

/// Elements of raw Snappy behind the length.
#[derive(Clone)]
pub(super) struct Snappy(pub(super) Vec<u8>);

impl Snappy {
    /// A preamble that states so many octets.
    pub(super) fn of(length: usize) -> Self {
        let mut octets = Vec::new();
        super::protobuf::varint(&mut octets, length as u64);
        Self(octets)
    }

    /// A literal of 1 to 65,536 octets.
    pub(super) fn literal(mut self, octets: &[u8]) -> Self {
        let less = octets.len().saturating_sub(1);
        match less {
            0..60 => self.0.push(u8::try_from(less << 2).unwrap_or(0)),
            60..256 => self.0.extend([60 << 2, u8::try_from(less).unwrap_or(0)]),
            _ => {
                self.0.push(61 << 2);
                self.0
                    .extend(u16::try_from(less).unwrap_or(u16::MAX).to_le_bytes());
            }
        }
        self.0.extend(octets);
        self
    }

    /// A copy with an offset of eleven bits: 4 to 11 octets.
    pub(super) fn copy1(mut self, offset: u16, length: u8) -> Self {
        let [high, low] = offset.to_be_bytes();
        self.0.extend([1 | (length - 4) << 2 | high << 5, low]);
        self
    }

    /// A copy with an offset of sixteen bits: 1 to 64 octets.
    pub(super) fn copy2(mut self, offset: u16, length: u8) -> Self {
        self.0.push(2 | (length - 1) << 2);
        self.0.extend(offset.to_le_bytes());
        self
    }

    /// A copy with an offset of thirty-two bits: 1 to 64 octets.
    pub(super) fn copy4(mut self, offset: u32, length: u8) -> Self {
        self.0.push(3 | (length - 1) << 2);
        self.0.extend(offset.to_le_bytes());
        self
    }
}

/// A block of a Zstandard frame.
#[derive(Clone)]
pub(super) enum Block<'a> {
    /// Octets as they are.
    Raw(&'a [u8]),
    /// One octet, so many times.
    Rle(u8, u32),
    /// A compressed block, ready made.
    Compressed(&'a [u8]),
    /// A block of the reserved kind.
    Reserved,
}

/// What the header of a Zstandard frame says, and its blocks.
#[derive(Clone)]
pub(super) struct Zstd<'a> {
    /// Window descriptor; absent in a frame of a single segment.
    pub(super) window: Option<u8>,
    /// Content size, and in how many octets (0, 1, 2, 4, 8) it is written.
    pub(super) size: (u64, u8),
    /// Dictionary id, and in how many octets (0, 1, 2, 4) it is written.
    pub(super) dictionary: (u32, u8),
    /// Checksum behind the blocks.
    pub(super) checksum: Option<u32>,
    /// Bits of the descriptor that are set besides: 0x10 unused, 0x08 reserved.
    pub(super) bits: u8,
    /// The blocks, the last one marked.
    pub(super) blocks: Vec<Block<'a>>,
    /// Whether the last block is marked as the last.
    pub(super) ends: bool,
}

impl<'a> Zstd<'a> {
    /// A single segment that states its size in as few octets as possible.
    pub(super) fn single(size: u64, blocks: Vec<Block<'a>>) -> Self {
        let octets = match size {
            0..256 => 1,
            256..65_792 => 2,
            _ => 4,
        };
        Self {
            window: None,
            size: (size, octets),
            dictionary: (0, 0),
            checksum: None,
            bits: 0,
            blocks,
            ends: true,
        }
    }

    /// A frame with a window, and without its size.
    pub(super) fn window(descriptor: u8, blocks: Vec<Block<'a>>) -> Self {
        Self {
            window: Some(descriptor),
            size: (0, 0),
            ..Self::single(0, blocks)
        }
    }

    pub(super) fn magic() -> Vec<u8> {
        vec![0x28, 0xb5, 0x2f, 0xfd]
    }

    /// What is between the magic number and the blocks.
    pub(super) fn descriptor(&self) -> Vec<u8> {
        let (size, octets) = self.size;
        let code = match octets {
            2 => 1,
            4 => 2,
            8 => 3,
            _ => 0,
        };
        let dictionary = match self.dictionary.1 {
            1 => 1,
            2 => 2,
            4 => 3,
            _ => 0,
        };
        let single = u8::from(self.window.is_none());
        let checksum = u8::from(self.checksum.is_some());
        let mut out = vec![code << 6 | single << 5 | checksum << 2 | dictionary | self.bits];
        out.extend(self.window);
        out.extend(
            self.dictionary
                .0
                .to_le_bytes()
                .into_iter()
                .take(self.dictionary.1.into()),
        );
        let size = if octets == 2 {
            size.wrapping_sub(256)
        } else {
            size
        };
        out.extend(size.to_le_bytes().into_iter().take(octets.into()));
        out
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let last = u32::from(self.ends && index + 1 == self.blocks.len());
            let (kind, size, octets) = match block {
                Block::Raw(octets) => (0, octets.len(), octets.to_vec()),
                Block::Rle(octet, count) => (1, *count as usize, vec![*octet]),
                Block::Compressed(octets) => (2, octets.len(), octets.to_vec()),
                Block::Reserved => (3, 1, vec![0x61]),
            };
            let size = u32::try_from(size).unwrap_or(0);
            let header = (size << 3 | kind << 1 | last).to_le_bytes();
            out.extend(header.into_iter().take(3));
            out.extend(octets);
        }
        out
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        let mut out = Self::magic();
        out.extend(self.descriptor());
        out.extend(self.body());
        out.extend(self.checksum.iter().flat_map(|sum| sum.to_le_bytes()));
        out
    }
}

/// The checksum of a Zstandard frame: the lower half of XXH64 with seed 0.
pub(super) fn checksum(octets: &[u8]) -> u32 {
    const P: [u64; 5] = [
        0x9E37_79B1_85EB_CA87,
        0xC2B2_AE3D_27D4_EB4F,
        0x1656_67B1_9E37_79F9,
        0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5,
    ];
    let round = |sum: u64, lane: u64| {
        sum.wrapping_add(lane.wrapping_mul(P[1]))
            .rotate_left(31)
            .wrapping_mul(P[0])
    };
    let lane = |octets: &[u8]| {
        octets
            .iter()
            .rev()
            .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
    };
    let (stripes, rest) = octets.as_chunks::<32>();
    let mut hash = P[4];
    if !stripes.is_empty() {
        let mut sums = [P[0].wrapping_add(P[1]), P[1], 0, 0_u64.wrapping_sub(P[0])];
        for stripe in stripes {
            for (sum, octets) in sums.iter_mut().zip(stripe.as_chunks::<8>().0) {
                *sum = round(*sum, lane(octets));
            }
        }
        let [a, b, c, d] = sums;
        let mixed = a.rotate_left(1).wrapping_add(b.rotate_left(7));
        hash = mixed
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        for sum in sums {
            hash = (hash ^ round(0, sum)).wrapping_mul(P[0]).wrapping_add(P[3]);
        }
    }
    hash = hash.wrapping_add(octets.len() as u64);
    let (eights, rest) = rest.as_chunks::<8>();
    for octets in eights {
        hash = (hash ^ round(0, lane(octets)))
            .rotate_left(27)
            .wrapping_mul(P[0])
            .wrapping_add(P[3]);
    }
    let (fours, rest) = rest.as_chunks::<4>();
    for octets in fours {
        hash = (hash ^ lane(octets).wrapping_mul(P[0]))
            .rotate_left(23)
            .wrapping_mul(P[1])
            .wrapping_add(P[2]);
    }
    for octet in rest {
        hash = (hash ^ u64::from(*octet).wrapping_mul(P[4]))
            .rotate_left(11)
            .wrapping_mul(P[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P[2]);
    hash ^= hash >> 32;
    u32::try_from(hash & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_reference() {
        // XXH64 with seed 0: ef46db3751d8e999 of nothing, 44bc2cf5ad770999 of "abc".
        assert_eq!(checksum(b""), 0x51d8_e999);
        assert_eq!(checksum(b"abc"), 0xad77_0999);
        // Of a file that zstd 1.5 made, in framing/compression.json.
        assert_eq!(checksum(&[0x61; 20]), 0xe347_aff7);
    }

    #[test]
    fn the_examples_of_the_chapter() {
        let lz4 = Lz4::default().copy(b"a", 1, 14).end(b"aaaaa");
        assert_eq!(lz4, [0x1a, 0x61, 1, 0, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]);
        let snappy = Snappy::of(20).literal(b"a").copy2(1, 19);
        assert_eq!(snappy.0, [0x14, 0, 0x61, 0x4a, 1, 0]);
    }
}
