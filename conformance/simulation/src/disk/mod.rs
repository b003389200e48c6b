//! The disk of the server.
