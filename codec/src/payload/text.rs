//! The body of TEXT.

use alloc::string::String;

use bytes::Bytes;
use prost::Message;

use super::TextBody;
use super::checked_send::{InvalidSend, within};
use crate::registry::limits;

impl TextBody {
    /// The octets of a body with this text.
    #[must_use]
    pub fn encode_text(text: impl Into<String>) -> Bytes {
        Bytes::from(Self { text: text.into() }.encode_to_vec())
    }

    /// Reads a body: a `TextBody` in UTF-8, within limit text_octets. An empty text is a text.
    ///
    /// # Errors
    /// [`InvalidSend::NotText`] and [`InvalidSend::TooLarge`].
    // impl[EIM-MSG-029, EIM-MSG-030, EIM-MSG-031]
    pub fn check(body: &Bytes) -> Result<Self, InvalidSend> {
        let body = Self::decode(body.clone()).map_err(|_| InvalidSend::NotText)?;
        within(body.text.len(), limits::TEXT_OCTETS.default)?;
        Ok(body)
    }
}
