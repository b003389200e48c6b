//! The EIM reference server.
//!
//! ```text
//! transport (tcp, tls, websocket) → session (drives the codec's connection) → service → store
//!                                        ↑                                                │
//!                                        └───────────── hub ← commits ────────────────────┘
//! ```
//!
//! Services, hub and sessions know the traits [`store::Store`], [`clock::Clock`] and
//! [`random::Random`], never an engine, a clock or a generator. `server` puts the parts together.

#![forbid(unsafe_code)]

pub mod admin;
pub mod blobs;
pub mod bots;
pub mod calls;
pub mod cli;
pub mod clock;
pub mod config;
pub mod descriptors;
pub mod hub;
pub mod limits;
pub mod logging;
pub mod metrics;
pub mod outbox;
pub mod presence;
pub mod random;
pub mod server;
pub mod service;
pub mod session;
pub mod store;
pub mod sweeper;
pub mod transport;
