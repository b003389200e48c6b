//! The commands of the launch protocol for clients.

use std::path::PathBuf;

use serde::Deserialize;

/// A line of the suite.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) command: serde_json::Value,
}

/// A command.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Command {
    Hello {
        protocol: u32,
    },
    Connect(Box<Connect>),
    Send(Send),
    SendAgain {
        #[serde(rename = "ref")]
        name: String,
    },
    History {
        conversation: String,
    },
    Conversation {
        conversation: String,
    },
    Shown {
        conversation: String,
        conv_seq: String,
    },
    Operate(Operate),
    State,
    Groups(Groups),
    Members {
        conversation: String,
    },
    Read {
        conversation: String,
        through: String,
    },
    Marks {
        conversation: String,
    },
    Watch {
        users: Vec<String>,
    },
    Presence {
        #[serde(default)]
        away: bool,
        #[serde(default)]
        status: String,
    },
    Typing {
        conversation: String,
        typing: bool,
    },
    Background {
        next_contact_ms: u64,
    },
    Close,
    Abandon,
}

/// Names of the commands, to tell an unknown one from a wrong one.
pub(super) const KNOWN: [&str; 19] = [
    "hello",
    "connect",
    "send",
    "send_again",
    "history",
    "conversation",
    "shown",
    "operate",
    "state",
    "groups",
    "members",
    "read",
    "marks",
    "watch",
    "presence",
    "typing",
    "background",
    "close",
    "abandon",
];

/// Log in, and stay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Connect {
    pub(super) endpoint: String,
    pub(super) certificate: Option<String>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) data: PathBuf,
    #[serde(default = "device_name")]
    pub(super) device_name: String,
    #[serde(default)]
    pub(super) mode: Mode,
}

fn device_name() -> String {
    "testee".to_owned()
}

/// What the connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    #[default]
    Full,
    SendOnly,
}

/// TEXT into the outbox.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Send {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) to_user: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) text: String,
}

/// An operation on a message into the outbox.
#[derive(Debug, Deserialize)]
pub(super) struct Operate {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) conversation: String,
    pub(super) conv_seq: String,
    #[serde(flatten)]
    pub(super) act: Act,
}

/// What is done to it.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub(super) enum Act {
    Edit {
        text: String,
    },
    Recall,
    React {
        reaction: String,
        #[serde(default)]
        remove: bool,
    },
    Pin {
        #[serde(default)]
        remove: bool,
    },
}

/// A request about groups.
#[derive(Debug, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Groups {
    Create { name: String, members: Vec<String> },
    Rename { conversation: String, name: String },
    Leave { conversation: String },
}
