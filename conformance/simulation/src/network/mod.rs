//! The network between devices and server.
