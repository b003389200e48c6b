//! How much memory was asked for, where the program counts it.
//!
//! A program that counts has `stats_alloc::INSTRUMENTED_SYSTEM` as its allocator and runs one input at a time.
//! In all others nothing is ever counted, and every bound holds.

use stats_alloc::INSTRUMENTED_SYSTEM;

/// Octets asked for since the program began, all threads together; what was given back is not taken off.
pub(crate) fn allocated() -> usize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    // What a reallocation adds is counted among the allocated octets.
    stats.bytes_allocated
}

/// Whether this program counts.
#[must_use]
pub fn counts() -> bool {
    let before = allocated();
    let octets = vec![0_u8; 1000];
    assert_eq!(octets.len(), 1000);
    allocated() > before
}

/// Octets that `act` gives back to the allocator; 0 in a program that does not count.
pub(crate) fn given_back(act: impl FnOnce()) -> usize {
    let before = INSTRUMENTED_SYSTEM.stats().bytes_deallocated;
    act();
    INSTRUMENTED_SYSTEM.stats().bytes_deallocated - before
}
