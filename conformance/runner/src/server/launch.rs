//! The launch protocol: one process, one JSON object a line (`conformance/testees/server.md`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::setups::Setup;
use crate::live::context::{Account, Endpoints};
use crate::results::Testee;

/// Time for a server to start, or to answer a line: accounts cost key derivations.
const ANSWER: Duration = Duration::from_secs(120);
/// Time for a server to stop in order.
const STOPPING: Duration = Duration::from_secs(45);

/// How servers are launched.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Command line, for a shell.
    pub command: String,
    /// Folder of the server: its data, and what it writes to standard error.
    pub folder: PathBuf,
    /// Limits.
    pub setup: Setup,
    /// Accounts.
    pub accounts: Vec<Account>,
}

/// A running server.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
    /// What it said when it was ready.
    pub ready: Ready,
}

/// What a server says to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is carried out.
    Done,
    /// It is carried out, and this is what was made.
    Made(Value),
    /// It cannot be carried out: why, for people.
    Refused(String),
    /// This server has nothing like that.
    Unsupported,
}

/// The first line of a server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    ready: BTreeMap<String, String>,
    certificate: Option<String>,
    #[serde(default, rename = "impl")]
    implementation: Implementation,
    /// Limits it cannot set.
    #[serde(default)]
    pub unset: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Implementation {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    language: String,
}

impl Ready {
    /// Where it listens.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            addresses: self.ready.clone(),
            certificate: self.certificate.clone(),
        }
    }

    /// What it says about itself.
    #[must_use]
    pub fn testee(&self) -> Testee {
        Testee {
            name: self.implementation.name.clone(),
            version: self.implementation.version.clone(),
            language: self.implementation.language.clone(),
            features: Vec::new(),
        }
    }
}

impl Launch {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// Why it is not, with the end of its standard error.
    pub async fn start(&self) -> Result<Process, String> {
        let data = self.folder.join("data");
        std::fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(errors(&self.folder))
            .map_err(|error| error.to_string())?;
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec {}", self.command))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.command))?;
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut stdout = BufReader::new(stdout).lines();
        let accounts: Vec<Value> = self
            .accounts
            .iter()
            .map(|account| json!({"name": account.name, "password": account.password}))
            .collect();
        let request = json!({"protocol": 1, "data": data, "limits": self.setup.limits,
            "transports": ["tcp", "tls", "ws", "wss"], "accounts": accounts});
        let asked = stdin.write_all(format!("{request}\n").as_bytes()).await;
        let line = match asked {
            Ok(()) => line(&mut stdout).await,
            Err(error) => Err(error.to_string()),
        };
        let ready = line.and_then(|line| {
            serde_json::from_str::<Ready>(&line).map_err(|error| format!("{error} in {line}"))
        });
        let ready = ready.map_err(|why| {
            let tail = tail(&self.folder);
            format!("`{}` is not ready: {why}{tail}", self.command)
        })?;
        Ok(Process {
            child,
            stdin: Some(stdin),
            stdout,
            folder: self.folder.clone(),
            ready,
        })
    }
}

async fn line(stdout: &mut Lines<BufReader<ChildStdout>>) -> Result<String, String> {
    match tokio::time::timeout(ANSWER, stdout.next_line()).await {
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
        Ok(Ok(Some(line))) => Ok(line),
        Ok(Ok(None)) => Err("it ended".into()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}

fn errors(folder: &Path) -> PathBuf {
    folder.join("stderr.txt")
}

/// The last lines of standard error.
#[must_use]
pub fn tail(folder: &Path) -> String {
    let text = std::fs::read(errors(folder)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    let mut tail = String::new();
    for line in lines.iter().rev() {
        tail.push_str("\n  ");
        tail.push_str(line);
    }
    tail
}

impl Process {
    /// Sends a line and reads its answer; false means that the server does not support it.
    ///
    /// # Errors
    /// The server has ended, or answers something else.
    pub async fn order(&mut self, order: &Value) -> Result<bool, String> {
        match self.ask(order).await? {
            Answer::Done | Answer::Made(_) => Ok(true),
            Answer::Unsupported => Ok(false),
            Answer::Refused(why) => Err(format!("{order} was refused: {why}")),
        }
    }

    /// The same, for what may be refused.
    ///
    /// # Errors
    /// The process is gone, or answers nonsense.
    pub async fn ask(&mut self, order: &Value) -> Result<Answer, String> {
        let stdin = self.stdin.as_mut().ok_or("its standard input is closed")?;
        let written = stdin.write_all(format!("{order}\n").as_bytes()).await;
        written.map_err(|error| error.to_string())?;
        let line = line(&mut self.stdout).await?;
        let answer: Value = serde_json::from_str(&line).map_err(|e| format!("{e} in {line}"))?;
        let said = |key| answer.get(key);
        match (said("ok"), said("unsupported"), said("refused")) {
            (Some(Value::Bool(true)), None, None) => Ok(match said("made") {
                Some(made) => Answer::Made(made.clone()),
                None => Answer::Done,
            }),
            (None, Some(Value::Bool(true)), None) => Ok(Answer::Unsupported),
            (None, None, Some(Value::String(why))) => Ok(Answer::Refused(why.clone())),
            _ => Err(format!("{order} was answered with {line}")),
        }
    }

    /// Waits for its end after `stop`; it has to be in order.
    ///
    /// # Errors
    /// It goes on, or ends with another code than 0.
    pub async fn stopped(&mut self) -> Result<(), String> {
        match tokio::time::timeout(STOPPING, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{status}{}", tail(&self.folder))),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it still runs after {} s", STOPPING.as_secs())),
        }
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the server ended ({status}){}", tail(&self.folder)))
    }

    /// Lets it stop: the end of its standard input means that.
    pub async fn leave(mut self) {
        drop(self.stdin.take());
        let patience = Duration::from_secs(3);
        if tokio::time::timeout(patience, self.child.wait())
            .await
            .is_err()
        {
            self.kill().await;
        }
    }
}
