//! Webhooks of bots: each entry of a timeline, one after the other, at least once.
//!
//! The timeline is the queue, and how far a webhook was told is kept beside the bot: a crash tells
//! an entry twice at worst, and whoever is told can see it by the id. A webhook that does not answer
//! is asked by one attempt at a time, at growing intervals; nobody else waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use eim_codec::id::UserId;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use metrics::{counter, gauge};
use tokio_util::sync::CancellationToken;

use super::told::{Gap, Teller};
use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::metrics::names;
use crate::outbox::{Http, Outcome, outcome};
use crate::random::Random;
use crate::store::{BotRecord, Store, StoreError, TenantId, TimelinePage};

/// How often it is looked which bots there are.
const LOOK: Duration = Duration::from_secs(2);
/// Entries read at once, and octets of their bodies.
const PAGE: (usize, usize) = (32, 256 << 10);
/// Bots read at once.
const BOTS: usize = 256;

/// How webhooks are told.
#[derive(Clone, Copy, Debug)]
pub struct FeedPolicy {
    /// Webhooks at once.
    pub at_once: usize,
    /// First pause after a failure, in milliseconds.
    pub retry_ms: u64,
    /// Longest pause after a failure, in milliseconds.
    pub retry_max_ms: u64,
}

impl FeedPolicy {
    /// From the configuration.
    #[must_use]
    pub const fn new(config: &Config) -> Self {
        Self {
            at_once: config.bots.webhooks,
            retry_ms: config.bots.retry_ms,
            retry_max_ms: config.bots.retry_max_ms,
        }
    }
}

/// What the feed is made of.
#[derive(Clone)]
pub struct FeedParts {
    /// Holds timelines and how far webhooks were told.
    pub store: Arc<dyn Store>,
    /// Tells when a timeline has grown.
    pub hub: Arc<Hub>,
    /// Wall clock, that of the runtime.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// The way to webhooks.
    pub http: Arc<dyn Http>,
    /// How.
    pub policy: FeedPolicy,
    /// Whose bots.
    pub tenant: TenantId,
}

impl std::fmt::Debug for FeedParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedParts")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What is known of a webhook beside its bot.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// In a row.
    failures: u32,
    /// Not before, Unix milliseconds.
    due_ms: u64,
}

/// Why a webhook was not told.
enum Setback {
    /// It did not take an entry.
    Webhook {
        reason: &'static str,
        detail: String,
        retry_after: Option<Duration>,
    },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Flight = Pin<Box<dyn Future<Output = (UserId, Result<(), Setback>)> + Send>>;

/// Tells webhooks.
#[derive(Debug)]
pub struct Feed {
    parts: FeedParts,
    bots: BTreeMap<UserId, Standing>,
    flying: BTreeSet<UserId>,
}

impl Feed {
    /// A feed.
    #[must_use]
    pub const fn new(parts: FeedParts) -> Self {
        Self {
            parts,
            bots: BTreeMap::new(),
            flying: BTreeSet::new(),
        }
    }

    /// Tells webhooks until `stopping`. What is under way then is told again after the next start.
    pub async fn run(mut self, stopping: CancellationToken) {
        let grown = self.parts.hub.watch().grown();
        let mut flights: FuturesUnordered<Flight> = FuturesUnordered::new();
        let mut looked_ms = None;
        loop {
            if let Err(error) = self.look(&mut looked_ms).await {
                tracing::error!(%error, "bots cannot be read");
            }
            let pause = match self.launch(&mut flights).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "timelines of bots cannot be read");
                    LOOK
                }
            };
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                Some((bot, result)) = flights.next(), if !flights.is_empty() => {
                    self.land(bot, result);
                }
                () = grown.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Which bots have webhooks.
    async fn look(&mut self, looked_ms: &mut Option<u64>) -> Result<(), StoreError> {
        let now_ms = self.parts.clock.now_ms();
        let look = u64::try_from(LOOK.as_millis()).unwrap_or(u64::MAX);
        if looked_ms.is_some_and(|looked: u64| now_ms.abs_diff(looked) < look) {
            return Ok(());
        }
        *looked_ms = Some(now_ms);
        let (store, tenant) = (Arc::clone(&self.parts.store), self.parts.tenant);
        let (mut found, mut after) = (BTreeMap::new(), None);
        loop {
            let (page, more) = store.bots(tenant, after, BOTS).await?;
            after = page.last().map(|bot| bot.bot);
            let hooked = page.into_iter().filter(|bot| bot.webhook.is_some());
            found.extend(hooked.map(|bot| {
                let known = self.bots.get(&bot.bot).copied();
                (bot.bot, known.unwrap_or_default())
            }));
            if !more {
                break;
            }
        }
        let watched = found.keys().map(|bot| (tenant, *bot)).collect();
        self.parts.hub.watch().set(watched);
        self.bots = found;
        Ok(())
    }

