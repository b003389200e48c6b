//! Histories: what drivers saw of a deployment, and the verdict on it.
//!
//! Clients, test drivers and simulations write down what they sent, what they were promised and what
//! their devices hold, never the server. `conformance/history.md` is the form.
//!
//! - [`event`]: the lines.
//! - [`write`]: writing them.

pub mod event;
pub mod write;

pub use event::{Ack, Deliver, Entry, Event, Fail, Fault, Header, Op, Read, Send, Start};
pub use write::Writer;
