//! What the logic may ask of its surroundings: maps, clocks, counters, the event ring.

use crate::abi::{
    Addr, AdmissionQuota, Approval, Bucket, Config, CtKey, CtValue, DeviceValue, EndpointValue,
    Event, FragKey, FragValue, IdentityValue, IpcacheKey, IpcacheValue, NodeValue,
};

/// Everything outside the packet.
pub trait Env {
    /// A connection table entry, in place.
    type Entry: Entry;

    /// Returns the configuration.
    fn config(&self) -> Option<&Config>;
    /// Returns the policy revision.
    fn revision(&self) -> u32;
    /// Returns a device's entry.
    fn device(&self, ifindex: u32) -> Option<&DeviceValue>;
    /// Returns the local pod with an address.
    fn endpoint(&self, addr: &Addr) -> Option<&EndpointValue>;
    /// Returns the owner of the longest prefix.
    fn ipcache(&self, key: &IpcacheKey) -> Option<&IpcacheValue>;
    /// Returns a node.
    fn node(&self, id: u32) -> Option<&NodeValue>;
    /// Returns the id of the node with an underlay address.
    fn node_id(&self, addr: &Addr) -> Option<u32>;
    /// Returns a known identity.
    fn identity(&self, id: u32) -> Option<&IdentityValue>;
    /// Returns what the collector says about an endpoint's share of the connection table.
    fn quota(&self, endpoint_id: u32) -> Option<&AdmissionQuota>;

    /// Lets `act` change an endpoint's token bucket on this CPU; `None` if there is no room.
    fn with_bucket<R>(&self, endpoint_id: u32, act: impl FnOnce(&mut Bucket) -> R) -> Option<R>;

    /// Returns a connection table entry.
    fn connection(&self, key: &CtKey) -> Option<Self::Entry>;
    /// Writes a connection table entry.
    fn put_connection(&self, key: &CtKey, value: &CtValue, how: Put) -> Result<(), PutError>;
    /// Removes a connection table entry.
    fn remove_connection(&self, key: &CtKey);

    /// Returns what the first fragment of a datagram said.
    fn fragment(&self, key: &FragKey) -> Option<FragValue>;
    /// Remembers what the first fragment of a datagram said.
    fn put_fragment(&self, key: &FragKey, value: &FragValue);

    /// Adds a packet to a counter of this CPU.
    fn count(&self, index: u32, bytes: u32);
    /// Puts an event into the ring; tells whether there was room.
    fn emit(&self, event: &Event) -> bool;

    /// Returns the monotonic time at tick resolution, ns.
    fn now(&self) -> u64;
    /// Returns the exact monotonic time, ns.
    fn exact_now(&self) -> u64;
    /// Returns a random number.
    fn random(&self) -> u32;
}

/// A connection table entry in place: another CPU may change it, and the kernel may reuse it for
/// another connection, between any two calls. Approvals cannot be written through it.
pub trait Entry {
    /// Returns the hash of the key it belongs to.
    fn tag(&self) -> u64;
    /// Returns the approval of the opener's egress.
    fn egress(&self) -> Approval;
    /// Returns the approval of the responder's ingress.
    fn ingress(&self) -> Approval;
    /// Returns the opener's incarnation.
    fn egress_incarnation(&self) -> u32;
    /// Returns the responder's incarnation.
    fn ingress_incarnation(&self) -> u32;
    /// Returns the time of the last packet.
    fn last_seen(&self) -> u64;
    /// Returns the time of the last report.
    fn last_report(&self) -> u64;
    /// Returns [`crate::abi::ct_kind`].
    fn kind(&self) -> u8;
    /// Returns [`crate::abi::ct_flags`].
    fn flags(&self) -> u8;
    /// Returns the TCP flags seen from and to the opener.
    fn tcp_flags(&self) -> (u8, u8);
    /// Returns the translated source.
    fn translated(&self) -> (Addr, u16);
    /// Returns the key of the tracked entry of an alias.
    fn alias(&self) -> CtKey;
    /// Copies everything.
    fn copy_to(&self, to: &mut CtValue);
    /// Notes a packet.
    fn touch(&self, way: Way, now: u64, bytes: u32, tcp_flags: u8);
    /// Notes a report.
    fn set_reported(&self, now: u64);
}

/// Which way a packet goes on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the opener.
    Forward,
    /// To the opener.
    Reply,
}

impl Way {
    /// Turns (of the source, of the destination) into (of the opener, of the responder), and back.
    #[inline(always)]
    pub fn order<T>(self, source: T, destination: T) -> (T, T) {
        match self {
            Self::Forward => (source, destination),
            Self::Reply => (destination, source),
        }
    }
}

/// What a write to the connection table expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Anything.
    Any,
    /// No entry: it is claimed.
    Claim,
    /// An entry: it is replaced.
    Replace,
}

/// Why a write to the connection table failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutError {
    /// `Claim` found an entry (EEXIST).
    Exists,
    /// `Replace` found none (ENOENT).
    Absent,
    /// Another CPU holds the bucket (EBUSY).
    Busy,
    /// No room (E2BIG, ENOMEM).
    Full,
}
