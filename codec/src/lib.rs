//! The EIM wire protocol.
