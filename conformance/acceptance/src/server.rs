//! A server under test: one process on one data folder, on free loopback ports.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::Failure;
use crate::patience::Patience;
use crate::process::{Process, Programs, output};
use crate::seed::{self, Dice};

/// How clients reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Transport {
    /// TCP with TLS.
    Tls,
    /// TCP on loopback.
    Tcp,
    /// WebSocket with TLS.
    Wss,
    /// WebSocket on loopback.
    Ws,
}

impl Transport {
    /// The address of a port of this machine.
    pub(crate) fn url(self, port: u16) -> String {
        match self {
            Self::Tls => format!("tls://127.0.0.1:{port}"),
            Self::Tcp => format!("tcp://127.0.0.1:{port}"),
            Self::Wss => format!("wss://127.0.0.1:{port}/eim"),
            Self::Ws => format!("ws://127.0.0.1:{port}/eim"),
        }
    }
}

/// A server: its place, its ports and, while it runs, its process.
#[derive(Debug)]
pub(crate) struct Server {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    ports: Ports,
    settings: Vec<(String, String)>,
    process: Option<Process>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    tls: u16,
    wss: u16,
    tcp: u16,
    ws: u16,
    admin: u16,
}

impl Server {
    /// Describes a server on `data`; it does not run yet.
    pub(crate) fn new(programs: &Programs, data: &Path, log: &Path) -> Result<Self, Failure> {
        Ok(Self {
            program: programs.server.clone(),
            data: data.to_owned(),
            log: log.to_owned(),
            ports: Ports::free()?,
            settings: Vec::new(),
            process: None,
        })
    }

    /// Overrides one configuration key, such as `SESSION__HEARTBEAT_MS`.
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) {
        self.settings.push((key.to_owned(), value.to_string()));
    }

    /// The address for clients.
    pub(crate) fn url(&self, transport: Transport) -> String {
        transport.url(self.port(transport))
    }

    /// The port of a listener.
    pub(crate) const fn port(&self, transport: Transport) -> u16 {
        match transport {
            Transport::Tls => self.ports.tls,
            Transport::Tcp => self.ports.tcp,
            Transport::Wss => self.ports.wss,
            Transport::Ws => self.ports.ws,
        }
    }

    /// Address of the plain TCP listener.
    pub(crate) fn tcp_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.tcp))
    }

    /// Starts the server and does not wait.
    pub(crate) fn launch(&mut self) -> Result<(), Failure> {
        let mut command = self.command();
        self.process = Some(Process::start("eim-server", &mut command, &self.log)?);
        Ok(())
    }

    /// Whether its process runs.
    pub(crate) fn runs(&mut self) -> Result<bool, Failure> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?.is_none()),
            None => Ok(false),
        }
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        let mut command = self.command();
        let mut process = Process::start("eim-server", &mut command, &self.log)?;
        let mut patience = Patience::new(Duration::from_secs(60));
        while !self.is_ready() {
            if let Some(status) = process.ended()? {
                return Err(Failure::Run(format!(
                    "eim-server ended with {status} before it was ready; see {}",
                    self.log.display()
                )));
            }
            patience.wait("eim-server to be ready")?;
        }
        self.process = Some(process);
        Ok(())
    }

    /// Imports accounts, given as `name,display name,password` lines.
    pub(crate) fn import(&self, accounts: &Path) -> Result<(), Failure> {
        output(self.command().arg("user").arg("import").arg(accounts)).map(drop)
    }

    /// Runs a command of the operator, and returns what it prints.
    pub(crate) fn operate(&self, words: &[&str]) -> Result<String, Failure> {
        output(self.command().args(words))
    }

    /// The running process.
    pub(crate) fn process(&mut self) -> Result<&mut Process, Failure> {
        self.process
            .as_mut()
            .ok_or_else(|| Failure::Run("the server does not run".into()))
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        let mut process = self
            .process
            .take()
            .ok_or_else(|| Failure::Run("no server".into()))?;
        process.kill()
    }

    /// Stops it as an operator would, and expects a clean end.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        let mut process = self
            .process
            .take()
            .ok_or_else(|| Failure::Run("no server".into()))?;
        process.signal(Signal::TERM)?;
        process.finish()
    }

    /// SHA-256 fingerprint of the certificate, from the data folder.
    pub(crate) fn fingerprint(&self) -> Result<String, Failure> {
        let log = std::fs::read_to_string(&self.log)?;
        log.split(|c: char| !c.is_ascii_hexdigit())
            .find(|word| word.len() == 64)
            .map(str::to_owned)
            .ok_or_else(|| Failure::Run("the server printed no fingerprint".into()))
    }

    /// A page of the admin listener.
    pub(crate) fn admin_page(&self, path: &str) -> Result<String, Failure> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.admin))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// The value of a counter of `/metrics`; 0 while there is none.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let page = self.admin_page("/metrics").unwrap_or_default();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
    }

    /// Whether it says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.admin_page("/readyz")
            .is_ok_and(|page| page.starts_with("HTTP/1.1 200"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let address = |port: u16| format!("127.0.0.1:{port}");
        command
            .env("EIM__SERVER__DATA_DIR", &self.data)
            .env("EIM__LISTEN__TLS", address(self.ports.tls))
            .env("EIM__LISTEN__WSS", address(self.ports.wss))
            .env("EIM__LISTEN__TCP", address(self.ports.tcp))
            .env("EIM__LISTEN__WS", address(self.ports.ws))
            .env("EIM__ADMIN__LISTEN", address(self.ports.admin))
            .env("EIM__AUTH__ITERATIONS", "4096");
        for (key, value) in &self.settings {
            command.env(format!("EIM__{key}"), value);
        }
        command
    }
}

impl Ports {
    /// Five ports that are free, below those that the system gives to outgoing connections: a
    /// server that is started again must find its ports as it left them. Held open together, so
    /// that they differ.
    fn free() -> Result<Self, Failure> {
        let mut dice = Dice::new(seed::fresh()?);
        let mut listeners = Vec::new();
        for _ in 0..1000 {
            if listeners.len() == 5 {
                break;
            }
            let port = 16_384 + dice.below(16_384) as u16;
            listeners.extend(TcpListener::bind(("127.0.0.1", port)));
        }
        let mut ports = Vec::new();
        for listener in &listeners {
            ports.push(listener.local_addr()?.port());
        }
        match ports[..] {
            [tls, wss, tcp, ws, admin] => Ok(Self {
                tls,
                wss,
                tcp,
                ws,
                admin,
            }),
            _ => Err(Failure::Setup("no free ports".into())),
        }
    }
}
