//! Wrong implementations that the invariants must find.
