//! The world of a round: a server, perhaps on a disk of its own, a network, and the devices of some
//! people who write to each other all the time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::Failure;
use crate::clock::Clock;
use crate::device::{Device, Place};
use crate::disk::Disk;
use crate::patience::Patience;
use crate::process::{Process, output};
use crate::proxy::{Network, Route};
use crate::scenario::Ground;
use crate::scenario::faults::feed::Feed;
use crate::scenario::faults::meter::{Meter, Second};
use crate::scenario::faults::plan::Targets;
use crate::server::{Server, Transport};

pub(super) const PASSWORD: &str = "a password of the acceptance runs";
/// Short, so that half-open connections are noticed within a fault.
const HEARTBEAT_MS: u64 = 2_000;
/// How long everything that is under way may take to settle at the end.
const PATIENCE: Duration = Duration::from_secs(240);
/// Octets of a message.
const OCTETS: usize = 200;

/// People who send: each from one device, to the group or to one person.
const SENDERS: [(&str, Transport); 4] = [
    ("member1", Transport::Tls),
    ("member2", Transport::Wss),
    ("member3", Transport::Tls),
    ("member4", Transport::Tcp),
];
/// Whom the last sender writes to.
const PEER: &str = "member5";

/// What a world is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Messages offered a second, by all senders together.
    pub(super) rate: u64,
    /// Size of the disk; none: a folder.
    pub(super) disk_mib: Option<u64>,
    /// The server's reserve on that disk.
    pub(super) reserve_mib: u64,
    /// The accounts are made durable before the load, by the runner.
    pub(super) settled: bool,
}

/// A device that sends, with the process that does.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) device: Device,
    pub(super) place: Place,
    pub(super) process: Process,
    pub(super) feed: Feed,
}

/// A device that receives, with the process that does.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) device: Device,
    pub(super) process: Process,
}

/// See the module documentation.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) rate: u64,
    pub(super) server: Server,
    // Carries octets until it is dropped.
    _network: Network,
    pub(super) routes: Vec<Route>,
    pub(super) senders: Vec<Sender>,
    pub(super) receivers: Vec<Receiver>,
    /// Devices without a process until the end.
    pub(super) absent: Vec<Device>,
    /// Devices that logged in during a fault, to see whether that can be done.
    visitors: u32,
    pub(super) group: String,
    pub(super) meter: Meter,
    pub(super) reserve: u64,
    /// What each sender had asked for when the last fault struck.
    pub(super) marks: Vec<u64>,
    devices: Devices,
    // Unmounted after the server that stands on it.
    pub(super) disk: Option<Disk>,
}

/// Makes devices.
#[derive(Clone, Debug)]
struct Devices {
    ground: Ground,
    folder: PathBuf,
    fingerprint: String,
    tls: u16,
}

/// What happened to the messages of a round.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Totals {
    /// Lines given to senders.
    pub(super) offered: u64,
    /// Messages they asked for.
    pub(super) sent: u64,
    /// Durable, as results said.
    pub(super) acked: u64,
    /// Resident memory of the server at the end, in KiB; the most of all rounds.
    pub(super) server_kib: u64,
}

/// What a world leaves behind.
#[derive(Debug)]
pub(super) struct End {
    pub(super) totals: Totals,
    /// Each second of it.
    pub(super) seconds: Vec<Second>,
    /// What the clients wrote down.
    pub(super) histories: Vec<PathBuf>,
}

impl World {
    /// Builds it in `folder` and starts the load.
    pub(super) fn create(
        ground: &Ground,
        folder: &Path,
        setting: &Setting,
        dice: u64,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let disk = setting
            .disk_mib
            .map(|mebibytes| Disk::create(folder, mebibytes))
            .transpose()?;
        let root = disk.as_ref().map_or(folder, Disk::path);
        let reserve = setting.reserve_mib << 20;
        let server = serve(ground, folder, root, disk.is_some().then_some(reserve))?;
        let network = Network::start()?;
        let devices = Devices {
            ground: ground.clone(),
            folder: folder.to_owned(),
            fingerprint: server.fingerprint()?,
            tls: server.port(Transport::Tls),
        };
        let mut building = Building {
            server: &server,
            network: &network,
            devices: &devices,
            routes: Vec::new(),
            rate: setting.rate / SENDERS.len() as u64,
            dice,
        };
        let (group, founders) = building.people()?;
        if setting.settled {
            // Accounts and the group are not what a negative control is to lose: without them
            // nobody could see what it lost.
            output(Command::new("sync").arg("-f").arg(root))?;
        }
        let absent = vec![devices.device("member6-first", "member6", None)?];
        let clock = Clock::start();
        let histories = founders.iter().map(Device::sent_history);
        let meter = Meter::start(clock, histories.collect());
        let receivers = building.receivers()?;
        let senders = building.senders(founders, &group)?;
        let routes = building.routes;
        Ok(Self {
            clock,
            rate: setting.rate,
            server,
            _network: network,
            routes,
            senders,
            receivers,
            absent,
            visitors: 0,
            group,
            meter,
            reserve,
            marks: Vec::new(),
            devices,
            disk,
        })
    }

