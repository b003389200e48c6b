//! The reference model: what a run has promised so far.
//!
//! It is fed from three sides, and trusts none of them: the batches that became durable on the disk
//! of the server ([`server`]), those that became durable on the disks of the devices ([`device`]),
//! and what applications saw ([`sight`]). What a conversation allows follows from its own log
//! ([`conversation`]), read by the letter of the specification; the rows that the server keeps
//! beside its logs are not asked.

pub mod contacts;
pub mod conversation;
pub mod device;
pub mod files;
pub mod governed;
pub mod history;
pub mod membership;
pub mod operated;
pub mod rows;
#[cfg(test)]
pub mod scene;
pub mod server;
pub mod sight;

use std::time::Duration;

use eim_client::store::{Applied, Batch};
use eim_codec::id::{ConversationId, UserId};
use eim_server::store::Entry;
use eim_server::store::kv::inspect::{Name, Record};

use crate::observation::Observation;
use crate::plan::DeviceNumber;

pub use self::conversation::Conversation;
pub use self::device::{CursorStep, DeviceChange, Devices, Held};
pub use self::history::History;
pub use self::server::{Server, ServerChange};
pub use self::sight::{Send, Sight};

/// What a run has promised so far.
#[derive(Debug, Default)]
pub struct Model {
    /// Virtual time of what was taken last.
    pub now: Duration,
    /// What is durable at the server.
    pub server: Server,
    /// What is durable on the devices.
    pub devices: Devices,
    /// What applications saw.
    pub sight: Sight,
}

/// How full the queues of the server are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Now.
    pub used: u64,
    /// Most that the configuration allows.
    pub limit: u64,
}

/// What happened, with the model that has taken it over already.
#[derive(Debug)]
pub enum Event<'a> {
    /// A batch is durable at the server.
    Server(&'a ServerChange),
    /// A batch is durable on a device.
    Device(DeviceNumber, &'a DeviceChange),
    /// Somebody saw something.
    Seen(&'a Observation),
    /// A queue, by its name.
    Gauge(&'a str, Gauge),
    /// Nothing follows.
    End,
}

impl Model {
    /// Takes over a batch of the server that became durable.
    pub fn server_durable(&mut self, batch: Vec<(Name, Option<Record>)>) -> ServerChange {
        self.server.apply(batch)
    }

    /// Takes over a batch of a device that became durable, with what its store said about it.
    pub fn device_durable(
        &mut self,
        device: DeviceNumber,
        batch: &Batch,
        applied: &Applied,
    ) -> DeviceChange {
        self.devices.apply(device, batch, applied)
    }

    /// Takes over what somebody saw.
    pub fn saw(&mut self, observation: &Observation) {
        self.sight.see(self.now, observation);
        self.server.files.see(observation);
    }

    /// What `user` has not read of a conversation, how much of it calls the user, how far it has
    /// read, and whether it wants to come back; `None` for one that it never could read.
    #[must_use]
    pub fn unread(&self, user: UserId, id: ConversationId) -> Option<(u64, u64, u64, bool)> {
        let conversation = self.server.conversations.get(&id)?;
        let (from, through) = conversation.visible(user)?;
        let read = self.server.marks.get(&(id, user)).map_or(0, |mark| mark.0);
        let (mut unread, mut mentions) = (0, 0);
        for entry in &conversation.entries {
            let number = entry.conv_seq;
            let message = (0x20..0x40).contains(&entry.frame_type.0);
            if message && number >= from && number <= through && number > read {
                unread += 1;
                mentions += u64::from(self.calls(entry, user));
            }
        }
        let flagged = self.server.flags.contains(&(id, user));
        Some((unread, mentions, read, flagged))
    }

    /// Whether a message calls a user, as it was sent.
    fn calls(&self, entry: &Entry, user: UserId) -> bool {
        let (Some(sender), Some(key)) = (entry.sender, entry.client_msg_id) else {
            return false;
        };
        let send = self.sight.sends.get(&(sender, key));
        send.is_some_and(|send| send.calls.all || send.calls.users.contains(&user))
    }
}
