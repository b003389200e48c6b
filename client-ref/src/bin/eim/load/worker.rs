//! One connection at work: sends, receives, or both.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use eim_client::environment::Environment;
use eim_codec::connection::{ClientEvent, SendId};
use eim_codec::payload::{self, Request, SyncRequest, SyncResponse, request, response, send};
use eim_codec::registry::{FrameType, Operation};
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::again::{Again, follows};
use super::session::Session;
use super::stamp::{Stamp, Template};
use super::stats::Stats;
use super::track::{Delivery, Tracker};
use super::{Common, Stage};

/// What a sender does.
pub(crate) struct Plan {
    pub(crate) sender: u32,
    pub(crate) target: send::Target,
    pub(crate) window: usize,
    pub(crate) payload: usize,
    /// Time between messages; as fast as possible without.
    pub(crate) interval: Option<Duration>,
    /// How many receive each message.
    pub(crate) receivers: u64,
    /// What is refused for a time is sent again.
    pub(crate) again: bool,
}

/// One connection at work.
pub(crate) struct Worker {
    session: Session,
    sending: Option<Sending>,
    common: Arc<Common>,
    stages: watch::Receiver<Stage>,
    stage: Stage,
    tracker: Tracker,
    stats: Stats,
    /// The timeline is pulled, because pushes were dropped.
    pulling: bool,
    moved: bool,
}

struct Sending {
    plan: Plan,
    template: Template,
    next: u64,
    under_way: VecDeque<(SendId, u64, u64)>,
    /// Unless refusals are final.
    again: Option<Again>,
    due_micros: u64,
    last_conv_seq: u64,
}

impl Sending {
    fn has_room(&self) -> bool {
        let allowed = self.again.as_ref().map_or(0, |again| again.allowed);
        let window = match allowed {
            0 => self.plan.window,
            allowed => self.plan.window.min(allowed),
        };
        let held = self.again.as_ref().is_some_and(Again::is_held);
        !held && self.under_way.len() < window
    }

    /// Whether the next message was sent before.
    fn is_repeated(&self) -> bool {
        self.again
            .as_ref()
            .is_some_and(|again| again.is_repeated(self.next))
    }
}

impl Worker {
    pub(crate) fn new(
        session: Session,
        plan: Option<Plan>,
        common: Arc<Common>,
        stages: watch::Receiver<Stage>,
    ) -> Self {
        let sending = plan.map(|plan| {
            let prefix = Environment::default().octets();
            let template = Template::new(plan.target.clone(), plan.sender, plan.payload, prefix);
            Sending {
                template,
                next: 0,
                under_way: VecDeque::with_capacity(plan.window),
                due_micros: 0,
                last_conv_seq: 0,
                again: plan.again.then(Again::default),
                plan,
            }
        });
        Self {
            session,
            sending,
            common,
            stages,
            stage: Stage::Warmup,
            tracker: Tracker::default(),
            stats: Stats::new(),
            pulling: false,
            moved: false,
        }
    }

    /// Works until the end; an error is for people.
    pub(crate) async fn run(mut self) -> Result<Stats, String> {
        loop {
            self.stage = *self.stages.borrow_and_update();
            if self.stage == Stage::End {
                if let Some(again) = self.sending.as_ref().and_then(|one| one.again.as_ref()) {
                    self.stats.limited += again.limited;
                    self.stats.limited_again += again.limited_again;
                }
                return Ok(self.stats);
            }
            let pause = self.send();
            let event = tokio::select! {
                biased;
                event = self.session.driver.next() => event,
                _ = self.stages.changed() => continue,
                () = wait(pause) => continue,
            };
            let Some(event) = event else {
                return Err("a connection ended".to_owned());
            };
            self.event(event)?;
            while let Some(event) = self.session.driver.try_next() {
                self.event(event)?;
            }
            if std::mem::take(&mut self.moved) {
                let (log_epoch, user_seq) = (self.session.log_epoch, self.session.user_seq);
                self.session
                    .driver
                    .endpoint_mut()
                    .cursor(log_epoch, user_seq);
            }
        }
    }

    /// Sends what may be sent; returns how long to wait for the next one.
    fn send(&mut self) -> Option<Duration> {
        let sending = self.sending.as_mut()?;
        let now = self.common.ticks.now().as_micros();
        if let Some(again) = &mut sending.again
            && again.is_held()
        {
            if !sending.under_way.is_empty() {
                return None;
            }
            match again.go_back(sending.next, now) {
                Ok(next) => sending.next = next,
                Err(wait) => return Some(Duration::from_micros(wait)),
            }
        }
        while sending.has_room() {
            let repeated = sending.is_repeated();
            if self.stage >= Stage::Drain && !repeated {
                return None;
            }
            if let Some(interval) = sending.plan.interval.filter(|_| !repeated) {
                if sending.due_micros == 0 {
                    // Spread over the interval, so that senders do not send together.
                    let share = u64::from(sending.plan.sender) * 7919 % 1000;
                    sending.due_micros = now + interval.as_micros() as u64 * share / 1000;
                }
                if sending.due_micros > now {
                    return Some(Duration::from_micros(sending.due_micros - now));
                }
                sending.due_micros += interval.as_micros() as u64;
            }
            if let Some(left) = self.common.left.as_ref().filter(|_| !repeated) {
                let taken = left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
                if taken.is_err() {
                    return None;
                }
            }
            let announce = sending.again.as_ref().is_some_and(|again| again.announce);
            let message = sending.template.make(sending.next, now, announce);
            let connection = self.session.driver.endpoint_mut();
            match connection.send(FrameType::TEXT, message) {
                Ok(send) => {
                    sending.under_way.push_back((send, now, sending.next));
                    if let Some(again) = &mut sending.again {
                        again.announce = false;
                        again.sent(sending.next, now);
                    }
                    sending.next += 1;
                    if !repeated {
                        self.common.sent.fetch_add(1, Relaxed);
                    }
                }
                Err(_) => return None,
            }
        }
        None
    }

