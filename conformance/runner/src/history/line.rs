//! A line of a file, taken apart quickly: a history has millions.

use std::borrow::Cow;

use serde::Deserialize;

use super::event::{
    Ack, Deliver, Entry, Event, FORMAT, Fail, Fault, Header, Op, Read, ReadMark, Send, Start,
    Unread,
};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Header(Header),
    Event(Event),
}

/// Every member that a line may have. One flat object is read several times as fast as a form that
/// depends on `op`.
#[derive(Deserialize)]
struct Flat<'a> {
    history: Option<u32>,
    #[serde(borrow)]
    writer: Option<Cow<'a, str>>,
    seed: Option<u64>,
    started_us: Option<u64>,
    at_us: Option<u64>,
    #[serde(borrow)]
    process: Option<Cow<'a, str>>,
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    device: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outbox: Option<Cow<'a, str>>,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    conversation: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_user: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    frame_type: Option<u8>,
    #[serde(borrow)]
    sha256: Option<Cow<'a, str>>,
    log_epoch: Option<u64>,
    conv_seq: Option<u64>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sender: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sender_device: Option<Cow<'a, str>>,
    #[serde(default)]
    tombstone: bool,
    #[serde(default)]
    past: bool,
    from: Option<u64>,
    through: Option<u64>,
    complete: Option<bool>,
    #[serde(default)]
    more: bool,
    visible_through: Option<u64>,
    entries: Option<Vec<Entry>>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
    for_us: Option<u64>,
    read: Option<u64>,
    unread: Option<u64>,
}

/// A member that has to be there.
fn need<T>(value: Option<T>, name: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("{name} is missing"))
}

fn text(value: Option<Cow<'_, str>>, name: &str) -> Result<String, String> {
    need(value, name).map(Cow::into_owned)
}

fn maybe(value: Option<Cow<'_, str>>) -> Option<String> {
    value.map(Cow::into_owned)
}

impl Line {
    /// Takes a line apart.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let mut flat: Flat<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if let Some(version) = flat.history {
            if version != FORMAT {
                return Err(format!(
                    "form {version}, but this program knows form {FORMAT}"
                ));
            }
            return Ok(Self::Header(Header {
                history: version,
                writer: text(flat.writer, "writer")?,
                seed: flat.seed,
                started_us: flat.started_us,
            }));
        }
        let at_us = need(flat.at_us, "at_us")?;
        let process = text(flat.process.take(), "process")?;
        let op = need(flat.op.take(), "op")?;
        let op = flat.op(&op)?;
        Ok(Self::Event(Event { at_us, process, op }))
    }
}

impl Flat<'_> {
    fn op(self, name: &str) -> Result<Op, String> {
        Ok(match name {
            "start" => Op::Start(Start {
                user: text(self.user, "user")?,
                device: text(self.device, "device")?,
                outbox: maybe(self.outbox),
            }),
            "end" => Op::End,
            "crash" => Op::Crash,
            "send" => Op::Send(Send {
                key: text(self.key, "key")?,
                conversation: maybe(self.conversation),
                to_user: maybe(self.to_user),
                frame_type: need(self.frame_type, "type")?,
                sha256: text(self.sha256, "sha256")?,
            }),
            "ack" => Op::Ack(Ack {
                key: text(self.key, "key")?,
                conversation: text(self.conversation, "conversation")?,
                log_epoch: need(self.log_epoch, "log_epoch")?,
                conv_seq: need(self.conv_seq, "conv_seq")?,
            }),
            "fail" => Op::Fail(Fail {
                key: text(self.key, "key")?,
                code: text(self.code, "code")?,
            }),
            "deliver" => self.deliver()?,
            "read" => Op::Read(Read {
                conversation: text(self.conversation, "conversation")?,
                from: need(self.from, "from")?,
                through: need(self.through, "through")?,
                complete: need(self.complete, "complete")?,
                more: self.more,
                visible_through: self.visible_through,
                entries: need(self.entries, "entries")?,
            }),
            "mark" => Op::Mark(ReadMark {
                conversation: text(self.conversation, "conversation")?,
                log_epoch: need(self.log_epoch, "log_epoch")?,
                read: need(self.read, "read")?,
            }),
            "unread" => Op::Unread(Unread {
                conversation: text(self.conversation, "conversation")?,
                log_epoch: need(self.log_epoch, "log_epoch")?,
                from: need(self.from, "from")?,
                read: need(self.read, "read")?,
                unread: need(self.unread, "unread")?,
            }),
            "fault" => Op::Fault(Fault {
                kind: text(self.kind, "kind")?,
                detail: maybe(self.detail).unwrap_or_default(),
                for_us: self.for_us,
            }),
            other => return Err(format!("there is no op {other}")),
        })
    }

    fn deliver(self) -> Result<Op, String> {
        Ok(Op::Deliver(Deliver {
            conversation: text(self.conversation, "conversation")?,
            entry: Entry {
                log_epoch: need(self.log_epoch, "log_epoch")?,
                conv_seq: need(self.conv_seq, "conv_seq")?,
                key: maybe(self.key),
                sender: maybe(self.sender),
                sender_device: maybe(self.sender_device),
                frame_type: need(self.frame_type, "type")?,
                sha256: text(self.sha256, "sha256")?,
                tombstone: self.tombstone,
            },
            past: self.past,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::good;
    use super::*;

    #[test]
    fn what_is_written_is_read_quickly_and_slowly() {
        for event in good(3, 300).into_iter().chain(good(5, 300)) {
            let line = serde_json::to_vec(&event).unwrap();
            assert_eq!(Line::parse(&line), Ok(Line::Event(event.clone())));
            assert_eq!(serde_json::from_slice::<Event>(&line).unwrap(), event);
        }
        let header = Header::new("test");
        let line = serde_json::to_vec(&header).unwrap();
        assert_eq!(Line::parse(&line), Ok(Line::Header(header)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let parse = |text: &str| Line::parse(text.as_bytes()).unwrap_err();
        assert!(parse(r#"{"history":2,"writer":"x"}"#).contains("form 2"));
        assert!(parse(r#"{"at_us":1,"process":"p","op":"sned"}"#).contains("sned"));
        assert!(parse(r#"{"at_us":1,"process":"p","op":"ack"}"#).contains("key is missing"));
        assert!(parse(r#"{"at_us":1,"pro"#).contains("EOF"));
    }
}
