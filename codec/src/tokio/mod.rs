//! The shell that turns sockets into octets: the one place of this crate with a clock and IO.
//!
//! [`Driver`] runs a connection of either role over a [`Link`]: a [`StreamLink`] (TCP, TLS, a
//! pipe) or a [`WebSocketLink`].

mod codec;
mod driver;
mod link;
mod stream;
mod websocket;

pub use codec::{FrameCodec, FrameCodecError};
pub use driver::Driver;
pub use link::{Link, Received};
pub use stream::StreamLink;
pub use websocket::{WebSocketLink, websocket_config};