    fn event(&mut self, event: ClientEvent) -> Result<(), String> {
        match event {
            ClientEvent::Push {
                ordinal, payload, ..
            } => {
                self.session.driver.endpoint_mut().consumed(ordinal);
                let push = payload::Push::decode(payload).map_err(|error| error.to_string())?;
                self.push(push);
            }
            ClientEvent::Result { send, result, .. } => {
                self.session.driver.endpoint_mut().settle(send);
                self.result(send, &result);
            }
            ClientEvent::Lagged(_) => {
                self.stats.lagged += 1;
                self.pull()?;
            }
            ClientEvent::Response(response) => {
                if let Some(response::Body::Sync(page)) = response.body {
                    self.page(page)?;
                }
            }
            ClientEvent::Closed(reason) => {
                return Err(format!("a connection was closed: {reason:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, push: payload::Push) {
        if push.user_seq == 0 {
            // Of a large group: in no timeline. What is dropped counts as lost.
            if let Some(entry) = push.entry.filter(|_| !push.echo) {
                self.deliver(&entry);
            }
            return;
        }
        if push.user_seq <= self.session.user_seq {
            return;
        }
        // While pulling, what lies beyond the hole comes with the pages.
        if self.pulling && push.user_seq != self.session.user_seq + 1 {
            return;
        }
        self.session.user_seq = push.user_seq;
        self.moved = true;
        if let Some(entry) = push.entry.filter(|_| !push.echo) {
            self.deliver(&entry);
        }
    }

    fn deliver(&mut self, entry: &payload::Entry) {
        let Some(stamp) = Stamp::read(&entry.body) else {
            return;
        };
        match self.tracker.see(stamp) {
            Delivery::Next => {
                self.common.delivered.fetch_add(1, Relaxed);
            }
            Delivery::Again => {
                self.stats.duplicates += 1;
                return;
            }
            Delivery::Beyond(missing) => {
                self.common.delivered.fetch_add(1, Relaxed);
                self.stats.gaps += missing;
                self.stats.disorder += 1;
            }
        }
        if self.stage == Stage::Measure {
            let latency = self
                .common
                .ticks
                .now()
                .as_micros()
                .saturating_sub(stamp.micros);
            self.stats.delivery.saturating_record(latency.max(1));
        }
    }

    fn result(&mut self, send: SendId, result: &payload::Result) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        let place = sending.under_way.iter().position(|(id, ..)| *id == send);
        let Some((_, sent, number)) = place.and_then(|place| sending.under_way.remove(place))
        else {
            return;
        };
        let now = self.common.ticks.now().as_micros();
        let mut sent = sent;
        if let Some(again) = &mut sending.again {
            match &result.error {
                None => sent = again.accepted(number).unwrap_or(sent),
                Some(error) if error.retryable || follows(error) => {
                    again.refused(number, error, now);
                    self.stats.postponed += 1;
                    return;
                }
                Some(_) => {}
            }
        }
        self.common.answered.fetch_add(1, Relaxed);
        if let Some(error) = &result.error {
            if self.stats.refused == 0 {
                tracing::warn!(?error, "the first refused message of a sender");
            }
            self.stats.refused += 1;
            return;
        }
        if result.conv_seq <= sending.last_conv_seq {
            self.stats.result_disorder += 1;
        }
        sending.last_conv_seq = result.conv_seq;
        self.common.due.fetch_add(sending.plan.receivers, Relaxed);
        if self.stage == Stage::Measure {
            *self.stats.shares.entry(sending.plan.sender).or_default() += 1;
            let latency = now.saturating_sub(sent);
            self.stats.result.saturating_record(latency.max(1));
        }
    }

    fn pull(&mut self) -> Result<(), String> {
        self.pulling = true;
        let id = Environment::default().uuid_v7();
        let request = Request {
            request_id: bytes::Bytes::copy_from_slice(&id),
            operation: Operation::SYNC.0,
            max_octets: 0,
            body: Some(request::Body::Sync(SyncRequest {
                log_epoch: self.session.log_epoch,
                user_seq: self.session.user_seq,
            })),
        };
        self.session
            .driver
            .endpoint_mut()
            .request(&request)
            .map_err(|error| error.to_string())
    }

    fn page(&mut self, page: SyncResponse) -> Result<(), String> {
        for item in page.entries {
            if item.user_seq <= self.session.user_seq {
                continue;
            }
            self.session.user_seq = item.user_seq;
            self.moved = true;
            if let Some(entry) = item.entry.filter(|_| !item.echo) {
                self.deliver(&entry);
            }
        }
        if page.more {
            return self.pull();
        }
        self.pulling = false;
        Ok(())
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}
