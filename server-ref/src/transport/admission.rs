//! Who is let in: bounds on connections altogether and on unfinished handshakes of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits::neighbourhood;

/// Counts connections.
#[derive(Debug)]
pub struct Admission {
    connections: AtomicU32,
    max_connections: u32,
    half_open: Mutex<HashMap<IpAddr, u32>>,
    max_half_open: u32,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The server is full.
    Full,
    /// The address has too many unfinished handshakes.
    HalfOpen,
    /// The address connects too often; it may again after this time.
    TooFast(Duration),
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    admission: Arc<Admission>,
    half_open: Option<IpAddr>,
}

impl Admission {
    /// Lets in `max_connections`, of which each address may have `max_half_open` unfinished.
    #[must_use]
    pub fn new(max_connections: u32, max_half_open: u32) -> Arc<Self> {
        Arc::new(Self {
            connections: AtomicU32::new(0),
            max_connections,
            half_open: Mutex::default(),
            max_half_open,
        })
    }

    /// Takes a place for a new connection of `address`.
    ///
    /// # Errors
    /// [`Refused`] when a bound is met.
    // impl[EIM-LIM-008]
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Refused> {
        let room = |count: u32| (count < self.max_connections).then(|| count + 1);
        if self
            .connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_err()
        {
            return Err(Refused::Full);
        }
        let mut seat = Seat {
            admission: Arc::clone(self),
            half_open: None,
        };
        // impl[EIM-LIM-022]
        let address = neighbourhood(address);
        let mut half_open = self.lock();
        let count = half_open.entry(address).or_default();
        if *count >= self.max_half_open {
            return Err(Refused::HalfOpen);
        }
        *count += 1;
        seat.half_open = Some(address);
        Ok(seat)
    }

    /// Connections now.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.half_open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The handshake is done: the connection no longer counts as half-open.
    pub fn opened(&mut self) {
        let Some(address) = self.half_open.take() else {
            return;
        };
        let mut half_open = self.admission.lock();
        if let Some(count) = half_open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                half_open.remove(&address);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.opened();
        self.admission.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn half_open_connections_are_bounded_per_address() {
        let admission = Admission::new(10, 2);
        let mut first = admission.admit(HERE).unwrap();
        let _second = admission.admit(HERE).unwrap();
        assert_eq!(admission.admit(HERE).unwrap_err(), Refused::HalfOpen);
        let _elsewhere = admission.admit(THERE).unwrap();
        assert_eq!(admission.connections(), 3);
        first.opened();
        first.opened();
        let third = admission.admit(HERE).unwrap();
        assert_eq!(admission.admit(HERE).unwrap_err(), Refused::HalfOpen);
        drop(third);
        drop(first);
        assert_eq!(admission.connections(), 2);
    }

    // test[EIM-LIM-022]
    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let admission = Admission::new(10, 1);
        let [one, near, far] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
        let _seat = admission.admit(one.parse().unwrap()).unwrap();
        assert!(admission.admit(near.parse().unwrap()).is_err());
        assert!(admission.admit(far.parse().unwrap()).is_ok());
    }

    #[test]
    fn all_connections_together_are_bounded() {
        let admission = Admission::new(1, 2);
        let seat = admission.admit(HERE).unwrap();
        assert_eq!(admission.admit(THERE).unwrap_err(), Refused::Full);
        drop(seat);
        assert!(admission.admit(THERE).is_ok());
    }
}
