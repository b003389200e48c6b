//! The limits of a configuration.

use std::time::Duration;

use super::backlog::BacklogRule;
use super::breaker::BreakerPolicy;
use super::bucket::Rate;
use super::sends::SendRates;
use crate::config::Config;

/// What is limited, and how.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub(super) device: SendRates,
    pub(super) user: SendRates,
    pub(super) tenant: SendRates,
    pub(super) connections: Option<Rate>,
    pub(super) address_logins: Option<Rate>,
    pub(super) user_logins: Option<Rate>,
    pub(super) tenant_logins: Option<Rate>,
    pub(super) user_groups: Option<Rate>,
    pub(super) tenant_groups: Option<Rate>,
    pub(super) user_requests: Option<Rate>,
    /// Addresses of this machine count as well.
    pub(super) loopback: bool,
    /// Keys that are remembered for each limit.
    pub(super) remembered: usize,
    pub(super) backlog: BacklogRule,
}

impl Policy {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (limits, rates, store) = (&config.limits, &config.rates, &config.store);
        let per = |acts: u32, seconds| Rate::new(acts.into(), Duration::from_secs(seconds));
        let sends = |messages, octets| SendRates {
            messages: per(messages, 1),
            octets: per(octets, 1),
        };
        Self {
            device: sends(limits.messages_per_s, rates.device_octets_per_s),
            user: sends(rates.user_messages_per_s, rates.user_octets_per_s),
            tenant: sends(rates.tenant_messages_per_s, rates.tenant_octets_per_s),
            connections: per(rates.address_connections_per_min, 60),
            address_logins: per(rates.address_logins_per_min, 60),
            user_logins: per(rates.user_logins_per_min, 60),
            tenant_logins: per(rates.tenant_logins_per_min, 60),
            user_groups: per(rates.user_groups_per_hour, 3600),
            tenant_groups: per(rates.tenant_groups_per_hour, 3600),
            user_requests: per(rates.user_requests_per_s, 1),
            loopback: rates.loopback,
            remembered: rates.remembered,
            backlog: BacklogRule {
                messages: store.backlog_messages,
                age: Duration::from_millis(store.backlog_ms),
            },
        }
    }
}

/// When the store, or what keeps the octets of files, is left alone.
#[must_use]
pub fn breaker(config: &Config) -> BreakerPolicy {
    BreakerPolicy {
        failures: config.breaker.failures,
        first: Duration::from_millis(config.breaker.first_ms),
        most: Duration::from_millis(config.breaker.max_ms),
    }
}
