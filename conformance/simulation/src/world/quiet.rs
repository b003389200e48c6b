//! The end of a run: faults end, and everything must become quiet.

use std::time::Duration;

use eim_client::ConnectionState;
use eim_client::store::{Backlog, ConversationRecord};
use eim_codec::payload::{FanOut, PresenceState};
use eim_server::server::TENANT;
use tokio::time::sleep;

use super::stage::World;
use super::time::ms;
use crate::device::DeviceNode;
use crate::observation::Observation;
use crate::server::user_id;

/// What was begun before faults ended, such as a write that fails, has failed by then.
const AFTERMATH: Duration = ms(8_000);
/// How often the world is looked at.
const LOOKING: Duration = ms(100);
/// Looks without any progress before the run is said to hang: ten minutes. A slow line takes as
/// long as it takes.
const LOOKS: u32 = 6_000;
/// Steps after those of the plan, in which devices look at files.
const CHECKING: u32 = 1 << 30;
/// Looks in a row in which everything was quiet.
const QUIET: u32 = 3;

/// Looks between two in which people hang up.
const CALLING: u32 = 64;
/// Looks between two in which devices take over what other programs left in their stores.
const ADOPTING: u32 = 64;
/// Looks between two in which they take over what others had still to read: their own programs
/// may be reading it.
const READING: u32 = 512;

/// What a second program left in the outbox is taken over when the first one starts again.
fn adopt(device: &DeviceNode) {
    if device.load().0 == 1 && device.disk().orphans() > 0 {
        device.stop(Duration::ZERO);
    }
}

/// What a second program had still to read is read when the first one starts again: until then it
/// does not know, and misses nothing, for it reads on from its own cursor.
async fn read_on(device: &DeviceNode) {
    let records = device.disk().durable().conversations().await;
    let behind = |records: Vec<ConversationRecord>| {
        let mut records = records.into_iter();
        records.any(|it| it.backlog != Backlog::None)
    };
    if device.load().0 == 1 && device.was_replaced() && records.is_ok_and(behind) {
        device.stop(Duration::ZERO);
    }
}

impl World {
    /// All faults end. What they have begun comes to its end within a while.
    pub(super) async fn heal(&self) {
        self.network.heal();
        self.server.disk().heal();
        self.server.heal();
        for device in &self.devices {
            device.disk().heal();
            device.heal();
        }
        sleep(AFTERMATH).await;
        self.recorder.saw(Observation::Healed);
        for device in &self.devices {
            device.check_files(CHECKING + 16 * u32::from(device.number().0));
            if self.plan.world.calls {
                device.hang_up();
            }
        }
    }

    /// Waits until nothing is under way.
    pub(super) async fn settle(&self) {
        let mut quiet = 0;
        let mut reason = String::new();
        let (mut look, mut most, mut until) = (0, 0, LOOKS);
        while look < until {
            look += 1;
            sleep(LOOKING).await;
            if self.recorder.is_over() {
                return;
            }
            if look % 32 == 0 {
                // A server that was down heard of none of this.
                for user in self.plan.users() {
                    self.enable(user).await;
                }
                let progress = self.progress().await;
                if progress > most {
                    (most, until) = (progress, look + LOOKS);
                }
            }
            if look % CALLING == 8 && self.devices.iter().any(|it| it.calls_now() > 0) {
                self.devices.iter().for_each(DeviceNode::hang_up);
            }
            if look % ADOPTING == 16 {
                self.devices.iter().for_each(adopt);
            }
            if look % READING == READING - 1 {
                for device in &self.devices {
                    read_on(device).await;
                }
            }
            match self.restless().await {
                None => quiet += 1,
                Some(why) => {
                    quiet = 0;
                    reason = why;
                }
            }
            if quiet == QUIET {
                self.read_stores().await;
                self.recorder.saw(Observation::Quiet);
                self.collect().await;
                return;
            }
        }
        self.recorder.saw(Observation::NotQuiet {
            detail: reason.clone(),
        });
        self.recorder.violated("becomes-quiet", reason);
    }

    /// What people would see: read from the stores themselves.
    async fn read_stores(&self) {
        for device in &self.devices {
            let disk = device.disk().durable();
            let mut messages = Vec::new();
            for id in disk.message_conversations().await.unwrap_or_default() {
                let all = disk.messages(id, 1, u64::MAX, usize::MAX).await;
                messages.extend(all.unwrap_or_default());
            }
            let device = device.number();
            self.recorder.saw(Observation::Stored { device, messages });
        }
    }

