//! Calls that are set up or go on: a mailbox for each, in memory.
//!
//! A call is a state machine (`call`); this room finds it, and tells the hub what was added, in
//! order. Nothing of it is stored: after a restart nobody knows it any more.

mod call;
mod rings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use eim_codec::id::{CallId, ConversationId, UserId};
use eim_codec::registry::limits;
use tokio_util::sync::CancellationToken;

pub use call::{CallView, NotAdded, Party, Signal, Wanted};
pub use rings::Rings;

use self::call::{Added, Call};
use crate::clock::Clock;
use crate::hub::Hub;
use crate::store::TenantId;

/// Bounds and times of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Most members of a conversation in which calls are possible.
    pub members: usize,
    /// Calls of one user that are not over.
    pub started: usize,
    /// Signals of one call that are kept.
    pub signals: usize,
    /// How long a call rings.
    pub ring_ms: u64,
    /// How long a device that takes part may be without a connection.
    pub absent_ms: u64,
    /// How long signals, and calls that are over, are kept.
    pub mailbox_ms: u64,
    /// Only contacts may call each other directly.
    pub contacts_only: bool,
}

impl Default for Rules {
    fn default() -> Self {
        let usize_of = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            members: usize_of(limits::CALL_MEMBERS.default),
            started: usize_of(limits::CALLS_STARTED.default),
            signals: usize_of(limits::CALL_SIGNALS.default),
            ring_ms: limits::CALL_RING_MS.default,
            absent_ms: limits::CALL_ABSENT_MS.default,
            mailbox_ms: limits::CALL_MAILBOX_MS.default,
            contacts_only: false,
        }
    }
}

/// A call that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Another call has this id.
    Taken,
    /// The user has started as many as may be.
    Full,
}

/// Why a signal was not added, or not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSignalled {
    /// There is no such call for this user.
    Unknown,
    /// It does not fit the call.
    NotAdded(NotAdded),
    /// Signals after this number are not all kept any more.
    TooOld,
}

/// The calls of this server.
#[derive(Debug)]
pub struct Calls {
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    calls: BTreeMap<(TenantId, CallId), Call>,
    /// Calls of each user, in the order in which they were started.
    of_users: BTreeMap<(TenantId, UserId), BTreeSet<(u64, CallId)>>,
}

impl Calls {
    /// No calls. Signals are told through `hub`.
    #[must_use]
    pub fn new(hub: Arc<Hub>, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        Self {
            hub,
            clock,
            rules,
            table: Mutex::default(),
        }
    }

    /// Bounds and times.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Starts a call among `members`, of whom the caller is one; the signal OFFER.
    ///
    /// # Errors
    /// [`NotStarted`].
    // impl[EIM-CAL-001, EIM-CAL-005, EIM-CAL-006]
    pub fn start(
        &self,
        (tenant, id): (TenantId, CallId),
        conversation: ConversationId,
        members: Vec<UserId>,
        offer: Wanted,
    ) -> Result<Arc<Signal>, NotStarted> {
        let (caller, now_ms) = (offer.from, self.clock.now_ms());
        let mut table = self.lock();
        if table.calls.contains_key(&(tenant, id)) {
            return Err(NotStarted::Taken);
        }
        if table.started(tenant, caller.user) >= self.rules.started {
            return Err(NotStarted::Full);
        }
        let (call, added) = Call::start(id, conversation, members, offer, now_ms);
        let place = (call.started_ms(), id);
        for user in call.members() {
            let of_user = table.of_users.entry((tenant, *user)).or_default();
            of_user.insert(place);
        }
        let (wakers, first) = (self.tell(tenant, &call, &added), added.into_iter().next());
        table.calls.insert((tenant, id), call);
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        first.ok_or(NotStarted::Taken)
    }

    /// The OFFER of a call that `party` has started already, while it is known.
    // impl[EIM-CAL-005]
    #[must_use]
    pub fn started(&self, tenant: TenantId, id: CallId, party: Party) -> Option<(u64, u64)> {
        let table = self.lock();
        let call = table.calls.get(&(tenant, id))?;
        (call.caller() == party).then(|| (1, call.started_ms()))
    }

