//! The message in a request, as a `Send`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::payload::{
    CardBody, ContactCard, CustomBody, LinkCard, LocationBody, Send, Target, TextBody, card_body,
};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::Failure;

/// What a bot wants to send. Exactly one of `text`, `location`, `link`, `contact` and `custom`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedMessage {
    /// Where it goes.
    pub to: To,
    /// Idempotency key: 32 hexadecimal digits, or a UUID with its hyphens. Without one each request
    /// is another message.
    #[serde(default)]
    pub client_msg_id: Option<String>,
    /// On a retry: server time of the first attempt in milliseconds, if that is known.
    #[serde(default)]
    pub first_sent_at_ms: u64,
    /// conv_seq of the message that this one answers.
    #[serde(default)]
    pub reply_to: u64,
    /// Users that a text mentions.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// The text mentions everybody.
    #[serde(default)]
    pub mention_all: bool,
    /// A text.
    #[serde(default)]
    pub text: Option<String>,
    /// A place.
    #[serde(default)]
    pub location: Option<Location>,
    /// A page.
    #[serde(default)]
    pub link: Option<Link>,
    /// A user.
    #[serde(default)]
    pub contact: Option<Contact>,
    /// Of a type that others have defined.
    #[serde(default)]
    pub custom: Option<Custom>,
    /// Shown by clients that do not know the type.
    #[serde(default)]
    pub fallback_text: String,
}

/// Where a message goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum To {
    /// A conversation that the bot is a member of, hexadecimal.
    Conversation(String),
    /// A user, hexadecimal.
    User(String),
    /// A user by login name.
    Name(String),
}

/// A place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    latitude: f64,
    longitude: f64,
    #[serde(default)]
    label: String,
}

/// A page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    url: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    user: String,
    #[serde(default)]
    name: String,
}

/// Of a type that others have defined.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    namespace: String,
    /// Base64.
    data: String,
}

/// What became of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Where it is.
    pub conversation: String,
    /// Its number there.
    pub conv_seq: u64,
    /// Epoch of the number.
    pub log_epoch: u64,
    /// Commit time, Unix milliseconds.
    pub time_ms: u64,
    /// Its key.
    pub client_msg_id: String,
    /// It was there before: this is the result of the first request with this key.
    pub duplicate: bool,
}

fn invalid(detail: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::INVALID_MESSAGE, detail)
}

fn user(text: &str) -> Result<UserId, Failure> {
    text.parse()
        .map_err(|_| invalid("a user is 32 hexadecimal digits"))
}

impl To {
    /// The target, if it does not have to be looked up.
    pub(super) fn target(&self) -> Result<Option<Target>, Failure> {
        Ok(match self {
            Self::Conversation(text) => {
                let id: ConversationId = text
                    .parse()
                    .map_err(|_| invalid("a conversation is 32 hexadecimal digits"))?;
                Some(Target::Conversation(id))
            }
            Self::User(text) => Some(Target::DirectTo(user(text)?)),
            Self::Name(_) => None,
        })
    }
}

impl Location {
    fn content(self, reply_to: u64) -> (FrameType, Bytes) {
        let body = LocationBody {
            latitude: self.latitude,
            longitude: self.longitude,
            label: self.label,
            reply_to,
            ..LocationBody::default()
        };
        (FrameType::LOCATION, body.encode_to_vec().into())
    }
}

impl Custom {
    fn content(self, reply_to: u64) -> Result<(FrameType, Bytes), Failure> {
        if reply_to > 0 {
            return Err(invalid("a custom message says in its data what it answers"));
        }
        let data = STANDARD
            .decode(&self.data)
            .map_err(|_| invalid("data is Base64"))?;
        let body = CustomBody {
            namespace: self.namespace,
            data: data.into(),
        };
        Ok((FrameType::CUSTOM, body.encode_to_vec().into()))
    }
}

impl WantedMessage {
    /// The key, if there is one.
    pub(super) fn key(&self) -> Result<Option<ClientMsgId>, Failure> {
        let Some(text) = &self.client_msg_id else {
            return Ok(None);
        };
        let digits = text.replace('-', "");
        let id = digits
            .parse()
            .map_err(|_| invalid("client_msg_id is 32 hexadecimal digits"))?;
        Ok(Some(id))
    }

    /// The message to `target` under `key`, with the type of its frame.
    // impl[EIM-BOT-014]
    pub(super) fn into_send(
        self,
        target: Target,
        key: ClientMsgId,
    ) -> Result<(FrameType, Send), Failure> {
        let (first_sent_at_ms, fallback_text) = (self.first_sent_at_ms, self.fallback_text.clone());
        let (frame_type, body) = self.content()?;
        let send = Send {
            first_sent_at_ms,
            fallback_text,
            ..Send::new(target, key, body)
        };
        Ok((frame_type, send))
    }

    fn content(self) -> Result<(FrameType, Bytes), Failure> {
        let reply_to = self.reply_to;
        let named = [
            self.text.is_some(),
            self.location.is_some(),
            self.link.is_some(),
            self.contact.is_some(),
            self.custom.is_some(),
        ];
        if named.into_iter().filter(|there| *there).count() != 1 {
            return Err(invalid(
                "exactly one of text, location, link, contact and custom is sent",
            ));
        }
        if self.text.is_none() && (self.mention_all || !self.mentions.is_empty()) {
            return Err(invalid("only a text mentions somebody"));
        }
        if let Some(place) = self.location {
            return Ok(place.content(reply_to));
        }
        if let Some(custom) = self.custom {
            return custom.content(reply_to);
        }
        if let Some(text) = self.text {
            let mentions: Result<Vec<_>, Failure> = self
                .mentions
                .iter()
                .map(|text| user(text).map(UserId::to_bytes))
                .collect();
            let body = TextBody {
                mentions: mentions?,
                mention_all: self.mention_all,
                reply_to,
                ..TextBody::new(text)
            };
            return Ok((FrameType::TEXT, body.encode_to_vec().into()));
        }
        let card = match (self.contact, self.link) {
            (Some(contact), _) => card_body::Card::Contact(ContactCard {
                user: user(&contact.user)?.to_bytes(),
                name: contact.name,
            }),
            (None, link) => {
                let link = link.ok_or_else(|| invalid("nothing is sent"))?;
                card_body::Card::Link(LinkCard {
                    url: link.url,
                    title: link.title,
                    text: link.text,
                    ..LinkCard::default()
                })
            }
        };
        let body = CardBody {
            card: Some(card),
            reply_to,
            ..CardBody::default()
        };
        Ok((FrameType::CARD, body.encode_to_vec().into()))
    }
}
