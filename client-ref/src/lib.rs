//! The EIM reference client.
