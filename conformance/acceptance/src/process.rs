//! Child processes with signals: what a person does with `kill`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::patience::Patience;

/// Where the two programs under test are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `eim-server`.
    pub(crate) server: PathBuf,
    /// `eim`.
    pub(crate) client: PathBuf,
}

impl Programs {
    /// The programs that were built beside this one, unless named.
    pub(crate) fn locate(
        server: Option<PathBuf>,
        client: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let beside = |name: &str| -> Result<PathBuf, Failure> {
            let own = std::env::current_exe()?;
            let folder = own.parent().unwrap_or_else(|| Path::new("."));
            let path = folder.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(Failure::Setup(format!(
                    "{} does not exist: build it first with `cargo build --release -p eim-server -p eim-client`",
                    path.display()
                )))
            }
        };
        Ok(Self {
            server: server.map_or_else(|| beside("eim-server"), Ok)?,
            client: client.map_or_else(|| beside("eim"), Ok)?,
        })
    }
}

/// A running child. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `command` with its output in `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self, Failure> {
        let out = File::options().create(true).append(true).open(log)?;
        Self::start_into(name, command, out.try_clone()?, out)
    }

    /// Starts `command` with its output and its complaints apart.
    pub(crate) fn start_into(
        name: &str,
        command: &mut Command,
        output: File,
        complaints: File,
    ) -> Result<Self, Failure> {
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(complaints)
            .spawn()
            .map_err(|error| Failure::Setup(format!("{name} did not start: {error}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
        })
    }

    /// Starts `command` with its standard input open, and its output in `log`.
    pub(crate) fn start_fed(
        name: &str,
        command: &mut Command,
        log: &Path,
    ) -> Result<(Self, ChildStdin), Failure> {
        let log = File::options().create(true).append(true).open(log)?;
        let failed = |why: String| Failure::Setup(format!("{name} did not start: {why}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let input = child
            .stdin
            .take()
            .ok_or_else(|| failed("no standard input".into()))?;
        let name = name.to_owned();
        Ok((Self { name, child }, input))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal)
            .map_err(|error| Failure::Setup(format!("signal to {}: {error}", self.name)))
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the end; an exit status other than 0 is a failure.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::Run(format!("{} ended with {status}", self.name)))
        }
    }

    /// As [`finish`](Self::finish), but gives up `what` after a while.
    pub(crate) fn finish_within(&mut self, time: Duration, what: &str) -> Result<(), Failure> {
        let mut patience = Patience::new(time);
        while self.ended()?.is_none() {
            patience.wait(what)?;
        }
        self.finish()
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Result<Option<std::process::ExitStatus>, Failure> {
        Ok(self.child.try_wait()?)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64, Failure> {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64, Failure> {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| Failure::Setup(format!("no {key} in /proc")))
    }

    /// User and system time so far, in seconds (100 ticks a second).
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
        match (ticks(11), ticks(12)) {
            (Some(user), Some(system)) => Ok((user + system) as f64 / 100.0),
            _ => Err(Failure::Setup("no times in /proc".into())),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::Setup(format!("{shown}: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Run(format!(
            "{shown} ended with {}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}
