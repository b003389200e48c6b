//! Bodies by the type of their message: what a client checks before it sends one, and what it
//! finds in one that it shows. A server relays all of them as they are, but for TEXT.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;

use super::checked_send::{InvalidSend, at_most, within};
use super::{
    BlobRef, CardBody, ContactCard, CustomBody, ForwardBody, ForwardedMessage, LinkCard,
    LocationBody, MediaBody, NoticeBody, Origin, TextBody, card_body,
};
use crate::id::{BlobId, UserId};
use crate::registry::{FrameType, limits};

/// The body of a message of a type that this version knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// TEXT.
    Text(TextBody),
    /// IMAGE, FILE, VOICE, VIDEO.
    Media(MediaBody),
    /// LOCATION.
    Location(LocationBody),
    /// CARD.
    Card(CardBody),
    /// CUSTOM.
    Custom(CustomBody),
    /// NOTICE.
    Notice(NoticeBody),
    /// FORWARD.
    Forward(ForwardBody),
}

impl Content {
    /// Reads the body of a message; `None` for types whose bodies have no rules here.
    ///
    /// # Errors
    /// [`InvalidSend`], when the body breaks a rule of its type, or is not of its type.
    // impl[EIM-CNT-001, EIM-CNT-015]
    pub fn of(frame_type: FrameType, body: &Bytes) -> Result<Option<Self>, InvalidSend> {
        let content = match frame_type {
            FrameType::TEXT => Self::Text(TextBody::check(body)?),
            FrameType::IMAGE | FrameType::FILE | FrameType::VOICE | FrameType::VIDEO => {
                let body: MediaBody = parse(body)?;
                body.check(frame_type)?;
                Self::Media(body)
            }
            FrameType::LOCATION => {
                let body: LocationBody = parse(body)?;
                body.check()?;
                Self::Location(body)
            }
            FrameType::CARD => {
                let body: CardBody = parse(body)?;
                body.check()?;
                Self::Card(body)
            }
            FrameType::CUSTOM => {
                let body: CustomBody = parse(body)?;
                body.check()?;
                Self::Custom(body)
            }
            FrameType::NOTICE => {
                let body: NoticeBody = parse(body)?;
                text_fits(&body.text)?;
                Self::Notice(body)
            }
            FrameType::FORWARD => {
                let body: ForwardBody = parse(body)?;
                body.check()?;
                Self::Forward(body)
            }
            _ => return Ok(None),
        };
        Ok(Some(content))
    }

    /// Where the content comes from, when it was forwarded.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Text(body) => body.forwarded.as_ref(),
            Self::Media(body) => body.forwarded.as_ref(),
            Self::Location(body) => body.forwarded.as_ref(),
            Self::Card(body) => body.forwarded.as_ref(),
            Self::Forward(body) => body.forwarded.as_ref(),
            Self::Custom(_) | Self::Notice(_) => None,
        }
    }

    /// conv_seq of the message this one answers; 0 when there is none.
    #[must_use]
    pub const fn reply_to(&self) -> u64 {
        match self {
            Self::Text(body) => body.reply_to,
            Self::Media(body) => body.reply_to,
            Self::Location(body) => body.reply_to,
            Self::Card(body) => body.reply_to,
            Self::Forward(body) => body.reply_to,
            Self::Custom(_) | Self::Notice(_) => 0,
        }
    }

    /// The octets of the body.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let octets = match self {
            Self::Text(body) => body.encode_to_vec(),
            Self::Media(body) => body.encode_to_vec(),
            Self::Location(body) => body.encode_to_vec(),
            Self::Card(body) => body.encode_to_vec(),
            Self::Custom(body) => body.encode_to_vec(),
            Self::Notice(body) => body.encode_to_vec(),
            Self::Forward(body) => body.encode_to_vec(),
        };
        octets.into()
    }

    /// The blobs that the server of the message keeps, each once: what
    /// [`Send::blobs`](super::Send) names.
    // impl[EIM-BLB-028]
    #[must_use]
    pub fn stored_blobs(&self) -> Vec<BlobId> {
        let mut blobs: Vec<BlobId> = match self {
            Self::Media(body) => body.stored_blob().into_iter().collect(),
            Self::Forward(body) => body.stored_blobs().collect(),
            _ => Vec::new(),
        };
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }

    /// The same content for another conversation: it says where it comes from, by its own word
    /// where it was forwarded before. `None` for what cannot say so.
    // impl[EIM-CNT-013]
    #[must_use]
    pub fn forwarded(self, origin: Origin) -> Option<Self> {
        let origin = Some(self.origin().cloned().unwrap_or(origin));
        let mut content = self.detached();
        let forwarded = match &mut content {
            Self::Text(body) => &mut body.forwarded,
            Self::Media(body) => &mut body.forwarded,
            Self::Location(body) => &mut body.forwarded,
            Self::Card(body) => &mut body.forwarded,
            Self::Forward(body) => &mut body.forwarded,
            Self::Custom(_) | Self::Notice(_) => return None,
        };
        *forwarded = origin;
        Some(content)
    }

    /// The same content without what it answered and whom it called.
    // impl[EIM-CNT-014]
    #[must_use]
    pub fn detached(mut self) -> Self {
        match &mut self {
            Self::Text(body) => {
                body.mentions.clear();
                body.mention_all = false;
                body.reply_to = 0;
            }
            Self::Media(body) => body.reply_to = 0,
            Self::Location(body) => body.reply_to = 0,
            Self::Card(body) => body.reply_to = 0,
            Self::Forward(body) => body.reply_to = 0,
            Self::Custom(_) | Self::Notice(_) => {}
        }
        self
    }
}

