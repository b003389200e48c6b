//! A world, and the steps of a plan in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eim_server::config::Config;
use tokio::time::{Instant, sleep, sleep_until};

use super::recorder::{Recorded, Recorder};
use super::time::{WallClock, ms, now};
use crate::device::{DeviceIds, DeviceNode, Groups, Parts};
use crate::device_store::DeviceDisk;
use crate::disk::Disk;
use crate::network::Network;
use crate::observation::Observation;
use crate::plan::{Action, DeviceNumber, Fault, Node, Plan, Step, UserNumber, WorldConfig};
use crate::seed::Dice;
use crate::server::ServerNode;

/// How far a wall clock is wrong at most at the beginning.
const WRONG_MS: u64 = 5_000;
/// Within this time all devices are switched on.
const STARTING_MS: u64 = 300;
/// How much later further devices of a user may be switched on.
const LATE_MS: u64 = 20_000;
/// How often queues are looked at.
const LOOKING: Duration = ms(500);

/// A world.
#[derive(Debug)]
pub struct World {
    pub(super) plan: Plan,
    pub(super) recorder: Recorder,
    pub(super) network: Network,
    pub(super) server: ServerNode,
    pub(super) devices: Vec<DeviceNode>,
    /// One import at a time.
    pub(super) importing: Arc<tokio::sync::Mutex<()>>,
    beginning: Instant,
    dice: Dice,
}

impl World {
    /// The world of a plan. Nothing happens yet.
    ///
    /// # Errors
    /// A sentence about keys of the server's configuration that are wrong.
    pub fn new(plan: Plan, recorder: Recorder) -> Result<Self, String> {
        let beginning = now();
        let dice = Dice::new(plan.seed);
        let config = server_config(&plan.world)?;
        if limits_rates(&config) {
            recorder.saw(Observation::Rates);
        }
        if config.blobs.shared {
            recorder.saw(Observation::FilesShared);
        }
        let world = Arc::new(plan.world.clone());
        let network = Network::new(Arc::clone(&world), dice.fork("network"), recorder.clone());
        let mut wrong = dice.fork("clocks");
        let mut clock = || {
            let by = i64::try_from(wrong.between(0, 2 * WRONG_MS)).unwrap_or(0);
            WallClock::new(beginning, by.saturating_sub_unsigned(WRONG_MS))
        };
        let server = ServerNode::new(
            config,
            plan.users(),
            Disk::new(world.disk, dice.fork("disk"), recorder.clone()).with(world.canary),
            clock(),
            dice.fork("server"),
            recorder.clone(),
        );
        network.listen(Arc::new(server.clone()));
        let (groups, ids) = (Groups::default(), DeviceIds::default());
        let device = |(number, user): (u8, &UserNumber)| {
            DeviceNode::new(Parts {
                number: DeviceNumber(number),
                user: *user,
                disk: DeviceDisk::new(
                    DeviceNumber(number),
                    world.device_disk,
                    dice.fork_nth("device disk", u64::from(number)),
                    recorder.clone(),
                )
                .with(world.canary),
                clock: clock(),
                network: network.clone(),
                groups: groups.clone(),
                ids: ids.clone(),
                phone: world.calls,
                outbox_limit: world.outbox_limit,
                dice: dice.fork_nth("device", u64::from(number)),
                recorder: recorder.clone(),
            })
        };
        let devices = (0..).zip(&world.devices).map(device).collect();
        Ok(Self {
            plan,
            recorder,
            network,
            server,
            devices,
            importing: Arc::default(),
            beginning,
            dice,
        })
    }

    /// Does all steps, heals, waits until it is quiet, and gives what was recorded. Ends early when
    /// something is violated.
    pub async fn run(self) -> Recorded {
        self.server.keep_running();
        let mut starts = self.dice.fork("starts");
        let mut late = self.dice.fork("late starts");
        let mut users = BTreeSet::new();
        for device in &self.devices {
            let start = starts.between(0, STARTING_MS);
            // A further device of a user may be new when there is much to read already.
            let is_late = !users.insert(device.user()) && late.chance(500);
            let later = late.between(0, LATE_MS);
            device.keep_running(ms(if is_late { start + later } else { start }));
        }
        let looking = tokio::spawn(look(self.server.clone()));
        for step in &self.plan.steps {
            sleep_until(self.beginning + ms(step.at_ms)).await;
            if self.recorder.is_over() {
                return self.recorder.finish();
            }
            self.step(step);
        }
        self.heal().await;
        self.settle().await;
        looking.abort();
        self.recorder.finish()
    }

