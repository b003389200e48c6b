//! A client device under test: one profile folder and the processes that use it.

use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};

use crate::Failure;
use crate::process::{Process, Programs, output};

/// Lets a process that starts while the server is down wait for it.
const WAIT_S: &str = "300";
/// Most messages without a result: more than a fault lets gather.
const WINDOW: &str = "65536";

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
    password: Option<String>,
}

/// Where messages go.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A group, by id.
    Group(String),
    /// The direct conversation with a user.
    User(String),
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
            password: None,
        }
    }

    /// Its processes may log in with the password, if what the server knew of them is gone.
    pub(crate) fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
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
        command.arg("--history").arg(self.sent_history());
        command
            .arg("--checkpoint")
            .arg(self.profile.with_extension("checkpoint"));
        Process::start(&format!("{} send", self.name), &mut command, &self.log)
    }

    /// Starts sending what is written to it, line by line.
    pub(crate) fn start_feeding(&self, place: &Place) -> Result<(Process, ChildStdin), Failure> {
        let mut command = self.command("send");
        match place {
            Place::Group(id) => command.args(["--group", id]),
            Place::User(name) => command.args(["--to", name]),
        };
        command.args(["--window", WINDOW]);
        command.arg("--history").arg(self.sent_history());
        Process::start_fed(&format!("{} send", self.name), &mut command, &self.log)
    }

    /// Starts receiving.
    pub(crate) fn start_tail(&self) -> Result<Process, Failure> {
        let mut command = self.command("tail");
        command
            .arg("--quiet")
            .arg("--history")
            .arg(self.received_history());
        Process::start(&format!("{} tail", self.name), &mut command, &self.log)
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
        self.start_catching_up(idle_ms)?.finish()
    }

    /// As [`catch_up`](Self::catch_up), without waiting.
    pub(crate) fn start_catching_up(&self, idle_ms: u64) -> Result<Process, Failure> {
        let mut command = self.command("tail");
        command.args(["--quiet", "--until-idle", &idle_ms.to_string()]);
        command.arg("--history").arg(self.received_history());
        Process::start(&format!("{} tail", self.name), &mut command, &self.log)
    }

    /// Reads the newest messages of a group from the server; returns how many there were.
    pub(crate) fn newest(&self, group: &str, count: usize) -> Result<usize, Failure> {
        let mut command = self.command("history");
        command.args(["--json", "--group", group, "--last", &count.to_string()]);
        Ok(output(&mut command)?.lines().count())
    }

    /// Writes what its store holds at the end into a history.
    pub(crate) fn read(&self) -> Result<(), Failure> {
        let mut command = self.command("export");
        command.arg("--history").arg(self.read_history());
        output(&mut command).map(drop)
    }

    /// The histories its processes wrote.
    pub(crate) fn histories(&self) -> Vec<PathBuf> {
        let all = [
            self.sent_history(),
            self.received_history(),
            self.read_history(),
        ];
        all.into_iter().filter(|path| path.exists()).collect()
    }

    /// Where its sending processes write.
    pub(crate) fn sent_history(&self) -> PathBuf {
        self.profile.with_extension("sent.jsonl")
    }

    fn received_history(&self) -> PathBuf {
        self.profile.with_extension("received.jsonl")
    }

    fn read_history(&self) -> PathBuf {
        self.profile.with_extension("read.jsonl")
    }

    /// A command of this device.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--profile")
            .arg(&self.profile)
            .args(["--wait", WAIT_S])
            .arg(verb);
        if let Some(password) = &self.password {
            command.env("EIM_PASSWORD", password);
        }
        command
    }
}