impl MediaBody {
    fn stored_blob(&self) -> Option<BlobId> {
        self.blob.as_ref().and_then(BlobRef::stored_blob)
    }
}

impl ForwardBody {
    fn stored_blobs(&self) -> impl Iterator<Item = BlobId> {
        self.messages.iter().filter_map(|message| {
            let media = matches!(
                message.frame_type()?,
                FrameType::IMAGE | FrameType::FILE | FrameType::VOICE | FrameType::VIDEO
            );
            let body = MediaBody::decode(message.body.clone())
                .ok()
                .filter(|_| media);
            body?.stored_blob()
        })
    }
}

impl CardBody {
    /// Whether the card has a user, or an address that can be opened.
    ///
    /// # Errors
    /// [`InvalidSend::Content`] and [`InvalidSend::TooLarge`].
    // impl[EIM-CNT-009, EIM-CNT-010]
    pub fn check(&self) -> Result<(), InvalidSend> {
        match &self.card {
            Some(card_body::Card::Contact(card)) => card.check(),
            Some(card_body::Card::Link(card)) => card.check(),
            None => Err(InvalidSend::Content("a card of nothing")),
        }
    }
}

impl ContactCard {
    fn check(&self) -> Result<(), InvalidSend> {
        UserId::from_slice(&self.user).map_err(|_| InvalidSend::Content("user of a card"))?;
        text_fits(&self.name)
    }
}

impl LinkCard {
    fn check(&self) -> Result<(), InvalidSend> {
        within(self.url.len(), limits::URL_OCTETS.default)?;
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| self.url.strip_prefix(scheme));
        let opens = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|octet| octet.is_ascii_graphic())
        });
        if !opens {
            return Err(InvalidSend::Content("address of a card"));
        }
        within(self.thumbnail.len(), limits::THUMBNAIL_OCTETS.default)?;
        text_fits(&self.title)?;
        text_fits(&self.text)
    }
}

impl ForwardBody {
    /// Whether there are messages, not too many of them, and each keeps the rules of its type.
    ///
    /// # Errors
    /// [`InvalidSend`].
    // impl[EIM-CNT-011, EIM-CNT-012]
    pub fn check(&self) -> Result<(), InvalidSend> {
        text_fits(&self.title)?;
        if self.messages.is_empty() {
            return Err(InvalidSend::Content("nothing is forwarded"));
        }
        let max = limits::FORWARD_MESSAGES.default;
        at_most("forwarded messages", self.messages.len(), max)?;
        self.messages.iter().try_for_each(ForwardedMessage::check)
    }
}

impl ForwardedMessage {
    /// The frame type it came in; `None` for what is no message, or holds others itself.
    #[must_use]
    pub fn frame_type(&self) -> Option<FrameType> {
        let frame_type = u8::try_from(self.r#type).ok().map(FrameType)?;
        let message = matches!(frame_type.0, 0x20..=0x3F) && frame_type != FrameType::FORWARD;
        message.then_some(frame_type)
    }

    fn check(&self) -> Result<(), InvalidSend> {
        let frame_type = self
            .frame_type()
            .ok_or(InvalidSend::Content("type of a forwarded message"))?;
        if !self.sender.is_empty() {
            UserId::from_slice(&self.sender)
                .map_err(|_| InvalidSend::Content("sender of a forwarded message"))?;
        }
        text_fits(&self.name)?;
        text_fits(&self.fallback_text)?;
        // Not a FORWARD: no deeper than this.
        Content::of(frame_type, &self.body).map(|_| ())
    }
}

/// A caption, label, title, or other text beside content.
// impl[EIM-CNT-008]
pub(super) fn text_fits(text: &str) -> Result<(), InvalidSend> {
    within(text.len(), limits::CAPTION_OCTETS.default)
}

fn parse<M: Message + Default>(body: &Bytes) -> Result<M, InvalidSend> {
    M::decode(body.clone()).map_err(|_| InvalidSend::Content("not of its type"))
}

/// A text for those who do not know the type: what is in a message, in short.
#[must_use]
pub fn summary(frame_type: FrameType, content: &Content) -> String {
    use alloc::format;

    let named = |kind: &str, name: &str, caption: &str| {
        let mut text = String::from("[");
        text.push_str(kind);
        for part in [name, caption] {
            if !part.is_empty() {
                text.push(' ');
                text.push_str(part);
            }
        }
        text.push(']');
        text
    };
    match content {
        Content::Text(body) => body.text.clone(),
        Content::Notice(body) => body.text.clone(),
        Content::Media(body) => {
            let kind = match frame_type {
                FrameType::IMAGE => "image",
                FrameType::VOICE => "voice",
                FrameType::VIDEO => "video",
                _ => "file",
            };
            let name = body.blob.as_ref().map_or("", |blob| blob.name.as_str());
            let mut text = named(kind, name, &body.caption);
            if body.duration_ms > 0 {
                let seconds = body.duration_ms.div_ceil(1000);
                text.push_str(&format!(" {}:{:02}", seconds / 60, seconds % 60));
            }
            text
        }
        Content::Location(body) => {
            let place = format!("{:.5}, {:.5}", body.latitude, body.longitude);
            named("location", &place, &body.label)
        }
        Content::Card(body) => match &body.card {
            Some(card_body::Card::Contact(card)) => named("contact", &card.name, ""),
            Some(card_body::Card::Link(card)) => named("link", &card.url, &card.title),
            None => named("card", "", ""),
        },
        Content::Custom(body) => named(&body.namespace, "", ""),
        Content::Forward(body) => {
            let count = format!("{} messages", body.messages.len());
            named("forwarded", &count, &body.title)
        }
    }
}

#[cfg(test)]
mod tests;
