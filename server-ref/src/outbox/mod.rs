//! Notifications on their way out: what is owed is read from the store, told, and taken down there.
//!
//! The store is the queue: a notification is owed from the commit of its entry on, and until it is
//! settled. So a crash loses none, and whoever is told twice can see it by the id. In memory are
//! only the attempts under way, and who has failed lately.

mod apns;
mod compose;
mod encrypted;
mod fcm;
mod flight;
mod gateway;
mod gateways;
mod http;
mod jwt;
#[cfg(test)]
mod platforms;
mod secret;
mod shown;
mod time;
mod web_push;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eim_codec::payload::NotifyContent;
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use metrics::{counter, gauge};
use tokio_util::sync::CancellationToken;

pub use apns::{Apns, Identity};
pub use compose::{About, Notification};
pub use fcm::{AccountError, Fcm};
pub use gateway::{Gateway, Http, HttpError, Outcome, Post, Reply, outcome};
pub use gateways::{GatewayError, Gateways, gateways, web_push_key};
pub use http::Network;
pub use jwt::KeyError;
pub use secret::{Key, Secret, SecretError};
pub use time::rfc3339;
pub use web_push::WebPush;
pub use webhook::Webhook;

use self::compose::Composer;
use self::flight::{Flight, Landed, Result as Flown};
use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::limits::{BreakerPolicy, Breakers, Permit, State};
use crate::metrics::names;
use crate::random::Random;
use crate::store::{Fate, NotifyKey, Owed, Service, Store, StoreError, TenantId};

/// How often what waits is counted.
const COUNT: Duration = Duration::from_secs(5);
/// Counted up to here.
const COUNTED: usize = 100_000;
/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How notifications are passed on.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The most that they tell.
    pub content: NotifyContent,
    /// How long they are owed, in milliseconds.
    pub ttl_ms: u64,
    /// Attempts at once.
    pub concurrency: usize,
    /// First pause after a failure, in milliseconds.
    pub retry_ms: u64,
    /// Longest pause after a failure, in milliseconds.
    pub retry_max_ms: u64,
    /// Who is left alone.
    pub breaker: BreakerPolicy,
}

impl Policy {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let wanted = &config.notifications;
        Self {
            content: wanted.content.into(),
            ttl_ms: wanted.ttl_ms,
            concurrency: wanted.concurrency,
            retry_ms: wanted.retry_ms,
            retry_max_ms: wanted.retry_max_ms,
            breaker: BreakerPolicy {
                failures: wanted.breaker_failures,
                first: Duration::from_millis(wanted.breaker_ms),
                most: Duration::from_millis(wanted.breaker_max_ms),
            },
        }
    }
}

/// What the outbox is made of.
#[derive(Clone)]
pub struct Parts {
    /// Holds what is owed.
    pub store: Arc<dyn Store>,
    /// Knows who is connected.
    pub hub: Arc<Hub>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// Who passes notifications on.
    pub gateways: Gateways,
    /// How.
    pub policy: Policy,
    /// Whose notifications.
    pub tenant: TenantId,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("gateways", &self.gateways)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Passes notifications on.
pub struct Outbox {
    parts: Parts,
    composer: Arc<Composer>,
    breakers: Breakers,
    flying: BTreeSet<NotifyKey>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("breakers", &self.breakers)
            .field("flying", &self.flying.len())
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let composer = Composer {
            tenant: parts.tenant,
            content: parts.policy.content,
            ttl_ms: parts.policy.ttl_ms,
            secret: parts.store.derive_secret("names in notifications"),
        };
        Self {
            composer: Arc::new(composer),
            breakers: Breakers::new(parts.policy.breaker),
            flying: BTreeSet::new(),
            parts,
        }
    }

