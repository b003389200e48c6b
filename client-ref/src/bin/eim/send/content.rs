//! What is sent instead of texts: media by reference, places, cards, messages of applications.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use eim_client::Client;
use eim_codec::payload::{
    CardBody, ContactCard, Content, CustomBody, LinkCard, LocationBody, MediaBody, card_body,
};
use eim_codec::registry::FrameType;

use crate::exit::Failure;
use crate::files::{Policy, Prepared};

/// What is sent instead of texts; the text becomes the caption, label or title.
#[derive(Args, Debug)]
pub(crate) struct ContentArgs {
    /// image, file, voice, video, location, card, or a namespace (a reversed domain name) for
    /// custom messages.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// Image, file, voice, video: the file, which is uploaded first. If it is not given, the text is
    /// its path.
    #[arg(long, value_name = "FILE", requires = "kind")]
    media: Option<PathBuf>,
    /// Media type, where the name of the file does not tell. Pictures tell it themselves.
    #[arg(long, value_name = "TYPE", requires = "kind")]
    media_type: Option<String>,
    /// Uploads nothing: by which somebody else, who keeps the file, knows it.
    #[arg(long, value_name = "TEXT", requires = "kind")]
    blob: Option<String>,
    /// A small picture that is sent with it. Made of an image if it is not given; of videos, none is
    /// made.
    #[arg(long, value_name = "FILE", requires = "kind")]
    thumbnail: Option<PathBuf>,
    /// Image, video: width and height in pixels. Images tell them themselves.
    #[arg(long, value_name = "WxH", requires = "kind", value_parser = dimensions)]
    dimensions: Option<(u32, u32)>,
    /// Voice, video: seconds.
    #[arg(long, value_name = "SECONDS", requires = "kind")]
    duration: Option<f64>,
    #[command(flatten)]
    policy: Policy,
    /// Location: degrees north and east.
    #[arg(
        long,
        value_name = "LAT,LON",
        requires = "kind",
        allow_hyphen_values = true,
        value_parser = place
    )]
    at: Option<(f64, f64)>,
    /// Card: a user.
    #[arg(long, value_name = "USER", requires = "kind")]
    contact: Option<String>,
    /// Card: a page.
    #[arg(
        long,
        value_name = "URL",
        requires = "kind",
        conflicts_with = "contact"
    )]
    url: Option<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Media(FrameType),
    Location,
    Card,
    Custom(String),
}

fn kind(text: &str) -> Result<Kind, String> {
    Ok(match text {
        "image" => Kind::Media(FrameType::IMAGE),
        "file" => Kind::Media(FrameType::FILE),
        "voice" => Kind::Media(FrameType::VOICE),
        "video" => Kind::Media(FrameType::VIDEO),
        "location" => Kind::Location,
        "card" => Kind::Card,
        namespace => {
            let body = CustomBody {
                namespace: namespace.to_owned(),
                ..CustomBody::default()
            };
            body.check().map_err(|error| error.to_string())?;
            Kind::Custom(body.namespace)
        }
    })
}

fn dimensions(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text.split_once('x').ok_or("WIDTHxHEIGHT")?;
    let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
    Ok((number(width)?, number(height)?))
}

fn place(text: &str) -> Result<(f64, f64), String> {
    let (latitude, longitude) = text.split_once(',').ok_or("LATITUDE,LONGITUDE")?;
    let number = |text: &str| text.trim().parse().map_err(|_| "degrees".to_owned());
    Ok((number(latitude)?, number(longitude)?))
}

impl ContentArgs {
    /// Whether the text is the path of a file.
    pub(super) const fn takes_path(&self) -> bool {
        matches!(self.kind, Some(Kind::Media(_))) && self.media.is_none()
    }

    /// Whether one message without any text makes sense.
    pub(super) const fn stands_alone(&self) -> bool {
        matches!(
            self.kind,
            Some(Kind::Media(_) | Kind::Location | Kind::Card)
        )
    }

