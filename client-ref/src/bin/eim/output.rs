//! Messages on standard output.

use std::io::{self, BufWriter, Stdout, Write};

use eim_client::modified::Modified;
use eim_client::store::Message;
use eim_client::{Past, content_of};
use eim_codec::payload::Content;
use serde::Serialize;

/// A message as a JSON line of `eim tail` and `eim history`.
#[derive(Serialize)]
struct JsonLine<'a> {
    conversation: String,
    log_epoch: u64,
    conv_seq: u64,
    user_seq: u64,
    r#type: u8,
    sender: Option<String>,
    /// Server time of the commit, Unix milliseconds.
    time: u64,
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<JsonMedia>,
    client_msg_id: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    fallback_text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tombstone: bool,
    /// Text of the EDIT in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reactions: &'a [(String, u32)],
}

/// What a message says of a file.
#[derive(Serialize)]
struct JsonMedia {
    name: String,
    media_type: String,
    size: u64,
    sha256: String,
    /// In pixels; 0 when not known.
    width: u32,
    height: u32,
    duration_ms: u64,
    /// Octets of the thumbnail, which `eim get --thumbnail` saves.
    thumbnail: usize,
}

impl JsonMedia {
    fn of(message: &Message, modified: Option<&Modified>) -> Option<Self> {
        let Content::Media(body) = content_of(message, modified)? else {
            return None;
        };
        let blob = body.blob.unwrap_or_default();
        let sha256 = blob.sha256.iter().map(|octet| format!("{octet:02x}"));
        Some(Self {
            sha256: sha256.collect(),
            name: blob.name,
            media_type: blob.media_type,
            size: blob.size,
            width: body.width,
            height: body.height,
            duration_ms: body.duration_ms,
            thumbnail: body.thumbnail.len(),
        })
    }
}

/// Standard output, buffered; flushed when there is nothing more at hand.
#[derive(Debug)]
pub(crate) struct Output {
    writer: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            writer: BufWriter::with_capacity(64 * 1024, io::stdout()),
        }
    }

    /// A message as JSON.
    pub(crate) fn json(&mut self, message: &Message) -> io::Result<()> {
        self.message(message, None, &[])
    }

    /// A message of the past as JSON, with what has become of it.
    pub(crate) fn past(&mut self, past: &Past) -> io::Result<()> {
        self.message(&past.message, Some(&past.modified), &past.reactions)
    }

    fn message(
        &mut self,
        message: &Message,
        modified: Option<&Modified>,
        reactions: &[(String, u32)],
    ) -> io::Result<()> {
        let edit = modified.and_then(|modified| modified.edit.as_ref());
        let line = JsonLine {
            conversation: message.conversation.to_string(),
            log_epoch: message.log_epoch,
            conv_seq: message.conv_seq,
            user_seq: message.user_seq,
            r#type: message.frame_type.0,
            sender: message.sender.map(|id| id.to_string()),
            time: message.time_ms,
            text: eim_client::text_of(message),
            media: JsonMedia::of(message, modified),
            client_msg_id: message.client_msg_id.map(|id| id.to_string()),
            fallback_text: &message.fallback_text,
            tombstone: message.tombstone,
            edited: edit.map(|edit| edit.body.text.as_str()),
            pinned: modified.is_some_and(|modified| modified.pinned),
            reactions,
        };
        self.serialize(&line)
    }

    /// Anything as a JSON line.
    pub(crate) fn serialize(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, value)?;
        self.writer.write_all(b"\n")
    }

    /// A line of text.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        self.writer.write_all(line.as_bytes())?;
        self.writer.write_all(b"\n")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Time of day (UTC) of a server time.
pub(crate) fn time_of_day(time_ms: u64) -> String {
    let seconds = time_ms / 1000 % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

// impl[EIM-SEC-011]
/// Makes text harmless for a terminal: control characters would move the cursor or worse.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter,
            letter if letter.is_control() => '\u{FFFD}',
            letter => letter,
        })
        .collect()
}
