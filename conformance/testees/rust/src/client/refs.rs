//! Names that the suite gave to messages, durable beside the messages themselves.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use eim_codec::id::ClientMsgId;

use super::command::Send;

/// What is kept of each message: the name of its latest attempt by the user, and what was asked.
#[derive(Debug)]
pub(super) struct Refs {
    file: File,
    names: BTreeMap<ClientMsgId, String>,
    asked: BTreeMap<String, Send>,
}

impl Refs {
    /// Those of a folder.
    pub(super) fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(folder.join("refs"))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The last line may be half there after a kill: its command was not answered.
        let names = text.lines().filter_map(parse).collect();
        Ok(Self {
            file,
            names,
            asked: BTreeMap::new(),
        })
    }

    /// Keeps a name before its command is answered.
    pub(super) fn keep(&mut self, id: ClientMsgId, send: Send) -> std::io::Result<()> {
        writeln!(self.file, "{id} {}", send.name)?;
        self.file.sync_data()?;
        self.names.insert(id, send.name.clone());
        self.asked.insert(send.name.clone(), send);
        Ok(())
    }

    /// The name of a message.
    pub(super) fn name(&self, id: ClientMsgId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// What was asked under a name in this process.
    pub(super) fn asked(&self, name: &str) -> Option<&Send> {
        self.asked.get(name)
    }
}

fn parse(line: &str) -> Option<(ClientMsgId, String)> {
    let (id, name) = line.split_once(' ')?;
    Some((id.parse().ok()?, name.to_owned()))
}
