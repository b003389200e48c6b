//! What applications, drivers and the world see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use eim_client::event::{Disconnected, End};
use eim_client::store::{Message, Target};
use eim_client::{CallSignal, ConnectionState, Presence, Sent};
use eim_codec::id::{BlobId, CallId, ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::Entry;

use crate::plan::{DeviceNumber, Fault};
pub use crate::question::{Question, Reply};
use crate::world::Trace;

/// One incarnation of a device's program, or of a second program on that device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// The device.
    pub device: DeviceNumber,
    /// Which one of the device, from 1.
    pub incarnation: u32,
}

/// An observation and its virtual time.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Virtual time since the beginning of the run.
    pub at: Duration,
    /// What was seen.
    pub what: Observation,
}

/// Whom a message calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Everybody.
    pub all: bool,
    /// By id.
    pub users: BTreeSet<UserId>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to end and did so in order.
    Orderly,
    /// It stopped to exist, at any instant.
    Crash,
    /// The client is over by itself.
    Over(End),
    /// The store of the server failed, so the process ended itself.
    StoreFailed(String),
}

/// What applications, drivers and the world see, in the order it happens.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The server is up.
    ServerStarted {
        /// Which one, from 1.
        incarnation: u32,
    },
    /// The server is gone.
    ServerEnded {
        /// Which one.
        incarnation: u32,
        /// How.
        how: Ending,
    },
    /// The store told the server of a committed entry, before anybody else heard of it. It must be
    /// durable.
    Committed {
        /// The entry.
        entry: Arc<Entry>,
        /// Whose timelines it entered, with its number there.
        recipients: Arc<[(UserId, u64)]>,
    },
    /// A program on a device is up.
    DeviceStarted {
        /// The process.
        process: Process,
        /// Id of the device.
        device: DeviceId,
        /// Its user.
        user: UserId,
        /// Sends only, beside the device's own program.
        send_only: bool,
    },
    /// A program on a device is gone.
    DeviceEnded {
        /// The process.
        process: Process,
        /// How.
        how: Ending,
    },
    /// A connection changed.
    Connection {
        /// The process.
        process: Process,
        /// How it is now.
        state: ConnectionState,
    },
    /// A connection ended.
    Disconnected {
        /// The process.
        process: Process,
        /// Why.
        why: Disconnected,
    },
    /// An application sends. The message may be forgotten if the device crashes before
    /// [`SendStored`](Self::SendStored).
    SendBegun {
        /// The process.
        process: Process,
        /// Key of the message.
        key: ClientMsgId,
        /// Where it goes.
        target: Target,
        /// What it is.
        frame_type: FrameType,
        /// SHA-256 of the body.
        sha256: [u8; 32],
        /// Whom it calls.
        calls: Calls,
    },
    /// The message is durable in the outbox of the device: it will arrive or be refused.
    SendStored {
        /// The process.
        process: Process,
        /// Key of the message.
        key: ClientMsgId,
    },
    /// The server made the message durable, and the application was told.
    Acked {
        /// The process.
        process: Process,
        /// Key and place.
        sent: Sent,
    },
    /// The server refused the message for good.
    Refused {
        /// The process.
        process: Process,
        /// Key of the message.
        key: ClientMsgId,
        /// Why.
        code: ErrorCode,
    },
    /// The server refused the message for now.
    Postponed {
        /// The process.
        process: Process,
        /// Key of the message.
        key: ClientMsgId,
        /// Why.
        code: ErrorCode,
        /// Not before so many milliseconds.
        retry_after_ms: u64,
        /// The application has once read what it was told long after it was told.
        late: bool,
    },
    /// The server limits how many messages come in a time.
    Rates,
    /// The application was shown a message; it is durable in the store of the device.
    Delivered {
        /// The process.
        process: Process,
        /// The message.
        message: Box<Message>,
    },
    /// The client sends lost messages again.
    Requeued {
        /// The process.
        process: Process,
        /// How many.
        messages: usize,
    },
    /// The client has everything, for the moment.
    CaughtUp {
        /// The process.
        process: Process,
    },
    /// A person reads a conversation through this number.
    MarkBegun {
        /// The process.
        process: Process,
        /// The conversation.
        conversation: ConversationId,
        /// Number.
        through: u64,
    },
    /// A person has read a conversation through this number, and the device will remember it.
    MarkStored {
        /// The process.
        process: Process,
        /// The conversation.
        conversation: ConversationId,
        /// Number.
        through: u64,
    },
    /// An application asks.
    Asked {
        /// The process.
        process: Process,
        /// Number of the step.
        step: u32,
        /// What.
        question: Question,
    },
    /// An application was answered.
    Answered {
        /// The process.
        process: Process,
        /// Number of the step.
        step: u32,
        /// What.
        reply: Reply,
    },
    /// An application was told how users are.
    Presence {
        /// The process.
        process: Process,
        /// They.
        users: Vec<Presence>,
    },
    /// An application was told that somebody types, or ceases to.
    Typing {
        /// The process.
        process: Process,
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Types.
        typing: bool,
    },
    /// The operator begins to import departments.
    ImportBegun {
        /// Which import, from 1.
        number: u32,
        /// The groups that follow from it, with their members.
        groups: BTreeMap<ConversationId, BTreeSet<UserId>>,
    },
    /// The import ended; without an end the server ended before.
    ImportEnded {
        /// Which import.
        number: u32,
        /// It was carried out.
        done: bool,
    },
    /// An application was told a signal of a call.
    Signal {
        /// The process.
        process: Process,
        /// It.
        signal: CallSignal,
        /// The call rings.
        rings: bool,
    },
    /// An application was told that a call is not known any more.
    CallGone {
        /// The process.
        process: Process,
        /// Which.
        call: CallId,
    },
    /// Who knows hash and size of octets counts as having them in this world.
    FilesShared,
    /// The disk of the server keeps a part of a file, which survives everything from now on.
    PartKept {
        /// Under which the file is kept.
        content: BlobId,
        /// Which part, from 0.
        part: u32,
        /// Octets of it.
        octets: u64,
    },
    /// The disk of the server keeps nothing of a file any more.
    PartsRemoved {
        /// Under which the file was kept.
        content: BlobId,
    },
    /// What the disk of the server keeps of files after all that nobody needs has gone: SHA-256 of
    /// the parts together.
    Kept {
        /// By the id under which each is kept.
        contents: BTreeMap<BlobId, [u8; 32]>,
    },
    /// An application uploads a file.
    UploadBegun {
        /// The process.
        process: Process,
        /// SHA-256 of the octets.
        sha256: [u8; 32],
        /// How many there are.
        size: u64,
    },
    /// The server has said from where on it wants the octets.
    UploadFrom {
        /// The process.
        process: Process,
        /// SHA-256 of the octets.
        sha256: [u8; 32],
        /// First octet that it wants.
        offset: u64,
    },
    /// The application was told that all octets are durable.
    Uploaded {
        /// The process.
        process: Process,
        /// The blob.
        blob: BlobId,
        /// SHA-256 of the octets.
        sha256: [u8; 32],
    },
    /// The application was told that the upload has failed.
    UploadFailed {
        /// The process.
        process: Process,
        /// SHA-256 of the octets.
        sha256: [u8; 32],
        /// Why.
        code: ErrorCode,
    },
    /// A device handed a cursor to the network: it says that it has stored everything so far.
    CursorTold {
        /// The device.
        device: DeviceNumber,
        /// Epoch.
        log_epoch: u64,
        /// Number of the timeline.
        user_seq: u64,
    },
    /// What the store of a device gives when it is read at the end.
    Stored {
        /// The device.
        device: DeviceNumber,
        /// All its messages, in order.
        messages: Vec<Message>,
    },
    /// Something was made to go wrong.
    Fault(Fault),
    /// All faults have ended; from here on everything must become quiet.
    Healed,
    /// Nothing is under way any more. The run ends.
    Quiet,
    /// Something was still under way when the patience after [`Healed`](Self::Healed) was over.
    NotQuiet {
        /// What.
        detail: String,
    },
}

impl Observation {
    /// Adds the observation to the hash of the run.
    pub(crate) fn trace(&self, trace: &mut Trace) {
        match self {
            Self::Committed { entry, recipients } => {
                trace.number(1);
                trace.octets(entry.conversation.as_bytes());
                trace.number(entry.conv_seq);
                trace.number(entry.time_ms);
                trace.octets(&entry.body);
                for (user, user_seq) in recipients.iter() {
                    trace.octets(user.as_bytes());
                    trace.number(*user_seq);
                }
            }
            Self::Delivered { process, message } => {
                trace.number(2);
                trace.number(u64::from(process.device.0));
                trace.number(u64::from(process.incarnation));
                trace.octets(message.conversation.as_bytes());
                trace.number(message.conv_seq);
                trace.number(message.user_seq);
                trace.octets(&message.body);
            }
            other => trace.octets(format!("{other:?}").as_bytes()),
        }
    }
}
