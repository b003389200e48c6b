//! How much others may have of the server: token buckets, what may wait for the store, breakers.
//!
//! All of it is pure but for two edges: [`Ticks`] tells the time, and [`Limits`] holds the locks. A
//! refusal says when another attempt would pass. `EIM-LIM` in the specification.

mod address;
mod backlog;
mod breaker;
mod bucket;
mod cost;
mod fair;
mod guard;
mod keyed;
mod policy;
mod sends;
mod ticks;
mod waiting;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eim_codec::id::UserId;
use eim_codec::registry::Operation;
use eim_codec::time::Timestamp;
use metrics::{counter, gauge};

pub use address::neighbourhood;
pub use backlog::{Backlog, BacklogRule};
pub use breaker::{Breaker, BreakerPolicy, Breakers, Permit, State};
pub use bucket::{Bucket, Rate};
pub use cost::cost;
pub use fair::{Fair, Right};
#[cfg(test)]
pub(crate) use guard::tests::guard as test_guard;
pub use guard::{Attempt, Guard};
pub use keyed::Keyed;
pub use policy::{Policy, breaker as breaker_policy};
pub use sends::{SendRates, Sends};
pub use ticks::Ticks;
pub use waiting::Waiting;

use crate::metrics::names;
use crate::store::{Origin, TenantId};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Messages, by number.
    Messages,
    /// Messages, by octets.
    Octets,
    /// Messages that wait for the store.
    Backlog,
    /// Connections before they say anything.
    Connections,
    /// Logins.
    Logins,
    /// Groups that are created.
    Groups,
    /// Requests.
    Requests,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Octets => "octets",
            Self::Backlog => "backlog",
            Self::Connections => "connections",
            Self::Logins => "logins",
            Self::Groups => "groups",
            Self::Requests => "requests",
        }
    }
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Of a device.
    Device,
    /// Of a user.
    User,
    /// Of a tenant; for messages, of a user's share of it.
    Tenant,
    /// Of an address.
    Address,
    /// Of the store.
    Store,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::Address => "address",
            Self::Store => "store",
        }
    }
}

/// An act that may not pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// What is limited.
    pub what: What,
    /// Whose limit it is.
    pub by: By,
    /// When it may pass.
    pub wait: Duration,
}

