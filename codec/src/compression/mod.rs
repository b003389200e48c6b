//! Compression of payloads: each by itself, with its size in front.
//!
//! A compressed payload is the size of the plain payload (u32, network byte order), then the
//! compressed data. The size is checked before anything is allocated, and has to be met exactly.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::registry::{Compression, ErrorCode};

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

/// Octets of the size in front of compressed data.
pub const SIZE_OCTETS: usize = 4;

/// What this build can compress and decompress, best first; [`Compression::NONE`] is not listed.
pub const SUPPORTED: &[Compression] = &[
    #[cfg(feature = "zstd")]
    Compression::ZSTD_DICT_1,
    #[cfg(feature = "zstd")]
    Compression::ZSTD,
    #[cfg(feature = "lz4")]
    Compression::LZ4,
    #[cfg(feature = "snappy")]
    Compression::SNAPPY,
];

/// How much work Zstandard takes, as its library numbers it: from -7, which is little, over 1 to 19. The other algorithms
/// have no levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level(i32);

impl Level {
    /// The nearest level there is.
    #[must_use]
    pub const fn new(level: i32) -> Self {
        match level {
            ..=-7 => Self(-7),
            19.. => Self(19),
            level => Self(level),
        }
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(5)
    }
}

/// One algorithm, size not included.
struct Algorithm {
    number: Compression,
    /// Appends the compressed data of the first argument to the second.
    compress: fn(&[u8], Level, &mut Vec<u8>) -> Option<()>,
    /// Exactly so many octets out of the data, or nothing.
    decompress: fn(&[u8], usize) -> Option<Vec<u8>>,
}

const ALGORITHMS: &[Algorithm] = &[
    #[cfg(feature = "zstd")]
    zstd::WITH_DICTIONARY,
    #[cfg(feature = "zstd")]
    zstd::ALGORITHM,
    #[cfg(feature = "lz4")]
    lz4::ALGORITHM,
    #[cfg(feature = "snappy")]
    snappy::ALGORITHM,
];

/// Why a payload cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// This build does not know the algorithm.
    #[error("compression {0} is not supported")]
    Unsupported(Compression),
    /// Fewer octets than the size has.
    #[error("{octets} octets are too few for a compressed payload")]
    Truncated {
        /// Octets of the payload.
        octets: usize,
    },
    /// The stated size exceeds what is allowed.
    #[error("{size} octets stated where at most {max} are allowed")]
    TooLarge {
        /// Stated size in octets.
        size: usize,
        /// Largest size allowed, in octets.
        max: usize,
    },
    /// The data is corrupt, or does not yield exactly the stated size.
    #[error("the compressed data is corrupt or is not {size} octets")]
    Corrupt {
        /// Stated size in octets.
        size: usize,
    },
}

impl DecompressError {
    /// The code that ERROR reports.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unsupported(_) => ErrorCode::UNKNOWN_COMPRESSION,
            Self::TooLarge { .. } => ErrorCode::DECOMPRESSED_TOO_LARGE,
            Self::Truncated { .. } | Self::Corrupt { .. } => ErrorCode::DECOMPRESSION_FAILED,
        }
    }
}

/// Compresses `plain`, size in front. `None` when that would not make it smaller, when the
/// algorithm is [`Compression::NONE`], or when this build does not know it: send it as it is.
// impl[EIM-CMP-010, EIM-CMP-011]
#[must_use]
pub fn compress(algorithm: Compression, plain: &[u8]) -> Option<Bytes> {
    compress_at(algorithm, Level::default(), plain)
}

/// As [`compress`], with as much work as `level` says.
#[must_use]
pub fn compress_at(algorithm: Compression, level: Level, plain: &[u8]) -> Option<Bytes> {
    pack(algorithm, level, plain).filter(|payload| payload.len() < plain.len())
}

/// As [`compress`], also when the result is not smaller.
#[must_use]
pub fn compress_anyway(algorithm: Compression, plain: &[u8]) -> Option<Bytes> {
    pack(algorithm, Level::default(), plain)
}

// impl[EIM-CMP-001, EIM-CMP-003, EIM-CMP-004]
fn pack(algorithm: Compression, level: Level, plain: &[u8]) -> Option<Bytes> {
    let size = u32::try_from(plain.len()).ok()?;
    let mut payload = Vec::from(size.to_be_bytes());
    (find(algorithm)?.compress)(plain, level, &mut payload)?;
    Some(Bytes::from(payload))
}

/// The plain payload of `payload`. With [`Compression::NONE`] that is `payload` itself.
///
/// # Errors
/// [`DecompressError`]; nothing larger than `max` octets is ever allocated for the result.
// impl[EIM-CMP-013, EIM-CMP-014, EIM-CMP-016, EIM-CMP-017, EIM-CMP-018, EIM-CMP-023]
pub fn decompress(
    algorithm: Compression,
    payload: Bytes,
    max: usize,
) -> Result<Bytes, DecompressError> {
    if algorithm == Compression::NONE {
        let size = payload.len();
        return if size <= max {
            Ok(payload)
        } else {
            Err(DecompressError::TooLarge { size, max })
        };
    }
    let known = find(algorithm).ok_or(DecompressError::Unsupported(algorithm))?;
    let truncated = DecompressError::Truncated {
        octets: payload.len(),
    };
    let (size, data) = payload
        .split_first_chunk::<SIZE_OCTETS>()
        .ok_or(truncated)?;
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    if size > max {
        return Err(DecompressError::TooLarge { size, max });
    }
    (known.decompress)(data, size)
        .map(Bytes::from)
        .filter(|plain| plain.len() == size)
        .ok_or(DecompressError::Corrupt { size })
}

fn find(algorithm: Compression) -> Option<&'static Algorithm> {
    ALGORITHMS.iter().find(|known| known.number == algorithm)
}
