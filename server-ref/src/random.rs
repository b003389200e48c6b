//! Randomness as an argument.
//!
//! Keys, salts, nonces and ids come from a [`Random`] that the caller hands in, so that tests and
//! the simulator are reproducible. Only [`SystemRandom`] is fit for production.

use std::fmt;

/// A source of random octets.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills `out` with random octets.
    fn fill(&self, out: &mut [u8]);
}

impl dyn Random {
    /// `N` random octets.
    #[must_use]
    pub fn octets<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

/// The random generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    ///
    /// When the operating system has no randomness: a server must not go on without it.
    fn fill(&self, out: &mut [u8]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the edge where randomness enters"
        )]
        let filled = getrandom::fill(out);
        assert!(filled.is_ok(), "the operating system has no randomness");
    }
}
