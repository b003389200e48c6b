//! The log of messages that are durable at the server.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use eim_client::Sent;
use eim_client::store::OutboxItem;
use serde::Serialize;

use crate::exit::Failure;

/// Appends one JSON line for each message, only after its durable result is stored here.
pub(crate) struct AckLog {
    path: PathBuf,
    writer: BufWriter<File>,
}

#[derive(Serialize)]
struct Ack {
    client_msg_id: String,
    conversation: String,
    log_epoch: u64,
    conv_seq: u64,
    sha256: String,
}

impl AckLog {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| Failure::file(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::new(file),
        })
    }

    pub(crate) fn write(&mut self, item: &OutboxItem, sent: &Sent) -> Result<(), Failure> {
        let ack = Ack {
            client_msg_id: sent.client_msg_id.to_string(),
            conversation: sent.conversation.to_string(),
            log_epoch: sent.log_epoch,
            conv_seq: sent.conv_seq,
            sha256: eim_client::body_digest(&item.body),
        };
        let mut line =
            serde_json::to_vec(&ack).map_err(|error| Failure::usage(error.to_string()))?;
        line.push(b'\n');
        self.writer
            .write_all(&line)
            .map_err(|error| Failure::file(&self.path, &error))
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer
            .flush()
            .map_err(|error| Failure::file(&self.path, &error))
    }
}
