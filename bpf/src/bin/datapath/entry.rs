//! A connection table entry in place.

use core::ptr::addr_of_mut;

use skep_bpf::{
    abi::{Addr, CtKey, CtValue},
    env::{Entry, Leg},
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

/// Reads one field of an entry.
macro_rules! read {
    ($entry:expr, $field:ident) => {
        // SAFETY: the verifier proved the pointer to be a whole map value; other CPUs may write at
        // the same time, which a volatile read of integers survives.
        unsafe { core::ptr::addr_of!((*$entry.0).$field).read_volatile() }
    };
}
pub(crate) use read;

/// Points to one side's element of a field with one for each.
macro_rules! side {
    ($entry:expr, $field:ident: $ty:ty, $side:expr) => {
        // SAFETY: the verifier proved the pointer to be a whole map value, and the mask keeps the
        // index inside the field.
        unsafe { addr_of_mut!((*$entry.0).$field).cast::<$ty>().add($side & 1) }
    };
}

/// Adds to one side's counter; what another CPU adds at the same instant is lost, as counters may be.
macro_rules! add {
    ($entry:expr, $field:ident, $side:expr, $more:expr) => {{
        let counter = side!($entry, $field: u64, $side);
        // SAFETY: as for reads; only times, counters and TCP flags are written this way.
        unsafe { counter.write_volatile(counter.read_volatile().wrapping_add($more)) }
    }};
}

/// Writes one field of the entry.
macro_rules! write {
    ($entry:expr, $field:ident, $value:expr) => {
        // SAFETY: as for reads; only times, counters and TCP flags are written this way.
        unsafe { addr_of_mut!((*$entry.0).$field).write_volatile($value) }
    };
}

impl Entry for MapEntry {
    #[inline(always)]
    fn tag(&self) -> u64 {
        read!(self, tag)
    }
    #[inline(always)]
    fn leg(&self, side: usize) -> Leg {
        // SAFETY: as for `read`.
        unsafe {
            Leg {
                approval: side!(self, approval: u64, side).read_volatile(),
                incarnation: side!(self, incarnation: u32, side).read_volatile(),
            }
        }
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
    fn tcp_flags(&self, side: usize) -> u8 {
        // SAFETY: as for `read`.
        unsafe { side!(self, tcp_flags: u8, side).read_volatile() }
    }
    #[inline(always)]
    fn translated(&self) -> (Addr, u16) {
        (read!(self, nat_addr), read!(self, nat_port))
    }
    #[inline(always)]
    fn service(&self) -> (Addr, u16) {
        (read!(self, service_addr), read!(self, service_port))
    }
    #[inline(always)]
    fn backend_id(&self) -> u32 {
        read!(self, backend_id)
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
    fn touch(&self, side: usize, now: u64, bytes: u32, tcp_flags: u8) {
        write!(self, last_seen, now);
        add!(self, packets, side, 1);
        add!(self, bytes, side, bytes.into());
        let seen = side!(self, tcp_flags: u8, side);
        // SAFETY: as for `add`.
        unsafe { seen.write_volatile(seen.read_volatile() | tcp_flags) }
    }
    #[inline(always)]
    fn set_reported(&self, now: u64) {
        write!(self, last_report, now);
    }
}
