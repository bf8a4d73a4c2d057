//! A slot for a near pod in place.

use core::ptr::addr_of;

use skep_bpf::{
    abi::{Addr, NearValue},
    env::Near,
};

/// Points to a slot; reads are volatile, so that each look is a look.
#[derive(Clone, Copy)]
pub(crate) struct NearEntry(*const NearValue);

impl NearEntry {
    pub(crate) fn new(value: *const NearValue) -> Self {
        Self(value)
    }
}

/// Reads one field of the slot.
macro_rules! read {
    ($entry:expr, $field:ident) => {
        // SAFETY: the verifier proved the pointer to be a whole map value; user space may write at the same
        // time, which a volatile read of integers survives.
        unsafe { addr_of!((*$entry.0).$field).read_volatile() }
    };
}

impl Near for NearEntry {
    #[inline(always)]
    fn addr(&self) -> Addr {
        read!(self, addr)
    }
    #[inline(always)]
    fn incarnation(&self) -> u32 {
        read!(self, incarnation)
    }
    #[inline(always)]
    fn identity(&self) -> u32 {
        read!(self, identity)
    }
    #[inline(always)]
    fn ifindex(&self) -> u32 {
        read!(self, ifindex)
    }
    #[inline(always)]
    fn macs(&self) -> [u32; 3] {
        read!(self, macs)
    }
}
