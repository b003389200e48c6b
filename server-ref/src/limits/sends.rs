//! How fast messages may come: by device, by user, and by tenant, in number and in octets.

use std::collections::HashMap;

use eim_codec::id::{DeviceId, UserId};
use eim_codec::time::Timestamp;

use super::bucket::Rate;
use super::fair::{Fair, Right};
use super::keyed::Keyed;
use super::{By, Limited, What};
use crate::store::{Origin, TenantId};

/// Rates of messages and of their octets, where there is a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendRates {
    /// Messages.
    pub messages: Option<Rate>,
    /// Octets.
    pub octets: Option<Rate>,
}

impl SendRates {
    const fn of(&self, what: What) -> Option<Rate> {
        match what {
            What::Octets => self.octets,
            _ => self.messages,
        }
    }
}

/// Messages or octets, on all three levels.
#[derive(Debug)]
struct Measure {
    what: What,
    devices: Option<Keyed<(TenantId, UserId, DeviceId)>>,
    users: Option<Keyed<(TenantId, UserId)>>,
    tenant: Option<Rate>,
    /// Tenants are the operator's: no peer makes them.
    tenants: HashMap<TenantId, Fair>,
    most: usize,
}

/// What passes in a measure, and by what right of the tenant.
type Passed = Option<Right>;

impl Measure {
    fn new(what: What, device: SendRates, user: SendRates, tenant: SendRates, most: usize) -> Self {
        Self {
            what,
            devices: device.of(what).map(|rate| Keyed::new(rate, most)),
            users: user.of(what).map(|rate| Keyed::new(rate, most)),
            tenant: tenant.of(what),
            tenants: HashMap::new(),
            most,
        }
    }

    const fn is_limited(&self) -> bool {
        self.devices.is_some() || self.users.is_some() || self.tenant.is_some()
    }

    /// Whether it may pass; else the limit that holds it back for longest.
    fn check(&mut self, origin: &Origin, amount: u64, now: Timestamp) -> Result<Passed, Limited> {
        let Origin {
            tenant,
            user,
            device,
            ..
        } = *origin;
        let mut longest: Option<Limited> = None;
        let what = self.what;
        let mut held = |by, wait| {
            if longest.is_none_or(|longest| longest.wait < wait) {
                longest = Some(Limited { what, by, wait });
            }
        };
        if let Some(devices) = &self.devices
            && let Err(wait) = devices.check((tenant, user, device), amount, now)
        {
            held(By::Device, wait);
        }
        if let Some(users) = &self.users
            && let Err(wait) = users.check((tenant, user), amount, now)
        {
            held(By::User, wait);
        }
        let mut right = None;
        if let Some(rate) = self.tenant {
            let most = self.most;
            let fair = self.tenants.entry(tenant);
            let fair = fair.or_insert_with(|| Fair::new(rate, most));
            match fair.check(user, amount, now) {
                Ok(allowed) => right = Some(allowed),
                Err(wait) => held(By::Tenant, wait),
            }
        }
        longest.map_or(Ok(right), Err)
    }

    fn take(&mut self, origin: &Origin, amount: u64, passed: Passed, now: Timestamp) {
        let Origin {
            tenant,
            user,
            device,
            ..
        } = *origin;
        if let Some(devices) = &mut self.devices {
            devices.take((tenant, user, device), amount, now);
        }
        if let Some(users) = &mut self.users {
            users.take((tenant, user), amount, now);
        }
        if let (Some(right), Some(fair)) = (passed, self.tenants.get_mut(&tenant)) {
            fair.take(user, amount, right, now);
        }
    }

    fn sweep(&mut self, now: Timestamp) -> usize {
        let mut known = 0;
        if let Some(devices) = &mut self.devices {
            devices.sweep(now);
            known += devices.len();
        }
        if let Some(users) = &mut self.users {
            users.sweep(now);
            known += users.len();
        }
        for fair in self.tenants.values_mut() {
            fair.sweep(now);
            known += fair.len();
        }
        known
    }
}

