//! A client device under test: one profile folder and the processes that use it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Failure;
use crate::process::{Process, Programs, output};
use crate::verdict::{Ack, Stored};

/// Size of a line of the ack log.
const ACK_OCTETS: u64 = 219;

/// One device of one user.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    /// Name in reports.
    pub(crate) name: String,
    /// The user it belongs to.
    pub(crate) user: String,
    program: PathBuf,
    profile: PathBuf,
    log: PathBuf,
}

/// What `eim status --json` tells that matters here.
#[derive(Debug, Deserialize)]
struct Status {
    outbox: u64,
}

impl Device {
    /// Describes a device; nothing exists yet.
    pub(crate) fn new(programs: &Programs, folder: &Path, name: &str, user: &str) -> Self {
        Self {
            name: name.to_owned(),
            user: user.to_owned(),
            program: programs.client.clone(),
            profile: folder.join(name),
            log: folder.join(format!("{name}.log")),
        }
    }

    /// Logs in and keeps the pinned fingerprint and the resume token in the profile.
    pub(crate) fn login(
        &self,
        url: &str,
        fingerprint: Option<&str>,
        password: &str,
    ) -> Result<(), Failure> {
        let mut command = self.command("login");
        command
            .args(["--server", url, "--user", &self.user])
            .env("EIM_PASSWORD", password);
        if let Some(fingerprint) = fingerprint {
            command.args(["--fingerprint", fingerprint]);
        }
        output(&mut command).map(drop)
    }

    /// Creates a group and returns its id.
    pub(crate) fn create_group(&self, name: &str, members: &[&str]) -> Result<String, Failure> {
        let mut command = self.command("group");
        command.arg("create").arg(name).args(members);
        let printed = output(&mut command)?;
        printed
            .split(|c: char| !c.is_ascii_hexdigit())
            .find(|word| word.len() == 32)
            .map(str::to_owned)
            .ok_or_else(|| Failure::Run(format!("no group id in: {printed}")))
    }

    /// Starts sending the lines of `text`, again and again up to `total` lines. A restarted
    /// sender goes on where its checkpoint says.
    pub(crate) fn start_sending(
        &self,
        group: &str,
        text: &Path,
        total: u64,
    ) -> Result<Process, Failure> {
        let mut command = self.command("send");
        command.args(["--group", group, "--file"]).arg(text);
        command.args(["--until-total", &total.to_string()]);
        command
            .arg("--ack-log")
            .arg(self.ack_log())
            .arg("--checkpoint")
            .arg(self.checkpoint());
        Process::start(&format!("{} send", self.name), &mut command, &self.log)
    }

    /// Sends the lines of `text` to a user, again and again up to `total` lines.
    pub(crate) fn send_to(&self, user: &str, text: &Path, total: u64) -> Result<(), Failure> {
        let mut command = self.command("send");
        command.args(["--to", user, "--file"]).arg(text);
        command.args(["--until-total", &total.to_string()]);
        Process::start(&format!("{} send", self.name), &mut command, &self.log)?.finish()
    }

    /// Connects, pulls everything, and ends when nothing came for `idle_ms`.
    pub(crate) fn catch_up(&self, idle_ms: u64) -> Result<(), Failure> {
        let mut command = self.command("tail");
        command.args(["--json", "--until-idle", &idle_ms.to_string()]);
        Process::start(&format!("{} tail", self.name), &mut command, &self.log)?.finish()
    }

    /// Messages written to the outbox and not settled yet.
    pub(crate) fn unsettled(&self) -> Result<u64, Failure> {
        let printed = output(self.command("status").arg("--json"))?;
        let status: Status = serde_json::from_str(&printed)
            .map_err(|error| Failure::Run(format!("eim status printed {printed}: {error}")))?;
        Ok(status.outbox)
    }

    /// The acks its senders wrote down.
    pub(crate) fn acks(&self) -> Result<Vec<Ack>, Failure> {
        lines(&std::fs::read_to_string(self.ack_log()).unwrap_or_default())
    }

    /// About how many acks there are, from the size of the log; a sender that was killed may have
    /// died before it wrote some down.
    pub(crate) fn acked_about(&self) -> u64 {
        std::fs::metadata(self.ack_log()).map_or(0, |log| log.len() / ACK_OCTETS)
    }

    /// The content of its local store, in canonical order.
    pub(crate) fn export(&self) -> Result<Vec<Stored>, Failure> {
        lines(&output(&mut self.command("export"))?)
    }

    fn ack_log(&self) -> PathBuf {
        self.profile.with_extension("acks")
    }

    fn checkpoint(&self) -> PathBuf {
        self.profile.with_extension("checkpoint")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--profile").arg(&self.profile).arg(verb);
        command
    }
}

/// Parses JSON lines. A torn last line, from a writer that was killed, is not evidence.
fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Result<Vec<T>, Failure> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_str(line)
                .map_err(|error| Failure::Run(format!("not a record: {line}: {error}")))
        })
        .collect()
}