    pub(super) fn device(&self, number: DeviceNumber) -> Option<&DeviceNode> {
        self.devices.get(usize::from(number.0))
    }

    fn step(&self, step: &Step) {
        match &step.action {
            Action::Fault(fault) => self.fault(fault),
            Action::Sweep => self.sweep(),
            Action::Import { departments } => self.import(step.number, departments),
            Action::PutOut { device } => self.log_out(*device),
            Action::Account { user, enabled } => self.account(*user, *enabled),
            action => {
                let dice = self.dice.fork_nth("step", u64::from(step.number));
                if let Some(device) = action.device().and_then(|number| self.device(number)) {
                    device.act(step.number, action, dice);
                }
            }
        }
    }

    fn fault(&self, fault: &Fault) {
        self.recorder.saw(Observation::Fault(fault.clone()));
        match fault {
            Fault::Crash {
                node,
                when,
                down_ms,
            } => match node {
                Node::Server => self.server.crash(*when, ms(*down_ms)),
                Node::Device(number) => {
                    self.with(*number, |device| device.crash(*when, ms(*down_ms)));
                }
            },
            Fault::Stop { node, down_ms } => match node {
                Node::Server => self.server.stop(ms(*down_ms)),
                Node::Device(number) => self.with(*number, |device| device.stop(ms(*down_ms))),
            },
            Fault::Cut { device } => self.network.cut(*device),
            Fault::HalfOpen {
                device,
                direction,
                noticed,
            } => self.network.half_open(*device, *direction, *noticed),
            Fault::Stall {
                device,
                direction,
                for_ms,
            } => self.network.stall(*device, *direction, ms(*for_ms)),
            Fault::Delay { device, by_ms } => self.network.slow_down(*device, ms(*by_ms)),
            Fault::Unreachable { device, for_ms } => {
                self.network.unreachable(*device, ms(*for_ms));
            }
            Fault::Offline { device, for_ms } => self.with(*device, |node| {
                node.set_network(false);
                later(node, *for_ms, |node| node.set_network(true));
            }),
            Fault::Background { device, for_ms } => self.with(*device, |node| {
                node.set_background(ms(*for_ms));
                later(node, *for_ms, |node| node.set_background(Duration::ZERO));
            }),
            Fault::Replace { device } => self.with(*device, DeviceNode::replace),
            Fault::Clock { node, by_ms } => match node {
                Node::Server => self.server.clock().jump(*by_ms),
                Node::Device(number) => self.with(*number, |device| device.clock().jump(*by_ms)),
            },
            Fault::Disk { node, how } => match node {
                Node::Server => self.server.disk().fault(*how),
                Node::Device(number) => self.with(*number, |device| device.disk().fault(*how)),
            },
        }
    }

    fn with(&self, number: DeviceNumber, act: impl FnOnce(&DeviceNode)) {
        if let Some(device) = self.device(number) {
            act(device);
        }
    }
}

fn later(node: &DeviceNode, for_ms: u64, act: impl FnOnce(&DeviceNode) + Send + 'static) {
    let node = node.clone();
    tokio::spawn(async move {
        sleep(ms(for_ms)).await;
        act(&node);
    });
}

async fn look(server: ServerNode) {
    loop {
        sleep(LOOKING).await;
        server.gauge();
    }
}

/// Whether messages may be too many.
fn limits_rates(config: &Config) -> bool {
    let rates = &config.rates;
    let limits = [
        config.limits.messages_per_s,
        rates.device_octets_per_s,
        rates.user_messages_per_s,
        rates.user_octets_per_s,
        rates.tenant_messages_per_s,
        rates.tenant_octets_per_s,
    ];
    limits.into_iter().any(|limit: u32| limit > 0)
}

/// The server's configuration: the keys of the plan, over the defaults.
fn server_config(world: &WorldConfig) -> Result<Config, String> {
    let mut config = Config::from_toml(&world.server).map_err(|error| error.to_string())?;
    if let Some(files) = world.files {
        config.blobs.part_octets = files.part_octets;
        config.blobs.window_octets = files.window_octets;
    }
    Ok(config)
}
