//! What the logic may ask of its surroundings: maps, clocks, counters, the event ring.

use crate::{
    abi::{
        Addr, AdmissionQuota, Bucket, Config, CtKey, CtValue, DeviceValue, EndpointValue, Event,
        FragKey, FragValue, HostValue, IdentityValue, IpcacheKey, IpcacheValue, NodeValue,
        PolicyAddrKey, PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey,
    },
    balance::Services,
    door,
    state::State,
};

/// Where what happened is counted and told.
pub trait Tell {
    /// Adds a packet to a counter of this CPU.
    fn count(&self, index: u32, bytes: u32);
    /// Puts an event into the ring; tells whether there was room.
    fn emit(&self, event: &Event) -> bool;
    /// Returns the exact monotonic time, ns.
    fn exact_now(&self) -> u64;
}

/// Everything outside the packet.
pub trait Env: Services + Sized {
    /// A connection table entry, in place.
    type Entry: Entry;
    /// A slot for a near pod, in place.
    type Near: Near;

    /// Returns the time as [`Services::now`] does, and is quicker where few ticks pass between packets.
    fn tick(&self) -> u64;
    /// Returns the configuration.
    fn config(&self) -> Option<&Config>;
    /// Returns the host as an endpoint.
    fn host(&self) -> Option<&HostValue>;
    /// Returns the policy revision.
    fn revision(&self) -> u32;
    /// Returns a device's entry.
    fn device(&self, ifindex: u32) -> Option<&DeviceValue>;
    /// Returns the local pod with an address.
    fn endpoint(&self, addr: &Addr) -> Option<&EndpointValue>;
    /// Returns a slot for a near pod.
    fn near(&self, slot: u32) -> Option<Self::Near>;
    /// Returns the owner of the longest prefix.
    fn ipcache(&self, key: &IpcacheKey) -> Option<&IpcacheValue>;
    /// Returns a node.
    fn node(&self, id: u32) -> Option<&NodeValue>;
    /// Returns the id of the node with an underlay address.
    fn node_id(&self, addr: &Addr) -> Option<u32>;
    /// Returns a known identity.
    fn identity(&self, id: u32) -> Option<&IdentityValue>;
    /// Returns the class of an identity, if the policy tells it apart.
    fn identity_class(&self, key: &PolicyIdentityKey) -> Option<u32>;
    /// Returns the class of the longest prefix of an address, if the policy has one.
    fn addr_class(&self, key: &PolicyAddrKey) -> Option<u32>;
    /// Returns the class of a port, if the policy tells it apart.
    fn port_class(&self, key: &PolicyPortKey) -> Option<u32>;
    /// Returns the verdict of a combination of classes.
    fn cell(&self, key: &PolicyCellKey) -> Option<&PolicyCell>;
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

    /// Does [`door::judge`] and nothing else; adapters may put it where the verifier looks at it once.
    fn judge(&self, st: &mut State) -> u32 {
        door::judge(self, st)
    }

    /// Does `step` until it returns false, at most `times` times; one look of the verifier is enough.
    fn repeat(&self, times: u32, step: impl FnMut() -> bool);

    /// Returns `value`, but as a number of which the verifier knows nothing.
    ///
    /// The verifier follows a packet once for each value of each number that it knows, so a few
    /// decisions in a row cost it the product of their outcomes. `noise` is any number that it does
    /// not know either.
    fn blur(&self, value: u32, noise: u32) -> u32;
}

/// A [`crate::abi::NearValue`] in place: user space may change it between any two calls. What was read in
/// between is of one pod if its incarnation is the same before and after, and not 0.
pub trait Near {
    /// Returns the address of the pod.
    fn addr(&self) -> Addr;
    /// Returns its incarnation, if there is a pod at all.
    fn incarnation(&self) -> u32;
    /// Returns its identity.
    fn identity(&self) -> u32;
    /// Returns the host's end of its veth.
    fn ifindex(&self) -> u32;
    /// Returns how frames for it begin.
    fn macs(&self) -> [u32; 3];
}

/// A connection table entry in place: another CPU may change it, and the kernel may reuse it for
/// another connection, between any two calls. Approvals cannot be written through it.
pub trait Entry {
    /// Returns the hash of the key it belongs to.
    fn tag(&self) -> u64;
    /// Returns the leg of one side.
    fn leg(&self, side: usize) -> Leg;
    /// Returns the time of the last packet.
    fn last_seen(&self) -> u64;
    /// Returns the time of the last report.
    fn last_report(&self) -> u64;
    /// Returns [`crate::abi::ct_kind`].
    fn kind(&self) -> u8;
    /// Returns [`crate::abi::ct_flags`].
    fn flags(&self) -> u8;
    /// Returns the TCP flags seen from one side.
    fn tcp_flags(&self, side: usize) -> u8;
    /// Returns the translated source.
    fn translated(&self) -> (Addr, u16);
    /// Returns the end that [`crate::abi::ct_flags::SERVICE`] is about.
    fn service(&self) -> (Addr, u16);
    /// Returns the number of the backend.
    fn backend_id(&self) -> u32;
    /// Returns the key of the tracked entry of an alias.
    fn alias(&self) -> CtKey;
    /// Copies everything.
    fn copy_to(&self, to: &mut CtValue);
    /// Notes a packet from one side.
    fn touch(&self, side: usize, now: u64, bytes: u32, tcp_flags: u8);
    /// Notes a report.
    fn set_reported(&self, now: u64);
}

/// What one side's leg was judged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// An [`Approval`].
    pub approval: u64,
    /// The endpoint's incarnation; 0 = the side was not a pod of this node.
    pub incarnation: u32,
}

/// Which way a packet goes on its connection. A number, since it picks sides without a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(u32);

impl Way {
    /// From the opener.
    pub const FORWARD: Self = Self(0);
    /// To the opener.
    pub const REPLY: Self = Self(1);

    /// Reads the lowest bit of a number: 1 is a reply.
    #[inline(always)]
    pub fn from_bit(bit: u32) -> Self {
        Self(bit & 1)
    }

    /// Returns 1 for a reply.
    #[inline(always)]
    pub fn bit(self) -> u32 {
        self.0
    }

    /// Returns the side that sent the packet: [`crate::abi::OPENER`] or [`crate::abi::RESPONDER`].
    #[inline(always)]
    pub fn sender(self) -> usize {
        self.0 as usize & 1
    }

    /// Returns the side that the packet goes to.
    #[inline(always)]
    pub fn receiver(self) -> usize {
        self.sender() ^ 1
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
