//! Enumerations whose unknown numbers do not count as 0.

use super::{AttachMode, Auth, Error, ErrorScope};

impl Auth {
    /// How the client attaches; `None` for a number that is refused with INVALID_VALUE.
    // impl[EIM-AUT-002]
    #[must_use]
    pub fn attach_mode(&self) -> Option<AttachMode> {
        AttachMode::try_from(self.mode).ok()
    }
}

impl Error {
    /// How much ends: whatever is not the session is the connection.
    // impl[EIM-CON-027]
    #[must_use]
    pub fn effective_scope(&self) -> ErrorScope {
        match self.scope() {
            ErrorScope::Session => ErrorScope::Session,
            ErrorScope::Connection | ErrorScope::Unspecified => ErrorScope::Connection,
        }
    }
}
