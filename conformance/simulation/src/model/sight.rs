//! What applications saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eim_client::Sent;
use eim_client::store::Target;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::{ErrorCode, FrameType};

use crate::observation::{Calls, Ending, Observation, Process, Question, Reply};
use crate::plan::{DeviceNumber, Fault, Node};

/// Groups of departments with their members.
pub type DepartmentGroups = BTreeMap<ConversationId, BTreeSet<UserId>>;

/// What applications saw.
#[derive(Debug, Default)]
pub struct Sight {
    /// All processes that ever were.
    pub processes: BTreeMap<Process, Program>,
    /// All messages that were begun.
    pub sends: BTreeMap<(UserId, ClientMsgId), Send>,
    /// Questions: who asked, what, and the answer if there was one.
    pub questions: BTreeMap<(Process, u32), (Question, Option<Reply>)>,
    /// Ids of the devices.
    pub device_ids: BTreeMap<DeviceId, DeviceNumber>,
    /// The import that was begun last and has not ended, and the groups that follow from it. One
    /// that never ends is carried out in part.
    pub importing: Option<(u32, DepartmentGroups)>,
    /// Incarnation of the server, 0 when it is down.
    pub server: u32,
    /// The clock of the server jumped: times say nothing about order.
    pub jumped: bool,
    /// Faults have ended.
    pub healed: bool,
    /// Nothing was under way at the end.
    pub quiet: bool,
    order: u64,
}

/// A process of a device.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its device.
    pub device: DeviceId,
    /// Its user.
    pub user: UserId,
    /// It only sends.
    pub send_only: bool,
    /// Number of the program that began the outbox from which it sends. One that starts when no
    /// other runs goes on with what the one before it left; a second program has one of its own.
    pub outbox: u32,
    /// How it ended; `None` while it runs.
    pub ended: Option<Ending>,
}

/// A message that an application sent.
#[derive(Clone, Debug)]
pub struct Send {
    /// Its process.
    pub process: Process,
    /// Its place among all messages that were begun.
    pub order: u64,
    /// When it was begun.
    pub at: Duration,
    /// Where it goes.
    pub conversation: ConversationId,
    /// What it is.
    pub frame_type: FrameType,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
    /// Whom it calls.
    pub calls: Calls,
    /// The application was told that it is durable in the outbox.
    pub stored: bool,
    /// Successes that applications were told of.
    pub acked: Vec<Sent>,
    /// Final refusals that applications were told of.
    pub refused: Vec<ErrorCode>,
}

impl Sight {
    /// The user and device of a process.
    #[must_use]
    pub fn program(&self, process: Process) -> Option<&Program> {
        self.processes.get(&process)
    }

    /// The message with a key, as its process names it.
    #[must_use]
    pub fn send_of(&self, process: Process, key: ClientMsgId) -> Option<&Send> {
        self.sends.get(&(self.program(process)?.user, key))
    }

    /// The user of a device.
    #[must_use]
    pub fn user_of(&self, device: DeviceNumber) -> Option<UserId> {
        self.processes
            .iter()
            .find(|(process, _)| process.device == device)
            .map(|(_, program)| program.user)
    }

    /// The id of a device.
    #[must_use]
    pub fn id_of(&self, device: DeviceNumber) -> Option<DeviceId> {
        self.device_ids
            .iter()
            .find(|(_, number)| **number == device)
            .map(|(id, _)| *id)
    }

    /// Whether a device had two full programs at a time.
    #[must_use]
    pub fn had_two(&self, device: DeviceNumber) -> bool {
        let outboxes: BTreeSet<u32> = self
            .processes
            .iter()
            .filter(|(process, program)| process.device == device && !program.send_only)
            .map(|(_, program)| program.outbox)
            .collect();
        outboxes.len() > 1
    }

    /// Devices with a full program that runs.
    #[must_use]
    pub fn running(&self) -> BTreeSet<DeviceNumber> {
        self.processes
            .iter()
            .filter(|(_, program)| program.ended.is_none() && !program.send_only)
            .map(|(process, _)| process.device)
            .collect()
    }

