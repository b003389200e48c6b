//! Two endpoints, a virtual clock, and a wire that splits, delays and cuts.

mod blobs;
mod closing;
mod flow;
mod handshake;
mod liveness;
mod lives;
mod messages;
mod pair;
mod pings;
mod queues;
mod resume;
mod wire;