    /// Adds a signal, or finds the one that was added before by the same request.
    ///
    /// # Errors
    /// [`NotSignalled`].
    // impl[EIM-CAL-010]
    pub fn signal(
        &self,
        tenant: TenantId,
        id: CallId,
        wanted: Wanted,
    ) -> Result<Arc<Signal>, NotSignalled> {
        let now_ms = self.clock.now_ms();
        let mut table = self.lock();
        let call = table.of(tenant, id, wanted.from.user)?;
        let (signal, added) = call
            .signal(wanted, &self.rules, now_ms)
            .map_err(NotSignalled::NotAdded)?;
        let wakers = self.tell(tenant, call, &added);
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        Ok(signal)
    }

    /// A call and its signals after a number.
    ///
    /// # Errors
    /// [`NotSignalled`].
    // impl[EIM-CAL-010, EIM-CAL-021]
    pub fn after(
        &self,
        tenant: TenantId,
        id: CallId,
        user: UserId,
        after: u64,
    ) -> Result<(CallView, Vec<Arc<Signal>>), NotSignalled> {
        let mut table = self.lock();
        let call = table.of(tenant, id, user)?;
        let signals = call.after(after).ok_or(NotSignalled::TooOld)?;
        Ok((call.view(), signals))
    }

    /// Calls of a user that are not over, in the order in which they were started.
    // impl[EIM-CAL-024]
    #[must_use]
    pub fn list(&self, tenant: TenantId, user: UserId) -> Vec<CallView> {
        let table = self.lock();
        let of_user = table.of_users.get(&(tenant, user)).into_iter().flatten();
        let calls = of_user.filter_map(|(_, id)| table.calls.get(&(tenant, *id)));
        calls
            .filter(|call| !call.is_over())
            .map(Call::view)
            .collect()
    }

    /// A tick: absent devices hang up, unanswered calls end, old ones are forgotten.
    // impl[EIM-CAL-018, EIM-CAL-019, EIM-CAL-022]
    pub fn tick(&self) {
        let now_ms = self.clock.now_ms();
        let mut wakers = Vec::new();
        let mut table = self.lock();
        let mut forgotten = Vec::new();
        for ((tenant, id), call) in &mut table.calls {
            let is_connected = |party: Party| {
                let online = self.hub.online(*tenant, party.user);
                online.contains(&party.device)
            };
            let added = call.tick(&is_connected, &self.rules, now_ms);
            wakers.extend(self.tell(*tenant, call, &added));
            if call.is_forgotten(&self.rules, now_ms) {
                forgotten.push((*tenant, *id));
            }
        }
        for place in forgotten {
            table.forget(place);
        }
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Calls that are known, for tests and measurements.
    #[must_use]
    pub fn load(&self) -> usize {
        self.lock().calls.len()
    }

    // impl[EIM-CAL-008]
    fn tell(&self, tenant: TenantId, call: &Call, added: &Added) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for signal in added {
            // What the server says for a device that is gone is told to that device too.
            let sender = signal.from.filter(|_| !signal.by_server);
            wakers.extend(self.hub.ring(tenant, call.members(), sender, signal));
        }
        wakers
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn of(
        &mut self,
        tenant: TenantId,
        id: CallId,
        user: UserId,
    ) -> Result<&mut Call, NotSignalled> {
        let call = self.calls.get_mut(&(tenant, id));
        call.filter(|call| call.members().contains(&user))
            .ok_or(NotSignalled::Unknown)
    }

    /// Calls that a user has started and that are not over.
    fn started(&self, tenant: TenantId, user: UserId) -> usize {
        let of_user = self.of_users.get(&(tenant, user)).into_iter().flatten();
        let calls = of_user.filter_map(|(_, id)| self.calls.get(&(tenant, *id)));
        calls
            .filter(|call| call.caller().user == user && !call.is_over())
            .count()
    }

    fn forget(&mut self, (tenant, id): (TenantId, CallId)) {
        let Some(call) = self.calls.remove(&(tenant, id)) else {
            return;
        };
        let place = (call.started_ms(), id);
        for user in call.members() {
            let key = (tenant, *user);
            if let Some(of_user) = self.of_users.get_mut(&key) {
                of_user.remove(&place);
                if of_user.is_empty() {
                    self.of_users.remove(&key);
                }
            }
        }
    }
}

/// Ticks until the server stops.
pub async fn run(calls: Arc<Calls>, interval: Duration, stopping: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        calls.tick();
    }
}
