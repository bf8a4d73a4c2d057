//! Addresses of pods, from the node's pod CIDRs.
//!
//! Pure: the clock is an argument. An address that was freed rests for 30 s, so that no peer
//! mistakes its next owner for the last one; when nothing else is left it may return earlier.

mod pool;

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use crate::model::{Addresses, Family};

pub use pool::{EARLIEST_REUSE, Pool, REST};

/// No address can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The node has no pod CIDR of a family that pods need.
    #[error("the node has no {} pod CIDR yet", name(*family))]
    NoRange {
        /// The family.
        family: Family,
    },
    /// Every address is in use or rests.
    #[error("no {} address is free: {used} in use, {resting} resting", name(*family))]
    Exhausted {
        /// The family.
        family: Family,
        /// Addresses in use.
        used: usize,
        /// Addresses that were freed and rest.
        resting: usize,
    },
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// The pools of a node: one for each family that pods have.
#[derive(Debug)]
pub struct Ipam {
    v4: Option<Pool>,
    v6: Option<Pool>,
}

impl Ipam {
    /// Makes pools without ranges for the families that `has` names.
    pub fn new(has: impl Fn(Family) -> bool) -> Self {
        let pool = |family| has(family).then(|| Pool::new(family));
        Self { v4: pool(Family::V4), v6: pool(Family::V6) }
    }

    /// Sets the pod CIDRs. What is in use outside of them stays in use until it is released.
    pub fn set_ranges(&mut self, cidrs: &[IpNet]) {
        for pool in self.pools() {
            let own = cidrs.iter().find(|net| net.addr().is_ipv4() == pool.is_v4());
            pool.set_range(own.copied());
        }
    }

    /// Takes one address of each family, or none at all. `clean` tells whether nothing in the
    /// datapath remembers an address; it is asked only when addresses are short.
    ///
    /// # Errors
    /// When a family has no range or no address left.
    pub fn allocate(
        &mut self,
        now: Duration,
        clean: &dyn Fn(IpAddr) -> bool,
    ) -> Result<Addresses, PoolError> {
        let mut taken = Addresses::default();
        let result = self.pools().try_for_each(|pool| {
            match pool.allocate(now, clean)? {
                IpAddr::V4(v4) => taken.v4 = Some(v4),
                IpAddr::V6(v6) => taken.v6 = Some(v6),
            }
            Ok(())
        });
        if let Err(error) = result {
            self.give_back(taken);
            return Err(error);
        }
        Ok(taken)
    }

    /// Returns addresses that nobody has used: they need no rest.
    pub fn give_back(&mut self, addresses: Addresses) {
        addresses.iter().for_each(|address| self.pool(address, |pool| pool.give_back(address)));
    }

    /// Returns addresses that were in use.
    pub fn release(&mut self, addresses: Addresses, now: Duration) {
        addresses.iter().for_each(|address| self.pool(address, |pool| pool.release(address, now)));
    }

    /// Marks addresses as used, at restore.
    pub fn claim(&mut self, addresses: Addresses) {
        addresses.iter().for_each(|address| self.pool(address, |pool| pool.claim(address)));
    }

    /// Puts back what rested before a restart.
    pub fn restore_resting(&mut self, resting: &[(IpAddr, Duration)]) {
        for (address, freed) in resting {
            self.pool(*address, |pool| pool.restore_resting(*address, *freed));
        }
    }

    /// Tells why the next allocation would fail, if it would.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self, now: Duration) -> Result<(), PoolError> {
        self.v4.iter().chain(&self.v6).try_for_each(|pool| pool.check(now))
    }

    /// Returns (in use, free or resting) for each family, IPv4 first.
    pub fn usage(&self) -> Vec<(Family, usize, u128)> {
        let pools = self.v4.iter().chain(&self.v6);
        pools.map(|pool| (pool.family(), pool.used(), pool.room())).collect()
    }

    /// Returns the addresses in use.
    pub fn in_use(&self) -> Vec<IpAddr> {
        self.v4.iter().chain(&self.v6).flat_map(Pool::in_use).collect()
    }

    /// Returns the resting addresses and when they were freed.
    pub fn resting(&self) -> Vec<(IpAddr, Duration)> {
        self.v4.iter().chain(&self.v6).flat_map(Pool::resting).collect()
    }

    fn pools(&mut self) -> impl Iterator<Item = &mut Pool> {
        self.v4.iter_mut().chain(&mut self.v6)
    }

    fn pool(&mut self, address: IpAddr, act: impl FnOnce(&mut Pool)) {
        let pool = if address.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if let Some(pool) = pool {
            act(pool);
        }
    }
}

#[cfg(test)]
mod tests;
