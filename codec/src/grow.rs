//! Buffers that grow with what has arrived, not with what was announced.

use alloc::vec::Vec;

/// Appends `octets` to `buffer`, whose final length will be `total`. Allocates at most twice what
/// has arrived and never more than `total`: announcing much and sending little costs the peer,
/// not us.
// impl[EIM-FRM-018]
pub(crate) fn append(buffer: &mut Vec<u8>, octets: &[u8], total: usize) {
    let needed = buffer.len().saturating_add(octets.len());
    if needed > buffer.capacity() {
        let capacity = needed
            .max(buffer.capacity().saturating_mul(2))
            .min(total.max(needed));
        buffer.reserve_exact(capacity.saturating_sub(buffer.len()));
    }
    buffer.extend_from_slice(octets);
}