    /// How far all devices have come: grows until everything has arrived.
    async fn progress(&self) -> u64 {
        let mut sum = 0;
        for device in &self.devices {
            if let Ok(loaded) = device.disk().durable().load(false).await {
                sum += loaded.cursor.user_seq;
            }
        }
        sum
    }

    async fn enable(&self, user: crate::plan::UserNumber) {
        let Some((_, shared)) = self.server.shared() else {
            return;
        };
        if let Ok(Some(record)) = shared.store.user(TENANT, user_id(user)).await
            && record.disabled
        {
            self.account(user, true);
        }
    }

    /// What is still under way.
    async fn restless(&self) -> Option<String> {
        for device in &self.devices {
            if let Some(why) = self.is_restless(device).await {
                return Some(format!("device {}: {why}", device.number().0));
            }
        }
        None
    }

    async fn is_restless(&self, device: &DeviceNode) -> Option<String> {
        let Some((_, client)) = device.client() else {
            return Some("is not up".to_owned());
        };
        let (processes, asking) = device.load();
        if processes != 1 {
            return Some(format!("{processes} programs run"));
        }
        if asking > 0 {
            return Some(format!("{asking} requests are not answered"));
        }
        let calls = device.calls_now();
        if calls > 0 {
            return Some(format!("{calls} calls are not over"));
        }
        let state = client.state();
        if !matches!(state, ConnectionState::Open { .. }) {
            return Some(format!("the connection is {state:?}"));
        }
        let Ok(loaded) = device.disk().durable().load(false).await else {
            return Some("the store cannot be read".to_owned());
        };
        if !loaded.outbox.is_empty() {
            return Some(format!("{} messages are not settled", loaded.outbox.len()));
        }
        if !loaded.hollow.is_empty() {
            return Some(format!("{} bodies are missing", loaded.hollow.len()));
        }
        let marks = device.disk().durable().marks().await.ok()?;
        let own = marks
            .iter()
            .filter(|mark| mark.user == user_id(device.user()));
        let untold = own.filter(|mark| mark.read > mark.told).count();
        if untold > 0 {
            return Some(format!("{untold} marks are not told"));
        }
        let Ok(records) = device.disk().durable().conversations().await else {
            return Some("the store cannot be read".to_owned());
        };
        let behind = records.iter().filter(|it| it.backlog != Backlog::None);
        let behind = behind.count();
        if behind > 0 {
            return Some(format!("{behind} conversations are behind"));
        }
        let (_, shared) = self.server.shared()?;
        let head = shared
            .store
            .timeline_head(TENANT, user_id(device.user()))
            .await;
        let head = head.ok()?.0;
        if loaded.cursor.user_seq != head {
            let cursor = loaded.cursor.user_seq;
            return Some(format!("cursor {cursor} of a timeline with {head}"));
        }
        if let Some(why) = self.misses(device).await {
            return Some(why);
        }
        self.lacks(device).await
    }

    /// Whoever is watched is seen as the server shows it: there, because all devices are up. Not
    /// so for whoever may have blocked the watcher once: that ends watching, and nothing begins it
    /// again.
    async fn misses(&self, device: &DeviceNode) -> Option<String> {
        let (_, shared) = self.server.shared()?;
        let watcher = user_id(device.user());
        for (user, state) in device.watches_now() {
            match shared.store.contact(TENANT, user, watcher).await {
                Ok(None) => {}
                _ => continue,
            }
            let shown = shared.hub.presence().shown(TENANT, user).state;
            let known = self.plan.users().iter().any(|it| user_id(*it) == user);
            if known && shown == PresenceState::Offline || state != shown {
                return Some(format!("{user} is {shown:?}, and seen as {state:?}"));
            }
        }
        None
    }

    /// What a device lacks of the logs that its timeline does not cover.
    async fn lacks(&self, device: &DeviceNode) -> Option<String> {
        let (_, shared) = self.server.shared()?;
        let user = user_id(device.user());
        let all = shared.store.conversations(TENANT, user, None, usize::MAX);
        let large = all.await.ok()?.0;
        for view in large.iter().filter(|view| view.fan_out == FanOut::Read) {
            let (id, from, head) = (view.conversation, view.visible_from, view.conv_seq);
            let disk = device.disk().durable();
            match disk.missing(id, from, head, 1).await {
                Ok(holes) if holes.is_empty() => {}
                holes => return Some(format!("{holes:?} of {id} are missing")),
            }
        }
        None
    }
}
