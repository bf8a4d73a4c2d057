//! A connection table entry in place.

use core::ptr::{addr_of, addr_of_mut};

use skep_bpf::{
    abi::{Addr, Approval, CtKey, CtValue},
    env::{Entry, Way},
};

/// Points to an entry of the connection table.
///
/// The pointer stays valid for the run of the program (RCU), the entry behind it may become another
/// one. Reads are volatile, so that each look is a look.
#[derive(Clone, Copy)]
pub(crate) struct MapEntry(*mut CtValue);

impl MapEntry {
    pub(crate) fn new(value: *mut CtValue) -> Self {
        Self(value)
    }
}

/// Reads one field of the entry.
macro_rules! read {
    ($entry:expr, $field:ident) => {
        // SAFETY: the verifier proved the pointer to be a whole map value; other CPUs may write at
        // the same time, which a volatile read of an integer survives.
        unsafe { addr_of!((*$entry.0).$field).read_volatile() }
    };
}

/// Adds to a field; what another CPU adds at the same instant is lost, as counters may be.
macro_rules! change {
    ($entry:expr, $field:ident, |$old:ident| $new:expr) => {{
        let $old = read!($entry, $field);
        // SAFETY: as for reads; only times, counters and TCP flags are written this way.
        unsafe { addr_of_mut!((*$entry.0).$field).write_volatile($new) }
    }};
}

impl Entry for MapEntry {
    #[inline(always)]
    fn tag(&self) -> u64 {
        read!(self, tag)
    }
    #[inline(always)]
    fn egress(&self) -> Approval {
        Approval(read!(self, egress))
    }
    #[inline(always)]
    fn ingress(&self) -> Approval {
        Approval(read!(self, ingress))
    }
    #[inline(always)]
    fn egress_incarnation(&self) -> u32 {
        read!(self, egress_incarnation)
    }
    #[inline(always)]
    fn ingress_incarnation(&self) -> u32 {
        read!(self, ingress_incarnation)
    }
    #[inline(always)]
    fn last_seen(&self) -> u64 {
        read!(self, last_seen)
    }
    #[inline(always)]
    fn last_report(&self) -> u64 {
        read!(self, last_report)
    }
    #[inline(always)]
    fn kind(&self) -> u8 {
        read!(self, kind)
    }
    #[inline(always)]
    fn flags(&self) -> u8 {
        read!(self, flags)
    }
    #[inline(always)]
    fn tcp_flags(&self) -> (u8, u8) {
        (read!(self, tx_flags), read!(self, rx_flags))
    }
    #[inline(always)]
    fn translated(&self) -> (Addr, u16) {
        (read!(self, nat_addr), read!(self, nat_port))
    }
    #[inline(always)]
    fn alias(&self) -> CtKey {
        read!(self, alias)
    }
    #[inline(always)]
    fn copy_to(&self, to: &mut CtValue) {
        // SAFETY: the verifier proved the pointer to be a whole map value; the copy may mix two
        // states of it, which the tag reveals to the caller.
        *to = unsafe { *self.0 };
    }
    #[inline(always)]
    fn touch(&self, way: Way, now: u64, bytes: u32, tcp_flags: u8) {
        change!(self, last_seen, |_old| now);
        match way {
            Way::Forward => {
                change!(self, tx_packets, |old| old.wrapping_add(1));
                change!(self, tx_bytes, |old| old.wrapping_add(bytes.into()));
                if tcp_flags != 0 {
                    change!(self, tx_flags, |old| old | tcp_flags);
                }
            }
            Way::Reply => {
                change!(self, rx_packets, |old| old.wrapping_add(1));
                change!(self, rx_bytes, |old| old.wrapping_add(bytes.into()));
                if tcp_flags != 0 {
                    change!(self, rx_flags, |old| old | tcp_flags);
                }
            }
        }
    }
    #[inline(always)]
    fn set_reported(&self, now: u64) {
        change!(self, last_report, |_old| now);
    }
}
