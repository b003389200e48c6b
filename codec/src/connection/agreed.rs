//! What both sides agreed on in the handshake.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use super::policy::Algorithms;
use crate::limits::CompressionSet;
use crate::registry::{Capability, Compression, limits};

/// What holds on a connection. A session goes on only under the same terms. Without compressions and
/// capabilities everything else works.
// impl[EIM-VER-019, EIM-VER-020]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) version: u8,
    /// What may arrive and be sent.
    pub(crate) compressions: CompressionSet,
    /// Those this side uses.
    pub(crate) algorithms: Algorithms,
    pub(crate) capabilities: Capabilities,
    /// Largest payload this side accepts.
    pub(crate) own_max: u32,
    /// Largest payload the peer accepts.
    pub(crate) peer_max: u32,
    /// The client attached beside a running connection: no pushes.
    pub(crate) send_only: bool,
}

impl Agreed {
    /// Octets of a chunk to transmit: the largest frame that the peer accepts, or about 64 KiB.
    // impl[EIM-TRN-024]
    pub(crate) fn chunk_octets(&self) -> usize {
        let payload = self.peer_max.min(limits::FRAME_OCTETS.default);
        usize::try_from(payload.saturating_add(limits::HEADER_OCTETS.default)).unwrap_or(usize::MAX)
    }

    pub(crate) fn fragments(&self) -> bool {
        self.capabilities.contains(Capability::FRAGMENTS)
    }

    pub(crate) fn blobs(&self) -> bool {
        self.capabilities.contains(Capability::BLOBS)
    }
}

/// A set of capabilities: any numbers, for private ones are agreed on as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(Arc<[Capability]>);

impl Capabilities {
    pub(crate) fn contains(&self, capability: Capability) -> bool {
        self.0.binary_search(&capability).is_ok()
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let sorted: BTreeSet<Capability> = capabilities.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

/// Algorithms of a configuration that this build has.
pub(crate) fn usable(configured: &[Compression]) -> impl Iterator<Item = Compression> + Clone {
    let known = |algorithm: &Compression| CompressionSet::SUPPORTED.contains(*algorithm);
    let some = configured
        .iter()
        .copied()
        .filter(|algorithm| *algorithm != Compression::NONE);
    some.filter(known)
}

/// The algorithm with this number, which may be none that exists.
pub(crate) fn algorithm(number: u32) -> Option<Compression> {
    u8::try_from(number).ok().map(Compression)
}

/// The frame limit that this side announces.
// impl[EIM-CON-007]
pub(crate) fn own_max(configured: u32) -> u32 {
    configured.clamp(limits::FRAME_OCTETS.minimum, limits::FRAME_OCTETS.maximum)
}

/// One of the values, chosen by a random octet.
pub(crate) fn pick<T: Copy>(values: &[T], octet: u8) -> Option<T> {
    let place = usize::from(octet).checked_rem(values.len())?;
    values.get(place).copied()
}
