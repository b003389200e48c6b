//! The server and its incarnations.
