//! Backends of a frontend.

use std::{cmp::Ordering, collections::HashSet, fmt, net::IpAddr};

use crate::service::Protocol;

/// A backend's number on this node, never 0. The same in all frontends that have the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who a backend is, the same on all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BackendKey {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

impl BackendKey {
    /// Returns the whole key as bits: by them it is ordered, which is done for every backend of the
    /// cluster and several times as fast as field by field.
    #[inline]
    fn bits(&self) -> (u128, u32) {
        let (family, address) = match self.address {
            IpAddr::V4(address) => (0, u128::from(address.to_bits())),
            IpAddr::V6(address) => (1, address.to_bits()),
        };
        let rest = u32::from(self.port) << 8 | u32::from(self.protocol.number());
        (address, family << 31 | rest)
    }
}

impl Ord for BackendKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits().cmp(&other.bits())
    }
}

impl PartialOrd for BackendKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Ready.
    Active,
    /// About to end: it keeps its connections.
    Terminating,
}

/// A backend of a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend {
    /// Its number.
    pub id: BackendId,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// How it is.
    pub state: State,
}

/// What becomes of traffic to a frontend that no backend takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenEmpty {
    /// It is told so: RST or ICMP unreachable.
    Reject,
    /// It is dropped, because other nodes have backends: a load balancer that has not noticed yet tries
    /// again instead of telling the client, as with kube-proxy.
    Drop,
}

/// The backends of a frontend, the same for all frontends that choose alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backends {
    /// Their protocol.
    pub protocol: Protocol,
    /// Those that take new connections by address and port, then those that only keep theirs.
    pub list: Vec<Backend>,
    /// How many of the list take new connections.
    pub candidates: usize,
    /// What becomes of new connections if there are none.
    pub when_empty: WhenEmpty,
}

impl Backends {
    /// Returns those that take new connections. They are terminating only if no ready one is left.
    pub fn candidates(&self) -> &[Backend] {
        &self.list[..self.candidates]
    }

    /// Returns those that only keep the connections they have.
    pub fn draining(&self) -> &[Backend] {
        &self.list[self.candidates..]
    }

    /// Returns the same with some of them taking no new connections.
    pub fn without(&self, refused: &HashSet<BackendId>) -> Self {
        let is_refused = |backend: &&Backend| refused.contains(&backend.id);
        let (out, candidates): (Vec<_>, Vec<_>) = self.candidates().iter().partition(is_refused);
        let count = candidates.len();
        let list = candidates.into_iter().chain(self.draining()).chain(out).copied().collect();
        Self { list, candidates: count, ..self.clone() }
    }

    /// Yields the keys of all of them.
    pub fn keys(&self) -> impl Iterator<Item = BackendKey> {
        let key = |backend: &Backend| BackendKey {
            address: backend.address,
            port: backend.port,
            protocol: self.protocol,
        };
        self.list.iter().map(key)
    }
}