/// The buckets that a message has to pass. They belong to device and user, not to a connection: one more
/// connection gives no more room.
// impl[EIM-LIM-015]
#[derive(Debug)]
pub struct Sends {
    messages: Measure,
    octets: Measure,
}

impl Sends {
    /// Buckets of these rates; `None` where nothing is limited.
    #[must_use]
    pub fn new(device: SendRates, user: SendRates, tenant: SendRates, most: usize) -> Option<Self> {
        let all = Self {
            messages: Measure::new(What::Messages, device, user, tenant, most),
            octets: Measure::new(What::Octets, device, user, tenant, most),
        };
        (all.messages.is_limited() || all.octets.is_limited()).then_some(all)
    }

    /// Takes one message of so many octets from all buckets, or from none.
    ///
    /// # Errors
    /// The limit that holds it back for longest.
    pub fn admit(&mut self, origin: &Origin, octets: u64, now: Timestamp) -> Result<(), Limited> {
        let by_number = self.messages.check(origin, 1, now);
        let by_size = self.octets.check(origin, octets, now);
        match (by_number, by_size) {
            (Ok(number), Ok(size)) => {
                self.messages.take(origin, 1, number, now);
                self.octets.take(origin, octets, size, now);
                Ok(())
            }
            (Err(one), Err(other)) if one.wait < other.wait => Err(other),
            (Err(limited), _) | (_, Err(limited)) => Err(limited),
        }
    }

    /// Forgets whoever is quiet; gives back how many are remembered.
    pub fn sweep(&mut self, now: Timestamp) -> usize {
        self.messages.sweep(now) + self.octets.sweep(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn per_s(messages: u64, octets: u64) -> SendRates {
        let rate = |acts| Rate::new(acts, Duration::from_secs(1));
        SendRates {
            messages: rate(messages),
            octets: rate(octets),
        }
    }

    fn origin(user: u8, device: u8) -> Origin {
        Origin {
            tenant: TenantId(0),
            user: UserId::from([user; 16]),
            device: DeviceId::from([device; 16]),
            generation: None,
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    // test[EIM-LIM-015]
    #[test]
    fn every_level_holds_back_by_itself() {
        let mut sends = Sends::new(per_s(2, 0), per_s(3, 0), per_s(100, 0), 100).unwrap();
        let mut by = |user, device| sends.admit(&origin(user, device), 9, at(0)).err();
        assert_eq!((by(1, 1), by(1, 1)), (None, None));
        assert_eq!(by(1, 1).unwrap().by, By::Device);
        assert_eq!(by(1, 2), None);
        assert_eq!(by(1, 3).unwrap().by, By::User);
        assert_eq!(by(2, 1), None, "another user, another bucket");
    }

    #[test]
    fn what_one_bucket_refuses_costs_nothing_in_the_others() {
        let mut sends = Sends::new(per_s(10, 0), per_s(0, 100), per_s(0, 0), 100).unwrap();
        assert!(sends.admit(&origin(1, 1), 100, at(0)).is_ok());
        let limited = sends.admit(&origin(1, 1), 50, at(0)).unwrap_err();
        let wait = Duration::from_millis(500);
        assert_eq!(
            (limited.what, limited.by, limited.wait),
            (What::Octets, By::User, wait)
        );
        for _ in 0..100 {
            assert!(sends.admit(&origin(1, 1), 50, at(0)).is_err());
        }
        assert!(
            sends.admit(&origin(1, 1), 50, at(500)).is_ok(),
            "nine messages are left"
        );
    }

    #[test]
    fn nothing_limited_is_no_limit_and_the_quiet_are_forgotten() {
        assert!(Sends::new(per_s(0, 0), per_s(0, 0), per_s(0, 0), 100).is_none());
        let mut sends = Sends::new(per_s(1, 1), per_s(1, 1), per_s(1, 1), 100).unwrap();
        sends.admit(&origin(1, 1), 1, at(0)).unwrap();
        assert_eq!(sends.sweep(at(10)), 6);
        assert_eq!(sends.sweep(at(10_000)), 0);
    }
}