    /// Changes that a user asked for.
    pub fn changes_of(&self, user: UserId) -> impl Iterator<Item = &(Question, Option<Reply>)> {
        self.questions
            .iter()
            .filter(move |((process, _), (question, _))| {
                self.program(*process)
                    .is_some_and(|program| program.user == user)
                    && question.is_change()
            })
            .map(|(_, asked)| asked)
    }

    /// Takes over an observation.
    pub fn see(&mut self, now: Duration, observation: &Observation) {
        match observation {
            Observation::ServerStarted { incarnation } => self.server = *incarnation,
            Observation::ServerEnded { .. } => self.server = 0,
            Observation::DeviceStarted {
                process,
                device,
                user,
                send_only,
            } => {
                self.device_ids.insert(*device, process.device);
                let program = Program {
                    device: *device,
                    user: *user,
                    send_only: *send_only,
                    outbox: self.outbox(*process, *send_only),
                    ended: None,
                };
                self.processes.insert(*process, program);
            }
            Observation::DeviceEnded { process, how } => {
                if let Some(program) = self.processes.get_mut(process) {
                    program.ended = Some(how.clone());
                }
            }
            Observation::Asked {
                process,
                step,
                question,
            } => {
                let asked = (question.clone(), None);
                self.questions.insert((*process, *step), asked);
            }
            Observation::Answered {
                process,
                step,
                reply,
            } => {
                if let Some((_, answer)) = self.questions.get_mut(&(*process, *step)) {
                    *answer = Some(reply.clone());
                }
            }
            Observation::ImportBegun { number, groups } => {
                self.importing = Some((*number, groups.clone()));
            }
            Observation::ImportEnded { number, .. } => {
                let of = |(open, _): &mut (u32, _)| *open == *number;
                self.importing.take_if(of);
            }
            Observation::Fault(Fault::Clock {
                node: Node::Server, ..
            }) => self.jumped = true,
            Observation::Healed => self.healed = true,
            Observation::Quiet => self.quiet = true,
            _ => self.see_message(now, observation),
        }
    }

    fn outbox(&self, process: Process, send_only: bool) -> u32 {
        let same = self
            .processes
            .iter()
            .filter(|(other, program)| other.device == process.device && !program.send_only)
            .map(|(_, program)| program);
        let alone = same.clone().all(|program| program.ended.is_some());
        match same.clone().next_back() {
            Some(before) if alone && !send_only => before.outbox,
            _ => process.incarnation,
        }
    }

    fn see_message(&mut self, now: Duration, observation: &Observation) {
        match observation {
            Observation::SendBegun {
                process,
                key,
                target,
                frame_type,
                sha256,
                calls,
            } => {
                let Some(user) = self.program(*process).map(|program| program.user) else {
                    return;
                };
                self.order += 1;
                let conversation = match target {
                    Target::Conversation(id) => *id,
                    Target::User(peer) => ConversationId::direct(user, *peer),
                };
                let send = Send {
                    process: *process,
                    order: self.order,
                    at: now,
                    conversation,
                    frame_type: *frame_type,
                    sha256: *sha256,
                    calls: calls.clone(),
                    stored: false,
                    acked: Vec::new(),
                    refused: Vec::new(),
                };
                self.sends.entry((user, *key)).or_insert(send);
            }
            Observation::SendStored { process, key } => {
                self.change(*process, *key, |send| send.stored = true);
            }
            Observation::Acked { process, sent } => {
                self.change(*process, sent.client_msg_id, |send| send.acked.push(*sent));
            }
            Observation::Refused { process, key, code } => {
                self.change(*process, *key, |send| send.refused.push(*code));
            }
            _ => {}
        }
    }

    fn change(&mut self, process: Process, key: ClientMsgId, with: impl FnOnce(&mut Send)) {
        let Some(user) = self.program(process).map(|program| program.user) else {
            return;
        };
        if let Some(send) = self.sends.get_mut(&(user, key)) {
            with(send);
        }
    }
}
