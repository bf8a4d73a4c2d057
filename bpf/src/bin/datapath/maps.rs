//! The maps.
//!
//! Sizes are the lab's; the loader raises them by the node's memory.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::SkStorage,
    macros::{btf_map, map},
    maps::{Array, HashMap, LpmTrie, LruHashMap, LruPerCpuHashMap, PerCpuArray, RingBuf, lpm_trie},
};
use skep_bpf::{
    abi::{
        Addr, AdmissionQuota, AffinityKey, AffinityValue, BackendValue, Bucket, Config, Counter,
        CtKey, CtValue, DeviceValue, EndpointValue, FragKey, FragValue, FrontendKey, FrontendValue,
        HostValue, IdentityValue, IpcacheKey, IpcacheValue, ListBlock, ListKey, MemberKey,
        NEAR_SLOTS, NearValue, NetnsValue, NodeValue, PolicyAddrKey, PolicyCell, PolicyCellKey,
        PolicyIdentityKey, PolicyPortKey, RangeKey, SocketValue,
    },
    state::State,
};

#[map(name = "endpoint_v4")]
pub(crate) static ENDPOINT: HashMap<Addr, EndpointValue> = HashMap::with_max_entries(4096, 0);

#[map(name = "near_v4")]
pub(crate) static NEAR: Array<NearValue> = Array::with_max_entries(2 * NEAR_SLOTS, 0);

#[map(name = "device_v4")]
pub(crate) static DEVICE: HashMap<u32, DeviceValue> = HashMap::with_max_entries(4096, 0);

#[map(name = "ipcache_v4")]
pub(crate) static IPCACHE: LpmTrie<[u32; 4], IpcacheValue> = LpmTrie::with_max_entries(65536, 0);

#[map(name = "node_v4")]
pub(crate) static NODE: HashMap<u32, NodeValue> = HashMap::with_max_entries(8192, 0);

#[map(name = "node_addr_v4")]
pub(crate) static NODE_ADDR: HashMap<Addr, u32> = HashMap::with_max_entries(16384, 0);

#[map(name = "identity_v4")]
pub(crate) static IDENTITY: HashMap<u32, IdentityValue> =
    HashMap::with_max_entries(65536, BPF_F_NO_PREALLOC);

#[map(name = "config_v4")]
pub(crate) static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

#[map(name = "host_v4")]
pub(crate) static HOST: Array<HostValue> = Array::with_max_entries(1, 0);

#[map(name = "revision_v4")]
pub(crate) static REVISION: Array<u32> = Array::with_max_entries(1, 0);

#[map(name = "policy_id_v4")]
pub(crate) static POLICY_IDENTITY: HashMap<PolicyIdentityKey, u32> =
    HashMap::with_max_entries(65536, BPF_F_NO_PREALLOC);

#[map(name = "policy_port_v4")]
pub(crate) static POLICY_PORT: LpmTrie<[u32; 2], u32> = LpmTrie::with_max_entries(65536, 0);

#[map(name = "policy_addr_v4")]
pub(crate) static POLICY_ADDR: LpmTrie<[u32; 5], u32> = LpmTrie::with_max_entries(65536, 0);

#[map(name = "policy_cell_v4")]
pub(crate) static POLICY_CELL: HashMap<PolicyCellKey, PolicyCell> =
    HashMap::with_max_entries(131_072, BPF_F_NO_PREALLOC);

#[map(name = "frontend_v4")]
pub(crate) static FRONTEND: HashMap<FrontendKey, FrontendValue> =
    HashMap::with_max_entries(16384, BPF_F_NO_PREALLOC);

#[map(name = "list_v4")]
pub(crate) static LIST: HashMap<ListKey, ListBlock> =
    HashMap::with_max_entries(16384, BPF_F_NO_PREALLOC);

#[map(name = "member_v4")]
pub(crate) static MEMBER: HashMap<MemberKey, u32> =
    HashMap::with_max_entries(16384, BPF_F_NO_PREALLOC);

#[map(name = "netns_v4")]
pub(crate) static NETNS: HashMap<u64, NetnsValue> = HashMap::with_max_entries(4096, 0);

#[map(name = "backend_v4")]
pub(crate) static BACKEND: Array<BackendValue> = Array::with_max_entries(16384, 0);

#[map(name = "range_v4")]
pub(crate) static RANGE: LpmTrie<[u32; 5], u32> = LpmTrie::with_max_entries(16384, 0);

#[map(name = "affinity_v4")]
pub(crate) static AFFINITY: LruHashMap<AffinityKey, AffinityValue> =
    LruHashMap::with_max_entries(16384, 0);

#[btf_map(name = "socket_v4")]
pub(crate) static SOCKET: SkStorage<SocketValue> = SkStorage::new();

#[map(name = "ct_v4")]
pub(crate) static CONNTRACK: HashMap<CtKey, CtValue> = HashMap::with_max_entries(16384, 0);

#[map(name = "frag_v4")]
pub(crate) static FRAGMENT: LruHashMap<FragKey, FragValue> = LruHashMap::with_max_entries(8192, 0);

#[map(name = "metrics_v4")]
pub(crate) static METRICS: PerCpuArray<Counter> = PerCpuArray::with_max_entries(1024, 0);

#[map(name = "admission_v4")]
pub(crate) static ADMISSION: LruPerCpuHashMap<u32, Bucket> =
    LruPerCpuHashMap::with_max_entries(4096, 0);

#[map(name = "quota_v4")]
pub(crate) static QUOTA: HashMap<u32, AdmissionQuota> = HashMap::with_max_entries(4096, 0);

#[map(name = "events_v4")]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

#[map(name = "scratch_v4")]
static SCRATCH: PerCpuArray<State> = PerCpuArray::with_max_entries(6, 0);

/// Returns the state of one hook on this CPU.
#[inline(always)]
pub(crate) fn scratch(slot: u32) -> Option<&'static mut State> {
    let state = SCRATCH.get_ptr_mut(slot)?;
    // SAFETY: the slot is this CPU's and this hook's; tc programs run with softirqs off and a hook
    // does not run inside itself, so nobody else holds it. Every field was zeroed by the kernel or
    // written by this program, so its bytes are valid.
    Some(unsafe { &mut *state })
}

/// Reads a prefix key as the kernel's trie wants it.
macro_rules! trie_key {
    ($name:ident: $key:ty => $words:literal) => {
        #[inline(always)]
        pub(crate) fn $name(key: &$key) -> &lpm_trie::Key<[u32; $words]> {
            const { assert!(size_of::<$key>() == 4 + 4 * $words, "a length and what is matched") };
            // SAFETY: both are `repr(C)`, a length and words behind it, any bytes valid, and of one
            // size; the kernel's `Key` is packed, so that alignment is no concern.
            unsafe { &*core::ptr::from_ref(key).cast() }
        }
    };
}

trie_key!(prefix: IpcacheKey => 4);
trie_key!(policy_addr: PolicyAddrKey => 5);
trie_key!(range: RangeKey => 5);
trie_key!(policy_port: PolicyPortKey => 2);
