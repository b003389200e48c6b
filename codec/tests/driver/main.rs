//! The driver over in-memory pipes, with paused time.

mod app;
mod codec;
mod stream;
mod websocket;
