//! A group whose members send texts.

use std::path::{Path, PathBuf};

use eim_conformance::history::{Event, Op};

use crate::Failure;
use crate::device::Device;
use crate::process::Process;
use crate::scenario::Ground;
use crate::scenario::judge::{Judged, judge};
use crate::server::{Server, Transport};
use crate::text::{expected_bodies, texts};

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
    absent: Vec<Device>,
    late: Device,
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

    /// Messages that are to be sent altogether.
    pub(crate) fn total(&self) -> u64 {
        self.share * self.senders.len() as u64
    }

    /// Connects every device, the late one too, and judges what they saw and hold.
    pub(crate) fn judge(&self) -> Result<Judged, Failure> {
        self.late
            .login(&self.url, Some(&self.fingerprint), PASSWORD)?;
        let mut histories = Vec::new();
        for device in self.senders.iter().chain(&self.absent).chain([&self.late]) {
            device.catch_up(3000)?;
            device.read()?;
            histories.extend(device.histories());
        }
        for (sender, text) in self.senders.iter().zip(&self.texts) {
            self.check_content(sender, text)?;
        }
        judge(&histories)
    }

    /// A sender asked for the lines of its text, each once, in order. That they were kept like
    /// that is what the histories say.
    fn check_content(&self, sender: &Device, text: &Path) -> Result<(), Failure> {
        let mut asked = Vec::new();
        for line in std::fs::read_to_string(sender.sent_history())?.lines() {
            if let Ok(Event {
                op: Op::Send(send), ..
            }) = serde_json::from_str(line)
            {
                asked.push(send.sha256);
            }
        }
        let expected = expected_bodies(text, self.share)?;
        if asked == expected {
            return Ok(());
        }
        let at = asked.iter().zip(&expected).position(|(a, b)| a != b);
        Err(Failure::Verdict(format!(
            "{} sent {} of {} lines; first difference at {at:?}",
            sender.name,
            asked.len(),
            expected.len()
        )))
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