impl Limited {
    /// The wait as the wire has it: milliseconds, rounded up, at least 1.
    // impl[EIM-ERR-012, EIM-LIM-016]
    #[must_use]
    pub fn retry_after_ms(&self) -> u64 {
        u64::try_from(self.wait.as_nanos().div_ceil(1_000_000))
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

/// A table of buckets, or no limit.
#[derive(Debug)]
struct Table<K>(Option<Mutex<Keyed<K>>>);

impl<K: Eq + Hash + Copy> Table<K> {
    fn new(rate: Option<Rate>, remembered: usize) -> Self {
        Self(rate.map(|rate| Mutex::new(Keyed::new(rate, remembered))))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Keyed<K>>> {
        self.0.as_ref().map(lock)
    }

    fn admit(&self, key: K, acts: u64, now: Timestamp) -> Result<(), Duration> {
        self.lock()
            .map_or(Ok(()), |mut table| table.admit(key, acts, now))
    }

    fn sweep(&self, now: Timestamp) -> usize {
        self.lock().map_or(0, |mut table| {
            table.sweep(now);
            table.len()
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All limits of a server.
#[derive(Debug)]
pub struct Limits {
    ticks: Ticks,
    loopback: bool,
    sends: Option<Mutex<Sends>>,
    backlog: Option<Mutex<Backlog>>,
    connections: Table<IpAddr>,
    address_logins: Table<IpAddr>,
    user_logins: Table<(TenantId, UserId)>,
    tenant_logins: Table<TenantId>,
    user_groups: Table<(TenantId, UserId)>,
    tenant_groups: Table<TenantId>,
    user_requests: Table<(TenantId, UserId)>,
}

impl Limits {
    /// Limits by `policy`, with full buckets.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let most = policy.remembered;
        let Policy {
            device,
            user,
            tenant,
            backlog,
            ..
        } = *policy;
        let sends = Sends::new(device, user, tenant, most);
        let bounded = backlog.messages > 0 || !backlog.age.is_zero();
        Self {
            ticks: Ticks::begin(),
            loopback: policy.loopback,
            sends: sends.map(Mutex::new),
            backlog: bounded.then(|| Mutex::new(Backlog::new(backlog))),
            connections: Table::new(policy.connections, most),
            address_logins: Table::new(policy.address_logins, most),
            user_logins: Table::new(policy.user_logins, most),
            tenant_logins: Table::new(policy.tenant_logins, most),
            user_groups: Table::new(policy.user_groups, most),
            tenant_groups: Table::new(policy.tenant_groups, most),
            user_requests: Table::new(policy.user_requests, most),
        }
    }

    /// A message of so many octets comes. When it may pass it counts as waiting for the store, beside
    /// what `waiting` holds already.
    ///
    /// # Errors
    /// The limit that is met; nothing is taken then.
    // impl[EIM-LIM-014, EIM-LIM-015, EIM-LIM-020]
    pub fn message(
        self: &Arc<Self>,
        origin: &Origin,
        octets: u64,
        waiting: &mut Option<Box<Waiting>>,
    ) -> Result<(), Limited> {
        if self.sends.is_none() && self.backlog.is_none() {
            return Ok(());
        }
        let (now, who) = (self.ticks.now(), (origin.tenant, origin.user));
        let (what, by) = (What::Backlog, By::Store);
        let mut backlog = self.backlog.as_ref().map(lock);
        if let Some(backlog) = &backlog {
            let late = |wait| refused(Limited { what, by, wait });
            backlog.check(who, now).map_err(late)?;
        }
        if let Some(sends) = &self.sends {
            lock(sends).admit(origin, octets, now).map_err(refused)?;
        }
        if let Some(backlog) = &mut backlog {
            let batch = waiting.as_ref().map(|waiting| waiting.batch());
            let batch = backlog.add(who, batch, now);
            Waiting::add(self, waiting, origin, batch);
        }
        Ok(())
    }

    /// Messages of one batch wait no longer.
    fn waited(&self, origin: &Origin, batch: u64, count: usize) {
        if let Some(backlog) = &self.backlog {
            let now = self.ticks.now();
            lock(backlog).done((origin.tenant, origin.user), batch, count, now);
        }
    }

    /// Somebody connects.
    ///
    /// # Errors
    /// The limit that is met.
    // impl[EIM-LIM-018, EIM-LIM-022]
    pub fn connection(&self, from: IpAddr) -> Result<(), Limited> {
        self.of_address(&self.connections, What::Connections, from)
    }

    /// Somebody begins to log in.
    ///
    /// # Errors
    /// The limit that is met.
    // impl[EIM-LIM-018, EIM-LIM-022]
    pub fn login_from(&self, from: IpAddr) -> Result<(), Limited> {
        self.of_address(&self.address_logins, What::Logins, from)
    }

    /// Somebody has proven to be this user.
    ///
    /// # Errors
    /// The limit that is met; nothing is taken then.
    // impl[EIM-LIM-018]
    pub fn login_of(&self, tenant: TenantId, user: UserId) -> Result<(), Limited> {
        let what = What::Logins;
        self.of_both(&self.user_logins, &self.tenant_logins, what, tenant, user)
    }

    /// A user creates a group.
    ///
    /// # Errors
    /// The limit that is met; nothing is taken then.
    // impl[EIM-LIM-014]
    pub fn group(&self, tenant: TenantId, user: UserId) -> Result<(), Limited> {
        let what = What::Groups;
        self.of_both(&self.user_groups, &self.tenant_groups, what, tenant, user)
    }

    /// A user asks.
    ///
    /// # Errors
    /// The limit that is met.
    // impl[EIM-LIM-014]
    pub fn request(
        &self,
        tenant: TenantId,
        user: UserId,
        operation: Operation,
    ) -> Result<(), Limited> {
        let units = cost(operation);
        if units == 0 || self.user_requests.0.is_none() {
            return Ok(());
        }
        let (what, by) = (What::Requests, By::User);
        let admitted = self
            .user_requests
            .admit((tenant, user), units, self.ticks.now());
        admitted.map_err(|wait| refused(Limited { what, by, wait }))
    }

    fn of_address(&self, table: &Table<IpAddr>, what: What, from: IpAddr) -> Result<(), Limited> {
        let local = from.to_canonical().is_loopback();
        if table.0.is_none() || (local && !self.loopback) {
            return Ok(());
        }
        let (by, now) = (By::Address, self.ticks.now());
        let admitted = table.admit(neighbourhood(from), 1, now);
        admitted.map_err(|wait| refused(Limited { what, by, wait }))
    }

    fn of_both(
        &self,
        users: &Table<(TenantId, UserId)>,
        tenants: &Table<TenantId>,
        what: What,
        tenant: TenantId,
        user: UserId,
    ) -> Result<(), Limited> {
        let now = self.ticks.now();
        let (mut users, mut tenants) = (users.lock(), tenants.lock());
        let mut longest: Option<Limited> = None;
        if let Some(users) = &users
            && let Err(wait) = users.check((tenant, user), 1, now)
        {
            let by = By::User;
            longest = Some(Limited { what, by, wait });
        }
        if let Some(tenants) = &tenants
            && let Err(wait) = tenants.check(tenant, 1, now)
            && longest.is_none_or(|longest| longest.wait < wait)
        {
            let by = By::Tenant;
            longest = Some(Limited { what, by, wait });
        }
        if let Some(limited) = longest {
            return Err(refused(limited));
        }
        if let Some(users) = &mut users {
            users.take((tenant, user), 1, now);
        }
        if let Some(tenants) = &mut tenants {
            tenants.take(tenant, 1, now);
        }
        Ok(())
    }

    /// Forgets whoever is quiet, and tells the metrics how things are.
    // impl[EIM-LIM-008]
    pub fn sweep(&self) {
        let now = self.ticks.now();
        let mut known = self
            .sends
            .as_ref()
            .map_or(0, |sends| lock(sends).sweep(now));
        for addresses in [&self.connections, &self.address_logins] {
            known += addresses.sweep(now);
        }
        for users in [&self.user_logins, &self.user_groups, &self.user_requests] {
            known += users.sweep(now);
        }
        for tenants in [&self.tenant_logins, &self.tenant_groups] {
            known += tenants.sweep(now);
        }
        gauge!(names::LIMITS_REMEMBERED).set(known as f64);
        if let Some(backlog) = &self.backlog {
            let (waiting, age) = {
                let backlog = lock(backlog);
                (backlog.waiting(), backlog.age(now))
            };
            gauge!(names::STORE_BACKLOG).set(waiting as f64);
            gauge!(names::STORE_BACKLOG_AGE).set(age.as_secs_f64());
        }
    }
}

/// Counts a limit that is met.
// impl[EIM-LIM-012]
fn refused(limited: Limited) -> Limited {
    let (what, by) = (limited.what.name(), limited.by.name());
    counter!(names::LIMITED, "limit" => what, "by" => by).increment(1);
    limited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn limits(text: &str) -> Arc<Limits> {
        let config = Config::from_toml(text).unwrap();
        Arc::new(Limits::new(&Policy::new(&config)))
    }

    fn origin(user: u8) -> Origin {
        Origin {
            tenant: TenantId(0),
            user: UserId::from([user; 16]),
            device: [1; 16].into(),
            generation: None,
        }
    }

    // test[EIM-LIM-014, EIM-LIM-015]
    #[tokio::test(start_paused = true)]
    async fn rates_of_the_configuration_hold_and_come_back() {
        let limits = limits("[rates]\nuser_messages_per_s = 2\nuser_groups_per_hour = 1");
        let none = &mut None;
        for _ in 0..2 {
            limits.message(&origin(1), 100, none).unwrap();
        }
        let limited = limits.message(&origin(1), 100, none).unwrap_err();
        assert_eq!((limited.what, limited.by), (What::Messages, By::User));
        assert_eq!(limited.retry_after_ms(), 500);
        limits.message(&origin(2), 100, none).unwrap();
        tokio::time::advance(limited.wait).await;
        limits.message(&origin(1), 100, none).unwrap();
        let Origin { tenant, user, .. } = origin(1);
        limits.group(tenant, user).unwrap();
        let limited = limits.group(tenant, user).unwrap_err();
        assert_eq!(limited.retry_after_ms(), 3_600_000);
    }

    // test[EIM-LIM-018, EIM-LIM-022]
    #[tokio::test(start_paused = true)]
    async fn addresses_of_this_machine_count_where_the_operator_says_so() {
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        let neighbours: [IpAddr; 2] =
            ["2001:db8::1", "2001:db8::2"].map(|one| one.parse().unwrap());
        let rates = "[rates]\naddress_logins_per_min = 1\naddress_connections_per_min = 1";
        let limits_off = limits(rates);
        for _ in 0..3 {
            limits_off.login_from(local).unwrap();
        }
        limits_off.login_from(neighbours[0]).unwrap();
        let limited = limits_off.login_from(neighbours[1]).unwrap_err();
        assert_eq!(
            (limited.by, limited.retry_after_ms()),
            (By::Address, 60_000)
        );
        limits_off.connection(neighbours[1]).unwrap();
        assert!(limits_off.connection(neighbours[0]).is_err());
        let limits_on = limits(&format!("{rates}\nloopback = true"));
        limits_on.login_from(local).unwrap();
        assert!(limits_on.login_from(local).is_err());
    }

    // test[EIM-LIM-020]
    #[tokio::test(start_paused = true)]
    async fn what_waits_counts_until_it_is_done() {
        let limits = limits("[store]\nbacklog_messages = 4");
        let mut waiting = None;
        for _ in 0..2 {
            limits.message(&origin(1), 1, &mut waiting).unwrap();
        }
        let limited = limits.message(&origin(1), 1, &mut waiting).unwrap_err();
        assert_eq!((limited.what, limited.by), (What::Backlog, By::Store));
        limits.message(&origin(2), 1, &mut None).unwrap();
        drop(waiting.take());
        limits.message(&origin(1), 1, &mut waiting).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_weighed() {
        let limits = limits("[rates]\nuser_requests_per_s = 8");
        let Origin { tenant, user, .. } = origin(1);
        let ask = |operation| limits.request(tenant, user, operation);
        assert!(ask(Operation::SYNC).is_ok() && ask(Operation::SYNC).is_ok());
        assert_eq!(ask(Operation::USERS).unwrap_err().retry_after_ms(), 125);
        assert!(ask(Operation::TYPING).is_ok(), "has a limit of its own");
    }
}
