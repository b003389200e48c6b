//! A group whose members send texts: the set-up that `replay` and `faults` share.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::Failure;
use crate::device::Device;
use crate::process::Process;
use crate::scenario::Ground;
use crate::server::{Server, Transport};
use crate::text::{expected_bodies, texts};
use crate::verdict::{Stored, Verdict, judge};

const PASSWORD: &str = "a password of the acceptance runs";

/// What is sent.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Load {
    /// Messages altogether.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) messages: u64,
    /// Texts to send, one sender each; by default the project's samples.
    #[arg(long = "text")]
    pub(crate) texts: Vec<PathBuf>,
    /// How clients connect.
    #[arg(long, value_enum, default_value_t = Transport::Tls)]
    pub(crate) transport: Transport,
}

/// A server with a group: one sender for each text, two more members, and a device that
/// belongs to the first sender but does not exist yet.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) senders: Vec<Device>,
    pub(crate) absent: Vec<Device>,
    pub(crate) late: Device,
    texts: Vec<PathBuf>,
    share: u64,
    id: String,
    url: String,
    fingerprint: String,
}

impl Group {
    /// Creates accounts, devices and the group on a running server.
    pub(crate) fn create(ground: &Ground, server: &Server, load: &Load) -> Result<Self, Failure> {
        let texts = texts(&load.texts, &ground.folder)?;
        let users: Vec<String> = (1..=texts.len() + 2)
            .map(|n| format!("member{n}"))
            .collect();
        let accounts = ground.folder.join("accounts.csv");
        let lines: String = users
            .iter()
            .map(|user| format!("{user},{user},{PASSWORD}\n"))
            .collect();
        std::fs::write(&accounts, lines)?;
        server.import(&accounts)?;

        let url = server.url(load.transport);
        let fingerprint = server.fingerprint()?;
        let device =
            |name: String, user: &str| Device::new(&ground.programs, &ground.folder, &name, user);
        let mut all = users
            .iter()
            .map(|user| device(format!("{user}-first"), user));
        let senders: Vec<Device> = all.by_ref().take(texts.len()).collect();
        let absent: Vec<Device> = all.collect();
        let late = device("member1-late".into(), "member1");
        for device in senders.iter().chain(&absent) {
            device.login(&url, Some(&fingerprint), PASSWORD)?;
        }
        let founder = senders
            .first()
            .ok_or_else(|| Failure::Setup("no text".into()))?;
        let others: Vec<&str> = users.iter().skip(1).map(String::as_str).collect();
        let id = founder.create_group("acceptance", &others)?;
        let share = load.messages.div_ceil(texts.len() as u64);
        Ok(Self {
            senders,
            absent,
            late,
            texts,
            share,
            id,
            url,
            fingerprint,
        })
    }

    /// Starts sender number `at`; after a kill it goes on where it was.
    pub(crate) fn start_sender(&self, at: usize) -> Result<Process, Failure> {
        let (Some(sender), Some(text)) = (self.senders.get(at), self.texts.get(at)) else {
            return Err(Failure::Setup(format!("no sender {at}")));
        };
        sender.start_sending(&self.id, text, self.share)
    }

    /// About how many acks were written down so far.
    pub(crate) fn acked_about(&self) -> u64 {
        self.senders.iter().map(Device::acked_about).sum()
    }

    /// Messages that will be sent altogether.
    pub(crate) fn total(&self) -> u64 {
        self.share * self.senders.len() as u64
    }

    /// Connects every device, the late one too, and judges what they hold.
    pub(crate) fn judge(&self) -> Result<Verdict, Failure> {
        self.late
            .login(&self.url, Some(&self.fingerprint), PASSWORD)?;
        let devices = || self.senders.iter().chain(&self.absent).chain([&self.late]);
        for device in devices() {
            device.catch_up(3000)?;
        }
        let mut acks = Vec::new();
        for sender in &self.senders {
            acks.extend(sender.acks()?);
        }
        let mut exports = Vec::new();
        for device in devices() {
            exports.push((device.name.clone(), device.export()?));
        }
        let mut verdict = judge(&acks, &exports);
        if let Some((_, stored)) = exports.first() {
            self.check_content(stored, &mut verdict)?;
        }
        Ok(verdict)
    }

    /// Judges the acks by what a new device can still read. When it cannot even log in, or finds no
    /// conversation, everything acknowledged is lost.
    pub(crate) fn judge_late(&self) -> Result<Verdict, Failure> {
        let mut acks = Vec::new();
        for sender in &self.senders {
            acks.extend(sender.acks()?);
        }
        let login = self
            .late
            .login(&self.url, Some(&self.fingerprint), PASSWORD);
        let stored = match login.and_then(|()| self.late.catch_up(3000)) {
            Ok(()) => self.late.export()?,
            Err(failure) => {
                println!("nothing can be read: {failure}");
                Vec::new()
            }
        };
        Ok(judge(&acks, &[(self.late.name.clone(), stored)]))
    }

    /// Each sender's messages stand in the order of its text, each line as often as it was sent.
    /// Which messages are whose is read from the log, because a sender that was killed may have
    /// died between a durable result and writing it down.
    fn check_content(&self, stored: &[Stored], verdict: &mut Verdict) -> Result<(), Failure> {
        let by_key: HashMap<&str, &Stored> = stored
            .iter()
            .filter_map(|entry| Some((entry.client_msg_id.as_deref()?, entry)))
            .collect();
        for (sender, text) in self.senders.iter().zip(&self.texts) {
            let acks = sender.acks()?;
            let user = acks
                .iter()
                .find_map(|ack| by_key.get(ack.client_msg_id.as_str())?.sender.as_deref());
            let sent: Vec<&str> = stored
                .iter()
                .filter(|entry| entry.is_message() && entry.sender.as_deref() == user)
                .map(|entry| entry.sha256.as_str())
                .collect();
            let expected = expected_bodies(text, self.share)?;
            if sent != expected {
                let at = sent.iter().zip(&expected).position(|(a, b)| a != b);
                verdict.reordered.push(format!(
                    "{} sent {} of {} lines; first difference at {at:?}",
                    sender.name,
                    sent.len(),
                    expected.len()
                ));
            }
        }
        Ok(())
    }
}

/// Whether all senders are through; one that failed is a failure of the run.
pub(crate) fn all_ended(senders: &mut [Process]) -> Result<bool, Failure> {
    let mut all = true;
    for sender in senders {
        match sender.ended()? {
            Some(status) if !status.success() => {
                return Err(Failure::Run(format!("a sender ended with {status}")));
            }
            ended => all &= ended.is_some(),
        }
    }
    Ok(all)
}

/// Writes the verdict down and turns a bad one into a failure.
pub(crate) fn close(ground: &Ground, verdict: &Verdict) -> Result<(), Failure> {
    let report = ground.folder.join("verdict.json");
    let json =
        serde_json::to_string_pretty(verdict).map_err(|error| Failure::Setup(error.to_string()))?;
    std::fs::write(report, json)?;
    println!("{verdict}");
    if verdict.is_clean() {
        Ok(())
    } else {
        Err(Failure::Verdict(verdict.to_string()))
    }
}