    /// Who and what can be hit.
    pub(super) fn targets() -> Targets {
        Targets {
            senders: SENDERS.len(),
            receivers: 3,
            routes: SENDERS.len() + 2,
        }
    }

    /// A device that nobody has seen before, of the member that is absent.
    pub(super) fn visitor(&mut self) -> Result<Device, Failure> {
        self.visitors += 1;
        let name = format!("member6-visitor{}", self.visitors);
        self.devices.device(&name, "member6", None)
    }

    /// Every process that should run does.
    pub(super) fn supervise(&mut self) -> Result<(), Failure> {
        let senders = self
            .senders
            .iter_mut()
            .map(|one| (&one.device, &mut one.process));
        let receivers = self
            .receivers
            .iter_mut()
            .map(|one| (&one.device, &mut one.process));
        for (device, process) in senders.chain(receivers) {
            if let Some(status) = process.ended()? {
                return Err(Failure::Run(format!(
                    "a client of {} ended with {status} by itself; see its log",
                    device.name
                )));
            }
        }
        Ok(())
    }

    /// After the power of a negative control was cut: nobody is waited for. A new device reads what
    /// is left, and that is compared with what the senders were told.
    pub(super) fn abandon(mut self) -> Result<End, Failure> {
        let mut totals = Totals::default();
        let senders = std::mem::take(&mut self.senders);
        let histories = senders.iter().map(|one| one.device.sent_history());
        let mut histories: Vec<PathBuf> = histories.collect();
        for mut sender in senders {
            sender.process.kill()?;
            totals.offered += sender.feed.finish();
        }
        self.receivers.clear();
        let visitor = self.visitor()?;
        visitor.catch_up(3_000)?;
        visitor.read()?;
        histories.extend(visitor.histories());
        for count in self.meter.counts() {
            totals.sent += count.sent;
            totals.acked += count.acked;
        }
        let seconds = self.meter.finish();
        self.server.kill()?;
        Ok(End {
            totals,
            seconds,
            histories,
        })
    }

    /// No more load: waits until everything is settled, and lets every device that receives catch up,
    /// the absent and a late one too. Leaves their histories behind.
    pub(super) fn finish(mut self) -> Result<End, Failure> {
        let mut totals = Totals::default();
        let mut histories = Vec::new();
        for sender in std::mem::take(&mut self.senders) {
            totals.offered += sender.feed.finish();
            let mut process = sender.process;
            process.finish_within(PATIENCE, &format!("{} to settle", sender.device.name))?;
            histories.extend(sender.device.histories());
        }
        for receiver in std::mem::take(&mut self.receivers) {
            let mut process = receiver.process;
            process.signal(Signal::INT)?;
            process.finish_within(PATIENCE, &format!("{} to end", receiver.device.name))?;
            self.absent.push(receiver.device);
        }
        for count in self.meter.counts() {
            totals.sent += count.sent;
            totals.acked += count.acked;
        }
        let late = self.devices.device("member1-late", "member1", None)?;
        self.absent.push(late);
        let catching_up = self
            .absent
            .iter()
            .map(|device| device.start_catching_up(1_500));
        let mut catching_up = catching_up.collect::<Result<Vec<_>, _>>()?;
        for (device, process) in self.absent.iter().zip(&mut catching_up) {
            process.finish_within(PATIENCE, &format!("{} to catch up", device.name))?;
            device.read()?;
            histories.extend(device.histories());
        }
        histories.sort();
        histories.dedup();
        let seconds = self.meter.finish();
        totals.server_kib = self.server.process()?.resident_kib()?;
        self.server.stop()?;
        Ok(End {
            totals,
            seconds,
            histories,
        })
    }

