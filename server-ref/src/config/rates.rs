//! `[rates]` and `[breaker]`. Meanings and defaults of the keys: `default.toml`.

use serde::Deserialize;

/// `[rates]`: how fast acts may come; 0 for no limit.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RatesSection {
    /// Octets of messages of a device.
    pub device_octets_per_s: u32,
    /// Messages of a user.
    pub user_messages_per_s: u32,
    /// Octets of messages of a user.
    pub user_octets_per_s: u32,
    /// Messages of all users.
    pub tenant_messages_per_s: u32,
    /// Octets of messages of all users.
    pub tenant_octets_per_s: u32,
    /// Connections from an address.
    pub address_connections_per_min: u32,
    /// Logins from an address.
    pub address_logins_per_min: u32,
    /// Logins of a user.
    pub user_logins_per_min: u32,
    /// Logins of all users.
    pub tenant_logins_per_min: u32,
    /// Groups that a user creates.
    pub user_groups_per_hour: u32,
    /// Groups that all users create.
    pub tenant_groups_per_hour: u32,
    /// Units of requests of a user.
    pub user_requests_per_s: u32,
    /// Addresses of this machine count as others do.
    pub loopback: bool,
    /// Devices, users and addresses that are remembered for each limit.
    pub remembered: usize,
}

/// `[breaker]`: when a part that fails is left alone.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct BreakerSection {
    /// Failures in a row.
    pub failures: u32,
    /// For how long, the first time.
    pub first_ms: u64,
    /// At most.
    pub max_ms: u64,
}

impl RatesSection {
    /// Everything wrong with it, one sentence each.
    pub(super) fn problems(&self) -> Option<String> {
        (self.remembered == 0).then(|| "rates.remembered is 0".to_owned())
    }
}

impl BreakerSection {
    /// Everything wrong with it, one sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.failures == 0 {
            problems.push("breaker.failures is 0".to_owned());
        }
        if self.first_ms < 10 || self.max_ms < self.first_ms || self.max_ms > 86_400_000 {
            problems.push(format!(
                "breaker.first_ms = {} and breaker.max_ms = {}: 10 to 86400000, the second not less",
                self.first_ms, self.max_ms
            ));
        }
        problems
    }
}
