//! Services: which backend takes a connection.
//!
//! Free of hooks: [`find`] and [`choose`] ask only for an address and who the client is, so that sockets
//! and packets are balanced by the same steps.

mod choose;
mod connect;
mod datagram;
mod find;
pub mod hairpin;
mod outside;
mod reject;
mod serve;
mod tell;
mod translate;

pub use choose::{Choice, choose, lot};
pub use connect::{Answer, Socket, connect, peer};
pub use datagram::{received, send};
pub use find::find;
pub use outside::{aim_at_backend, enter, entered, is_asked};
pub use reject::reject;
pub(crate) use serve::service_of;
pub use serve::{serve, served};
pub use translate::{change, deed, deed_of, reveal, translate};

use crate::{
    abi::{
        Addr, AffinityKey, AffinityValue, BackendValue, FrontendKey, FrontendValue, ListKey,
        MemberKey, NetnsValue, RangeKey,
    },
    env::Tell,
};

/// What balancing may ask of its surroundings.
pub trait Services: Tell {
    /// Returns a frontend.
    fn frontend(&self, key: &FrontendKey) -> Option<&FrontendValue>;
    /// Returns the number of the backend at a place of the block of a list.
    fn place(&self, key: &ListKey, place: usize) -> Option<u32>;
    /// Tells whether a backend takes new connections of a frontend with affinity.
    fn is_member(&self, key: &MemberKey) -> bool;
    /// Returns a backend.
    fn backend(&self, id: u32) -> Option<&BackendValue>;
    /// Tells whether an address is in one of the source ranges of a frontend.
    fn is_in_range(&self, key: &RangeKey) -> bool;
    /// Returns with whom a client stays.
    fn affinity(&self, key: &AffinityKey) -> Option<AffinityValue>;
    /// Remembers with whom a client stays.
    fn put_affinity(&self, key: &AffinityKey, value: &AffinityValue);
    /// Returns whose network namespace has a cookie.
    fn netns(&self, cookie: u64) -> Option<&NetnsValue>;
    /// Tells whether an address is that of a node.
    fn is_node(&self, addr: &Addr) -> bool;
    /// Tells whether an address is that of this node.
    fn is_here(&self, addr: &Addr) -> bool;
    /// Tells whether a cookie is that of the node's own network namespace.
    fn is_host(&self, cookie: u64) -> bool;
    /// Returns the monotonic time at tick resolution, ns.
    fn now(&self) -> u64;
    /// Returns a random number.
    fn random(&self) -> u32;
}