    /// Waits until the server says it is ready, starting it again whenever it ended.
    pub(super) fn until_ready(&mut self) -> Result<u32, Failure> {
        let mut patience = Patience::new(Duration::from_secs(60));
        let mut starts = 0;
        loop {
            if self.server.runs()? {
                if self.server.is_ready() {
                    return Ok(starts);
                }
            } else {
                self.server.launch()?;
                starts += 1;
            }
            patience.wait("the server to be ready again")?;
        }
    }
}

/// A server on `root` with the accounts of all people.
fn serve(
    ground: &Ground,
    folder: &Path,
    root: &Path,
    reserve: Option<u64>,
) -> Result<Server, Failure> {
    let log = folder.join("server.log");
    let mut server = Server::new(&ground.programs, &root.join("data"), &log)?;
    server.set("SESSION__HEARTBEAT_MS", HEARTBEAT_MS);
    if let Some(octets) = reserve {
        server.set("STORE__RESERVE_OCTETS", octets);
    }
    server.start()?;
    let accounts = folder.join("accounts.csv");
    let lines: String = (1..=6)
        .map(|n| format!("member{n},member{n},{PASSWORD}\n"))
        .collect();
    std::fs::write(&accounts, lines)?;
    server.import(&accounts)?;
    Ok(server)
}

struct Building<'a> {
    server: &'a Server,
    network: &'a Network,
    devices: &'a Devices,
    routes: Vec<Route>,
    rate: u64,
    dice: u64,
}

impl Building<'_> {
    /// The address of the server through a route of its own.
    fn route(&mut self, transport: Transport) -> Result<String, Failure> {
        let address = ([127, 0, 0, 1], self.server.port(transport)).into();
        let route = self.network.route(address)?;
        let port = route.port();
        self.routes.push(route);
        Ok(transport.url(port))
    }

    /// The sending devices, and the group they made with everybody.
    fn people(&mut self) -> Result<(String, Vec<Device>), Failure> {
        let mut founders = Vec::new();
        for (user, transport) in SENDERS {
            let url = self.route(transport)?;
            let device = self
                .devices
                .device(&format!("{user}-first"), user, Some(&url))?;
            founders.push(device);
        }
        let founder = founders
            .first()
            .ok_or_else(|| Failure::Setup("nobody sends".into()))?;
        let group = founder.create_group(
            "acceptance",
            &["member2", "member3", "member4", "member5", "member6"],
        )?;
        Ok((group, founders))
    }

    fn senders(&self, founders: Vec<Device>, group: &str) -> Result<Vec<Sender>, Failure> {
        let last = founders.len() - 1;
        let mut senders = Vec::new();
        for (at, device) in founders.into_iter().enumerate() {
            let place = if at == last {
                Place::User(PEER.into())
            } else {
                Place::Group(group.to_owned())
            };
            let name = format!("{} {:x}", device.user, self.dice);
            let feed = Feed::start(name, self.rate, OCTETS);
            let (process, input) = device.start_feeding(&place)?;
            feed.lead_to(input);
            senders.push(Sender {
                device,
                place,
                process,
                feed,
            });
        }
        Ok(senders)
    }

    /// A second device of a sender, a second process of a sending device, a device of somebody who
    /// only reads.
    fn receivers(&mut self) -> Result<Vec<Receiver>, Failure> {
        let mut receivers = Vec::new();
        let second = self.route(Transport::Tls)?;
        let reader = self.route(Transport::Tls)?;
        for (name, user, url) in [
            ("member1-second", "member1", second),
            ("member5-first", "member5", reader),
        ] {
            let device = self.devices.device(name, user, Some(&url))?;
            let process = device.start_tail()?;
            receivers.push(Receiver { device, process });
        }
        let device = self.devices.again("member2-first", "member2");
        let process = device.start_tail()?;
        receivers.push(Receiver { device, process });
        Ok(receivers)
    }
}

impl Devices {
    /// A new device, logged in.
    fn device(&self, name: &str, user: &str, url: Option<&str>) -> Result<Device, Failure> {
        let device = self.again(name, user);
        let direct = Transport::Tls.url(self.tls);
        device.login(url.unwrap_or(&direct), Some(&self.fingerprint), PASSWORD)?;
        Ok(device)
    }

    /// A device that is logged in already.
    fn again(&self, name: &str, user: &str) -> Device {
        Device::new(&self.ground.programs, &self.folder, name, user).with_password(PASSWORD)
    }
}
