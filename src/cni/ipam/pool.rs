//! The addresses of one family.

use std::{
    collections::{BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;

use super::PoolError;
use crate::model::Family;

/// How long a freed address rests.
pub const REST: Duration = Duration::from_secs(30);

/// How long it rests at least, even when addresses are short.
pub const EARLIEST_REUSE: Duration = Duration::from_secs(2);

/// Freed addresses from which on they are preferred to fresh ones.
const LONG_LIST: usize = 1024;

/// Addresses of one range. Those never used come first, then the one freed longest ago.
#[derive(Debug)]
pub struct Pool {
    family: Family,
    range: Option<Range>,
    // Offset of the next address that was never used.
    fresh: u128,
    used: BTreeSet<u128>,
    // Oldest first.
    freed: VecDeque<(u128, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u128,
    last: u128,
}

impl Pool {
    /// Makes a pool without a range.
    pub fn new(family: Family) -> Self {
        Self { family, range: None, fresh: 0, used: BTreeSet::new(), freed: VecDeque::new() }
    }

    /// Returns the family.
    pub fn family(&self) -> Family {
        self.family
    }

    pub(super) fn is_v4(&self) -> bool {
        self.family == Family::V4
    }

    /// Sets the range. The network's own address and, of IPv4, its broadcast address are not
    /// given to pods.
    pub(super) fn set_range(&mut self, net: Option<IpNet>) {
        let range = net.and_then(|net| {
            let (first, last) = (number(net.network()), number(net.broadcast()));
            let last = if self.is_v4() { last.checked_sub(1)? } else { last };
            (first < last).then_some(Range { first: first + 1, last })
        });
        if range == self.range {
            return;
        }
        self.range = range;
        self.fresh = range.map_or(0, |range| range.first);
        self.freed.retain(|(address, _)| range.is_some_and(|range| range.contains(*address)));
    }

    pub(super) fn allocate(
        &mut self,
        now: Duration,
        clean: &dyn Fn(IpAddr) -> bool,
    ) -> Result<IpAddr, PoolError> {
        let range = self.range.ok_or(PoolError::NoRange { family: self.family })?;
        // An IPv6 range never runs out of fresh addresses; the list of freed ones must stay short.
        let long_list = self.freed.len() >= LONG_LIST;
        let address = long_list
            .then(|| self.next_rested(now))
            .flatten()
            .or_else(|| self.next_fresh(range))
            .or_else(|| self.next_rested(now))
            .or_else(|| self.next_early(now, clean))
            .ok_or_else(|| self.exhausted())?;
        self.used.insert(address);
        Ok(self.address(address))
    }

    pub(super) fn give_back(&mut self, address: IpAddr) {
        let address = number(address);
        if self.used.remove(&address) && self.contains(address) {
            self.freed.push_front((address, Duration::ZERO));
        }
    }

    pub(super) fn release(&mut self, address: IpAddr, now: Duration) {
        let address = number(address);
        if self.used.remove(&address) && self.contains(address) {
            self.freed.push_back((address, now));
        }
    }

    pub(super) fn claim(&mut self, address: IpAddr) {
        let address = number(address);
        self.freed.retain(|(freed, _)| *freed != address);
        self.used.insert(address);
    }

    pub(super) fn restore_resting(&mut self, address: IpAddr, freed: Duration) {
        let address = number(address);
        let known = self.freed.iter().any(|(other, _)| *other == address);
        if !known && !self.used.contains(&address) && self.contains(address) {
            self.freed.push_back((address, freed));
        }
    }

    pub(super) fn check(&self, now: Duration) -> Result<(), PoolError> {
        let range = self.range.ok_or(PoolError::NoRange { family: self.family })?;
        // As early as an ADD would take one; that it may still be unclean is settled within moments.
        let rested = self.freed.iter().any(|(_, freed)| rested(*freed, now, EARLIEST_REUSE));
        if rested || self.peek_fresh(range).is_some() {
            return Ok(());
        }
        Err(self.exhausted())
    }

    pub(super) fn used(&self) -> usize {
        self.used.len()
    }

    pub(super) fn room(&self) -> u128 {
        let Some(range) = self.range else { return 0 };
        let inside = self.used.range(range.first..=range.last).count();
        (range.last - range.first + 1) - inside as u128
    }

    pub(super) fn in_use(&self) -> impl Iterator<Item = IpAddr> {
        self.used.iter().map(|address| self.address(*address))
    }

    pub(super) fn resting(&self) -> impl Iterator<Item = (IpAddr, Duration)> {
        self.freed.iter().map(|(address, freed)| (self.address(*address), *freed))
    }

    fn peek_fresh(&self, range: Range) -> Option<u128> {
        let mut candidate = self.fresh;
        while candidate <= range.last {
            // What was claimed at restore or freed since counts as used before.
            let known = self.used.contains(&candidate)
                || self.freed.iter().any(|(freed, _)| *freed == candidate);
            if !known {
                return Some(candidate);
            }
            candidate += 1;
        }
        None
    }

    fn next_fresh(&mut self, range: Range) -> Option<u128> {
        let found = self.peek_fresh(range);
        self.fresh = found.map_or(range.last, |address| address) + 1;
        found
    }

    fn next_rested(&mut self, now: Duration) -> Option<u128> {
        let (_, freed) = self.freed.front()?;
        if !rested(*freed, now, REST) {
            return None;
        }
        self.freed.pop_front().map(|(address, _)| address)
    }

    fn next_early(&mut self, now: Duration, clean: &dyn Fn(IpAddr) -> bool) -> Option<u128> {
        let place = self.freed.iter().position(|(address, freed)| {
            rested(*freed, now, EARLIEST_REUSE) && clean(self.address(*address))
        })?;
        self.freed.remove(place).map(|(address, _)| address)
    }

    fn exhausted(&self) -> PoolError {
        let (used, resting) = (self.used.len(), self.freed.len());
        PoolError::Exhausted { family: self.family, used, resting }
    }

    fn contains(&self, address: u128) -> bool {
        self.range.is_some_and(|range| range.contains(address))
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.family {
            Family::V4 => {
                let low = u32::try_from(number).expect("IPv4 pools hold 32-bit numbers");
                Ipv4Addr::from_bits(low).into()
            }
            Family::V6 => Ipv6Addr::from_bits(number).into(),
        }
    }
}

impl Range {
    fn contains(self, address: u128) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

fn rested(freed: Duration, now: Duration, at_least: Duration) -> bool {
    // An address that was given back unused needs no rest at all.
    freed.is_zero() || now.saturating_sub(freed) >= at_least
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
