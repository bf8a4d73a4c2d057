//! What the logic may ask of a packet: the kernel's socket buffer, or bytes in a test.

use super::{Parsed, ip};
use crate::{abi::Addr, env::Env, nat, state::State};

/// Some bytes of a packet that are known to be there.
///
/// Offsets are constants, so that every access is checked when the window is opened and compiles
/// to one load.
pub trait Window: Copy {
    /// Returns the byte at `AT`.
    fn byte<const AT: usize>(self) -> u8;
    /// Returns two bytes at `AT` as they lie in memory.
    fn raw16<const AT: usize>(self) -> u16;
    /// Returns four bytes at `AT` as they lie in memory.
    fn raw32<const AT: usize>(self) -> u32;
    /// Returns eight bytes at `AT` as they lie in memory.
    fn raw64<const AT: usize>(self) -> u64;

    /// Returns the number at `AT`, sent in network order.
    #[inline(always)]
    fn be16<const AT: usize>(self) -> u16 {
        u16::from_be(self.raw16::<AT>())
    }

    /// Returns the number at `AT`, sent in network order.
    #[inline(always)]
    fn be32<const AT: usize>(self) -> u32 {
        u32::from_be(self.raw32::<AT>())
    }

    /// Returns the MAC address at `AT`, in the lower 48 bits.
    #[inline(always)]
    fn mac<const AT: usize, const AT4: usize>(self) -> Mac {
        Mac::from_parts(self.raw32::<AT>(), self.raw16::<AT4>())
    }

    /// Returns the IPv4 address at `AT`.
    #[inline(always)]
    fn v4<const AT: usize>(self) -> Addr {
        Addr::v4(self.raw32::<AT>().to_ne_bytes())
    }

    /// Returns the IPv6 address whose halves are at `AT` and `AT8`.
    #[inline(always)]
    fn v6<const AT: usize, const AT8: usize>(self) -> Addr {
        Addr::from_words([self.raw64::<AT>(), self.raw64::<AT8>()])
    }
}

/// A MAC address as a number that compares in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mac(u64);

impl Mac {
    /// Wraps six bytes.
    #[inline(always)]
    pub const fn new(b: [u8; 6]) -> Self {
        Self::from_parts(
            u32::from_ne_bytes([b[0], b[1], b[2], b[3]]),
            u16::from_ne_bytes([b[4], b[5]]),
        )
    }

    /// Joins the first four and the last two bytes as they lie in memory.
    #[inline(always)]
    pub const fn from_parts(first: u32, last: u16) -> Self {
        Self((last as u64) << 32 | first as u64)
    }

    /// Joins the first two and the last four bytes as they lie in memory.
    #[inline(always)]
    pub const fn from_ends(first: u16, last: u32) -> Self {
        Self((last as u64) << 16 | first as u64)
    }

    /// Returns the six bytes.
    #[inline(always)]
    pub const fn bytes(self) -> [u8; 6] {
        let (first, last) = ((self.0 as u32).to_ne_bytes(), ((self.0 >> 32) as u16).to_ne_bytes());
        [first[0], first[1], first[2], first[3], last[0], last[1]]
    }

    /// Tells whether this addresses a group.
    #[inline(always)]
    pub const fn is_group(self) -> bool {
        (self.0 as u32).to_ne_bytes()[0] & 1 != 0
    }
}

/// A packet and what the kernel knows about it.
pub trait Packet: Sized {
    /// A view of `N` bytes.
    type Window<const N: usize>: Window;

    /// Returns the length at layer 2.
    fn len(&self) -> u32;

    /// Tells whether there is no packet at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Opens a view of the `N` bytes at `at`; `None` if the packet is shorter or `at` is beyond
    /// what headers can reach. A view dies with the next call of anything that may move bytes.
    fn window<const N: usize>(&self, at: u32) -> Option<Self::Window<N>>;

    /// Opens a view of the first `N` bytes if that takes no effort; moves nothing.
    fn peek<const N: usize>(&self) -> Option<Self::Window<N>>;

    /// Does [`ip::complete`], as [`Env::judge`] does its part.
    fn parse(&self, family: u32, out: &mut Parsed) -> u32 {
        ip::complete(self, family, out)
    }

    /// Does [`ip::quoted`], as [`Env::judge`] does its part.
    fn parse_quoted(&self, family: u32, l3: u32, out: &mut Parsed) -> u32 {
        ip::quoted(self, family, l3, out)
    }

    /// Does [`nat::rewrite_flow`], as [`Env::judge`] does its part.
    fn rewrite_flow<E: Env>(&self, env: &E, st: &State) -> u32 {
        nat::rewrite_flow(env, self, st)
    }