    /// Begins to tell those that have not heard of everything. Gives back how long nothing else is
    /// to be done.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "behind a shared reference it would not be Send"
    )]
    async fn launch(
        &mut self,
        flights: &mut FuturesUnordered<Flight>,
    ) -> Result<Duration, StoreError> {
        let now_ms = self.parts.clock.now_ms();
        let (store, tenant) = (Arc::clone(&self.parts.store), self.parts.tenant);
        let (mut wake_ms, mut behind) = (u64::MAX, 0_u32);
        for (bot, standing) in self.bots.clone() {
            if self.flying.contains(&bot) {
                behind += 1;
                continue;
            }
            let Some(record) = store.bot(tenant, bot).await? else {
                continue;
            };
            let (head, _) = store.timeline_head(tenant, bot).await?;
            if record.log_epoch == store.log_epoch() && record.told >= head {
                continue;
            }
            behind += 1;
            if standing.due_ms > now_ms {
                wake_ms = wake_ms.min(standing.due_ms);
            } else if self.flying.len() < self.parts.policy.at_once {
                self.flying.insert(bot);
                let parts = self.parts.clone();
                flights.push(Box::pin(async move { (bot, tell(&parts, record).await) }));
            }
        }
        gauge!(names::BOT_BEHIND).set(behind);
        let pause = Duration::from_millis(wake_ms.saturating_sub(now_ms));
        Ok(pause.min(LOOK))
    }

    fn land(&mut self, bot: UserId, result: Result<(), Setback>) {
        self.flying.remove(&bot);
        let now_ms = self.parts.clock.now_ms();
        let policy = self.parts.policy;
        let spread = u64::from(u32::from_be_bytes(self.parts.random.octets::<4>()));
        let Some(standing) = self.bots.get_mut(&bot) else {
            return;
        };
        let setback = match result {
            Ok(()) => {
                *standing = Standing::default();
                return;
            }
            Err(setback) => setback,
        };
        let doubled = 1_u64.checked_shl(standing.failures).unwrap_or(u64::MAX);
        let pause = policy.retry_ms.saturating_mul(doubled);
        let pause = pause.min(policy.retry_max_ms);
        standing.failures = standing.failures.saturating_add(1);
        let wanted = match setback {
            Setback::Webhook {
                reason,
                detail,
                retry_after,
            } => {
                counter!(names::BOT_FAILED, "reason" => reason).increment(1);
                tracing::warn!(%bot, detail, "a webhook did not take an entry");
                retry_after
            }
            Setback::Store(error) => {
                tracing::error!(%error, %bot, "a webhook cannot be told");
                None
            }
        };
        let wanted = wanted.map_or(0, |wait| {
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
        });
        let pause = pause.max(wanted.min(policy.retry_max_ms));
        let jitter = (pause / 4).saturating_mul(spread) >> 32;
        standing.due_ms = now_ms.saturating_add(pause).saturating_add(jitter);
    }
}

/// Tells one webhook what it has not heard of, a page at most.
// impl[EIM-BOT-020, EIM-BOT-022]
async fn tell(parts: &FeedParts, record: BotRecord) -> Result<(), Setback> {
    let (store, tenant, bot) = (&*parts.store, parts.tenant, record.bot);
    let Some(teller) = Teller::new(parts, &record) else {
        return Err(Setback::Webhook {
            reason: "secret",
            detail: "the secret of the webhook is none".to_owned(),
            retry_after: None,
        });
    };
    let (entries, octets) = PAGE;
    let page = store.timeline(tenant, bot, record.log_epoch, record.told, entries, octets);
    let items = match page.await? {
        TimelinePage::Entries { items, .. } => items,
        // impl[EIM-BOT-023]
        TimelinePage::TooOld { floor, head } => {
            let from = record.told.clamp(floor, head.max(floor));
            if floor > record.told {
                let gap = Gap {
                    from: record.told + 1,
                    through: floor,
                };
                post(parts, teller.gap(&gap)?).await?;
            }
            return Ok(store.bot_told(tenant, bot, store.log_epoch(), from).await?);
        }
    };
    let mut skipped = None;
    for item in items {
        // What the bot has written itself it knows.
        if item.entry.sender == Some(bot) {
            skipped = Some(item.user_seq);
            continue;
        }
        post(parts, teller.entry(&item).await?).await?;
        skipped = None;
        store
            .bot_told(tenant, bot, record.log_epoch, item.user_seq)
            .await?;
        counter!(names::BOT_TOLD).increment(1);
    }
    if let Some(user_seq) = skipped {
        store
            .bot_told(tenant, bot, record.log_epoch, user_seq)
            .await?;
    }
    Ok(())
}

/// Makes one attempt.
async fn post(parts: &FeedParts, post: crate::outbox::Post) -> Result<(), Setback> {
    match outcome(parts.http.post(post).await) {
        Outcome::Delivered => Ok(()),
        Outcome::Failed {
            reason,
            detail,
            retry_after,
        } => Err(Setback::Webhook {
            reason,
            detail,
            retry_after,
        }),
        Outcome::Gone => Err(Setback::Webhook {
            reason: "gone",
            detail: "status 410".to_owned(),
            retry_after: None,
        }),
        Outcome::Refused(detail) => Err(Setback::Webhook {
            reason: "refused",
            detail,
            retry_after: None,
        }),
    }
}
