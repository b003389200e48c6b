//! Deterministic simulation: real servers and clients in a world that a seed decides.
//!
//! One run is one [`plan::Plan`]: a world (users, devices, latencies, limits) and steps (what people
//! do, and what goes wrong). The server and the clients are the code that ships, unchanged. What is
//! around them is simulated and drawn from the seed: time, wall clocks, randomness, the network,
//! the disk of the server, the stores of the devices. Everything that applications could see is an
//! [`observation::Observation`]; [`invariant`]s judge them as they happen, and the end of the run.
//!
//! The same plan gives the same run, octet for octet: [`run::Outcome::trace_hash`] proves it. The
//! one exception are the nonces of SCRAM, which its library draws itself; they have a fixed length
//! and the hash leaves them out.

#![forbid(unsafe_code)]

pub mod canary;
pub mod cli;
pub mod device;
pub mod device_store;
pub mod disk;
pub mod invariant;
pub mod model;
pub mod network;
pub mod observation;
pub mod plan;
pub mod question;
pub mod run;
pub mod seed;
pub mod server;
pub mod world;
