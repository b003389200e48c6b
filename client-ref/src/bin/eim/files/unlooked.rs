//! Pictures where nothing is built in that looks into them: they are sent as they are.

use clap::Args;

/// What happens to pictures on the way: nothing.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Policy {}

impl Policy {
    /// Leaves the octets as they are.
    pub(crate) const fn kept(self) -> Self {
        self
    }
}
