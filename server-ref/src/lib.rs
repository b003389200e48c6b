//! The EIM reference server.
