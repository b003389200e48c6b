//! A device in the hands of a person: one command after the other.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::device::Device;
use crate::patience::Patience;
use crate::process::{Process, output};
use crate::scenario::Ground;

/// How long anything may take.
const LONG: Duration = Duration::from_secs(120);

/// A device.
#[derive(Debug)]
pub(crate) struct Hand {
    /// Its name, in the list of devices too.
    pub(crate) name: String,
    device: Device,
    ground: Ground,
}

impl Hand {
    pub(crate) fn new(ground: &Ground, name: &str, user: &str) -> Self {
        Self {
            name: name.to_owned(),
            device: Device::new(&ground.programs, &ground.folder, name, user),
            ground: ground.clone(),
        }
    }

    /// Another device of the same user.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self::new(&self.ground, name, &self.device.user)
    }

    pub(crate) fn login(
        &self,
        url: &str,
        fingerprint: &str,
        password: &str,
        class: &str,
    ) -> Result<(), Failure> {
        let mut command = self.device.command("login");
        command
            .args(["--server", url, "--user", &self.device.user])
            .args(["--fingerprint", fingerprint])
            .args(["--device-class", class, "--device-name", &self.name])
            .env("EIM_PASSWORD", password);
        output(&mut command).map(drop)
    }

    /// Runs a command and returns what it prints.
    pub(crate) fn say(&self, words: &[&str]) -> Result<String, Failure> {
        let Some((verb, rest)) = words.split_first() else {
            return Err(Failure::Setup("no command".into()));
        };
        let printed = output(self.device.command(verb).args(rest))?;
        Ok(printed.trim().to_owned())
    }

    /// Sends a text and returns its number.
    pub(crate) fn send(&self, place: [&str; 2], text: &str) -> Result<String, Failure> {
        self.say(&["send", place[0], place[1], text])?;
        let last = self.say(&["history", place[0], place[1], "--last", "1", "--json"])?;
        let line: Value = serde_json::from_str(&last)
            .map_err(|error| Failure::Run(format!("{error} in {last}")))?;
        match (&line["text"], &line["conv_seq"]) {
            (Value::String(found), Value::Number(number)) if found == text => {
                Ok(number.to_string())
            }
            _ => Err(Failure::Run(format!("not what was sent last: {last}"))),
        }
    }

    /// Sends so many numbered lines to a group.
    pub(crate) fn many(&self, group: &str, count: u32) -> Result<(), Failure> {
        let lines: String = (1..=count).map(|at| format!("line {at}\n")).collect();
        let file = self.ground.folder.join(format!("{}.txt", self.name));
        std::fs::write(&file, lines)?;
        let mut command = self.device.command("send");
        command.args(["--group", group, "--file"]).arg(file);
        output(&mut command).map(drop)
    }

    /// Connects, and ends when everything is here.
    pub(crate) fn catch_up(&self) -> Result<(), Failure> {
        self.device.catch_up(1500)
    }

    /// What is unread, as the server counts for this device, has this in it.
    pub(crate) fn unread(&self, expected: &str) -> Result<(), Failure> {
        self.counts(expected, true)
    }

    /// What is unread does not have this in it.
    pub(crate) fn no_unread(&self, unexpected: &str) -> Result<(), Failure> {
        self.counts(unexpected, false)
    }

    fn counts(&self, text: &str, wanted: bool) -> Result<(), Failure> {
        let counts = self.say(&["unread"])?;
        if counts.contains(text) == wanted {
            return Ok(());
        }
        let not = if wanted { "does not count" } else { "counts" };
        let name = &self.name;
        Err(Failure::Verdict(format!(
            "{name} {not} {text:?}:\n{counts}"
        )))
    }

    /// None of these texts can be found on the device.
    pub(crate) fn holds_no(&self, texts: &[&str]) -> Result<(), Failure> {
        for text in texts {
            let found = self.say(&["search", text])?;
            if !found.is_empty() {
                return Err(Failure::Verdict(format!("{} holds {found}", self.name)));
            }
        }
        Ok(())
    }

    /// A running `tail`, as an application that is open.
    pub(crate) fn live(&self, what: &str) -> Result<Live, Failure> {
        let file = |end: &str| {
            let name = format!("{}-{what}.{end}", self.name);
            self.ground.folder.join(name)
        };
        let (shown, said) = (file("shown"), file("said"));
        let mut command = self.device.command("tail");
        let (output, complaints) = (File::create(&shown)?, File::create(&said)?);
        let process = Process::start_into(&self.name, &mut command, output, complaints)?;
        Ok(Live {
            name: self.name.clone(),
            process,
            shown,
            said,
        })
    }
}

/// A device that is on. Off when dropped.
#[derive(Debug)]
pub(crate) struct Live {
    name: String,
    process: Process,
    shown: PathBuf,
    said: PathBuf,
}

impl Live {
    /// Waits until it shows a text.
    pub(crate) fn shows(&self, text: &str) -> Result<(), Failure> {
        let mut patience = Patience::new(LONG);
        while !std::fs::read_to_string(&self.shown)?.contains(text) {
            patience.wait(&format!("{} to show {text:?}", self.name))?;
        }
        Ok(())
    }

    /// Waits until it ends with this exit code, and returns what it said.
    pub(crate) fn ends(&mut self, code: i32) -> Result<String, Failure> {
        let mut patience = Patience::new(LONG);
        let status = loop {
            match self.process.ended()? {
                Some(status) => break status,
                None => patience.wait(&format!("{} to end", self.name))?,
            }
        };
        let said = std::fs::read_to_string(&self.said)?;
        if status.code() == Some(code) {
            return Ok(said);
        }
        let name = &self.name;
        Err(Failure::Verdict(format!(
            "{name} ended with {status}: {said}"
        )))
    }

    /// Why the server ended a device, from what it said.
    pub(crate) fn reason(said: &str) -> Result<&str, Failure> {
        said.lines()
            .find_map(|line| line.split_once("LOGGED_OUT: "))
            .map(|(_, reason)| reason)
            .ok_or_else(|| Failure::Verdict(format!("no reason in: {said}")))
    }
}