    /// Does [`nat::rewrite_error`], as [`Env::judge`] does its part.
    fn rewrite_error<E: Env>(&self, env: &E, st: &State) -> u32 {
        nat::rewrite_error(env, self, st)
    }

    /// Overwrites words of a header that was read, given as they lie in memory; what checksums cover is
    /// the caller's. The quickest way to write.
    fn put_words<const N: usize>(&self, at: u32, words: [u32; N]) -> bool;

    /// Makes the packet so long, at its end. No window survives it.
    fn resize(&self, length: u32) -> bool;

    /// Tells the kernel by how much the sum of all bytes changed, which a device may have computed. Only
    /// what no checksum inside the packet makes up for is of interest.
    fn fix_whole_sum(&self, diff: u32);

    /// Overwrites bytes that no checksum inside the packet covers.
    fn store_uncovered<const N: usize>(&self, at: u32, bytes: &[u8; N]) -> bool;

    /// Corrects the IPv4 header checksum at `at` for a change by `diff`.
    fn fix_header_sum(&self, at: u32, diff: u32) -> bool;

    /// Corrects the layer 4 checksum at `at` for a change by `diff`.
    fn fix_sum(&self, at: u32, diff: u32, change: Covered, zero: ZeroSum) -> bool;

    /// Returns the device on which the program runs.
    fn ifindex(&self) -> u32;

    /// Returns the device on which the packet came in; 0 = made on this host.
    fn ingress_ifindex(&self) -> u32;

    /// Returns the mark.
    fn mark(&self) -> u32;

    /// Sets the mark.
    fn set_mark(&self, mark: u32);

    /// Makes the kernel believe that the packet is addressed to this host.
    fn set_to_host(&self);

    /// Tells whether the device took a VLAN tag off.
    fn has_vlan_tag(&self) -> bool;

    /// Returns the payload bytes of each segment the device will cut; 0 = not to be cut.
    fn segment_size(&self) -> u32;

    /// Returns what the overlay device says about the outer packet.
    fn tunnel(&self) -> Option<Tunnel>;

    /// Tells the overlay device what to put on the outer packet.
    fn set_tunnel(&self, tunnel: &Tunnel) -> bool;

    /// Returns where the stack would send packets to `addr`.
    fn route(&self, addr: &Addr) -> Route;

    /// Looks for a socket of this host that a packet of TCP or UDP concerns.
    fn socket(&self, packet: &Parsed, seek: Seek) -> Socket;
}

/// What a change to the packet touched besides the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// IPv4 addresses: in the pseudo header; their own header sum absorbs them.
    PseudoV4,
    /// IPv6 addresses: in the pseudo header, absorbed by nothing else.
    PseudoV6,
    /// Bytes of the layer 4 message itself.
    Message,
}

/// What a checksum of zero means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroSum {
    /// A checksum like any other.
    Valid,
    /// UDP: not computed, stays zero.
    Absent,
}

impl ZeroSum {
    /// Returns a computed checksum as it is sent: one that is zero must not look absent (RFC 768).
    #[inline(always)]
    pub const fn as_sent(self, sum: u16) -> u16 {
        if sum == 0 && matches!(self, Self::Absent) { 0xffff } else { sum }
    }
}

/// The overlay's view of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Virtual network identifier: the source identity.
    pub vni: u32,
    /// The other node's underlay address.
    pub remote: Addr,
}

/// Where the stack would send a packet. A number, as enums with payloads upset the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(u32);

impl Route {
    /// Nowhere: an error, or to be found out by the stack.
    pub const NONE: Self = Self(0);
    /// It goes no further: the address is the host's own, or there is no route to it.
    pub const ENDS: Self = Self(u32::MAX);

    /// Out of a device.
    #[inline(always)]
    pub fn by(ifindex: u32) -> Self {
        Self(ifindex)
    }

    /// Returns the device by which packets leave.
    #[inline(always)]
    pub fn device(self) -> Option<u32> {
        (self != Self::NONE && self != Self::ENDS).then_some(self.0)
    }

    /// Tells whether the stack would forward nothing there, but may deliver it to the host.
    #[inline(always)]
    pub fn ends(self) -> bool {
        self == Self::ENDS
    }

    /// Returns it as a number.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// Which socket of the host to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Seek {
    /// The one that gets the packet.
    Receiver = 0,
    /// One that waits for anybody where the packet goes to.
    Listener = 1,
    /// One that waits for anybody where the packet comes from.
    ListenerOfSender = 2,
}

/// What socket of the host was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Socket {
    /// None.
    #[default]
    None = 0,
    /// One that waits for anybody.
    Waiting = 1,
    /// One that speaks with the other end.
    Connected = 2,
}