    /// What all messages of this command have in common; `None` for texts.
    pub(super) async fn template(
        &self,
        client: &Client,
        path: Option<&str>,
    ) -> Result<Option<Template>, Failure> {
        let Some(kind) = &self.kind else {
            return Ok(None);
        };
        let (frame_type, content) = match kind {
            Kind::Media(frame_type) => (
                *frame_type,
                Content::Media(self.media(client, *frame_type, path).await?),
            ),
            Kind::Location => {
                let (latitude, longitude) = self.at.ok_or_else(|| needs("location", "--at"))?;
                let body = LocationBody {
                    latitude,
                    longitude,
                    ..LocationBody::default()
                };
                (FrameType::LOCATION, Content::Location(body))
            }
            Kind::Card => (FrameType::CARD, Content::Card(self.card(client).await?)),
            Kind::Custom(namespace) => {
                let body = CustomBody {
                    namespace: namespace.clone(),
                    ..CustomBody::default()
                };
                (FrameType::CUSTOM, Content::Custom(body))
            }
        };
        Ok(Some(Template {
            frame_type,
            content,
        }))
    }

    async fn media(
        &self,
        client: &Client,
        frame_type: FrameType,
        path: Option<&str>,
    ) -> Result<MediaBody, Failure> {
        let path = self.media.as_deref().or_else(|| path.map(Path::new));
        let path = path.ok_or_else(|| needs("this kind", "the path of a file"))?;
        // What somebody else keeps is not changed here.
        let policy = match self.blob {
            Some(_) => self.policy.kept(),
            None => self.policy,
        };
        let media_type = self.media_type.as_deref();
        let mut prepared = Prepared::of(path, media_type, frame_type, policy).await?;
        if self.blob.is_none() {
            prepared.upload(client, path, true).await?;
        }
        let mut body = prepared.body;
        if let (Some(blob), Some(name)) = (&mut body.blob, &self.blob) {
            blob.blob = Bytes::from(name.clone());
        }
        if let Some(path) = &self.thumbnail {
            let read = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            body.thumbnail = read.into();
        }
        if let Some(dimensions) = self.dimensions {
            (body.width, body.height) = dimensions;
        }
        let duration = Duration::try_from_secs_f64(self.duration.unwrap_or_default())
            .map_err(|error| Failure::usage(format!("--duration: {error}")))?;
        body.duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Ok(body)
    }

    async fn card(&self, client: &Client) -> Result<CardBody, Failure> {
        let card = match (&self.contact, &self.url) {
            (Some(name), _) => {
                let user = client.user(name).await?;
                card_body::Card::Contact(ContactCard {
                    user: user.user.to_bytes(),
                    name: user.name,
                })
            }
            (None, Some(url)) => card_body::Card::Link(LinkCard {
                url: url.clone(),
                ..LinkCard::default()
            }),
            (None, None) => return Err(needs("a card", "--contact or --url")),
        };
        Ok(CardBody {
            card: Some(card),
            ..CardBody::default()
        })
    }
}

fn needs(what: &str, option: &str) -> Failure {
    Failure::usage(format!("{what} needs {option}"))
}

/// What all messages of a command have in common.
pub(super) struct Template {
    pub(super) frame_type: FrameType,
    content: Content,
}

impl Template {
    /// The content with a line of the input in its place.
    pub(super) fn with(&self, line: String, reply: u64) -> Content {
        let mut content = self.content.clone();
        match &mut content {
            Content::Media(body) => (body.caption, body.reply_to) = (line, reply),
            Content::Location(body) => (body.label, body.reply_to) = (line, reply),
            Content::Card(body) => {
                body.reply_to = reply;
                if let Some(card_body::Card::Link(card)) = &mut body.card {
                    card.title = line;
                }
            }
            Content::Custom(body) => body.data = line.into(),
            Content::Text(_) | Content::Notice(_) | Content::Forward(_) => {}
        }
        content
    }
}