    /// Passes on what is owed, until `stopping`. Attempts under way then are made again after the
    /// next start.
    pub async fn run(mut self, stopping: CancellationToken) {
        let owing = self.parts.hub.owing();
        let mut flights = FuturesUnordered::new();
        let mut counted_ms = 0;
        loop {
            let pause = match self.launch(&mut flights).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "what is owed cannot be read");
                    STORE_PAUSE
                }
            };
            self.count(&mut counted_ms).await;
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                Some(landed) = flights.next(), if !flights.is_empty() => {
                    let mut all = vec![landed];
                    while let Some(Some(landed)) = flights.next().now_or_never() {
                        all.push(landed);
                    }
                    self.land(all).await;
                }
                () = owing.notified() => {}
                () = tokio::time::sleep(pause.min(COUNT)) => {}
            }
        }
    }

    /// Begins as many attempts as may be under way. Gives back how long nothing else is to be done.
    async fn launch(
        &mut self,
        flights: &mut FuturesUnordered<Flight>,
    ) -> Result<Duration, StoreError> {
        let now_ms = self.parts.clock.now_ms();
        let mut wake_ms = u64::MAX;
        for service in Service::ALL {
            let next_ms = self.launch_service(service, now_ms, flights).await?;
            wake_ms = wake_ms.min(next_ms.unwrap_or(u64::MAX));
        }
        Ok(Duration::from_millis(wake_ms.saturating_sub(now_ms)))
    }

    /// When something is to be done next, where that is known.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "shared, it could not be held while the store is asked"
    )]
    async fn launch_service(
        &mut self,
        service: Service,
        now_ms: u64,
        flights: &mut FuturesUnordered<Flight>,
    ) -> Result<Option<u64>, StoreError> {
        let policy = self.parts.policy;
        let room = policy.concurrency.saturating_sub(self.flying.len());
        if room == 0 {
            return Ok(None);
        }
        let gateway = self.parts.gateways.get(&service).cloned();
        // Of a party that is left alone nothing is even read.
        if let Some(gateway) = &gateway
            && gateway.is_one_party()
        {
            match self.breakers.permit(&gateway.party(""), now_ms) {
                Permit::Go => self.breakers.abandoned(&gateway.party("")),
                Permit::At(time_ms) => return Ok(Some(time_ms)),
                Permit::Probing => return Ok(None),
            }
        }
        let limit = policy.concurrency.saturating_add(self.flying.len());
        let (store, tenant) = (Arc::clone(&self.parts.store), self.parts.tenant);
        let (due, next) = store.owed(tenant, service, now_ms, limit).await?;
        let mut settled = Vec::new();
        for owed in due {
            if self.flying.len() >= policy.concurrency || self.flying.contains(&owed.key) {
                continue;
            }
            let Some(gateway) = &gateway else {
                settled.push((owed, Fate::Over));
                continue;
            };
            let address = owed.target.as_ref().map_or("", |target| &*target.address);
            let party = gateway.party(address);
            match self.breakers.permit(&party, now_ms) {
                Permit::Go => {}
                // Nothing follows before it is known how the first one goes.
                _ if gateway.is_one_party() => break,
                Permit::At(time_ms) => {
                    settled.push((owed, self.later(time_ms)));
                    continue;
                }
                Permit::Probing => {
                    settled.push((owed, self.later(now_ms.saturating_add(policy.retry_ms))));
                    continue;
                }
            }
            self.flying.insert(owed.key);
            flights.push(self.flight(service, Arc::clone(gateway), party, owed));
        }
        if !settled.is_empty() {
            counter!(names::NOTIFICATIONS_NEEDLESS, "reason" => "no_service").increment(
                settled
                    .iter()
                    .filter(|(_, fate)| *fate == Fate::Over)
                    .count() as u64,
            );
            store.settle(tenant, settled).await?;
        }
        Ok(next.filter(|next| *next > now_ms))
    }

    fn flight(
        &self,
        service: Service,
        gateway: Arc<dyn Gateway>,
        party: String,
        owed: Owed,
    ) -> Flight {
        let (store, hub) = (Arc::clone(&self.parts.store), Arc::clone(&self.parts.hub));
        let composer = Arc::clone(&self.composer);
        flight::begin(flight::Plan {
            store,
            hub,
            composer,
            clock: Arc::clone(&self.parts.clock),
            gateway,
            service,
            party,
            owed,
        })
    }

    /// Takes down how attempts went.
    async fn land(&mut self, landed: Vec<Landed>) {
        let now_ms = self.parts.clock.now_ms();
        let mut fates = Vec::with_capacity(landed.len());
        for landed in landed {
            self.flying.remove(&landed.owed.key);
            let fate = self.fate(&landed, now_ms);
            fates.push((landed.owed, fate));
        }
        // What is not taken down is tried again.
        let settled = self.parts.store.settle(self.parts.tenant, fates).await;
        if let Err(error) = settled {
            tracing::error!(%error, "attempts cannot be taken down");
        }
    }

    // impl[EIM-NTF-017, EIM-NTF-018]
    fn fate(&mut self, landed: &Landed, now_ms: u64) -> Fate {
        let Landed {
            service,
            party,
            owed,
            result,
        } = landed;
        let service = service.name();
        let outcome = match result {
            Flown::Needless(reason) => {
                self.breakers.abandoned(party);
                counter!(names::NOTIFICATIONS_NEEDLESS, "reason" => *reason).increment(1);
                return Fate::Over;
            }
            Flown::Wait(due_ms) => {
                self.breakers.abandoned(party);
                return self.later(*due_ms);
            }
            Flown::Store(error) => {
                self.breakers.abandoned(party);
                tracing::error!(%error, "a notification cannot be made");
                return self.later(now_ms.saturating_add(self.parts.policy.retry_ms));
            }
            Flown::Tried(outcome) => outcome,
        };
        let fate = match outcome {
            Outcome::Delivered => {
                counter!(names::NOTIFICATIONS_SENT, "service" => service).increment(1);
                self.breakers.succeeded(party);
                Fate::Over
            }
            Outcome::Gone => {
                counter!(names::NOTIFICATIONS_FAILED, "service" => service, "reason" => "gone")
                    .increment(1);
                self.breakers.succeeded(party);
                Fate::Gone
            }
            Outcome::Refused(detail) => {
                tracing::warn!(service, detail, "a notification is refused for good");
                counter!(names::NOTIFICATIONS_FAILED, "service" => service, "reason" => "refused")
                    .increment(1);
                self.breakers.succeeded(party);
                Fate::Over
            }
            Outcome::Failed {
                reason,
                detail,
                retry_after,
            } => {
                tracing::debug!(service, reason, detail, "a notification failed");
                counter!(names::NOTIFICATIONS_FAILED, "service" => service, "reason" => *reason)
                    .increment(1);
                if self.breakers.failed(party, now_ms, *retry_after) {
                    tracing::warn!(service, party, detail, "left alone for a while");
                    counter!(names::BREAKER_OPENED, "service" => service).increment(1);
                }
                let pause = self.pause_ms(owed.attempts, *retry_after);
                Fate::Later {
                    due_ms: now_ms.saturating_add(pause),
                    failed: true,
                }
            }
        };
        self.report(landed.service, party, now_ms);
        fate
    }

    fn report(&self, service: Service, party: &str, now_ms: u64) {
        // Parties that are named by addresses would be a metric each.
        let one = self.parts.gateways.get(&service);
        if one.is_some_and(|gateway| gateway.is_one_party()) {
            let state = match self.breakers.state(party, now_ms) {
                State::Closed => 0.0,
                State::HalfOpen => 1.0,
                State::Open => 2.0,
            };
            gauge!(names::BREAKER_STATE, "service" => service.name()).set(state);
        }
    }

    const fn later(&self, due_ms: u64) -> Fate {
        Fate::Later {
            due_ms,
            failed: false,
        }
    }

    /// Twice as long each time, and up to half of it less, so that not all come back at once.
    fn pause_ms(&self, attempts: u32, wanted: Option<Duration>) -> u64 {
        let policy = self.parts.policy;
        let doubled = policy.retry_ms.saturating_mul(1 << attempts.min(30));
        let longest = doubled.min(policy.retry_max_ms);
        let less = u64::from(u32::from_be_bytes(self.parts.random.octets())) % (longest / 2 + 1);
        let pause = longest.saturating_sub(less);
        let wanted = wanted.map_or(0, |pause| {
            u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
        });
        pause.max(wanted.min(policy.retry_max_ms))
    }

    /// Counts what waits, now and then.
    async fn count(&self, counted_ms: &mut u64) {
        let now_ms = self.parts.clock.now_ms();
        let interval = u64::try_from(COUNT.as_millis()).unwrap_or(u64::MAX);
        if now_ms.abs_diff(*counted_ms) < interval {
            return;
        }
        *counted_ms = now_ms;
        for (service, gateway) in &self.parts.gateways {
            let (store, tenant) = (&self.parts.store, self.parts.tenant);
            if let Ok((count, oldest)) = store.owed_count(tenant, *service, COUNTED).await {
                let age = oldest.map_or(0, |time_ms| now_ms.saturating_sub(time_ms));
                gauge!(names::NOTIFICATIONS_OWED, "service" => service.name()).set(count as f64);
                gauge!(names::NOTIFICATIONS_OLDEST, "service" => service.name())
                    .set(age as f64 / 1000.0);
            }
            if gateway.is_one_party() {
                self.report(*service, &gateway.party(""), now_ms);
            }
        }
    }
}
