//! A slot for a near pod in place.

use skep_bpf::{
    abi::{Addr, NearValue},
    env::Near,
};

use crate::entry::read;

/// Points to a slot; reads are volatile, so that each look is a look.
#[derive(Clone, Copy)]
pub(crate) struct NearEntry(*const NearValue);

impl NearEntry {
    pub(crate) fn new(value: *const NearValue) -> Self {
        Self(value)
    }
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
