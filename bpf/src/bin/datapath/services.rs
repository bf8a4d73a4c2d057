//! The maps of services as the logic sees them.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_get_prandom_u32, bpf_ktime_get_coarse_ns},
};
use skep_bpf::{
    abi::{
        Addr, AffinityKey, AffinityValue, BackendValue, FrontendKey, FrontendValue, IpcacheKey,
        ListBlock, ListKey, MemberKey, NetnsValue, RangeKey, ipcache_flags,
    },
    balance::Services,
    env::Env,
};

use crate::{env::Kernel, maps};

impl Kernel {
    /// Returns the id of the node that has an address.
    #[inline(always)]
    fn node_at(&self, addr: &Addr) -> Option<u32> {
        let owner = self.ipcache(&IpcacheKey { prefix_len: 128, addr: *addr })?;
        (owner.flags & ipcache_flags::NODE != 0).then_some(owner.node_id)
    }
}

impl Services for Kernel {
    #[inline(always)]
    fn frontend(&self, key: &FrontendKey) -> Option<&FrontendValue> {
        // SAFETY: map memory stays readable for the run of the program (RCU); a removed element may be
        // reused, and then the connection meets the frontend's successor.
        unsafe { maps::FRONTEND.get(key) }
    }
    #[inline(always)]
    fn place(&self, key: &ListKey, place: usize) -> Option<u32> {
        // SAFETY: as for `frontend`; the number is copied at once.
        let block = unsafe { maps::LIST.get(key) }?;
        Some(block.backends[place & (ListBlock::PLACES - 1)])
    }
    #[inline(always)]
    fn is_member(&self, key: &MemberKey) -> bool {
        // SAFETY: as for `frontend`; nothing of the value is read.
        unsafe { maps::MEMBER.get(key) }.is_some()
    }
    #[inline(always)]
    fn backend(&self, id: u32) -> Option<&BackendValue> {
        // No number goes to another backend while a program may be about to read it.
        maps::BACKEND.get(id).filter(|backend| **backend != BackendValue::NOBODY)
    }
    #[inline(always)]
    fn is_in_range(&self, key: &RangeKey) -> bool {
        maps::RANGE.get(maps::range(key)).is_some()
    }
    #[inline(always)]
    fn affinity(&self, key: &AffinityKey) -> Option<AffinityValue> {
        // SAFETY: as for `frontend`; the value is copied at once.
        unsafe { maps::AFFINITY.get(key) }.copied()
    }
    #[inline(always)]
    fn put_affinity(&self, key: &AffinityKey, value: &AffinityValue) {
        // A cache: a client that cannot be remembered is balanced anew.
        let _ = maps::AFFINITY.insert(key, value, BPF_ANY.into());
    }
    #[inline(always)]
    fn netns(&self, cookie: u64) -> Option<&NetnsValue> {
        // SAFETY: as for `frontend`.
        unsafe { maps::NETNS.get(cookie) }
    }
    #[inline(always)]
    fn is_node(&self, addr: &Addr) -> bool {
        self.node_at(addr).is_some()
    }
    #[inline(always)]
    fn is_here(&self, addr: &Addr) -> bool {
        let own = self.config().map_or(0, |config| config.node_id);
        self.node_at(addr) == Some(own)
    }
    #[inline(always)]
    fn is_host(&self, cookie: u64) -> bool {
        self.config().is_some_and(|config| config.host_netns == cookie)
    }
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_ktime_get_coarse_ns() }
    }
    #[inline(always)]
    fn random(&self) -> u32 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_get_prandom_u32() }
    }
}
