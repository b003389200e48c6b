//! The load generator, `eim load`, as other runs use it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::patience::Patience;
use crate::process::Process;
use crate::scenario::Ground;
use crate::server::Server;

/// What is generated.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Sending connections; each has a receiver.
    pub(crate) pairs: u32,
    /// Messages in flight of one sender.
    pub(crate) window: u32,
    /// Octets of text.
    pub(crate) payload: u32,
    /// Messages a second altogether; none: as fast as possible.
    pub(crate) rate: Option<u32>,
    /// Length of the measured part.
    pub(crate) seconds: u32,
    /// One group instead of pairs: its members, how many are connected, how many of those send.
    pub(crate) group: Option<(u32, u32, u32)>,
    /// What is refused for a time is sent again.
    pub(crate) again: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            pairs: 16,
            window: 16,
            payload: 200,
            rate: None,
            seconds: 30,
            group: None,
            again: false,
        }
    }
}

/// `eim load` with its accounts.
#[derive(Debug)]
pub(crate) struct LoadGenerator {
    program: PathBuf,
    accounts: PathBuf,
    report: PathBuf,
    log: PathBuf,
    fingerprint: Option<String>,
}

impl LoadGenerator {
    /// Writes `count` accounts named load1, load2 and so on.
    pub(crate) fn new(ground: &Ground, count: u32, password: &str) -> Result<Self, Failure> {
        Self::named(ground, "load", count, password)
    }

    /// The same with another name, for one that runs beside others.
    pub(crate) fn named(
        ground: &Ground,
        name: &str,
        count: u32,
        password: &str,
    ) -> Result<Self, Failure> {
        let accounts = ground.folder.join(format!("{name}-accounts.csv"));
        let lines: String = (1..=count)
            .map(|n| format!("{name}{n},{name}{n},{password}\n"))
            .collect();
        std::fs::write(&accounts, lines)?;
        Ok(Self {
            program: ground.programs.client.clone(),
            accounts,
            report: ground.folder.join(format!("{name}.json")),
            log: ground.folder.join(format!("{name}.log")),
            fingerprint: None,
        })
    }

    /// Trusts the certificate of this server.
    pub(crate) fn trust(&mut self, server: &Server) -> Result<(), Failure> {
        self.fingerprint = Some(server.fingerprint()?);
        Ok(())
    }

    /// The account file, for the server.
    pub(crate) fn accounts(&self) -> &Path {
        &self.accounts
    }

    /// Runs to the end and returns the report.
    pub(crate) fn run(&self, url: &str, plan: &Plan) -> Result<Value, Failure> {
        self.start(url, plan)?.finish()?;
        self.report()
    }

    /// Starts a run.
    pub(crate) fn start(&self, url: &str, plan: &Plan) -> Result<Process, Failure> {
        let mut command = self.command(url);
        command
            .args(["--pairs", &plan.pairs.to_string()])
            .args(["--window", &plan.window.to_string()])
            .args(["--payload", &plan.payload.to_string()])
            .args(["--duration", &plan.seconds.to_string()])
            .arg("--json");
        if let Some(rate) = plan.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        if plan.again {
            command.arg("--again");
        }
        if let Some((members, online, senders)) = plan.group {
            command
                .args(["--group-size", &members.to_string()])
                .args(["--online", &online.to_string()])
                .args(["--senders", &senders.to_string()]);
        }
        let report = File::create(&self.report)?;
        let log = File::options().create(true).append(true).open(&self.log)?;
        Process::start_into("eim load", &mut command, report, log)
    }

    /// Opens and holds idle authenticated connections; returns when all are open.
    pub(crate) fn hold(&self, url: &str, count: u32) -> Result<Process, Failure> {
        let log = self.log.with_extension("idle");
        File::create(&log)?;
        let mut command = self.command(url);
        command.args(["--idle", &count.to_string(), "--duration", "3600"]);
        let mut process = Process::start("eim load --idle", &mut command, &log)?;
        let mut patience = Patience::new(Duration::from_secs(300));
        while !std::fs::read_to_string(&log)?.contains(&format!("open: {count} connections")) {
            if let Some(status) = process.ended()? {
                return Err(Failure::Run(format!("eim load --idle ended with {status}")));
            }
            patience.wait("idle connections")?;
        }
        Ok(process)
    }

    /// The report of the last run.
    pub(crate) fn report(&self) -> Result<Value, Failure> {
        let text = std::fs::read_to_string(&self.report)?;
        serde_json::from_str(&text).map_err(|error| Failure::Run(error.to_string()))
    }

    fn command(&self, url: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["load", "--server", url, "--accounts"])
            .arg(&self.accounts);
        if let Some(fingerprint) = &self.fingerprint {
            command.args(["--fingerprint", fingerprint]);
        }
        command
    }
}
